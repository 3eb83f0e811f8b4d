# SPDX-License-Identifier: BSD-2-Clause
"""VMs that are created and destroyed at run time, by the checked build's own test (hyp/vm/churn.h)."""

import re

import pytest
from hv import BUILD, MIB, Machine, Vm, bundle, guest

CHECKED = BUILD / "hartvisor-checked.bin"
ICOUNT = ["-icount", "shift=0,sleep=off"]
TOLD = r"churn: (\d+) rounds; free at first (\d+), at last (\d+) bytes; first (\d+), last (\d+) ns a round"


def churns(name, rounds, smp, timeout, **more):
    """(free at first, free at last, ns a round at first, at last) of @rounds, beside a VM that spins."""
    vms = [Vm("spins", guest("spin"), memory=16 * MIB),
           Vm("churn", guest("reboots"), memory=16 * MIB, bootargs="off=1 ms=1")]
    with Machine(name, bundle(name, vms), smp=smp, kernel=CHECKED, append=f"churn={rounds} hartvisor.stay", **more) as m:
        m.expect(TOLD, timeout=timeout)
        done, *figures = map(int, m.child.match.groups())
        text = m.text()
    assert done == rounds
    assert "panic" not in text
    # Ends of each kind: while it is loaded, while it runs or is paused, by its own power off.
    assert len(re.findall("churn: is gone", text)) == rounds
    assert "churn: started" in text and "churn: powered off" in text and "churn: destroyed" in text
    return figures


@pytest.mark.parametrize("smp", [1, 3])
def test_vms_come_and_go(name, smp):
    first, last, *_ = churns(name, 150, smp, timeout=600)
    assert first == last


@pytest.mark.clock
def test_the_last_round_is_as_quick_as_the_first(name):
    free, free_at_last, first, last = churns(name, 300, 1, timeout=900, args=ICOUNT)
    print(f"FIGURE first {first}, last {last} ns a round")
    assert free == free_at_last
    assert last < first * 1.03


@pytest.mark.long
def test_ten_thousand_rounds(name):
    free, free_at_last, first, last = churns(name, 10000, 1, timeout=2400, args=ICOUNT)
    print(f"FIGURE first {first}, last {last} ns a round")
    assert free == free_at_last
    assert last < first * 1.03


@pytest.mark.long
def test_ten_thousand_rounds_on_two_harts(name):
    free, free_at_last, *_ = churns(name, 10000, 2, timeout=2400)
    assert free == free_at_last
