# SPDX-License-Identifier: BSD-2-Clause
"""Hostile and broken guests beside a good one, which answers all the time; hartvisor's log stays short."""

import re

import pytest
from hv import Machine, Vm, bundle, guest

MAX_OWN_LINES = 25


def verdict(m, test):
    found = re.search(rf"\[evil\] TEST {test} (PASS|FAIL[^\n]*)", m.text())
    return found.group(1) if found else None


def good_and(evil, name, smp=2, append=""):
    return Machine(name, bundle(name, [Vm("good", guest("hello")), evil]), smp=smp, append=append)


@pytest.mark.parametrize("test, cpus, bootargs", [
    ("sbi_fuzz", 2, "n=20000 storm=200000"),
    ("csr", 1, ""),
    ("insn", 1, ""),
    ("mem", 2, ""),
    ("plic", 2, ""),
    ("ipi", 4, "n=300"),
    ("hsm", 4, "n=50"),
])
def test_good_guest_answers_beside(name, test, cpus, bootargs):
    with good_and(Vm("evil", guest(test), cpus=cpus, bootargs=bootargs), name) as m:
        m.expect_lines({"good": "HELLO", "hartvisor": "evil: started"})
        number = 0
        while " evil: powered off" not in m.text():
            number += 1
            assert number < 20000
            m.ping("good", f"ping {number}")
        assert verdict(m, test) == "PASS"
        m.ping("good", "still there?")
        m.send_line("quit")
        m.expect_end()
        assert len(m.own_lines()) < MAX_OWN_LINES, m.own_lines()


@pytest.mark.parametrize("test, cpus, bootargs, smp", [
    ("spin", 4, "", 2),
    ("spin", 2, "", 1),
    ("wild", 1, "", 1),
    ("wild", 2, "", 2),
    ("wild", 2, "device", 2),
    ("wild", 1, "paged", 1),
])
def test_good_guest_answers_beside_one_without_end(name, test, cpus, bootargs, smp):
    with good_and(Vm("evil", guest(test), cpus=cpus, bootargs=bootargs), name, smp=smp) as m:
        m.expect_lines({"good": "HELLO", "evil": test.upper()})
        for number in range(20):
            m.ping("good", f"ping {number}")
        m.menu("l")
        m.expect(r"good +running")
        m.expect(r"evil +\w+")
        m.send_line("quit")
        m.expect_line("hartvisor", "good: powered off")
        m.menu("q")
        m.expect_end()
        assert len(m.own_lines()) < MAX_OWN_LINES, m.own_lines()


def test_crash_is_the_guests_alone(name):
    with good_and(Vm("evil", guest("hello")), name) as m:
        m.expect_lines({"good": "HELLO", "evil": "HELLO"})
        m.focus(2, "evil")
        m.send_line("crash")
        m.expect_line("hartvisor", "evil: crashed: ")
        m.focus(1, "good")
        m.ping("good", "still there?")
        m.menu("l")
        m.expect(r"evil +crashed")
        m.send_line("quit")
        m.expect_line("hartvisor", "all VMs have ended")
        m.expect_end()


def test_reboots_are_the_guests_alone(name):
    with good_and(Vm("evil", guest("hello")), name) as m:
        m.expect_lines({"good": "HELLO", "evil": "HELLO"})
        for _ in range(3):
            m.focus(2, "evil")
            m.send_line("reboot")
            m.expect_line("hartvisor", "evil: rebooting")
            m.expect_line("evil", "HELLO")
            m.ping("evil", "back again?")
            m.focus(1, "good")
            m.ping("good", "still there?")
        m.menu("q")
        m.expect_end()


def test_crash_restarts_when_told_so(name):
    evil = Vm("evil", guest("hello"), more='on-crash = "restart";')
    with good_and(evil, name) as m:
        m.expect_lines({"good": "HELLO", "evil": "HELLO"})
        m.focus(2, "evil")
        m.send_line("crash")
        m.expect_line("hartvisor", "evil: crashed: .*restarting")
        m.expect_line("evil", "HELLO")
        m.ping("evil", "back again?")
        m.menu("q")
        m.expect_end()
