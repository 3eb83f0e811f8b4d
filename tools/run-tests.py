#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run hartvisor's tests and say in the last line how many passed, failed and were skipped.

usage: run-tests.py [options] STEP...   STEP: build, unit, model, model-long, system, busy, long, mutants,
                                             bench, lint, fresh, fuzz, fuzz-replay

build:  what the tests need (hartvisor, bundles, bare-metal guests, firmware); a build that fails is
        one failure, and ends the run
unit:   every tests/unit/test_*.c, a cmocka program each; one that does not compile, crashes or hangs
        counts as a failure
system: tests/system by pytest, without those marked long
busy:   those marked concurrent, again, while a loop a processor keeps the machine busy: a wake-up that is
        lost once in twenty runs is lost when the host preempts a hart at the wrong moment
long:   those marked long
lint:   each make target of --lints is a test; skipped where a tool's version is not the one that decides
fresh:  passed when tools/fresh.sha256 is the digest of this tree's set-up files; else make fresh on one release
model, model-long, mutants: make model, model-long and mutants-protocol, by their own last line
bench:  make bench-check, likewise; a row is a test
fuzz, fuzz-replay: make fuzz and make fuzz-replay, likewise; a target is a test
"""

import argparse
import concurrent.futures
import contextlib
import os
import pathlib
import re
import shlex
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

UNIT_TIMEOUT = 1800 if os.environ.get("HV_LONG") else 600
RESULTS = pathlib.Path("build/test-results")


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.skipped = 0
        self.failures = []

    def fail(self, name, why=""):
        self.failed += 1
        self.failures.append(f"{name}: {why}" if why else name)

    def last_line(self):
        text = f"{self.passed} passed, {self.failed} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def step_build(options, tally):
    command = shlex.split(options.make) + ["--no-print-directory", "test-builds"]
    # close_fds: make's job server speaks through inherited descriptors.
    if subprocess.run(command, close_fds=False).returncode != 0:
        tally.fail("build", "see above")
        return False
    return True


def parse_cmocka(output):
    """The names that passed, failed, were skipped, and the one that began and came to no end."""
    passed, failed, skipped, running = [], [], [], None
    for line in output.splitlines():
        match = re.match(r"\[ *(RUN|OK|FAILED|SKIPPED|ERROR) *\] (\w+)", line)
        if not match:
            continue
        state, name = match.groups()
        if state == "RUN":
            running = name
        elif name == running:
            {"OK": passed, "FAILED": failed, "ERROR": failed, "SKIPPED": skipped}[state].append(name)
            running = None
    return passed, failed, skipped, running


def run_unit_program(program):
    """Its exit status (None: it did not end), what it said, and how long it took."""
    started = time.monotonic()
    environment = dict(os.environ)
    environment.setdefault("ASAN_OPTIONS", "detect_stack_use_after_return=1:strict_string_checks=1")
    environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    try:
        result = subprocess.run([program], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL, timeout=UNIT_TIMEOUT)
        return result.returncode, result.stdout.decode(errors="replace"), time.monotonic() - started
    except subprocess.TimeoutExpired as error:
        output = (error.stdout or b"").decode(errors="replace")
        return None, output + f"\nno end after {UNIT_TIMEOUT} s\n", time.monotonic() - started


def count_unit_program(tally, name, code, output, seconds):
    passed, failed, skipped, running = parse_cmocka(output)
    tally.passed += len(passed)
    tally.skipped += len(skipped)
    for test in failed:
        tally.fail(f"{name}: {test}")
    if running:
        tally.fail(f"{name}: {running}", "never ended" if code is None else "crashed")
    elif code != 0 and not failed:
        tally.fail(name, f"exit status {code}")
    elif code == 0 and not passed and not failed and not skipped:
        tally.fail(name, "ran no test")
    bad = code != 0 or failed
    print(f"unit: {name}: {len(passed)} passed{', FAILED' if bad else ''} ({seconds:.1f} s)", flush=True)
    if bad:
        print(output, flush=True)


def step_unit(options, tally):
    names = sorted(path.stem for path in pathlib.Path("tests/unit").glob("test_*.c"))
    if options.k:
        names = [name for name in names if options.k in name]
    if not names:
        print("unit: no test")
        return True
    # All at once first, for speed; what did not come out of it is then named one by one.
    make = shlex.split(options.make) + ["--no-print-directory"]
    programs, ready = {name: f"build/unit/{name}" for name in names}, {}
    built = subprocess.run(make + ["-k", *programs.values()], close_fds=False).returncode == 0
    for name, program in programs.items():
        if not built and subprocess.run(make + [program], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, close_fds=False).returncode != 0:
            tally.fail(name, "does not compile")
            print(f"unit: {name}: does not compile")
            continue
        ready[name] = program
    # Side by side; the answers come in the order of the names.
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for name, (code, output, seconds) in zip(ready, pool.map(run_unit_program, ready.values())):
            count_unit_program(tally, name, code, output, seconds)
    return True


# It ends with its parent, however that ends.
BUSY_LOOP = """
import os
while os.getppid() == {parent}:
    for _ in range(1000000):
        pass
