# SPDX-License-Identifier: BSD-2-Clause
"""VMs that are created and destroyed at run time, by the checked build's own test (hyp/vm/churn.h)."""

import re

import pytest
from hv import BUILD, MIB, Machine, Vm, bundle, guest

CHECKED = BUILD / "hartvisor-checked.bin"
ICOUNT = ["-icount", "shift=0,sleep=off"]
TOLD = r"churn: (\d+) rounds; free at first (\d+), at last (\d+) bytes; first (\d+), last (\d+) ns a round"


BRIEF = Vm("churn", guest("reboots"), memory=16 * MIB, bootargs="off=1 ms=1")
BALLOON = Vm("churn", guest("virtio_balloon"), memory=40 * MIB, bootargs="brief=1", more="balloon@0 { };")


def churns(name, rounds, smp, timeout, keys="", **more):
    """(free at first, free at last, ns a round at first, at last) of @rounds, beside a VM that spins. @keys are typed for
    the menu again and again meanwhile."""
    vms = [Vm("spins", guest("spin"), memory=16 * MIB), more.pop("vm", BRIEF)]
    append = f"churn={rounds} hartvisor.stay {more.pop('append', '')}"
    with Machine(name, bundle(name, vms), smp=smp, kernel=CHECKED, append=append, **more) as m:
        while keys and m.expect(TOLD, r"churn: is gone", timeout=timeout) == 1:
            m.menu(keys)
        if not keys:
            m.expect(TOLD, timeout=timeout)
        done, *figures = map(int, m.child.match.groups())
        text = m.text()
    assert done == rounds
    assert "panic" not in text
    # Ends of each kind: while it is loaded, while it runs or is paused, by its own power off.
    assert len(re.findall("churn: is gone", text)) == rounds
    assert "churn: started" in text and "churn: powered off" in text and "churn: destroyed" in text
    return figures


# With the one VMID of VMIDLEN 0, without Sstc: what an ended VM leaves in a hart is used at once by the next one.
MACHINES = {"1": (1, "rv64", ""), "3": (3, "rv64", ""), "3-no-sstc-vmid-0": (3, "rv64,sstc=off", "hartvisor.vmid-bits=0"),
            "2-rva23s64": (2, "rva23s64", "")}


@pytest.mark.parametrize("machine", MACHINES)
def test_vms_come_and_go(name, machine):
    smp, cpu, append = MACHINES[machine]
    first, last, *_ = churns(name, 150, smp, timeout=600, cpu=cpu, append=append)
    assert first == last


def test_vms_that_give_memory_back_come_and_go(name):
    """They end with holes in their RAM, or while a leaf is being cleared; all of it is the pool's afterwards."""
    first, last, *_ = churns(name, 40, 2, timeout=600, vm=BALLOON)
    assert first == last


def test_the_operator_looks_at_vms_that_come_and_go(name):
    """Lists, statistics, other consoles: each row may find another VM there. (Neither pause, as churn waits for VMs that
    end by themselves, nor raw, which holds the log back.)"""
    first, last, *_ = churns(name, 60, 2, timeout=600, keys="lsn2lz")
    assert first == last


@pytest.mark.clock
@pytest.mark.parametrize("rounds", [300, pytest.param(10000, marks=pytest.mark.long)])
def test_the_last_round_is_as_quick_as_the_first(name, rounds):
    free, free_at_last, first, last = churns(name, rounds, 1, timeout=2400, args=ICOUNT)
    print(f"FIGURE first {first}, last {last} ns a round")
    assert free == free_at_last
    assert last < first * 1.03


@pytest.mark.long
def test_ten_thousand_rounds_on_two_harts(name):
    free, free_at_last, *_ = churns(name, 10000, 2, timeout=2400)
    assert free == free_at_last
