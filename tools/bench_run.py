# SPDX-License-Identifier: BSD-2-Clause
"""Runs the benchmark's machines (bench_rows.py) and reads what they say."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import time

from bench_rows import IDLE, Run

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "system"))
import hv  # noqa: E402
import machine_disks  # noqa: E402

PAYLOAD = hv.BUILD / "bench" / "payload.bin"
INIT = hv.BUILD / "bench" / "init"
EPOCH = 1767225600 * 10**9  # 2026-01-01 in ns since 1970: what -rtc says


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


def images(run: Run) -> list:
    found = []
    for name, data in run.images.items():
        path = hv.WORK / f"bench-{run.name}.{name}"
        path.write_bytes(data)
        found.append(hv.Image(name, path))
    return found


def machine_disk(run: Run) -> tuple:
    """The bundle's disks, and QEMU's options."""
    path = hv.WORK / f"bench-{run.name}.disk"
    path.write_bytes(run.disk)
    return machine_disks.source("host"), [*machine_disks.MODERN, *machine_disks.drive(path)]


def run_payload(run: Run) -> str:
    if run.native:
        return boot(run.name, ["-kernel", PAYLOAD, "-append", run.args[0]], run.harts, run.mem, "BENCH-END", run.ends,
                    300, run.machine)
    vms = [hv.Vm(f"vm{i}", PAYLOAD, cpus=run.cpus, memory=run.memory, bootargs=args, more=run.more)
           for i, args in enumerate(run.args)]
    disks, drive = machine_disk(run) if run.disk else ("", [])
    initrd = hv.make_itb(f"bench-{run.name}", hv.its_text(vms, images(run), disks, run.networks),
                         "mkimage -E -B 0x1000" if run.images else "mkimage")
    return boot(run.name, ["-kernel", hv.HARTVISOR, "-initrd", initrd, "-append", "hartvisor.prefix=1", *drive], run.harts,
                run.mem, "BENCH-END", run.ends, 600, run.machine)


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
INIT_LINE = r"BENCH-INIT time=(\d+)\r"
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
    linked = (hv.BUILD / "hartvisor.map").read_text()
    results["image-crypto"] = size_in_map(linked, "bearssl")
    results["image-unpack"] = size_in_map(linked, "zlib") + size_in_map(linked, "lz4")
    results["image"] = hv.HARTVISOR.stat().st_size - results["image-crypto"] - results["image-unpack"]
    sizes = subprocess.run(["riscv64-unknown-elf-size", "-A", hv.BUILD / "hartvisor.elf"], check=True,
                           capture_output=True, text=True).stdout
    results["bss"] = sum(int(size) for size in re.findall(r"^\.bss\S*\s+(\d+)", sizes, re.M))
    one, two = own_memory(1), own_memory(2)
    results.update({"memory-1": one, "memory-2": two, "memory-0": 2 * one - two, "memory-64": own_memory(64)})
    results["per-vcpu"] = (own_memory(1, 64) - one) * 1024 // 63
