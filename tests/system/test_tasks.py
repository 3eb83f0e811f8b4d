# SPDX-License-Identifier: BSD-2-Clause
"""Work that is done for a VM (clearing, loading, its device tree, ending it) costs that VM, and no other.

Counted under -icount shift=0: one instruction is one virtual nanosecond.
"""

import pathlib
import re
import subprocess

import pytest
from hv import BUILD, MIB, WORK, Image, Machine, Vm, bundle, guest, run_tool
from packed import by_gzip, by_lz4, write
from test_flood import flood

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


def packed_kernel(name, pack):
    """The guest that reboots, with 6 MiB behind it that take a while to unpack."""
    behind = bytes(n * n >> 7 & 0xff for n in range(64 << 10)) * 96
    return Image("packed", write(f"{name}.kernel", pack(guest("reboots").read_bytes() + behind)), 0x80200000, 0x80200000)


def reboots(vm, more="", cpus=1, memory=16, fdt=None, kernel=None, **args):
    return Vm(vm, kernel or guest("reboots"), cpus=cpus, memory=memory * MIB, more=more, fdt=fdt,
              bootargs=" ".join(f"{key}={value}" for key, value in args.items()))


def fifo(n=2000, **args):
    return Vm("rt", guest("latency"), memory=16 * MIB, more='class = "fifo"; priority = <1>;',
              bootargs=" ".join([f"n={n}", *(f"{key}={value}" for key, value in args.items())]))


KINDS = {
    "large": lambda name: [reboots("large", memory=1800)],
    "harts": lambda name: [reboots("harts", cpus=64, memory=64)],
    "busy-harts": lambda name: [reboots("busy", cpus=64, memory=64, busy=1)],
    "overlay": lambda name: [reboots("overlay", memory=16, fdt=large_overlay(name))],
    "gzip": lambda name: [reboots("gzip", memory=32, kernel=packed_kernel(name, by_gzip))],
    "lz4": lambda name: [reboots("lz4", memory=32, kernel=packed_kernel(name, lambda data: by_lz4(data, size=True)))],
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
    assert worst < WORST_WAKE_UP


@pytest.mark.clock
@pytest.mark.parametrize("kind", ["dbcn-returns", pytest.param("uart-returns", marks=pytest.mark.long)])
def test_fifo_wakes_beside_everything(name, kind):
    """Reboots, overlays, ends, a flood of output, and the operator's statistics of all vcpus, again and again."""
    with Machine(name, bundle(name, [fifo(6000), *KINDS["all"](name), flood(kind)]), smp=1, mem="2500M", args=ICOUNT) as m:
        m.expect_line("hartvisor", ": rebooting")
        for _ in range(12):
            m.menu("s")
            m.expect(r"\] exits ")
        m.expect(r"\[rt\] LATENCY of (\d+) wake-ups: mean (\d+) ns, worst (\d+) ns")
        count, mean, worst = map(int, m.child.match.groups())
        done = len(re.findall(": rebooting|: powered off", m.text()))
        print(f"FIGURE everything: {count} wake-ups: mean {mean}, worst {worst}; {done} lives ended")
        assert done >= 10
    assert worst < WORST_WAKE_UP


@pytest.mark.parametrize("weights", [pytest.param((100, 100), marks=pytest.mark.long), (10000, 1)])
def test_a_fair_neighbour_keeps_its_share(name, weights):
    """The other one spins, reboots, is cleared (1800 MiB), and so on: it has always something to do, and gets no more
    than its own part. With next to no weight it sleeps instead, because it would come to no end of its spinning."""
    neighbour, rebooter = weights
    vms = [reboots("rebooter", memory=1800, more=f"weight = <{rebooter}>;", ms=1000,
                    busy=int(rebooter > 1)),
           Vm("neighbour", guest("share"), memory=16 * MIB, more=f"weight = <{neighbour}>;",
              bootargs="settle=200 ms=5000")]
    with Machine(name, bundle(name, vms), smp=1, mem="2500M", args=ICOUNT) as m:
        m.expect(r"\[neighbour\] SHARE 0: \d+ thousand in \d+ us: (\d+) ppm")
        percent = int(m.child.match[1]) / 10000
        ended = m.text().count("rebooter: rebooting")
        print(f"FIGURE weights {weights}: {percent} %; {ended} reboots")
    due = 100 * neighbour / (neighbour + rebooter)
    assert percent == pytest.approx(due, abs=2)
    assert ended >= (3 if rebooter > 1 else 1)


def started(m, count):
    """Names of the first @count VMs that started, and when, in ms."""
    for _ in range(count):
        m.expect(r"\[hartvisor\] \d+\.\d{6} \S+: started")
    return [(vm, float(at) * 1000) for at, vm in re.findall(r"\[hartvisor\] (\d+\.\d{6}) (\S+): started", m.text())][:count]


@pytest.mark.parametrize("first", [0, 7])
def test_the_first_of_twelve_does_not_wait_for_the_others(name, first):
    """One after the other, in the order of the tree; one with a higher boot-priority before them."""
    vms = [Vm(f"vm-{i}", guest("hello"), memory=128 * MIB, more="boot-priority = <1>;" if first and i == first else "")
           for i in range(12)]
    with Machine(name, bundle(name, vms), smp=1, mem="2500M", args=ICOUNT) as m:
        got = started(m, 12)
    print("FIGURE", *(f"{vm} {at:.1f} ms" for vm, at in got))
    order = [first] + [i for i in range(12) if i != first]
    assert [vm for vm, _ in got] == [f"vm-{i}" for i in order]
    assert got[0][1] < 35


# --- how long a hart looks at no interrupt ---------------------------------------------------------------

def stretches(name, vms, smp):
    """The longest stretch of each hart, in instructions, and the functions on its way (plugins/stretch.c)."""
    source, elf = pathlib.Path(__file__).parent / "plugins/stretch.c", BUILD / "hartvisor-checked.elf"
    plugin, out = WORK / "stretch.so", WORK / f"{name}.txt"
    WORK.mkdir(parents=True, exist_ok=True)
    run_tool(["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", plugin, source])
    lines = subprocess.run(["nm", elf], stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")
    at = {line.split()[2]: line.split()[0] for line in lines if line.count(" ") == 2}
    plugin_args = ",".join([str(plugin), f"out={out}", *(f"{key}={at['stretch_' + key]}" for key in ("begin", "end", "tell"))])
    with Machine(name, bundle(name, vms), smp=smp, mem="2500M", kernel=elf.with_suffix(".bin"),
                 args=["-plugin", plugin_args]) as m:
        m.expect(r"\[rt\] LATENCY of ", timeout=1200)
        m.menu("q")
        m.expect_end()
    text = out.read_text()
    names = subprocess.run(["addr2line", "-f", "-e", elf, *re.findall(r" \+\d+ (\w+)", text)], text=True,
                           stdout=subprocess.PIPE, check=True).stdout.split("\n")[::2]
    print(text, *names)
    return [int(longest) for longest in re.findall(r"^\d+ (\d+)$", text, re.M)]


@pytest.mark.long
def test_no_stretch_without_a_look_at_interrupts_is_long(name):
    """Two harts, and all kinds of work: the longest time for which either looks at no interrupt."""
    longest = stretches(name, [fifo(4000), *KINDS["all"](name), flood("dbcn-returns")], smp=2)
    print(f"FIGURE longest stretches: {longest}")
    assert len(longest) == 2
    assert max(longest) < WORST_WAKE_UP
