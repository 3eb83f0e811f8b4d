# SPDX-License-Identifier: BSD-2-Clause
"""What an operator does from the menu: start, reset, destroy, at any time; and when the machine goes off."""

import pytest
from hv import MIB, Machine, Vm, bundle, guest, menu_keys


def hello(name, more="", memory=32):
    return Vm(name, guest("hello"), memory=memory * MIB, more=more)


def states(m, **wanted):
    """The list says of each VM that it is in this state."""
    m.menu("l")
    for vm, state in wanted.items():
        m.expect(rf"\b{vm} +{state} ")
    m.expect("hartvisor's own memory")


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
