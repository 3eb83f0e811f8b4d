# SPDX-License-Identifier: BSD-2-Clause
"""The exits of the bench's payload, from a trace of QEMU's: how many instructions of each function an exit takes.

QEMU executes one instruction at a time and names each one of hartvisor's. What lies between two traps out of a guest is
one exit. count-exits.py shows them, bench_split.py sums them up for the rows of the benchmark.
"""

from __future__ import annotations

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
PAYLOAD = hv.BUILD / "bench" / "payload"


def functions(elf: pathlib.Path, lines: bool = False) -> list:
    """(address, name, file) of each function. @lines: with its file, which takes some seconds."""
    found = []
    nm = ["riscv64-unknown-elf-nm", "-nl" if lines else "-n", elf]
    for line in subprocess.run(nm, check=True, capture_output=True, text=True).stdout.splitlines():
        symbol, _, source = line.partition("\t")
        address, kind, name = symbol.split()
        if kind in "tT" and not name.startswith((".L", "$")):
            found.append((int(address, 16), name, source.rpartition(":")[0]))
    return found


def start(name: str, vms: list, harts: int, fifo: pathlib.Path, marks=(), console="null") -> subprocess.Popen:
    """A machine that writes hartvisor's instructions, and those at @marks, to @fifo."""
    ranges = ",".join([IMAGE, *(f"{mark:#x}+1" for mark in marks)])
    return subprocess.Popen(
        [hv.QEMU, "-M", "virt", "-cpu", "rv64", "-smp", str(harts), "-m", "512M", "-display", "none", "-monitor", "none",
         "-serial", console, "-no-reboot", "-icount", "shift=0,sleep=off", "-accel", "tcg,one-insn-per-tb=on",
         "-d", "exec,nochain", "-dfilter", ranges, "-D", fifo, "-kernel", hv.HARTVISOR, "-initrd", hv.bundle(name, vms)],
        stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def exits(lines, table: list, marks: dict):
    """
    Each exit of @lines, as a Counter by function in the order of their first instructions, and each of @marks (address
    to name) that the guest comes to, as a string: an exit has ended before it. Before the first exit a mark means nothing,
    as hartvisor begins at a guest's addresses.
    """
    starts = [address for address, *_ in table]
    names = [name for _, name, _ in table]
    vector = starts[names.index("trap_vector")]
    now = None
    for line in lines:
        match = PC.search(line)
        if not match:
            continue
        pc = int(match.group(1), 16)
        if pc in marks:
            if now is not None:
                if now:
                    yield now
                now = collections.Counter()
                yield marks[pc]
            continue
        if pc == vector:
            if now:
                yield now
            now = collections.Counter()
        if now is not None:
            now[names[bisect.bisect_right(starts, pc) - 1]] += 1
    if now:
        yield now


def traced(name: str, vms: list, harts: int = 1, marks=None, console="null"):
    """exits() of such a machine, until it ends."""
    hv.WORK.mkdir(parents=True, exist_ok=True)
    fifo = hv.WORK / f"{name}.fifo"
    fifo.unlink(missing_ok=True)
    os.mkfifo(fifo)
    marks = marks or {}
    qemu = start(name, vms, harts, fifo, marks, console)
    try:
        with open(fifo, errors="replace") as lines:
            yield from exits(lines, functions(hv.HARTVISOR.with_suffix(".elf")), marks)
    finally:
        qemu.kill()
        qemu.wait()
        fifo.unlink()
