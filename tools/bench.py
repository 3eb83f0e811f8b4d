#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What operations cost, in instructions: tests/bench and Linux on hartvisor and natively on OpenSBI.

    tools/bench.py                    everything: make bench
    tools/bench.py --quick --check    no Linux; fails when a row got worse: make bench-check
    tools/bench.py --write-baseline   everything, and tests/bench/baseline.json anew

All runs are under icount, where one instruction is one virtual nanosecond and the same run gives the same
figures on any machine. See docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Optional

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "system"))
import hv  # noqa: E402

BENCH = hv.BUILD / "bench"
PAYLOAD = BENCH / "payload.bin"
INIT = BENCH / "init"
BASELINE = ROOT / "tests" / "bench" / "baseline.json"
EPOCH = 1767225600 * 10**9  # 2026-01-01 in ns since 1970: what -rtc says
MOVED, WORSE = 0.02, 0.05

ONE, PAIR, HARTS, FENCES, SCALE, SWITCH, IDLE, RUNNING, BOOT = range(1, 10)  # enum bench_set


# --- what is measured -----------------------------------------------------------------------------

@dataclass
class Row:
    name: str
    what: str
    goal: Optional[float] = None
    unit: str = "instructions"
    noted: bool = False  # said, not compared: it measures the emulator's turns


