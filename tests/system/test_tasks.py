# SPDX-License-Identifier: BSD-2-Clause
"""Work that is done for a VM (clearing, loading, its device tree, ending it) costs that VM, and nobody else.

Counted under -icount shift=0: one instruction is one virtual nanosecond.
"""

import re

import pytest
from hv import BUILD, MIB, WORK, Machine, Vm, bundle, guest, run_tool

ICOUNT = ["-icount", "shift=0,sleep=off"]

# What a wake-up may take beside any of them, in instructions.
WORST_WAKE_UP = 20000


def large_overlay(name):
    """A .dtbo of 64 KiB: 410 nodes with a label, which refer to each other."""
    source, dtbo = WORK / f"{name}.dts", WORK / f"{name}.dtbo"
    nodes = "".join(f"""
        n{i}: node-{i} {{ next = <&n{(i + 1) % 410}>; interrupt-parent = <&plic>; }};"""
                    for i in range(410))
    WORK.mkdir(parents=True, exist_ok=True)
    source.write_text(f"/dts-v1/; /plugin/; / {{ fragment@0 {{ target-path = \"/soc\"; __overlay__ {{ {nodes} }}; }}; }};")
    run_tool(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", dtbo, source])
    print(dtbo.stat().st_size)
    assert 50 << 10 < dtbo.stat().st_size <= 64 << 10
    return dtbo


def reboots(vm, more="", cpus=1, memory=16, fdt=None, **args):
    return Vm(vm, guest("reboots"), cpus=cpus, memory=memory * MIB, more=more, fdt=fdt,
              bootargs=" ".join(f"{key}={value}" for key, value in args.items()))


def fifo(n=2000, **args):
    return Vm("rt", guest("latency"), memory=16 * MIB, more='class = "fifo"; priority = <1>;',
              bootargs=" ".join([f"n={n}", *(f"{key}={value}" for key, value in args.items())]))


KINDS = {
    "large": lambda name: [reboots("large", memory=1800)],
    "harts": lambda name: [reboots("harts", cpus=64, memory=64)],
    "busy-harts": lambda name: [reboots("busy", cpus=64, memory=64, busy=1)],
    "overlay": lambda name: [reboots("overlay", memory=16, fdt=large_overlay(name))],
    "ends": lambda name: [reboots("ends", cpus=64, memory=512, off=1, ms=700)],
    "all": lambda name: [reboots("large", memory=1200), reboots("harts", cpus=64, memory=64),
                         reboots("busy", cpus=64, memory=64, busy=1),
                         reboots("overlay", memory=16, fdt=large_overlay(name)),
                         reboots("ends", cpus=64, memory=128, off=1, ms=900)],
}


@pytest.mark.parametrize("kind", KINDS)
def test_fifo_wakes_beside_work_for_others(name, kind):
    """Whatever is done for other VMs, one step of it at most."""
    n = 6000 if kind in ("overlay", "all") else 2000  # ms; an overlay of that size takes seconds
    with Machine(name, bundle(name, [fifo(n), *KINDS[kind](name)]), smp=1, mem="2500M", args=ICOUNT) as m:
        m.expect(r"\[rt\] LATENCY of (\d+) wake-ups: mean (\d+) ns, worst (\d+) ns")
        count, mean, worst = map(int, m.child.match.groups())
        done = len(re.findall(": rebooting|: powered off", m.text()))
        print(f"FIGURE {kind}: {count} wake-ups: mean {mean}, worst {worst}; {done} lives ended")
        assert done > 0
    # Two steps back to back, the terminal's among them, are still possible with all of them together.
    assert worst < (1.5 * WORST_WAKE_UP if kind == "all" else WORST_WAKE_UP)
