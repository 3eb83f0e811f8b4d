# SPDX-License-Identifier: BSD-2-Clause
"""What an operator does from the menu: start, reset, destroy, at any time; and when the machine goes off."""

import re

import pytest
from hv import MIB, Machine, Vm, bundle, guest, menu_keys


def hello(name, more="", memory=32):
    return Vm(name, guest("hello"), memory=memory * MIB, more=more)


def states(m, **wanted):
    """The list says of each VM that it is in this state. One whose end has just been told may be stopping for a moment."""
    while True:
        m.menu("l")
        found = [m.expect(rf"\b{vm} +{state} ", rf"\b{vm} +stopping ") for vm, state in wanted.items()]
        m.expect("hartvisor's own memory")
        if not any(found):
            return


def test_a_vm_is_started_by_hand_and_again_after_it_was_off(name):
    vms = [hello("hand", "autostart = <0>;"), hello("auto")]
    with Machine(name, bundle(name, vms)) as m:
        m.expect_line("hartvisor", "console: auto")
        m.expect_line("auto", "HELLO")
        states(m, hand="off", auto="running")
        m.focus(1, "hand")
        for life in range(3):
            m.menu("o")
            m.expect_line("hartvisor", "hand: started")
            m.expect_line("hand", "HELLO")
            m.ping("hand", f"life {life}")
            m.send_line("crash" if life else "quit")
            m.expect_line("hartvisor", "hand: " + ("crashed" if life else "powered off"))
            states(m, hand="crashed" if life else "off")
        m.focus(2, "auto")
        m.ping("auto", "still there?")
        m.send_line("quit")
        m.expect_line("hartvisor", "all VMs have ended; powering off")
        m.expect_end()


def test_the_machine_waits_for_a_vm_that_was_never_started(name):
    with Machine(name, bundle(name, [hello("hand", "autostart = <0>;")])) as m:
        m.expect_line("hartvisor", "no VM starts by itself: \\^\\] o starts")
        m.menu("o")
        m.expect_line("hand", "HELLO")
        m.send_line("quit")
        m.expect_line("hartvisor", "all VMs have ended; powering off")
        m.expect_end()


def test_the_machine_stays_on_when_told_so(name):
    with Machine(name, bundle(name, [hello("vm")]), append="hartvisor.stay") as m:
        for _ in range(2):
            m.expect_line("vm", "HELLO")
            m.send_line("quit")
            m.expect_line("hartvisor", "all VMs have ended; the machine stays on")
            m.menu("o")
        m.expect_line("vm", "HELLO")
        m.menu("q")
        m.expect_end()


def test_a_power_off_can_be_a_restart(name):
    with Machine(name, bundle(name, [hello("vm", 'on-poweroff = "restart";')])) as m:
        for life in range(2):
            m.expect_line("vm", "HELLO")
            m.ping("vm", f"life {life}")
            m.send_line("quit")
            m.expect_line("hartvisor", "vm: powered off; restarting")
        m.expect_line("vm", "HELLO")
        m.menu("k")
        m.expect_line("hartvisor", "vm: destroyed")
        m.expect_line("hartvisor", "all VMs have ended; powering off")
        m.expect_end()


@pytest.mark.parametrize("smp", [1, 2])
def test_a_vm_that_is_loading_obeys(name, smp):
    """512 MiB are long in the clearing."""
    vms = [hello("good"), hello("vm", memory=512)]
    with Machine(name, bundle(name, vms), smp=smp) as m:
        m.expect_lines({"good": "HELLO", "vm": "HELLO"})
        m.focus(2, "vm")
        said = len(m.text())
        for _ in range(3):
            m.menu("r")
            m.expect_line("hartvisor", "vm: rebooting")
        m.menu("k")
        m.expect_line("hartvisor", "vm: destroyed")
        assert "vm: started" not in m.text()[said:]
        states(m, vm="off")
        m.menu("o")
        m.expect_line("vm", "HELLO")
        m.ping("vm", "after all")
        m.focus(1, "good")
        m.ping("good", "still there?")
        m.menu("q")
        m.expect_end()