"""


@contextlib.contextmanager
def busy_host():
    """A loop at normal priority for each processor."""
    command = [sys.executable, "-c", BUSY_LOOP.format(parent=os.getpid())]
    loops = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def step_busy(options, tally):
    with busy_host():
        return step_pytest(options, tally, "concurrent and not long and not clock", "busy", HV_LOGS="logs-busy")


def step_pytest(options, tally, marker, label, **settings):
    folder = pathlib.Path("tests/system")
    if not any(folder.glob("test_*.py")):
        print(f"{label}: no test")
        return True
    RESULTS.mkdir(parents=True, exist_ok=True)
    report = RESULTS / f"{label}.xml"
    report.unlink(missing_ok=True)
    command = [options.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/system",
               "-m", marker, f"--junitxml={report}", "-o", "junit_family=xunit2", "--durations=5"]
    if options.k:
        command += ["-k", options.k]
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONUNBUFFERED="1", **settings)
    code = subprocess.run(command, env=environment).returncode
    failed_before = tally.failed
    if report.exists():
        for case in ElementTree.parse(report).iter("testcase"):
            name = f"{case.get('classname')}: {case.get('name')}"
            if case.find("failure") is not None or case.find("error") is not None:
                tally.fail(name)
            elif case.find("skipped") is not None:
                tally.skipped += 1
            else:
                tally.passed += 1
    # 5: nothing was selected, which is no failure.
    if code not in (0, 5) and tally.failed == failed_before:
        tally.fail(label, f"pytest ended with status {code}")
    return True


def step_target(options, tally, target):
    """A make target that counts for itself: its last line is 'N passed, N failed', perhaps ', N skipped'."""
    command = shlex.split(options.make) + ["--no-print-directory", target]
    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, close_fds=False) as process:
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
    "system": lambda options, tally: step_pytest(options, tally, "not long", "system"),
    "busy": step_busy,
    "lint": step_lint,
    "fresh": step_fresh,
    "model": lambda options, tally: step_target(options, tally, "model"),
    "model-long": lambda options, tally: step_target(options, tally, "model-long"),
    "mutants": lambda options, tally: step_target(options, tally, "mutants-protocol"),
    "bench": lambda options, tally: step_target(options, tally, "bench-check"),
    "fuzz": lambda options, tally: step_target(options, tally, "fuzz"),
    "fuzz-replay": lambda options, tally: step_target(options, tally, "fuzz-replay"),
    "long": lambda options, tally: step_pytest(options, tally, "long", "long"),
}


def main():
    parser = argparse.ArgumentParser(description="Run hartvisor's tests.")
    parser.add_argument("--make", default="make")
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--lints", default="", help="make targets, each a test of step lint")
    parser.add_argument("-k", default="", help="unit: part of a program's name; system: pytest's -k")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="unit programs at once")
    parser.add_argument("steps", nargs="+", choices=list(STEPS), metavar="STEP")
    options = parser.parse_args()

    tally = Tally()
    for step in options.steps:
        print(f"--- {step}", flush=True)
        if not STEPS[step](options, tally):
            break
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
