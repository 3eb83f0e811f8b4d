#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Where the instructions of an exit go: a count by function, of the exits that the bench's payload makes.

usage: tools/count-exits.py [--cpus N] [--harts N] [--set N] [--top N] [--with FUNCTION]

QEMU executes one instruction at a time and names each one of hartvisor's. What lies between two traps out of
a guest is one exit; exits that took the same way are counted together. Sets: tests/bench/bench.h.
"""

import argparse
import bisect
import collections
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "system"))
import hv  # noqa: E402

IMAGE = "0xffffffff80000000..0xffffffff80100000"
PC = re.compile(r"\[[0-9a-f]+/([0-9a-f]+)/")


def functions():
    found = []
    nm = ["riscv64-unknown-elf-nm", "-n", hv.BUILD / "hartvisor.elf"]
    for line in subprocess.run(nm, check=True, capture_output=True, text=True).stdout.splitlines():
        address, kind, name = line.split()
        if kind in "tT" and not name.startswith((".L", "$")):
            found.append((int(address, 16), name))
    return found


def trace(options, fifo):
    vms = [hv.Vm("vm", hv.BUILD / "bench" / "payload.bin", cpus=options.cpus, memory=64 * hv.MIB,
                 bootargs=f"set={options.set}")]
    return subprocess.Popen(
        [hv.QEMU, "-M", "virt", "-cpu", "rv64", "-smp", str(options.harts), "-m", "512M", "-display", "none",
         "-serial", "null", "-no-reboot", "-icount", "shift=0,sleep=off", "-accel", "tcg,one-insn-per-tb=on",
         "-d", "exec,nochain", "-dfilter", IMAGE, "-D", fifo, "-kernel", hv.HARTVISOR,
         "-initrd", hv.bundle("count-exits", vms)],
        stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def count(lines):
    table = functions()
    starts = [address for address, _ in table]
    vector = next(address for address, name in table if name == "trap_vector")
    ways, now = collections.Counter(), None
    for line in lines:
        match = PC.search(line)
        if not match:
            continue
        pc = int(match.group(1), 16)
        if pc == vector:
            if now:
                ways[tuple(now.items())] += 1
            now = collections.Counter()
        if now is not None:
            now[table[bisect.bisect_right(starts, pc) - 1][1]] += 1
    return ways


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cpus", type=int, default=1)
    parser.add_argument("--harts", type=int, default=1)
    parser.add_argument("--set", type=int, default=1)
    parser.add_argument("--top", type=int, default=12)
    parser.add_argument("--with", dest="function", default="")
    options = parser.parse_args()
    hv.WORK.mkdir(parents=True, exist_ok=True)
    fifo = hv.WORK / "count-exits.fifo"
    fifo.unlink(missing_ok=True)
    os.mkfifo(fifo)
    qemu = trace(options, fifo)
    with open(fifo, errors="replace") as lines:
        ways = count(lines)
    qemu.wait()
    fifo.unlink()
    shown = [w for w in ways.most_common() if not options.function or options.function in dict(w[0])]
    for way, times in shown[:options.top]:
        print(f"{times} times, {sum(n for _, n in way)} instructions:", *(f"{name} {n}" for name, n in way))


if __name__ == "__main__":
    main()
