# SPDX-License-Identifier: BSD-2-Clause
"""Wake-ups: every reason against every sleep, as hyp/vcpu/sleep.h has the table, which is read here."""

import re

import pytest
from hv import ROOT, Machine, Vm, bundle, guest

REASONS = {"WAKE_REQUEST": 1, "WAKE_KICK": 2, "WAKE_IRQ": 4, "WAKE_TIMER": 8}
ICOUNT = ["-icount", "shift=0,sleep=off"]


def long(*values):
    return pytest.param(*values, marks=pytest.mark.long)


def concurrent(*values):
    return pytest.param(*values, marks=pytest.mark.concurrent)


def table():
    """{name of a sleep: the bits of what ends it}, as hyp/vcpu/sleep.h says."""
    text = (ROOT / "hyp/vcpu/sleep.h").read_text()
    for name, bit in REASONS.items():
        assert re.search(rf"{name} = 1 << {bit.bit_length() - 1},", text), f"{name} is another bit now"
    rows = {}
    for name, reasons in re.findall(r'X\(\w+, "([a-z-]+)",\s*([A-Z_| ]+)\)', text):
        rows[name] = sum(REASONS[reason.strip()] for reason in reasons.split("|"))
    # What the specifications (privileged: WFI; SBI: HSM) and docs/abi.md (PV_WAIT) say of them.
    assert rows == {"wfi": 15, "suspend": 15, "pv-wait": 3, "pv-wait-irq": 15, "stopped": 1, "paused": 1}
    return rows


def wake_vm(args, cpus, poll):
    rows = " ".join(f"{name}={ends}" for name, ends in table().items())
    return Vm("vm", guest("wake"), cpus=cpus, bootargs=f"{rows} {args}",
              more=f'pv = "all"; halt-poll-us = <{poll}>;')


def wake_machine(name, args, cpu, smp, busy=0, poll=0, icount=False, others=()):
    vms = [wake_vm(f"{args} busy={busy}", 2 + busy, poll), *others]
    return Machine(name, bundle(name, vms), smp=smp, cpu=cpu, args=ICOUNT if icount else [])


def migrations(m, vm, cpus):
    """What ^] s counts of @vm's migrations."""
    m.menu("s")
    m.expect(rf"events [\s\S]*{vm}/{cpus - 1} [ 0-9]*[\r\n]")
    rows = re.findall(rf"^\[hartvisor\] {vm}/\d+ +[a-z]+ +\d+ +\d+ +\d+ +\d+ +\d+ +(\d+)", m.text(), re.M)
    return sum(int(row) for row in rows[-cpus:])


CPUS = ["rv64", "rv64,sstc=off"]


# busy: vcpus that always want a hart. poll: us that a halt is polled for. Without both and with Sstc it rests.
@pytest.mark.parametrize("rounds, smp, busy, poll, icount", [
    (2, 1, 0, 0, True),
    (2, 1, 1, 0, True),
    (1, 1, 0, 300, True),
    concurrent(2, 2, 0, 0, False),
    concurrent(1, 2, 2, 0, False),
    concurrent(1, 2, 0, 300, False),
    long(30, 1, 0, 0, True),
    long(30, 1, 1, 0, True),
    long(30, 1, 0, 300, True),
    long(60, 2, 0, 0, False),
    long(30, 2, 2, 0, False),
    long(60, 2, 0, 300, False),
    long(30, 4, 3, 300, False),
])
@pytest.mark.parametrize("cpu", CPUS)
def test_each_reason_ends_each_sleep_that_it_should(name, patience, cpu, rounds, smp, busy, poll, icount):
    with wake_machine(name, f"n={rounds} hold=1", cpu, smp, busy, poll, icount) as m:
        found = m.expect(r"\[vm\] TEST wake HOLD", r"\[vm\] TEST wake FAIL[^\r\n]*[\r\n]", timeout=patience)
        assert found == 0, m.child.match.group(0)
        if smp > 1 and busy >= smp:
            assert migrations(m, "vm", 2 + busy) > 0, "nothing has moved from hart to hart"
        m.send("x")
        m.expect_passed("vm", "wake")
        m.expect_end()


@pytest.mark.parametrize("rounds, smp, busy", [
    concurrent(12, 1, 1),
    concurrent(12, 2, 0),
    long(60, 1, 0),
    long(60, 2, 2),
])
@pytest.mark.parametrize("cpu", CPUS)
def test_pauses_on_the_way_lose_no_wake_up(name, cpu, rounds, smp, busy):
    """The guest's deadlines move with its clock, whether it sleeps or runs when it is paused."""
    with wake_machine(name, f"n={rounds} hold=1", cpu, smp, busy) as m:
        m.expect_line("hartvisor", "vm: started")
        assert m.pause_until_verdict("vm", "wake") >= 3
        m.send("x")
        m.expect_passed("vm", "wake")
        m.expect_end()


@pytest.mark.parametrize("stay", [1, 2])
@pytest.mark.parametrize("smp, poll", [(1, 0), (2, 0), long(2, 300), long(1, 300)])
@pytest.mark.parametrize("cpu", CPUS)
def test_an_operator_ends_every_sleep(name, cpu, smp, poll, stay):
    """Pause and resume, reset, destroy: of a VM whose vcpus sleep."""
    with wake_machine(name, f"stay={stay}", cpu, smp, poll=poll) as m:
        for _ in range(2):
            m.expect_line("vm", "WAKE sleeps")
            m.menu("p")
            m.expect("vm is paused")
            m.menu("p")
            m.expect("vm goes on")
            m.expect_line("vm", "WAKE sleeps")
            m.expect_line("vm", "WAKE sleeps")
            m.menu("r")
            m.expect_line("hartvisor", "vm: rebooting")
            m.expect_line("hartvisor", "vm: started")
        m.expect_line("vm", "WAKE sleeps")
        m.menu("p")
        m.expect("vm is paused")
        m.menu("k")
        m.expect_line("hartvisor", "vm: destroyed")
        m.expect_end()
