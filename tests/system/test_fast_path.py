# SPDX-License-Identifier: BSD-2-Clause
"""The fast path answers as the long way does: the same guests on a hartvisor without (build/hartvisor-no-fast)."""

import re

import pytest

from hv import BUILD, HARTVISOR, Machine, Vm, bundle, guest

NO_FAST = BUILD / "hartvisor-no-fast.bin"


SEEDS = [1, 88172645463325252, 31337]


def answers(name, kernel, test, what, seed):
    vms = [Vm("vm", guest(test), cpus=1, bootargs=f"n=20000 storm=1 seed={seed}")]
    with Machine(name, bundle(name, vms), smp=1, kernel=kernel, args=["-icount", "shift=0,sleep=off"]) as m:
        m.expect_passed("vm", test)
        return re.search(rf"{test}: 20000 {what}, answers ([0-9a-f]+)", m.text()).group(1)


def same_both_ways(name, test, what, seed):
    assert answers(f"{name}-fast", HARTVISOR, test, what, seed) == answers(f"{name}-whole", NO_FAST, test, what, seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_call_is_answered_the_same_both_ways(name, seed):
    same_both_ways(name, "sbi_fuzz", "calls", seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_access_is_answered_the_same_both_ways(name, seed):
    same_both_ways(name, "mmio_fuzz", "accesses", seed)


@pytest.mark.parametrize("test, cpus, smp", [
    ("sbi", 2, 2),
    ("ipi", 4, 2),
    ("fence", 3, 2),
    ("hsm", 3, 2),
    ("timer", 2, 1),
    ("pv", 2, 1),
    ("insn", 1, 2),
    ("csr", 1, 2),
    ("mem", 1, 2),
    ("plic", 2, 2),
])
def test_guest_without_fast_path(name, test, cpus, smp):
    vms = [Vm("vm", guest(test), cpus=cpus)]
    with Machine(name, bundle(name, vms), smp=smp, kernel=NO_FAST) as m:
        m.expect_passed("vm", test)
        m.expect_end()