def test_memory_is_told_to_be_short_or_waited_for(name):
    """Each needs more than half of it. What is being given back is waited for."""
    vms = [hello("one", memory=500), hello("two", "autostart = <0>;", memory=500)]
    with Machine(name, bundle(name, vms), mem="768M") as m:
        m.expect_line("one", "HELLO")
        m.focus(2, "two")
        m.menu("o")
        m.expect_line("hartvisor", r"two: memory = 500 MiB: only \d+ MiB of the machine are left")
        m.expect_line("hartvisor", "error: two: not started, for the reason above")
        m.focus(1, "one")
        m.send(menu_keys("k2o"))
        m.expect_line("hartvisor", "one: destroyed")
        m.expect_line("two", "HELLO")
        m.ping("two", "here?")
        m.menu("q")
        m.expect_end()


# One instruction is one nanosecond.
ICOUNT = ["-icount", "shift=0,sleep=off"]
WORST_WAKE_UP = 20000


def test_statistics_of_4096_vcpus_delay_no_guest(name):
    """A real-time guest on the only hart wakes in time, while 12,000 rows are printed; then a table is cut short."""
    vms = [Vm("rt", guest("latency"), memory=16 * MIB, bootargs="settle=20 n=400",
              more='class = "fifo"; priority = <1>; autostart = <0>;')]
    vms += [Vm(f"vm-{number}", guest("hello"), cpus=64, memory=16 * MIB, more="autostart = <0>;")
            for number in range(2, 65)]
    with Machine(name, bundle(name, vms), smp=1, args=ICOUNT) as m:
        m.expect_line("hartvisor", "no VM starts by itself")
        m.send(menu_keys("1os"))
        m.expect_line("hartvisor", "rt: started")
        m.expect(r"\[rt\] LATENCY of (\d+) wake-ups: mean (\d+) ns, worst (\d+) ns")
        count, mean, worst = map(int, m.child.match.groups())
        rows = len(re.findall(r"\] vm-\d+/\d+ +", re.sub(r"^[\s\S]*rt: started", "", m.text())))
        print(f"FIGURE {count} wake-ups: mean {mean}, worst {worst}, beside {rows} rows")
        m.menu("c")
        m.expect(r"\(the rest is left out\)", r"vm-64/63 [ 0-9]+[\r\n]")
        m.menu("l")
        m.expect("hartvisor's own memory")
    assert rows > 1000
    assert worst < WORST_WAKE_UP


def test_statistics_begin_anew(name):
    """With each life, and when they are zeroed; what is off says so, and its clocks stand still."""
    def row(m):
        m.menu("s")
        m.expect(r"\] vm/0 +(\w+) +\d+ +(\d+) +\d+ +(\d+) +(\d+) ")
        state, *numbers = m.child.match.groups()
        m.expect(r"events [^\n]*\n[^\n]*\] vm/0 +\d+ +\d+ +(\d+) ")
        numbers.append(m.child.match.group(1))  # kicks: one for each ping, whatever the time that it takes
        m.expect(r"exits [^\n]*\n[^\n]*\] vm/0 [ 0-9]+[\r\n]")
        return (state, *map(int, numbers))

    def work():
        for number in range(50):
            m.ping("vm", f"{number}")

    with Machine(name, bundle(name, [hello("vm")]), append="hartvisor.stay") as m:
        m.expect_line("vm", "HELLO")
        work()
        state, _, _, _, kicks = row(m)
        assert state in ("running", "blocked", "ready")
        m.menu("z")
        m.expect("statistics count from now on")
        zeroed = row(m)
        assert kicks >= 25 > zeroed[4]
        work()
        before = row(m)
        m.menu("r")
        m.expect_line("vm", "HELLO")
        anew = row(m)
        assert before[4] >= 25 > anew[4], (before, anew)
        work()
        m.send_line("quit")
        m.expect_line("hartvisor", "the machine stays on")
        off = row(m)
        assert off[0] == "off"
        for _ in range(3):
            assert row(m) == off
        m.menu("q")
        m.expect_end()