ROWS = [
    Row("sbi-nop", "SBI call that does nothing", 80),
    Row("sbi-probe", "SBI probe_extension"),
    Row("sbi-unknown", "SBI unknown extension", 100),
    Row("sbi-set-timer", "SBI set_timer, far ahead", 90),
    Row("hsm-status", "HSM status of itself"),
    Row("ipi-self", "IPI to itself, taken and cleared", 150),
    Row("sfence-self", "remote_sfence_vma of a page to itself", 200),
    Row("sfence-all-self", "remote_sfence_vma of everything to itself"),
    Row("fencei-self", "remote fence.i to itself", 200),
    Row("timer-wfi", "timer interrupt out of WFI: lateness", 600),
    Row("csr-trap", "trapped CSR access, to the guest's own handler", 250),
    Row("csr-illegal", "CSR that does not exist, likewise"),
    Row("fault-nowhere", "load from an address without memory, likewise"),
    Row("wrs-nto", "WRS.NTO that nobody gains by; its fetch by HLVX"),
    Row("uart-read", "ns16550 register read", 350),
    Row("uart-read-saved", "likewise, into a register that C keeps", 350),
    Row("uart-read-short", "likewise, by a compressed instruction", 350),
    Row("uart-read-64", "likewise, of 64 vcpus", 350),
    Row("uart-write", "ns16550 register write"),
    Row("plic-claim-complete", "PLIC claim and complete"),
    Row("plic-100-enabled", "likewise, 100 sources enabled"),
    Row("page-first-touch", "first touch of a 4 KiB page", 4),
    Row("dbcn-1", "DBCN write of 1 byte"),
    Row("dbcn-64", "DBCN write of 64 bytes"),
    Row("ipi-pingpong-2-harts", "IPI ping-pong, 2 harts, both in WFI", 3000),
    Row("ipi-pingpong-2-harts-sswi", "likewise, with an ACLINT SSWI", 3000),
    Row("ipi-pingpong-1-hart", "IPI ping-pong, 2 vcpus, 1 hart", 1500),
    Row("ipi-preempted", "IPI to a preempted sibling"),
    Row("fence-asleep", "fence to a sibling asleep, 1 hart", 250),
    Row("fence-preempted", "fence to a preempted sibling, 1 hart"),
    Row("fence-asleep-2-harts", "fence to a sibling asleep, 2 harts"),
    Row("rfence-1-blocked", "fence to 1 sibling asleep, of 7"),
    Row("rfence-3-blocked", "fence to 3 siblings asleep"),
    Row("rfence-7-blocked", "fence to 7 siblings asleep"),
    Row("rfence-1-preempted", "fence to 1 preempted sibling, of 7"),
    Row("rfence-3-preempted", "fence to 3 preempted siblings"),
    Row("rfence-7-preempted", "fence to 7 preempted siblings"),
    Row("rfence-1-running", "fence to 1 running sibling, 8 harts (turns)", noted=True),
    Row("rfence-3-running", "fence to 3 running siblings, 8 harts (turns)", noted=True),
    Row("rfence-7-running", "fence to 7 running siblings, 8 harts (turns)", noted=True),
    Row("hsm-start", "HSM start to its first instruction, 2 harts"),
    Row("hsm-start-1-hart", "HSM start to its first instruction, 1 hart"),
    Row("pv-wait-kick", "PV_WAIT and KICK_CPU, there and back, 1 hart"),
    Row("pv-kick-halted", "KICK_CPU to the halted sibling's first instruction"),
    Row("pv-kick-preempted", "KICK_CPU to the preempted sibling's first instruction"),
    Row("pv-kick-self", "KICK_CPU of itself, remembered"),
    Row("yield-to", "YIELD_TO to the sibling's first instruction"),
    Row("switch-2", "switch between 2 vcpus of a VM"),
    Row("switch-8", "switch among 8 vcpus of a VM"),
    Row("switch-64", "switch among 64 vcpus of a VM"),
    Row("switch-512", "switch among 8 VMs of 64 vcpus"),
    Row("switch-vms", "switch between 2 VMs"),
    Row("wake-2", "IPI that wakes, until it runs: 2 vcpus, 1 hart"),
    Row("wake-8", "likewise, 6 others asleep"),
    Row("wake-64", "likewise, 62 others asleep"),
    Row("wake-512", "likewise, 510 others asleep in 8 VMs"),
    Row("fence-all-2", "fence to all: 2 vcpus, asleep"),
    Row("fence-all-8", "fence to all: 8 vcpus"),
    Row("fence-all-64", "fence to all: 64 vcpus"),
    Row("fence-all-512", "fence to all: 64 vcpus, and 7 such VMs"),
    Row("boot-first", "reset to the guest's first instruction, 64 MiB"),
    Row("boot-first-linux", "reset to Linux's first instruction, 256 MiB"),
    Row("linux-init", "Linux's entry to /init"),
    Row("linux-init-2-vcpus", "likewise, 2 vcpus on 1 hart, to native's one"),
    Row("image", "hartvisor.bin without its cryptography", 144 << 10, "bytes"),
    Row("image-crypto", "what BearSSL takes of it", None, "bytes"),
    Row("bss", "its .bss", None, "bytes"),
    Row("memory-0", "own memory without a VM (from 1 and 2)", None, "KiB"),
    Row("memory-1", "own memory with 1 VM of 1 vcpu", 1024, "KiB"),
    Row("memory-2", "own memory with 2 VMs", None, "KiB"),
    Row("memory-64", "own memory with 64 VMs", None, "KiB"),
    Row("per-vcpu", "memory of one more vcpu", None, "bytes"),
]
# Goals that are ratios to native.
RATIO_GOALS = {"linux-init": 1.02}


# --- machines -------------------------------------------------------------------------------------

@dataclass
class Run:
    """One boot. @vms: sets of boot arguments, one a VM; natively the first is the machine's."""
    name: str
    args: list
    cpus: int = 1
    harts: int = 1
    more: str = ""
    ends: int = 1  # BENCH-END lines to wait for
    mem: str = "1G"
    memory: int = 64 * hv.MIB
    native: bool = False
    machine: str = "virt"
    prefix: dict = field(default_factory=dict)  # row in the output -> row here
    others: bool = True  # the rows that prefix does not name are wanted, too


def scaled(n: int) -> dict:
    return {"switch": f"switch-{n}", "wake": f"wake-{n}", "fence-all": f"fence-all-{n}"}


