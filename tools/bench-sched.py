#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What scheduling costs: a switch, a wake-up, locks, an idle Linux, a busy vcpu. In instructions, under icount.

    make all guest-tests; tools/bench-sched.py [switch] [latency] [busy] [locks] [idle]
    tools/bench-sched.py --write-results      all of them, into tests/bench/sched.json

idle takes Debian's kernel, and build/linux/Image when make guest-linux has built it. See docs/benchmarks.md.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "system"))
import hv  # noqa: E402
from bench_build import build_of, linux_version, write_results  # noqa: E402
from test_pv import KINDS  # noqa: E402
from test_sched import ICOUNT, machine, share, vcpu_table  # noqa: E402

LINUX = ROOT / "build" / "linux"
LOCK_MS = 1000


def exits(vcpus):
    """All exits of all vcpus: the columns of ^] s's third table, by cause."""
    causes = ("ipi", "timer", "irq", "sbi", "wfi", "wrs", "csr", "mmio", "fault", "other")
    return {cause: sum(vcpu[cause] for vcpu in vcpus) for cause in causes}


def numbers(text, pattern):
    return list(map(int, re.search(pattern, text).groups()))


def bench_switch():
    found = {}
    for sta in (0, 1):
        vm = hv.Vm("vm", hv.guest("switch"), cpus=2, memory=16 * hv.MIB, more="slice-us = <200>;",
                   bootargs=f"n=1000 sta={sta}")
        with machine("bench-switch", [vm]) as m:
            m.expect_passed("vm", "switch")
            text = m.text()
        slice_end, = numbers(text, r"SWITCH \d+ times: mean (\d+) ns")
        ipi, wrs = numbers(text, r"SWITCH to and fro: (\d+) ns by IPI out of WFI, (\d+) ns by WRS.NTO")
        found["sta" if sta else "plain"] = {"slice": slice_end, "ipi": ipi, "wrs": wrs}
    found["console"] = text
    return found


def bench_latency():
    found = {}
    for kind in ("fifo", "fair"):
        vms = [hv.Vm("vm", hv.guest("latency"), memory=16 * hv.MIB, more=f'class = "{kind}";')]
        vms += [hv.Vm(f"spin-{i}", hv.guest("spin"), memory=16 * hv.MIB) for i in range(3)]
        with machine("bench-latency", vms) as m:
            m.expect_passed("vm", "latency")
            mean, worst = numbers(m.text(), r"LATENCY of \d+ wake-ups: mean (\d+) ns, worst (\d+) ns")
        found[kind] = {"mean": mean, "worst": worst}
    return found


def bench_busy():
    """Exits after it has started: of two that run for 1 and 2 seconds, the difference."""
    found = []
    for ms in (1000, 2000):
        with machine("bench-busy", [share("vm", settle=100, ms=ms)]) as m:
            m.expect_line("vm", "SHARE 0: ")
            found.append(sum(exits(vcpu_table(m, "vm", 1)).values()))
    return {"exits": found[1] - found[0]}


def bench_locks():
    """Acquisitions per second of the guest's clock."""
    found = {}
    for cpus in (1, 2, 4, 8):
        for kind in KINDS:
            vm = hv.Vm("vm", hv.guest("pvlock"), cpus=cpus, bootargs=f"kind={KINDS.index(kind)} ms={LOCK_MS}")
            with machine("bench-locks", [vm]) as m:
                m.expect_passed("vm", "pvlock")
                rate, = numbers(m.text(), rf"PVLOCK {kind} vcpus={cpus} per-second=(\d+)")
            found.setdefault(str(cpus), {})[kind] = rate
    return found


def idle_linux(kernel, ramdisk, bootargs, ready, seconds):
    """Exits a second, from the first look at the counters to the second."""
    vm = hv.Vm("linux", kernel, cpus=4, memory=256 * hv.MIB, ramdisk=ramdisk, bootargs=bootargs)

    def wait():
        m.send_line(f"sleep {seconds}; echo SLE''PT")
        m.expect(r"SLEPT")

    with machine("bench-idle", [vm], args=[*ICOUNT, "-rtc", "clock=vm"]) as m:
        m.expect(ready, timeout=3600)
        m.send_line("")
        m.expect("# ")
        wait()  # what booting left to be done is over
        before = exits(vcpu_table(m, "linux", 4))
        wait()
        after = exits(vcpu_table(m, "linux", 4))
    return round(sum(after[cause] - before[cause] for cause in after) / seconds, 1)


def bench_idle():
    found = {"debian": idle_linux(hv.LINUX, hv.INITRAMFS, "console=ttyS0 earlycon=sbi", "GUEST-UP", 100)}
    if (LINUX / "Image").exists():
        found["own"] = idle_linux(LINUX / "Image", hv.INITRAMFS,
                                  "console=ttyS0 earlycon=sbi locktorture.torture_type=none", "GUEST-UP", 100)
    return found


BENCHES = {"switch": bench_switch, "latency": bench_latency, "busy": bench_busy, "locks": bench_locks,
           "idle": bench_idle}


def main():
    write = sys.argv[1:] == ["--write-results"]
    results, console = {}, ""
    for name in BENCHES if write else sys.argv[1:] or BENCHES:
        if name not in BENCHES:
            sys.exit(f"{name}: one of {', '.join(BENCHES)}")
        results[name] = BENCHES[name]()
        console = results[name].pop("console", console)
        print(f"{name}: {results[name]}", flush=True)
    if write:
        build = {**build_of(hv.HARTVISOR, hv.QEMU, console), "linux": linux_version(hv.LINUX)}
        write_results("sched.json", {"build": build, **results})


if __name__ == "__main__":
    main()
