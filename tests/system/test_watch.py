# SPDX-License-Identifier: BSD-2-Clause
"""Guests that have stopped without a word are pointed at, once; those that work are not."""

import re

import pytest
from hv import WORK, Image, Machine, Vm, bundle, guest, linux
from test_linux import UP, prompt

STOPPED = "seems to have panicked, or spins: no output, no user mode, no sleep for 30 s"
TRAPS = "traps for ever in its own trap handler, vcpu 0 at pc"


def headless(name):
    """Guest lost as a raw binary: without its Image header nothing but load and entry says where it goes."""
    image = bytearray(guest("lost").read_bytes())
    image[48:60] = bytes(12)
    path = WORK / f"{name}.raw"
    WORK.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image)
    return path


def listed(m):
    """What the list says of each VM: name to its lines."""
    said = len(m.text())
    m.menu("l")
    m.expect("hartvisor's own memory")
    parts = re.split(r"\n\[hartvisor\] [* ] *\d+ +(\S+) .*", m.text()[said:])
    return dict(zip(parts[1::2], parts[2::2]))


def type_to(m, number, vm, command):
    m.focus(number, vm)
    prompt(m, vm)
    m.send_line(command)


@pytest.mark.long
def test_guests_that_stopped_are_told_from_those_that_work(name):
    """The two that work have one vcpu each: nothing but what that does shows that they live. The one that copies is in its
    kernel nearly all the time, in one loop and one system call: few samples meet anything else."""
    vms = [linux("panics", cpus=2), linux("computes", cpus=1), linux("copies", cpus=1),
           linux("rootless", cpus=1, ramdisk=None, bootargs="root=/dev/nothing"),
           Vm("spins", guest("spin"), more='class = "fifo"; affinity = <2>;'), Vm("idles", guest("hello"))]
    with Machine(name, bundle(name, vms), smp=3, mem="2G") as m:
        m.expect_lines({"panics": UP.format(2), "computes": UP.format(1), "copies": UP.format(1)})
        type_to(m, 2, "computes", "timeout 50 sh -c 'while :; do :; done'; echo has''-computed")
        type_to(m, 3, "copies", "timeout 50 dd if=/dev/zero of=/dev/null bs=256k 2>&-; echo has''-copied")
        type_to(m, 1, "panics", "echo c >/proc/sysrq-trigger")
        m.expect_line("panics", "Kernel panic - not syncing")
        m.expect_lines({"computes": "has-computed", "copies": "has-copied"})
        m.focus(6, "idles")
        m.ping("idles", "there?")
        text = m.text()
        if f"panics: {STOPPED}" not in text:
            m.expect_line("hartvisor", f"panics: {STOPPED}, vcpu [01] in supervisor mode near pc 0xf")
        if f"rootless: {STOPPED}" not in text:
            m.expect_line("hartvisor", f"rootless: {STOPPED}")
        notes = listed(m)
        for vm in ("panics", "rootless", "spins"):
            assert re.search(r"no sign of life for \d+ s: vcpu \d+ in supervisor mode near pc 0x", notes[vm]), notes
        for vm in ("computes", "copies", "idles"):
            assert "sign of life" not in notes[vm] and "traps for ever" not in notes[vm], notes
        warned = re.findall(r"warning: (\w+): (?:seems|traps)", m.text())
        assert sorted(warned) == ["panics", "rootless"], warned


@pytest.mark.parametrize("where", ["elsewhere", *(pytest.param(w, marks=pytest.mark.long) for w in ("unmapped", "void"))])
def test_a_kernel_that_traps_for_ever_is_pointed_at(name, where):
    """A raw binary where it is not linked to; a trap handler without a page; one without memory."""
    vm = {"elsewhere": Vm("vm", Image("raw", headless(name), load=0x81000000, entry=0x81000000)),
          "unmapped": Vm("vm", guest("lost"), bootargs="paged"), "void": Vm("vm", guest("wild"))}[where]
    said = {"elsewhere": r"0x802[0-9a-f]{5} \(scause 2", "unmapped": r"0xffffffc000000000 \(scause 12",
            "void": r"0x1000 \(scause 1"}[where]
    with Machine(name, bundle(name, [vm, Vm("good", guest("hello"))])) as m:
        m.expect_line("hartvisor", f"vm: {TRAPS} {said}")
        notes = listed(m)
        assert "vcpu 0 traps for ever in its trap handler at pc 0x" in notes["vm"], notes
        assert "traps" not in notes["good"], notes
        # Another life is told of again. The list shows that of this one now, and no more than that.
        m.focus(1, "vm")
        m.menu("r")
        m.expect_line("vm", "(LOST begins|WILD goes)")
        m.expect_line("hartvisor", f"vm: {TRAPS}")
        assert m.text().count(TRAPS) == 2
        m.focus(2, "good")
        m.ping("good", "there?")


def test_a_kernel_where_it_is_linked_to_runs(name):
    """The same binary in its place: it is not the binary that is at fault."""
    with Machine(name, bundle(name, [Vm("vm", Image("raw", headless(name), load=0x80200000, entry=0x80200000))])) as m:
        m.expect_passed("vm", "lost")


def test_the_list_says_which_vm_prints(name):
    with Machine(name, bundle(name, [Vm("mute", guest("mute")), Vm("good", guest("hello"))])) as m:
        m.expect_lines({"good": "HELLO", "hartvisor": "mute: started"})
        notes = listed(m)
        assert "has printed nothing" in notes["mute"], notes
        assert "has printed nothing" not in notes["good"], notes