SLICE = "slice-us = <100>;"
RUNS = [
    Run("one", [f"set={ONE}"]),
    Run("one-native", [f"set={ONE}"], native=True),
    Run("one-64", [f"set={ONE}"], cpus=64, prefix={"uart-read": "uart-read-64"}, others=False),
    Run("pair", [f"set={PAIR}"], cpus=2),
    Run("harts", [f"set={HARTS}"], cpus=2, harts=2),
    Run("harts-sswi", [f"set={HARTS}"], cpus=2, harts=2, machine="virt,aclint=on",
        prefix={"ipi-pingpong-2-harts": "ipi-pingpong-2-harts-sswi"}, others=False),
    Run("harts-native", [f"set={HARTS}"], harts=2, native=True),
    Run("fences", [f"set={FENCES}"], cpus=8),
    Run("running", [f"set={RUNNING}"], cpus=8, harts=8),
    Run("running-native", [f"set={RUNNING}"], harts=8, native=True),
    *[Run(f"switch-{n}", [f"set={SWITCH}"], cpus=n, more=SLICE, prefix=scaled(n)) for n in (2, 8, 64)],
    *[Run(f"scale-{n}", [f"set={SCALE}"], cpus=n, prefix=scaled(n)) for n in (2, 8, 64)],
    # 512 vcpus have come to sleep after some 100 ms.
    Run("scale-512", [f"set={SCALE} warm=200"] + [f"set={IDLE}"] * 7, cpus=64, mem="2G",
        memory=16 * hv.MIB, prefix=scaled(512)),
    Run("switch-vms", [f"set={SWITCH} stay=1 warm=50"] * 2, more=SLICE, ends=2),
    Run("switch-512", [f"set={SWITCH} stay=1 late=200 warm=1200 samples=256"] * 8, cpus=64, more=SLICE, ends=8, mem="2G",
        memory=16 * hv.MIB),
]


def icount() -> list:
    return ["-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm", "-seed", "1"]


def boot(name: str, arguments: list, harts: int, mem: str, pattern: str, ends: int, timeout: int,
         machine: str = "virt") -> str:
    """What the machine says on its UART until @pattern has come @ends times. A file takes what it gets at
    once: with a terminal, how fast that is would show in the guest's loops."""
    hv.LOGS.mkdir(parents=True, exist_ok=True)
    log = hv.LOGS / f"bench-{name}.log"
    log.write_bytes(b"")
    command = [hv.QEMU, "-M", machine, "-cpu", "rv64", "-smp", str(harts), "-m", mem, "-display", "none",
               "-monitor", "none", "-no-reboot", "-serial", f"file:{log}", *icount(), *map(str, arguments)]
    until = time.monotonic() + timeout
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as qemu:
        try:
            while True:
                ended = qemu.poll() is not None
                text = log.read_bytes().decode("utf-8", "replace")
                trouble = re.search(rf"{hv.PANIC}|TEST bench FAIL[^\r\n]*|crashed[^\r\n]*|not started[^\r\n]*", text)
                if trouble:
                    raise RuntimeError(f"{name}: {trouble.group(0)}")
                if len(re.findall(pattern, text)) >= ends:
                    return text
                if ended or time.monotonic() > until:
                    raise RuntimeError(f"{name}: no {pattern} ({'QEMU ended' if ended else f'{timeout} s'}): {log}")
                time.sleep(0.05)
        finally:
            qemu.kill()


def run_payload(run: Run) -> str:
    if run.native:
        return boot(run.name, ["-kernel", PAYLOAD, "-append", run.args[0]], run.harts, run.mem, "BENCH-END", run.ends,
                    300, run.machine)
    vms = [hv.Vm(f"vm{i}", PAYLOAD, cpus=run.cpus, memory=run.memory, bootargs=args, more=run.more)
           for i, args in enumerate(run.args)]
    initrd = hv.bundle(f"bench-{run.name}", vms)
    return boot(run.name, ["-kernel", hv.HARTVISOR, "-initrd", initrd, "-append", "hartvisor.prefix=1"], run.harts, run.mem, "BENCH-END", run.ends, 600,
                run.machine)


# --- what a machine said --------------------------------------------------------------------------

