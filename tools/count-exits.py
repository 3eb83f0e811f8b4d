#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Where the instructions of an exit go: a count by function, of the exits that the bench's payload makes.

usage: tools/count-exits.py [--cpus N] [--harts N] [--set N] [--top N] [--with FUNCTION]

Exits that took the same way are counted together. Sets: tests/bench/bench.h. By row and group of functions:
docs/benchmarks.md, "Where the instructions go".
"""

import argparse
import collections

from exit_counts import PAYLOAD, hv, traced


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cpus", type=int, default=1)
    parser.add_argument("--harts", type=int, default=1)
    parser.add_argument("--set", type=int, default=1)
    parser.add_argument("--top", type=int, default=12)
    parser.add_argument("--with", dest="function", default="")
    options = parser.parse_args()
    vms = [hv.Vm("vm", PAYLOAD.with_suffix(".bin"), cpus=options.cpus, memory=64 * hv.MIB, bootargs=f"set={options.set}")]
    ways = collections.Counter(tuple(found.items()) for found in traced("count-exits", vms, options.harts))
    shown = [w for w in ways.most_common() if not options.function or options.function in dict(w[0])]
    for way, times in shown[:options.top]:
        print(f"{times} times, {sum(n for _, n in way)} instructions:", *(f"{name} {n}" for name, n in way))


if __name__ == "__main__":
    main()
