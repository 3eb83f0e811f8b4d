#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What operations cost, in instructions: tests/bench and Linux on hartvisor and natively on OpenSBI.

    tools/bench.py                    everything: make bench
    tools/bench.py --quick --check    no Linux; fails when a row got worse: make bench-check
    tools/bench.py --write-baseline   everything, and tests/bench/baseline.json and the tables of
                                      docs/benchmarks.md anew

All runs are under icount, where one instruction is one virtual nanosecond and the same run gives the same
figures on any machine. See docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import bench_doc
from bench_build import RESULTS, build_of, compiler, linux_version, write_results
from bench_rows import ROWS, RUNS
from bench_run import hv, linux_rows, rows_of, run_payload, size_rows, started_ns
from bench_show import compare, decides, say_change, svg, table, totals
from bench_split import split_rows

BASELINE = RESULTS / "baseline.json"

# What takes long, or gives rows that are only noted.
NOT_CHECKED = {"running", "running-native", "harts-native", "one-native", "switch-512"}
NOT_CHECKED_ROWS = {"switch-512"}


def measure(quick: bool, check: bool, only: str) -> tuple:
    """What hartvisor and the bare machine take, and what the runs said, by their names."""
    results, native, consoles = {}, {}, {}
    for run in RUNS:
        if (only and only not in run.name) or (check and run.name in NOT_CHECKED):
            continue
        began = time.monotonic()
        text = consoles[run.name] = run_payload(run)
        rows = rows_of(run, text)
        (native if run.native else results).update(rows)
        if run.name == "one":
            # Its first instruction is so much after hartvisor's start.
            results["boot-hartvisor"] = rows["boot-first"] - started_ns(text)
        print(f"  {run.name}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
    if not only:
        size_rows(results)
        if not quick:
            linux_rows(results, native)
    results.pop("boot-hartvisor", None)
    return results, native, consoles


def read_baseline() -> dict:
    try:
        return json.loads(BASELINE.read_text())
    except FileNotFoundError:
        return {}


def load_baseline(quick: bool, check: bool = False) -> dict:
    return {row: value for row, value in read_baseline().get("hartvisor", {}).items()
            if not (quick and "linux" in row) and not (check and row in NOT_CHECKED_ROWS)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="without Linux")
    parser.add_argument("--check", action="store_true", help="fail when a row is worse than the baseline by 5 %%")
    parser.add_argument("--only", default="", help="only runs whose name has this; compares nothing")
    parser.add_argument("--write-baseline", action="store_true")
    args = parser.parse_args()

    try:
        results, native, consoles = measure(args.quick, args.check, args.only)
    except (RuntimeError, AssertionError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(table(results, native))
    if args.only:
        return 0
    build = build_of(hv.HARTVISOR, hv.QEMU, consoles["one"])
    if not args.quick:
        build["linux"] = linux_version(hv.LINUX)
    figures = {"build": build, "hartvisor": results, "native": native}
    (hv.BUILD / "bench.json").write_text(json.dumps(figures, indent=1) + "\n")
    (hv.BUILD / "bench.svg").write_text(svg(results, native))
    if args.write_baseline:
        write_results(BASELINE.name, {**figures, "splits": split_rows(consoles, results)})
        bench_doc.write()
        return 0
    moved, worse = compare(results, load_baseline(args.quick, args.check), {row.name for row in ROWS if row.noted})
    print("\nMoved by more than 2 % against the baseline:" if moved else "\nNothing moved by more than 2 %.")
    print("".join(say_change(*change) + "\n" for change in moved), end="")
    if worse:
        print("\nWorse by more than 5 %; if it has to be, make bench-baseline in the same commit:")
        print("".join(say_change(*change) + "\n" for change in worse), end="")
    baseline = read_baseline()
    decided = decides(baseline, compiler())
    if worse and not decided:
        print(f"These do not count: the compiler is gcc {compiler()}, the baseline is of gcc {baseline['build']['compiler']}.")
    if args.check:
        print(totals(len(results), worse, decided))
    return 1 if worse and args.check and decided else 0


if __name__ == "__main__":
    sys.exit(main())