def parse(text: str) -> dict:
    """{VM's name, "" natively: {row: value}}"""
    found: dict = {}
    for vm, row, tenths in re.findall(r"^(?:\[(\w+)\] )?BENCH ([\w-]+) (-?\d+)\r?$", text, re.M):
        found.setdefault(vm, {})[row] = int(tenths) / 10
    return found


def switch_cost(windows: list) -> float:
    """
    Several VMs share the hart: what part of the time each of them ran, and how many stays on the hart it had
    in that time. What is left of the time is what the switches took, one a stay.
    """
    ran = sum(w["window-run"] / w["window"] for w in windows)
    stays = sum(10 * w["window-stays"] / (10 * w["window"]) for w in windows)
    return round((1 - ran) / stays, 1)


def rows_of(run: Run, text: str) -> dict:
    vms = parse(text)
    if run.ends > 1:
        return {run.name: switch_cost([{k: v for k, v in rows.items()} for rows in vms.values()])}
    (rows,) = vms.values()
    rows = {run.prefix.get(row, row): value for row, value in rows.items()
            if not row.startswith("window") and (run.others or row in run.prefix)}
    if run.name in ("one", "one-native"):
        rows["boot-first"] = int(re.search(r"BENCH-BEGAN rtc=(\d+)", text).group(1)) - EPOCH
    return rows


# --- Linux ----------------------------------------------------------------------------------------

LINUX_BOOTS = 7
LINUX_ARGS = "console=ttyS0 rdinit=/bench-init"
INIT_LINE = r"BENCH-INIT time=(\d+)"
STARTED = r"\[hartvisor\] (\d+\.\d{6}) [^\n]*: started: "


def started_ns(text: str) -> int:
    """When the first VM started, after hartvisor's own first instruction."""
    return round(float(re.search(STARTED, text).group(1)) * 1e9)


def least_time_at_init(name: str, machine) -> tuple:
    """
    Of boots whose command lines differ in length: a few instructions more or less early on decide how its
    timers fall, and so how long Linux waits for its grace periods and threads. The console of the last, too.
    """
    times = []
    for phase in range(LINUX_BOOTS):
        args, memory = machine(f"{LINUX_ARGS} bench.phase={'x' * phase}")
        text = boot(f"{name}-{phase}", args, 1, memory, INIT_LINE, 1, 900)
        times.append(int(re.search(INIT_LINE, text).group(1)) * 100)
    return min(times), text


def linux_rows(results: dict, native: dict) -> None:
    """Times at /init are the guest's own, whose clock starts with it; natively it starts with the machine."""
    ramdisk = hv.initramfs_with("bench-linux", {"bench-init": INIT})

    def bare(bootargs):
        return ["-kernel", hv.LINUX, "-initrd", ramdisk, "-append", bootargs], "256M"

    native["linux-init"] = least_time_at_init("linux-native", bare)[0] - native["boot-first"]
    for row, cpus in (("linux-init", 1), ("linux-init-2-vcpus", 2)):
        def guest(bootargs, cpus=cpus, row=row):
            vm = hv.Vm("linux", hv.LINUX, cpus=cpus, memory=256 * hv.MIB, ramdisk=ramdisk, bootargs=bootargs)
            return ["-kernel", hv.HARTVISOR, "-initrd", hv.bundle(f"bench-{row}", [vm]), "-append", "hartvisor.prefix=1"], "1G"

        results[row], text = least_time_at_init(row, guest)
        if cpus == 1:
            # Up to hartvisor's own start both boots are the same.
            results["boot-first-linux"] = results["boot-hartvisor"] + started_ns(text)
    native["linux-init-2-vcpus"] = native["linux-init"]
    native["boot-first-linux"] = native["boot-first"]


# --- size -----------------------------------------------------------------------------------------

