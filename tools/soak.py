#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Repeat system tests until one fails, and keep its machine for a look.

usage: soak.py -k EXPRESSION [--times N] [--load]

-k:     the tests, as for pytest -k; those marked long count, too
--load: a loop on each processor keeps the machine busy meanwhile

When a test fails, the QEMU that it was talking to stays, stopped, and what to attach to it by is printed: its
monitor and a socket for gdb, which are unix sockets. It lives on when this program has ended, until `quit` at
the monitor. Exit status 1: a test has failed.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import time

from busy import busy_host


def run_once(options):
    command = [options.python, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", "tests/system",
               "-k", options.k]
    environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", HV_SOAK="1", HV_LOGS="logs-soak")
    environment.pop("HV_KEEP", None)
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace")


def main():
    parser = argparse.ArgumentParser(description="Repeat system tests until one fails.")
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--load", action="store_true")
    parser.add_argument("-k", required=True)
    options = parser.parse_args()
    if not options.k:
        parser.error("which tests? K='name'")

    with busy_host() if options.load else contextlib.nullcontext():
        for number in range(1, options.times + 1):
            started = time.monotonic()
            result = run_once(options)
            seconds = time.monotonic() - started
            if result.returncode != 0:
                print(result.stdout, end="")
                print(f"soak: run {number} of {options.times} failed after {seconds:.0f} s")
                return 1
            last = result.stdout.strip().splitlines()[-1:]
            print(f"soak: run {number} of {options.times}: {' '.join(last)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
