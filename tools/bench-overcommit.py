#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What a Linux guest with more vcpus than harts gets done: locktorture and fork/exec loops, in a table.

    make guest-linux                                   once: the kernel and the initramfs
    tools/bench-overcommit.py                          the whole table: make bench-linux
    tools/bench-overcommit.py --vcpus 2,4 --locks z --work spin_lock,fork
    tools/bench-overcommit.py --pv none,preempted,kick,both,tas --locks q,z
    tools/bench-overcommit.py --native                 the same kernel on OpenSBI, no hypervisor
    tools/bench-overcommit.py --hartvisor BIN --out build/before.json
    tools/bench-overcommit.py --write-results          the rows of docs/benchmarks.md (bench_cells.py), native
                                                       ones first, into tests/bench/overcommit.json;
                                                       goes on where it was broken off

One VM of 256 MiB on one hart, all of it under icount: one instruction is one virtual nanosecond, so
figures do not depend on the machine this runs on and may be compared from commit to commit. Which lock
the kernel takes is said by the ISA list in the guest's device tree, set by an overlay:

    t ticket   q queued (ziccrse)   y ticket + zawrs   z queued + zawrs

and how it spins by which of hartvisor's calls the VM has (property pv of its node):

    none   preempted (pv-lock)   kick (kick-cpu, pv-wait)   both   tas (none, and "virt_spin_lock")
    default: what a VM has that does not say; also for builds that do not know the property

Columns: rate is lock acquisitions, or loops, per second of guest time; of locks, from the second of
locktorture's lines to the last one, as its first writer runs alone for a while. native is that rate as a
share of what --native wrote into build/bench-native.json, if it ran before. KVM and Xvisor are what those
reach on the same work (tests/bench/peers.json); their loops began at 1,344 per second native, by another
busybox. steal is the share of the guest's time in /proc/stat that it calls stolen.
exits/s, wrs/s and switches/s are hartvisor's own counters (^] s) over the guest's uptime.

Another build, say of a worktree: run the script where the guest kernel is, and name the other build by
--hartvisor; it is copied first, so it may be rebuilt meanwhile. Several runs at a time need different
--out, which also names their logs (build/tests/logs/bench-STEM-*.log). See docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import copy
import itertools
import json
import pathlib
import re
import shutil
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "system"))
import hv  # noqa: E402
from bench_build import build_of, digest, linux_version, write_results  # noqa: E402
from bench_cells import CELLS, SECONDS, human, peer  # noqa: E402

LINUX = ROOT / "build" / "linux"
BASE_ISA = "i m a f d c zicsr zifencei sstc".split()
LOCK_ISA = {"t": [], "q": ["ziccrse"], "y": ["zawrs"], "z": ["ziccrse", "zawrs"]}
PV = {  # properties of the VM, words of the command line
    "none": ('pv = "none";', ""),
    "preempted": ('pv = "pv-lock";', ""),
    "kick": ('pv = "kick-cpu", "pv-wait";', ""),
    "both": ('pv = "pv-lock", "kick-cpu", "pv-wait";', ""),
    "tas": ('pv = "none";', "virt_spin_lock"),
    "default": ("", ""),
}
# PV locks and test-and-set are kinds of the queued spinlock.
PV_OF_LOCKS = {"t": ("none", "preempted"), "q": tuple(PV), "y": ("none", "preempted"), "z": tuple(PV)}
WORKS = ("spin_lock", "mutex_lock", "rwsem_lock", "fork")
NATIVE = hv.BUILD / "bench-native.json"
MEMORY = 256 * hv.MIB
VM = "guest"

TORTURE_LINE = re.compile(r"\[ *(\d+\.\d+)\] Writes:  Total: (\d+)")
FORK_LINE = re.compile(r"FORK loops=\d+ start=([\d.]+) stop=([\d.]+) end=([\d.]+) total=(\d+)")
TROUBLE = re.compile(r"soft lockup|hard LOCKUP|rcu: INFO|rcu_\w+ (?:self-)?detected|blocked for more than|"
                     r"BUG:|Oops|Kernel panic|WARNING:|crashed")


