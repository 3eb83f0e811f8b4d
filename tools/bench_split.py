#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Where the instructions of the benchmark's rows go, by group of functions (docs/benchmarks.md).

The payload says by bench_median() or bench_middle() that the batches of an operation have ended, and by bench_result()
that a row has; those instructions of its own are in the trace, too. So it is known which exits are whose. Exits that
came less often than the operation are the setting-up of the row, or a timer. A row whose loop has been measured alone
has that loop's exits taken off, as from its figure. What the groups leave of a row's figure is the guest's.
"""

from __future__ import annotations

import collections
import functools
import pathlib
import re

import exit_counts
from bench_rows import GROUPS, RUNS, SPLITS
from exit_counts import hv

BATCHES = 15  # bench.h
MARKS = {"bench_median": "batches", "bench_middle": "batches", "bench_result": "row"}


def group_of(path: str) -> str:
    """The group that a function's file belongs to; the last one takes all that none names."""
    inside = re.search(r"(?:^|/)((?:hyp|platform)/.*)", path)
    for group, _, prefixes in GROUPS:
        if inside and inside.group(1).startswith(prefixes):
            return group
    return GROUPS[-1][0]


def summed(ways: collections.Counter, operations: int, group: dict) -> collections.Counter:
    """Instructions of one operation, by group. @operations 0: each exit is one."""
    often = max(ways.values(), default=0)
    kept = {way: times for way, times in ways.items() if 4 * times >= (operations or often)}
    total = collections.Counter()
    for way, times in kept.items():
        share = times / (operations or sum(kept.values()))
        # A few of the exits took another way, by a queue that was looked at or a tick that came.
        share = round(share) if abs(share - round(share)) < 0.02 else share
        for name, n in way:
            total[group[name]] += n * share
    return total


def rows_of_trace(events, operations: list, group: dict) -> list:
    """One Counter by group for each row. @operations: how many each row had in all its batches, or 0; at least as long."""
    rows, loops, ways = [], [], collections.Counter()
    for event in events:
        if event == "batches":
            loops.append(ways)
            ways = collections.Counter()
        elif event == "row":
            total = summed(loops[0], operations[len(rows)], group) if loops else collections.Counter()
            for nothing in loops[1:]:
                total.subtract(summed(nothing, operations[len(rows)], group))
            rows.append(total)
            loops = []
        else:
            ways[tuple(event.items())] += 1
    return rows


@functools.lru_cache(maxsize=None)
def groups_of_functions() -> dict:
    table = exit_counts.functions(hv.HARTVISOR.with_suffix(".elf"), lines=True)
    return {name: group_of(path) for _, name, path in table}


def split_run(run, console: str, results: dict) -> dict:
    """{row: {group: instructions}} of @run. @console: what that run said without a trace, for the rows' order."""
    order = re.findall(r"^(?:\[\w+\] )?BENCH ([\w-]+) ", console, re.M)
    order = [run.prefix.get(row, row) for row in order]
    operations = [SPLITS[row] * BATCHES if row in SPLITS else 1 for row in order]
    marks = {address: MARKS[name] for address, name, _ in exit_counts.functions(exit_counts.PAYLOAD.with_suffix(".elf"))
             if name in MARKS}
    vms = [hv.Vm("vm", exit_counts.PAYLOAD.with_suffix(".bin"), cpus=run.cpus, memory=run.memory, bootargs=run.args[0],
                 more=run.more)]
    found = rows_of_trace(exit_counts.traced(f"bench-split-{run.name}", vms, run.harts, marks), operations,
                          groups_of_functions())
    assert len(found) == len(order), f"{run.name}: {len(found)} rows in the trace, {len(order)} on the console"
    splits = {}
    for row, total in zip(order, found):
        if row in SPLITS:
            split = {name: round(total[name], 1) for name, *_ in GROUPS if round(total[name])}
            splits[row] = {**split, "guest": round(results[row] - sum(split.values()), 1)}
    return splits


def split_rows(consoles: dict, results: dict) -> dict:
    """@consoles: what the runs said, by name. Of those runs alone that SPLITS has rows of."""
    splits = {}
    for run in RUNS:
        console = consoles.get(run.name, "")
        rows = {run.prefix.get(row, row) for row in re.findall(r"BENCH ([\w-]+) ", console)}
        if run.split and rows & set(SPLITS):
            splits.update(split_run(run, console, results))
    return splits
