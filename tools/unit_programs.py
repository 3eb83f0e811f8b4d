# SPDX-License-Identifier: BSD-2-Clause
"""The unit step of run-tests.py: builds and runs the programs of tests/unit side by side, and reads what cmocka says."""

import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import time

import keep

UNIT_SECONDS = pathlib.Path("build/test-results/unit-seconds.json")


def time_limit():
    """Of the wall clock, so that a program which hangs ends; long enough for one that a busy machine keeps waiting."""
    return 5400 if os.environ.get("HV_LONG") else 1800


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
    """Its exit status (None: it did not end), what it said, and how long it took (None: it passed before)."""
    key = keep.digest("unit", pathlib.Path(program), os.environ.get("HV_LONG"))
    kept = keep.find(key)
    if kept:
        return 0, kept["output"], None
    started = time.monotonic()
    environment = dict(os.environ)
    environment.setdefault("ASAN_OPTIONS", "detect_stack_use_after_return=1:strict_string_checks=1")
    environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    try:
        result = subprocess.run([program], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL, timeout=time_limit())
        output, seconds = result.stdout.decode(errors="replace"), time.monotonic() - started
        if result.returncode == 0:
            keep.add(key, {"output": output, "seconds": seconds})
        return result.returncode, output, seconds
    except subprocess.TimeoutExpired as error:
        output = (error.stdout or b"").decode(errors="replace")
        return None, output + f"\nno end after {time_limit()} s\n", time.monotonic() - started


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
    took = "before" if seconds is None else f"{seconds:.1f} s"
    tally.kept += len(passed) if seconds is None else 0
    print(f"unit: {name}: {len(passed)} passed{', FAILED' if bad else ''} ({took})", flush=True)
    if bad:
        print(output, flush=True)


def step_unit(options, tally):
    names = sorted(f"{path.parent.name}/{path.stem}" for path in pathlib.Path("tests/unit").glob("*/test_*.c"))
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
    # Side by side, the longest of the last run first, so that none of them is alone at the end; the answers come
    # in the order of the names.
    took = load_seconds()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        jobs = {name: pool.submit(run_unit_program, ready[name])
                for name in sorted(ready, key=lambda name: -took.get(name, time_limit()))}
        for name in ready:
            code, output, seconds = jobs[name].result()
            count_unit_program(tally, name, code, output, seconds)
            took[name] = seconds or took.get(name, 0)
    UNIT_SECONDS.parent.mkdir(parents=True, exist_ok=True)
    UNIT_SECONDS.write_text(json.dumps(took))
    return True


def load_seconds():
    """How long each unit program took when it last ran."""
    try:
        return json.loads(UNIT_SECONDS.read_text())
    except (FileNotFoundError, ValueError):
        return {}