def own_memory(vms: int, cpus: int = 1) -> int:
    """KiB, as ^] l says."""
    name = f"bench-memory-{vms}-{cpus}"
    guests = [hv.Vm(f"vm{i}", PAYLOAD, cpus=cpus, memory=16 * hv.MIB, bootargs=f"set={IDLE}") for i in range(vms)]
    with hv.Machine(name, hv.bundle(name, guests), smp=1, mem="2G") as m:
        for _ in guests:
            m.expect("BENCH-IDLE")
        m.menu("l")
        m.expect(r"own memory: (\d+) KiB")
        return int(m.child.match.group(1))


def size_in_map(text: str, folder: str) -> int:
    """What the linker took into the image from objects below build/obj/@folder, by its map."""
    sections = re.findall(r"^ (\.(?:text|rodata|srodata|data|sdata)\S*)\s+0x[0-9a-f]+\s+0x([0-9a-f]+) "
                          rf"\S*build/obj/{folder}/", text.partition("Linker script and memory map")[2], re.M)
    return sum(int(size, 16) for _, size in sections)


def size_rows(results: dict) -> None:
    results["image-crypto"] = size_in_map((hv.BUILD / "hartvisor.map").read_text(), "bearssl")
    results["image"] = hv.HARTVISOR.stat().st_size - results["image-crypto"]
    sizes = subprocess.run(["riscv64-unknown-elf-size", "-A", hv.BUILD / "hartvisor.elf"], check=True,
                           capture_output=True, text=True).stdout
    results["bss"] = int(re.search(r"^\.bss\s+(\d+)", sizes, re.M).group(1))
    one, two = own_memory(1), own_memory(2)
    results.update({"memory-1": one, "memory-2": two, "memory-0": 2 * one - two, "memory-64": own_memory(64)})
    results["per-vcpu"] = (own_memory(1, 64) - one) * 1024 // 63


# --- comparing ------------------------------------------------------------------------------------

def compare(now: dict, before: dict, noted: set = frozenset()) -> tuple:
    """
    What moved by more than 2 %, as (row, before, now), and of these what got worse by more than 5 %; less is
    better. A row of the baseline that was measured no more is worse; a new row has moved (before: None).
    Half an instruction is never a difference.
    """
    moved, worse = [], []
    for row in [*before, *(row for row in now if row not in before)]:
        was, value = before.get(row), now.get(row)
        if row in noted:
            continue
        if was is None:
            moved.append((row, None, value))
        elif value is None:
            worse.append((row, was, None))
        elif abs(value - was) > max(MOVED * abs(was), 0.5):
            moved.append((row, was, value))
            if value - was > max(WORSE * abs(was), 0.5):
                worse.append((row, was, value))
    return moved, worse


def compiler() -> str:
    """The version of what builds hartvisor: another one emits other instructions, and other counts."""
    return subprocess.run(["riscv64-unknown-elf-gcc", "-dumpfullversion"], check=True, capture_output=True,
                          text=True).stdout.strip()


def decides(baseline: dict, version: str) -> bool:
    """Can a row that is worse than @baseline be the fault of the tree? Not with another compiler."""
    return baseline.get("compiler", version) == version


def totals(measured: int, worse: list, decided: bool) -> str:
    """The last line of a check. What does not count is skipped."""
    passed = measured - sum(value is not None for _, _, value in worse)
    return f"{passed} passed, {len(worse)} failed" if decided else f"{passed} passed, 0 failed, {len(worse)} skipped"


def say_change(row: str, was, value) -> str:
    if was is None or value is None:
        return f"  {row}: {'new: ' + number(value) if was is None else 'was ' + number(was) + ', not measured now'}"
    share = f", {100 * (value - was) / was:+.1f} %" if was else ""
    return f"  {row}: {number(was)} -> {number(value)}{share}"


# --- showing --------------------------------------------------------------------------------------

def number(value) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.1f}"


def ratio(value, other) -> str:
    return f"{value / other:.2f}" if value is not None and other else "-"


