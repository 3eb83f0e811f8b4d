#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What scheduling costs: a switch, a wake-up, an idle Linux, a busy vcpu. In instructions, under icount.

    make all guest-tests; tools/bench-sched.py [switch] [latency] [busy] [idle]

idle takes Debian's kernel, and build/linux/Image when make guest-linux has built it. See docs/benchmarks.md.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "system"))
import hv  # noqa: E402
from test_sched import ICOUNT, machine, share, vcpu_table  # noqa: E402

LINUX = ROOT / "build" / "linux"


def exits(vcpus):
    """All exits of all vcpus: the columns of ^] s's third table."""
    causes = ("ipi", "timer", "irq", "sbi", "wfi", "wrs", "csr", "mmio", "fault", "other")
    return {cause: sum(vcpu[cause] for vcpu in vcpus) for cause in causes}


def per_second(m, vm, cpus, seconds, wait):
    before, clock = exits(vcpu_table(m, vm, cpus)), wait()
    more = exits(vcpu_table(m, vm, cpus))
    found = {cause: more[cause] - before[cause] for cause in more if more[cause] > before[cause]}
    total = sum(found.values())
    return f"{total / (clock or seconds):.1f} exits a second ({total} in {clock or seconds:g} s: {found})"


def bench_switch():
    for sta in (0, 1):
        vm = hv.Vm("vm", hv.guest("switch"), cpus=2, memory=16 * hv.MIB, more="slice-us = <200>;",
                   bootargs=f"n=1000 sta={sta}")
        with machine("bench-switch", [vm]) as m:
            m.expect_passed("vm", "switch")
            for line in re.findall(r"\[vm\] SWITCH (.*)", m.text()):
                print(f"switch, {'with' if sta else 'without'} steal time: {line}")


def bench_latency():
    for kind in ('class = "fifo";', 'class = "fair";'):
        vms = [hv.Vm("vm", hv.guest("latency"), memory=16 * hv.MIB, more=kind)]
        vms += [hv.Vm(f"spin-{i}", hv.guest("spin"), memory=16 * hv.MIB) for i in range(3)]
        with machine("bench-latency", vms) as m:
            m.expect_passed("vm", "latency")
            print(f"wake-up beside 3 that spin, {kind}", re.search(r"LATENCY of (.*)", m.text())[1])


def bench_busy():
    with machine("bench-busy", [share("vm", settle=100, ms=2000)]) as m:
        m.expect_line("vm", "SHARE 0: ")
        vcpu = vcpu_table(m, "vm", 1)[0]
    print(f"a busy vcpu alone for {vcpu['run ms']} ms: exits {exits([vcpu])}")


def idle_linux(what, kernel, ramdisk, bootargs, ready, seconds):
    vm = hv.Vm("linux", kernel, cpus=4, memory=256 * hv.MIB, ramdisk=ramdisk, bootargs=bootargs)

    def wait():
        m.send_line(f"sleep {seconds}; echo SLE''PT")
        m.expect(r"SLEPT")

    with machine("bench-idle", [vm], args=[*ICOUNT, "-rtc", "clock=vm"]) as m:
        m.expect(ready, timeout=3600)
        m.send_line("")
        m.expect("# ")
        wait()  # what booting left to be done is over
        print(f"idle Linux, 4 vcpus, {what}:", per_second(m, "linux", 4, seconds, wait))


def bench_idle():
    idle_linux("Debian's kernel", hv.LINUX, hv.INITRAMFS, "console=ttyS0 earlycon=sbi",
               "GUEST-UP", 100)
    if (LINUX / "Image").exists():
        idle_linux("build/linux/Image", LINUX / "Image", hv.INITRAMFS,
                   "console=ttyS0 earlycon=sbi locktorture.torture_type=none", "GUEST-UP", 100)


BENCHES = {"switch": bench_switch, "latency": bench_latency, "busy": bench_busy, "idle": bench_idle}


def main():
    for name in sys.argv[1:] or BENCHES:
        if name not in BENCHES:
            sys.exit(f"{name}: one of {', '.join(BENCHES)}")
        BENCHES[name]()
        sys.stdout.flush()


if __name__ == "__main__":
    main()
