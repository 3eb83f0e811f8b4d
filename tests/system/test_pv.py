# SPDX-License-Identifier: BSD-2-Clause
"""hartvisor's own calls (docs/abi.md): kicks, waits, PV-lock structures, the magic page; each on and off."""

import re

import pytest
from hv import TIMEOUT, Machine, Vm, bundle, guest

ICOUNT = ["-icount", "shift=0,sleep=off"]
# Vcpu 0 on one hart, the others on the next one.
APART = "affinity = <1>; vcpu@0 { reg = <0>; affinity = <0>; };"


def long(*values):
    return pytest.param(*values, marks=pytest.mark.long)


def run_guest(name, test, cpus, smp, bootargs="", more="", timeout=TIMEOUT, **machine):
    """The lines that the guest said, of which the last one is that it has passed."""
    vms = [Vm("vm", guest(test), cpus=cpus, bootargs=bootargs, more=more)]
    with Machine(name, bundle(name, vms), smp=smp, **machine) as m:
        m.expect_passed("vm", test, timeout=timeout)
        m.expect_end()
        lines = re.findall(r"\[vm\] (.*)", m.text())
        print(*lines, sep="\n")
        return lines


@pytest.mark.parametrize("cpus, smp", [(1, 1), (2, 2), (3, 1)])
def test_every_call_with_right_and_wrong_arguments(name, cpus, smp):
    run_guest(name, "pv", cpus, smp)


@pytest.mark.parametrize("bootargs, more", [
    ("off=1", 'pv = "none";'),
    ("off=1 pvlk=1", 'pv = "pvlk";'),
    ("pvlk=1", 'pv = "all", "pvlk";'),
    ("", 'pv = "kick-cpu";'),
    ("", 'pv = "pv-lock", "pv-wait";'),
    ("", 'pv = "magic-page", "poll-irq";'),
    ("", 'pv = "yield-to", "kick-cpu", "pv-wait";'),
], ids=["none", "alias", "all-alias", "kick", "lock-wait", "magic-poll", "yield-kick-wait"])
def test_what_is_off_is_not_there(name, bootargs, more):
    run_guest(name, "pv", 2, 2, bootargs, more)


@pytest.mark.parametrize("more, line", [
    ('pv = "kick";', r'pv = "kick": must be "none", or a list of "all", "poll-irq", "magic-page", "kick-cpu", '
                     r'"pv-wait", "pv-lock", "yield-to", "pvlk"'),
    ("pv-lock-base = <0x82000020>;", r"pv-lock-base = <0x82000020>: must be a multiple of 64 with 128 bytes of "
                                     r"the VM's RAM behind it"),
    ("pv-lock-base = <0x0 0x84000000>;", r"pv-lock-base = <.*>: must be a multiple of 64"),
    ("pv-lock-base = <0x80200000>;", r"pv-lock-base = <0x80200000>: must lie outside of the kernel"),
    ("pv-lock-base = <0x83e00000>;", r"pv-lock-base = <0x83e00000>: must lie outside of the device tree"),
    ('pv = "kick-cpu"; pv-lock-base = <0x82000000>;', r'pv-lock-base = <0x82000000>: must be given with "pv-lock"'),
    ('pv-lock-base = "here";', r'pv-lock-base = "here": must be an address'),
], ids=["word", "aligned", "ram", "kernel", "tree", "off", "string"])
def test_what_is_wrong_is_told(name, more, line):
    with Machine(name, bundle(name, [Vm("vm", guest("pv"), cpus=2, more=more)]), smp=1) as m:
        m.expect_line("hartvisor", rf"config: /configurations/test/vm: {line}")
        m.expect_line("hartvisor", "no valid VM")
        m.expect_end()


def test_the_structures_are_where_they_were_asked_to_be(name):
    lines = run_guest(name, "pv", 2, 1, more="pv-lock-base = <0x82000040>;")
    assert "pv-lock at 0x82000000" in lines[0]  # the page that is reserved


def test_a_rebooted_guest_finds_no_magic_page(name):
    with Machine(name, bundle(name, [Vm("vm", guest("pv"), bootargs="keep=1 hold=1")]), smp=1) as m:
        for _ in range(3):
            m.expect_line("vm", "TEST pv HOLD")
            m.menu("r")
            m.expect_line("hartvisor", "vm: rebooting")
        m.expect_line("vm", "TEST pv HOLD")
        m.send("x")
        m.expect_passed("vm", "pv")
        m.expect_end()


# kind: how the halt is made, 0 WFI, 1 and 2 PV_WAIT with and without interrupts, 3 in turn (guest kick).
@pytest.mark.concurrent
@pytest.mark.parametrize("rounds, kind, cpus, smp", [
    (3000, 3, 2, 1),
    (3000, 0, 2, 2),
    (3000, 1, 2, 2),
    (3000, 2, 2, 2),
    (1500, 3, 6, 2),
    long(1000000, 1, 2, 2),
    long(250000, 0, 2, 2),
    long(250000, 2, 2, 2),
    long(250000, 3, 2, 1),
    long(50000, 3, 8, 4),
])
def test_no_kick_is_lost(name, patience, rounds, kind, cpus, smp):
    run_guest(name, "kick", cpus, smp, f"n={rounds} kind={kind}", timeout=patience)


@pytest.mark.concurrent
@pytest.mark.parametrize("more, cpu", [("", "rv64,sstc=off"), ("halt-poll-us = <200>;", "rv64")],
                         ids=["sbi-timer", "polling"])
def test_no_kick_is_lost_otherwise(name, more, cpu):
    run_guest(name, "kick", 4, 2, "n=1500", more, cpu=cpu)


@pytest.mark.concurrent
@pytest.mark.parametrize("cpus, smp, bootargs, more", [
    (3, 1, "always=1", ""),
    (4, 2, "", APART),
    long(3, 1, "always=1 n=250000", ""),
    long(6, 2, "n=3000000", APART),
])
def test_preempted_is_seen_by_others_alone(name, patience, cpus, smp, bootargs, more):
    run_guest(name, "preempt", cpus, smp, bootargs, more, timeout=patience)


def test_a_careless_reader_of_the_magic_page_reads_it_torn(name):
    """So the check of the test above can fail."""
    run_guest(name, "preempt", 3, 1, "always=1 careless=1")


KINDS = ["spin", "preempted", "kick", "wrs", "tas"]


def lock_rate(name, kind, cpus, ms, timeout):
    lines = run_guest(f"{name}-{kind}", "pvlock", cpus, 1, f"kind={KINDS.index(kind)} ms={ms}", timeout=timeout,
                      args=ICOUNT)
    return int(re.search(rf"PVLOCK {kind} vcpus={cpus} per-second=(\d+)", lines[0])[1])


# Without PV locks the vcpus stand in each other's way once each of them has come to the lock: some 20 to 50 ms run
# freely until then, how many depends on the slices' phase, so on the image. 400 ms are long enough for that to be little.
@pytest.mark.parametrize("cpus, ms", [(4, 400), long(2, 1000), long(4, 1000), long(8, 1000)])
def test_locks_of_vcpus_that_share_a_hart(name, patience, cpus, ms):
    """Acquisitions per second of the guest's clock, one instruction a nanosecond: docs/benchmarks.md."""
    rates = {kind: lock_rate(name, kind, cpus, ms, patience) for kind in KINDS}
    print(cpus, "vcpus:", *(f"{kind} {rate}" for kind, rate in rates.items()))
    assert rates["kick"] > 1500000
    assert rates["kick"] > 5 * rates["spin"]
    assert rates["preempted"] > rates["spin"]
