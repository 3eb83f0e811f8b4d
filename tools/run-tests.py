#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run hartvisor's tests and say in the last line how many passed, failed and were skipped.

usage: run-tests.py [options] STEP...   STEP: build, unit, model, model-long, protocol, table, mutants, fences, system,
                                             busy, long, kernel, bench, lint, fresh, fuzz, fuzz-replay
       run-tests.py [options] --verify [PART]

build:  what the tests need (hartvisor, bundles, bare-metal guests, firmware); a build that fails is
        one failure, and ends the run
unit:   every tests/unit/*/test_*.c, a cmocka program each; one that does not compile, crashes or hangs
        counts as a failure
system: tests/system by pytest, without those marked long: several at once (pytest-xdist), and then those
        marked clock alone
busy:   those marked concurrent, again, while a loop a processor keeps the machine busy: a wake-up that is
        lost once in twenty runs is lost when the host preempts a hart at the wrong moment
long:   those marked long, likewise
kernel: make guest-linux, for tests of the long step; without it they are skipped
lint:   each make target of --lints is a test; skipped where a tool's version is not the one that decides
fresh:  passed when tools/fresh.sha256 is the digest of this tree's set-up files; else make fresh on one release
model, model-long, protocol, mutants, fences: make model, model-long, mutants-protocol, mutants and mutants-fences,
        by their own last line; protocol-1, protocol-2: half of the protocol's each
table:  each known way to break the vcpu protocol is seen by a net (tools/mutant-table.py)
bench:  make bench-check, likewise; a row is a test
fuzz, fuzz-replay: make fuzz and make fuzz-replay, likewise; a target is a test

--verify: the long forms, in PARTS; one of them if it is named. What passed is kept (tools/keep.py).
"""

import argparse
import importlib.util
import os
import pathlib
import re
import resource
import shlex
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

import keep
from busy import busy_host
from unit_programs import step_unit

RESULTS = pathlib.Path("build/test-results")
KEPT = pathlib.Path("build/verify/kept")

# make verify in parts, each of at most PART_MINUTES on two cores that have nothing else to do.
PART_MINUTES = 40
PARTS = {
    "unit": ["build", "unit"],
    "model": ["build", "model-long"],
    "protocol-1": ["build", "protocol-1"],
    "protocol-2": ["build", "protocol-2", "table"],
    "mutants": ["build", "mutants", "fences"],
    "system": ["build", "system", "busy"],
    "long": ["build", "kernel", "debian", "long"],
    "fuzz": ["fuzz"],
}


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = 0
        self.kept = 0  # of those that passed: in a run before this one
        self.failures = []

    def fail(self, name, why=""):
        self.failed += 1
        self.failures.append(f"{name}: {why}" if why else name)

    def last_line(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")

    def note_kept(self, label, count):
        if count:
            self.passed += count
            self.kept += count
            print(f"{label}: {count} passed before, with the same inputs", flush=True)


def step_build(options, tally):
    command = shlex.split(options.make) + ["--no-print-directory", "test-builds"]
    # close_fds: make's job server speaks through inherited descriptors.
    if subprocess.run(command, close_fds=False).returncode != 0:
        tally.fail("build", "see above")
        return False
    return True


def step_busy(options, tally):
    with busy_host():
        return run_pytest(options, tally, "concurrent and not long and not clock", "busy", HV_LOGS="logs-busy")


def step_system(options, tally):
    """Several at once; those that hold a guest's clock against the host's come after them, alone."""
    run_pytest(options, tally, "not long and not clock", "system", options.workers)
    return run_pytest(options, tally, "not long and clock", "system-clock")


def step_long(options, tally):
    run_pytest(options, tally, "long and not clock", "long", options.workers)
    return run_pytest(options, tally, "long and clock", "long-clock")


def run_pytest(options, tally, marker, label, workers=1, **settings):
    """tests/system, those with @marker; the report is build/test-results/@label.xml."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    report, kept = RESULTS / f"{label}.xml", RESULTS / f"{label}.kept"
    report.unlink(missing_ok=True)
    kept.unlink(missing_ok=True)
    command = [options.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/system",
               "-m", marker, f"--junitxml={report}", "-o", "junit_family=xunit1", "--durations=5"]
    if options.k:
        command += ["-k", options.k]
    if workers > 1 and importlib.util.find_spec("xdist"):
        command += ["-n", str(workers), "--dist", "loadgroup"]
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONUNBUFFERED="1", HV_LABEL=label,
                       HV_KEPT_COUNT=str(kept.resolve()), **settings)
    code = subprocess.run(command, env=environment).returncode
    failed_before = tally.failed
    if report.exists():
        count_report(tally, ElementTree.parse(report))
    tally.note_kept(label, int(kept.read_text()) if kept.exists() else 0)
    # 5: nothing was selected, which is no failure.
    if code not in (0, 5) and tally.failed == failed_before:
        tally.fail(label, f"pytest ended with status {code}")
    return True


def count_report(tally, report):
    for case in report.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            tally.fail(f"{case.get('classname')}: {case.get('name')}")
        elif case.find("skipped") is not None:
            tally.skipped += 1
        else:
            tally.passed += 1


def step_target(options, tally, target, **settings):
    """A make target that counts for itself: its last line is 'N passed, N failed', perhaps ', N skipped'. @settings are its environment's."""
    command = shlex.split(options.make) + ["--no-print-directory", target]
    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, close_fds=False, env={**os.environ, **settings}) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line if re.match(r"\d+ passed, \d+ failed", line) else last
    counts = re.match(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?", last)
    if not counts:
        tally.fail(target, f"ended with status {process.returncode} and no totals")
        return True
    tally.passed += int(counts[1])
    tally.skipped += int(counts[3] or 0)
    for _ in range(int(counts[2])):
        tally.fail(target, "see above")
    if process.returncode != 0 and not int(counts[2]):
        tally.fail(target, f"ended with status {process.returncode}")
    return True


FUZZED = ("hyp", "platform", "guest/include", "tests/fuzz", "tests/unit/fake")


def step_fuzz(options, tally):
    """make fuzz; what has been fuzzed for so long, and has not changed, is not fuzzed again in make verify."""
    sources = sorted(path for top in FUZZED for path in pathlib.Path(top).rglob("*.[ch]"))
    key = keep.digest("fuzz", os.environ.get("FUZZ_SECONDS"), *sources)
    kept, before = keep.find(key), (tally.passed, tally.failed)
    if kept:
        tally.note_kept("fuzz", kept["passed"])
        return True
    step_target(options, tally, "fuzz")
    if tally.failed == before[1]:
        keep.add(key, {"passed": tally.passed - before[0]})
    return True


def step_table(options, tally):
    if subprocess.run([options.python, "tools/mutant-table.py"]).returncode == 0:
        tally.passed += 1
    else:
        tally.fail("mutant-table", "see above")
    return True


def step_kernel(options, tally):
    """make guest-linux and its bundle, with its compiler and source. Without them the tests of PV locks are skipped."""
    make = shlex.split(options.make) + ["--no-print-directory"]
    setup = ["tools/setup-linux.sh"] if options.setup else ["true"]
    for command in (setup, [*make, "guest-linux", "build/pv-linux.itb"]):
        if subprocess.run(command, stdin=subprocess.DEVNULL, close_fds=False).returncode != 0:
            print("no guest kernel: the tests of PV locks are left out", flush=True)
            break
    return True


def step_debian(options, tally):
    """The disk of two Debian systems, their bundle, and the programs for stock guests. Tests are skipped that lack theirs."""
    del tally
    make = shlex.split(options.make) + ["--no-print-directory"]
    goals = ["debian-disk", "build/debian.itb"] if options.setup else ["build/debian.itb"]
    if subprocess.run([*make, *goals], stdin=subprocess.DEVNULL, close_fds=False).returncode != 0:
        print("no disk of Debian systems: their tests are left out", flush=True)
    if options.setup and subprocess.run([*make, "setup-guest-tools"], stdin=subprocess.DEVNULL, close_fds=False).returncode != 0:
        print("no disk of fio and iperf3: their tests are left out", flush=True)
    return True


def step_lint(options, tally):
    for target in options.lints.split():
        command = shlex.split(options.make) + ["--no-print-directory", target]
        decided = True
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              close_fds=False) as process:
            for line in process.stdout:
                print(line, end="", flush=True)
                decided = decided and not line.startswith("lint: NOT DECIDED")
        if process.returncode != 0:
            tally.fail(target, "see above")
        elif decided:
            tally.passed += 1
        else:
            tally.skipped += 1
    return True


# The release that is tried when the set-up files have changed. make fresh tries all, and takes longer.
FRESH_RELEASE = "bookworm"


def step_fresh(options, tally):
    if subprocess.run(["tools/fresh.sh", "--check"]).returncode == 0:
        print("fresh: make fresh has passed with these set-up files (tools/fresh.sha256)", flush=True)
        tally.passed += 1
        return True
    print(f"fresh: the set-up files are not those of tools/fresh.sha256: trying them on {FRESH_RELEASE}", flush=True)
    command = shlex.split(options.make) + ["--no-print-directory", "fresh", f"RELEASES={FRESH_RELEASE}"]
    if subprocess.run(command, stdin=subprocess.DEVNULL, close_fds=False).returncode == 0:
        tally.passed += 1
    else:
        tally.fail("fresh", "see above")
    return True


STEPS = {
    "build": step_build,
    "unit": step_unit,
    "system": step_system,
    "busy": step_busy,
    "long": step_long,
    "kernel": step_kernel,
    "debian": step_debian,
    "lint": step_lint,
    "fresh": step_fresh,
    "table": step_table,
    "model": lambda options, tally: step_target(options, tally, "model"),
    "model-long": lambda options, tally: step_target(options, tally, "model-long"),
    "protocol": lambda options, tally: step_target(options, tally, "mutants-protocol"),
    "protocol-1": lambda options, tally: step_target(options, tally, "mutants-protocol", HALF="1"),
    "protocol-2": lambda options, tally: step_target(options, tally, "mutants-protocol", HALF="2"),
    "mutants": lambda options, tally: step_target(options, tally, "mutants"),
    "fences": lambda options, tally: step_target(options, tally, "mutants-fences"),
    "bench": lambda options, tally: step_target(options, tally, "bench-check"),
    "fuzz": step_fuzz,
    "fuzz-replay": lambda options, tally: step_target(options, tally, "fuzz-replay"),
}


def run_steps(options, tally, steps):
    for step in steps:
        print(f"--- {step}", flush=True)
        if not STEPS[step](options, tally):
            return


def cpu_minutes():
    """Of all that has been run until now: on busy cores a part takes longer than its work."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) / 60


def verify(options, tally):
    """The parts in turn. A part that fails does not keep the next from running."""
    os.environ.update(HV_LONG="1", HV_KEEP=str(KEPT.resolve()))
    for part in [options.verify] if options.verify else PARTS:
        print(f"--- part {part}", flush=True)
        before, started, cpu = (tally.passed, tally.failed, tally.kept), time.monotonic(), cpu_minutes()
        run_steps(options, tally, PARTS[part])
        passed, failed, kept = (now - then for now, then in zip((tally.passed, tally.failed, tally.kept), before))
        minutes = (time.monotonic() - started) / 60
        print(f"part {part}: {passed} passed ({kept} of them before), {failed} failed, {minutes:.1f} minutes, "
              f"{cpu_minutes() - cpu:.1f} of a core's work"
              + (f": more than {PART_MINUTES}" if minutes > PART_MINUTES else ""), flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description="Run hartvisor's tests.")
    cpus = os.cpu_count() or 1
    parser.add_argument("--make", default="make")
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--lints", default="", help="make targets, each a test of step lint")
    parser.add_argument("--setup", action="store_true", help="steps kernel and debian may install what they need")
    parser.add_argument("-k", default="", help="unit: part of a program's name; system: pytest's -k")
    parser.add_argument("--jobs", type=int, default=cpus, help="unit programs at once")
    parser.add_argument("--workers", type=int, default=min(cpus, 4), help="system tests at once")
    parser.add_argument("--verify", nargs="?", const="", metavar="PART", help=f"{', '.join(PARTS)}; all without a name")
    parser.add_argument("steps", nargs="*", metavar="STEP")
    options = parser.parse_args()
    unknown = [step for step in options.steps if step not in STEPS]
    if unknown:
        parser.error(f"no step {unknown[0]}: there are {', '.join(STEPS)}")
    if options.verify and options.verify not in PARTS:
        parser.error(f"no part {options.verify}: there are {', '.join(PARTS)}")
    return options


def main():
    options = parse_arguments()
    tally = Tally()
    if options.verify is None:
        run_steps(options, tally, options.steps)
    else:
        verify(options, tally)
    if tally.failures:
        print("--- failed")
        for failure in tally.failures:
            print(f"  {failure}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "totals.txt").write_text(tally.last_line() + "\n")
    print(tally.last_line(), flush=True)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