def table(results: dict, native: dict) -> str:
    lines = [f"| {'row':25} | {'what':50} | {'hartvisor':>13} | {'native':>13} | {'goal':>9} | {'/native':>8} | {'/goal':>6} |",
             "|---|---|---|---|---|---|---|"]
    for row in ROWS:
        value, bare = results.get(row.name), native.get(row.name)
        if value is None and bare is None:
            continue
        goal = RATIO_GOALS[row.name] * bare if row.name in RATIO_GOALS and bare else row.goal
        unit = "" if row.unit == "instructions" else f", {row.unit}"
        lines.append(f"| {row.name:25} | {row.what + unit:50} | {number(value):>13} | {number(bare):>13} | "
                     f"{number(goal):>9} | {ratio(value, bare):>8} | {ratio(value, goal):>6} |")
    return "\n".join(lines)


def svg(results: dict, native: dict) -> str:
    """Bars of hartvisor / goal and hartvisor / native on a logarithmic scale; 1 is the line in the middle."""
    import math

    bars = []
    for row in ROWS:
        value, bare = results.get(row.name), native.get(row.name)
        goal = RATIO_GOALS[row.name] * bare if row.name in RATIO_GOALS and bare else row.goal
        if value and not row.noted and (bare or goal):
            bars.append((row.name, value / goal if goal else None, value / bare if bare else None))
    left, width, step, reach = 190, 560, 30, 3.0  # reach: decades to each side
    middle = left + width / 2

    def x(share: float) -> float:
        return middle + max(-reach, min(reach, math.log10(share))) * width / 2 / reach

    height = 60 + step * len(bars)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 70}" height="{height}" '
           'font-family="sans-serif" font-size="11">',
           f'<rect width="100%" height="100%" fill="white"/>',
           f'<text x="{left}" y="16">hartvisor / goal (blue), hartvisor / native (grey); less is better</text>']
    for decade in range(-3, 4):
        at = x(10.0 ** decade)
        out.append(f'<line x1="{at:.1f}" y1="36" x2="{at:.1f}" y2="{height - 10}" stroke="{"black" if not decade else "#ddd"}"/>'
                   f'<text x="{at:.1f}" y="32" text-anchor="middle">{10.0 ** decade:g}</text>')
    for i, (name, to_goal, to_native) in enumerate(bars):
        y = 42 + step * i
        out.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{name}</text>')
        for share, colour, offset in ((to_goal, "#3070c0", 0), (to_native, "#999999", 11)):
            if share is None:
                continue
            begin, end = sorted((middle, x(share)))
            out.append(f'<rect x="{begin:.1f}" y="{y + offset}" width="{max(end - begin, 1):.1f}" height="10" fill="{colour}"/>'
                       f'<text x="{end + 3:.1f}" y="{y + offset + 9}" font-size="9">{share:.2f}</text>')
    return "\n".join([*out, "</svg>", ""])


# --- all of it ------------------------------------------------------------------------------------

# What takes long, or gives rows that are only noted.
NOT_CHECKED = {"running", "running-native", "harts-native", "one-native", "switch-512"}
NOT_CHECKED_ROWS = {"switch-512"}


def measure(quick: bool, check: bool, only: str) -> tuple:
    results, native = {}, {}
    for run in RUNS:
        if (only and only not in run.name) or (check and run.name in NOT_CHECKED):
            continue
        began = time.monotonic()
        text = run_payload(run)
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
    return results, native


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
        results, native = measure(args.quick, args.check, args.only)
    except (RuntimeError, AssertionError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(table(results, native))
    if args.only:
        return 0
    figures = json.dumps({"compiler": compiler(), "hartvisor": results, "native": native}, indent=1) + "\n"
    (hv.BUILD / "bench.json").write_text(figures)
    (hv.BUILD / "bench.svg").write_text(svg(results, native))
    if args.write_baseline:
        BASELINE.write_text(figures)
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
        print(f"These do not count: the compiler is gcc {compiler()}, the baseline is of gcc {baseline['compiler']}.")
    if args.check:
        print(totals(len(results), worse, decided))
    return 1 if worse and args.check and decided else 0


if __name__ == "__main__":
    sys.exit(main())