# --- one row --------------------------------------------------------------------------------------

def bootargs(args, vcpus: int, work: str, pv: str) -> str:
    words = ["console=hvc0", "earlycon=sbi"]
    if work == "fork":
        words += [f"S={args.seconds or 4}", f"fork={vcpus}", "locktorture.torture_type=none"]
    else:
        words += [f"S={args.seconds or 6}"]
        words += [f"locktorture.{word}" for word in (
            f"torture_type={work}", f"nwriters_stress={vcpus}", "nreaders_stress=0", "stat_interval=1",
            "stutter=0", "shuffle_interval=0", "long_hold=0", "rt_boost=0")]
    return " ".join(words + PV[pv][1].split() + args.bootargs.split())


def isa_overlay(name: str, vcpus: int, locks: str) -> pathlib.Path:
    """The overlay that leaves a guest's vcpus just these extensions."""
    exts = BASE_ISA + LOCK_ISA[locks]
    text = "rv64" + "".join(e for e in exts if len(e) == 1) + "".join(f"_{e}" for e in exts if len(e) > 1)
    quoted = ", ".join(f'"{e}"' for e in exts)
    nodes = "".join(f'&cpu{i} {{ riscv,isa = "{text}"; riscv,isa-extensions = {quoted}; }};\n'
                    for i in range(vcpus))
    hv.WORK.mkdir(parents=True, exist_ok=True)
    source, overlay = hv.WORK / f"{name}.isa.dts", hv.WORK / f"{name}.isa.dtbo"
    source.write_text(f"/dts-v1/;\n/plugin/;\n{nodes}")
    hv.run_tool(["dtc", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", overlay, source])
    return overlay


def native_tree(name: str, locks: str) -> pathlib.Path:
    """QEMU's own tree, with the guest's extensions."""
    tree = hv.WORK / f"{name}.dtb"
    hv.WORK.mkdir(parents=True, exist_ok=True)
    hv.run_tool([hv.QEMU, "-M", f"virt,dumpdtb={tree}", "-cpu", "rv64", "-smp", "1", "-m", "256M",
                 "-display", "none"])
    hv.run_tool(["fdtput", "-t", "s", tree, "/cpus/cpu@0", "riscv,isa-extensions",
                 *BASE_ISA, *LOCK_ISA[locks]])
    return tree


def machine(args, name: str, vcpus: int, locks: str, pv: str, work: str, seed: int) -> hv.Machine:
    icount = ["-icount", "shift=0,sleep=off", "-rtc", "clock=vm", "-seed", str(seed)]
    append = bootargs(args, vcpus, work, pv)
    if args.native:
        return hv.Machine(name, initrd=args.initramfs, smp=1, mem="256M", append=append, kernel=args.kernel,
                          args=[*icount, "-dtb", native_tree(name, locks)])
    vm = hv.Vm(VM, args.kernel, cpus=vcpus, memory=MEMORY, ramdisk=args.initramfs,
               more=f"{PV[pv][0]} {args.properties}",
               bootargs=f"{append} hold=3", fdt=isa_overlay(name, vcpus, locks))
    return hv.Machine(name, initrd=hv.bundle(name, [vm]), smp=1, mem="1G", kernel=args.hartvisor, args=icount)


def run_row(args, vcpus: int, locks: str, pv: str, work: str, seed: int) -> dict:
    name = f"bench-{args.out.stem}-{vcpus}{locks}-{pv}-{work}-{seed}"
    row = {"vcpus": vcpus, "locks": locks, "pv": pv, "work": work, "seed": seed}
    began = time.monotonic()
    try:
        with machine(args, name, vcpus, locks, pv, work, seed) as m:
            m.expect(r"GUEST-END [^\r\n]*[\r\n]", timeout=args.timeout)
            guest_text = m.text()
            if not args.native and not args.write_results:
                row["counters"] = ask_counters(m, vcpus)
        evaluate(row, guest_text)
    except AssertionError as error:
        row["error"] = str(error).splitlines()[0]
    row["wall_seconds"] = round(time.monotonic() - began, 1)
    return row


def ask_counters(m: hv.Machine, vcpus: int) -> dict:
    """hartvisor's table of ^] s, as {column: [of vcpu 0, of vcpu 1, ...]}."""
    before = len(m.text())
    m.menu("s")
    m.expect(rf"\] exits [\s\S]*?\] {VM}/{vcpus - 1} [^\n]*\n", timeout=120)
    counters, header = {}, ""
    for line in m.text()[before:].splitlines():
        line = line.replace("\x1b[5n", "").removeprefix("[hartvisor] ")  # as test_sched.py has it
        found = re.match(rf"{VM}/\d+(?= )", line)
        if not found:
            header = line or header
            continue
        for cell in re.finditer(r" +(\S+)", line[found.end():]):
            # A value stands below the right end of its column's name.
            title = header[found.end() + cell.start():found.end() + cell.end()].strip()
            value = cell.group(1)
            counters.setdefault(title, []).append(int(value) if value.isdigit() else value)
    return counters


# --- what a run said ------------------------------------------------------------------------------

def evaluate(row: dict, text: str) -> None:
    row["firmware"] = re.search(r"OpenSBI v\S+|$", text).group(0)
    row["trouble"] = sorted(set(TROUBLE.findall(text)))
    row["uptime"] = float(re.search(r"GUEST-END ([\d.]+)", text).group(1))
    row["lock_events"] = lock_events(text)
    row["steal_percent"] = steal_percent(text)
    if row["work"] == "fork":
        start, _, end, total = FORK_LINE.search(text).groups()
        row["rate"] = int(total) / (float(end) - float(start))
        return
    lines = [(float(when), int(total)) for when, total in TORTURE_LINE.findall(text)]
    row["torture_lines"] = lines
    if len(lines) < 3:
        row["error"] = f"only {len(lines)} lines of locktorture's"
        return
    (then, some), (now, all_) = lines[1], lines[-1]
    row["rate"] = (all_ - some) / (now - then)


def lock_events(text: str) -> dict:
    line = re.search(r"LOCK-EVENTS ([^\r\n]*)", text)
    return {name: int(count) for name, count in re.findall(r"(\w+):(\d+)", line.group(1))} if line else {}


def steal_percent(text: str) -> float:
    """The eighth of the numbers of /proc/stat's first line, of the first eight."""
    line = re.search(r"\bcpu  ([\d ]+)", text)
    times = [int(word) for word in line.group(1).split()][:8] if line else []
    return round(100 * times[7] / sum(times), 1) if len(times) == 8 and sum(times) else 0.0


# --- the table ------------------------------------------------------------------------------------

EXIT_COLUMNS = ("ipi", "timer", "irq", "sbi", "wfi", "wrs", "csr", "mmio", "fault", "other")


def per_second(row: dict, *columns: str) -> str:
    counters = row.get("counters") or {}
    found = [sum(counters[c]) for c in columns if c in counters]
    return human(sum(found) / row["uptime"]) if found and row.get("uptime") else ""


def events(row: dict, *names: str) -> str:
    counts = row.get("lock_events") or {}
    found = [counts[name] for name in names if name in counts]
    return human(sum(found) / row["uptime"]) if found else ""


HEADINGS = ("vcpus", "locks", "pv", "work", "seed", "rate/s", "native", "KVM", "Xvisor", "steal", "exits/s", "wrs/s",
            "switches/s", "waits/s", "kicks/s", "wall s", "remarks")


def cells(row: dict, native: dict) -> tuple:
    kvm, xvisor = (peer(hypervisor, row["vcpus"], row["locks"], row["work"]) for hypervisor in ("kvm", "xvisor"))
    share = f"{100 * row['rate'] / native[row['work']]:.3g} %" if row["work"] in native and "rate" in row else ""
    remarks = "; ".join(filter(None, [row.get("error", ""), *row.get("trouble", [])]))
    return (row["vcpus"], row["locks"], row["pv"], row["work"], row["seed"],
            human(row["rate"]) if "rate" in row else "-", share, kvm, xvisor,
            f"{row['steal_percent']} %" if "steal_percent" in row else "",
            per_second(row, *EXIT_COLUMNS), per_second(row, "wrs"), per_second(row, "switches"),
            events(row, "pv_wait_head", "pv_wait_node"), events(row, "pv_kick_unlock"), row["wall_seconds"], remarks)


def print_line(values) -> None:
    widths = (5, 5, 9, 10, 4, 9, 8, 16, 10, 7, 8, 8, 10, 8, 8, 6, 0)
    print("| " + " | ".join(f"{value!s:>{w}}" for value, w in zip(values, widths)) + " |", flush=True)


def native_rates(kernel: str) -> dict:
    """{work: rate} of the last --native with this kernel."""
    try:
        result = json.loads(NATIVE.read_text())
    except FileNotFoundError:
        return {}
    return {row["work"]: row["rate"] for row in result["rows"] if "rate" in row and result["kernel"] == kernel}


def conditions(args) -> dict:
    """What rows have to have in common to be of one measurement."""
    return {"image": None if args.native else digest(args.hartvisor), "kernel": args.kernel_version,
            "kernel_image": digest(args.kernel), "seconds": args.seconds, "bootargs": args.bootargs,
            "properties": args.properties}


def measured_before(args) -> dict:
    """Rows of a measurement under these conditions that was broken off."""
    try:
        result = json.loads(args.out.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    if any(result.get(key) != value for key, value in conditions(args).items()):
        return {}
    return {tuple(row[key] for key in ("vcpus", "locks", "pv", "work", "seed")): row for row in result["rows"]
            if "error" not in row}


def save(args, rows: list) -> None:
    result = {"hartvisor": None if args.native else args.hartvisor_name, **conditions(args), "rows": rows}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    part = args.out.with_suffix(".part")
    part.write_text(json.dumps(result, indent=1) + "\n")
    part.replace(args.out)


# --- what was asked for ---------------------------------------------------------------------------

def choice(kind, allowed):
    def parse(text: str) -> list:
        values = [kind(word) for word in text.split(",")]
        for value in values:
            if allowed and value not in allowed:
                raise argparse.ArgumentTypeError(f"{value}: one of {', '.join(map(str, allowed))}")
        return values
    return parse


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0],
                                     epilog="Lists are separated by commas. See the head of this file.")
    parser.add_argument("--vcpus", type=choice(int, range(1, 17)), default=None, help="1,2,4,8")
    parser.add_argument("--locks", type=choice(str, LOCK_ISA), default=None, help="t,q,y,z")
    parser.add_argument("--pv", type=choice(str, PV), default=["none", "preempted", "kick", "both", "tas"],
                        help="none,preempted,kick,both,tas; default: what a VM has that says nothing")
    parser.add_argument("--work", type=choice(str, WORKS), default=list(WORKS), help=",".join(WORKS))
    parser.add_argument("--seeds", type=choice(int, None), default=[1], help="QEMU's -seed: 1")
    parser.add_argument("--seconds", type=int, help="guest seconds of a run: 6 for locks, 4 for fork")
    parser.add_argument("--native", action="store_true", help="on OpenSBI, without a hypervisor; 1 vcpu")
    parser.add_argument("--hartvisor", type=pathlib.Path, default=hv.HARTVISOR, help="hartvisor.bin of another build")
    parser.add_argument("--kernel", type=pathlib.Path, default=LINUX / "Image")
    parser.add_argument("--initramfs", type=pathlib.Path, default=LINUX / "overcommit.cpio.gz")
    parser.add_argument("--bootargs", default="", help="more words for the guest's command line (nopvspin, say)")
    parser.add_argument("--properties", default="", help="more properties of the VM, as they stand in an .its")
    parser.add_argument("--jobs", type=int, default=1, help="rows at a time")
    parser.add_argument("--timeout", type=int, default=1800, help="seconds that a row may take")
    parser.add_argument("--write-results", action="store_true", help="the rows of docs/benchmarks.md, and where it reads them")
    parser.add_argument("--out", type=pathlib.Path, help="build/bench-linux.json, build/bench-native.json")
    args = parser.parse_args()
    if args.native and args.vcpus not in (None, [1]):
        parser.error("--native has 1 vcpu: the machine has one hart")
    args.out = args.out or (NATIVE if args.native else hv.BUILD / "bench-linux.json")
    args.vcpus = args.vcpus or ([1] if args.native else [1, 2, 4, 8])
    args.locks = args.locks or (["q"] if args.native else list(LOCK_ISA))
    if args.native:
        args.pv = ["default"]
    for path in (args.kernel, args.initramfs):
        if not path.exists():
            parser.error(f"no {path}: make guest-linux")
    # mkimage reads the paths from another folder.
    args.kernel, args.initramfs = args.kernel.resolve(), args.initramfs.resolve()
    return args


def wanted_rows(args) -> list:
    """(vcpus, locks, pv, work, seed) of each, those next to each other that are to be compared."""
    rows = []
    for vcpus, locks, work, pv, seed in itertools.product(args.vcpus, args.locks, args.work, args.pv, args.seeds):
        if pv in PV_OF_LOCKS[locks] or pv == "default":
            rows.append((vcpus, locks, pv, work, seed))
    return rows


def measure(args, wanted: list) -> list:
    if not args.native:
        args.hartvisor_name = str(args.hartvisor)
        hv.WORK.mkdir(parents=True, exist_ok=True)
        args.hartvisor = pathlib.Path(shutil.copy(args.hartvisor, hv.WORK / f"bench-{args.out.stem}.bin"))
    print(f"Linux {args.kernel_version} on {'OpenSBI' if args.native else args.hartvisor_name}\n")
    print_line(HEADINGS)
    print_line(["-"] * len(HEADINGS))
    rows, native = [], native_rates(args.kernel_version)
    known = measured_before(args) if args.write_results else {}
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for row in pool.map(lambda what: known.get(what) or run_row(args, *what), wanted):
            rows.append(row)
            print_line(cells(row, native))
            save(args, rows)
    print(f"\n{args.out}")
    return rows


def write_doc_results(args) -> list:
    """
    tests/bench/overcommit.json: the rates alone, of this build; nothing is written when a row has none. Rows that were
    measured before it was broken off are not measured again.
    """
    args.seconds = args.seconds or SECONDS
    bare = copy.copy(args)
    bare.native, bare.out, bare.vcpus = True, NATIVE, [1]
    native = measure(bare, [(1, "q", "default", work, 1) for work in WORKS])
    rows = measure(args, [(*cell, 1) for cell in CELLS])
    if not any("error" in row for row in native + rows):
        build = {**build_of(args.hartvisor, hv.QEMU, rows[0]["firmware"]), "linux": args.kernel_version}
        slim = [{**{key: row[key] for key in ("vcpus", "locks", "pv", "work")}, "rate": float(f"{row['rate']:.5g}"),
                 **({"trouble": row["trouble"]} if row["trouble"] else {})} for row in rows]
        write_results("overcommit.json", {"build": build, "seconds": args.seconds, "rows": slim, "native": {
            row["work"]: float(f"{row['rate']:.5g}") for row in native}})
    return native + rows


def main() -> int:
    args = parse_arguments()
    args.kernel_version = linux_version(args.kernel)
    rows = write_doc_results(args) if args.write_results else measure(args, wanted_rows(args))
    return any("error" in row or row["trouble"] for row in rows)


if __name__ == "__main__":
    sys.exit(main())
