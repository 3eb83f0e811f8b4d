# SPDX-License-Identifier: BSD-2-Clause
"""Bare-metal VMs that flood a switch (guest/tests/net_flood.c): what they take from a neighbour, and what ends in the middle."""

import pytest
from hv import BUILD, MIB, Machine, Vm, guest, its_text, make_itb
from test_io_ends import canary_lives, reset_while_they_flood
from test_lives import TOLD
from test_virtio import AWAY, RNG, share_beside

NET = 'net@0 { switch = "lan"; };'
NETS = f'{NET} net@1 {{ switch = "lan"; }};'
CHECKED = BUILD / "hartvisor-checked.bin"

# guest/tests/net_flood.c's, by number.
FLOODS = {flood: number for number, flood in enumerate(
    ["small", "frames", "segments", "broadcasts", "strangers", "bad-frames", "commands", "resets", "all-sorts",
     "empty-notifications"], 1)}
# One is looked at each time, the others in make verify.
SOME = ("frames",)
ALL_SORTS = FLOODS["all-sorts"]


def machine(name, vms, **more):
    return Machine(name, make_itb(name, its_text(vms, networks=["lan"])), **more)


def flooder(name, mode, more=NETS, **bootargs):
    args = " ".join(f"{key}={value}" for key, value in bootargs.items())
    return Vm(name, guest("net_flood"), memory=16 * MIB, bootargs=f"mode={mode} {args}", more=more)


@pytest.mark.parametrize("flood", [pytest.param(flood, marks=[] if flood in SOME else [pytest.mark.long])
                                   for flood in FLOODS])
def test_a_flood_of_frames_is_paid_by_the_vm_that_sends_it(name, flood):
    permille, away, text = share_beside(name, flooder("flood", FLOODS[flood]), boot=machine)
    assert "FLOODS" in text and "FAIL" not in text
    assert 490 <= permille <= 510
    assert away < AWAY


def with_canary(name, vms, **more):
    """Beside a VM that looks through its memory."""
    vms = [Vm("canary", guest("virtio_canary"), memory=16 * MIB, bootargs="n=1000000000", more=RNG), *vms]
    return machine(name, vms, kernel=CHECKED, **more)


@pytest.mark.parametrize("smp, rounds", [(2, 15), pytest.param(1, 200, marks=pytest.mark.long),
                                         pytest.param(3, 200, marks=pytest.mark.long)])
def test_vms_end_in_the_middle_of_traffic(name, smp, rounds):
    """Destroyed at any moment, while another VM sends to all: all memory comes back, and none is written that is another's."""
    vms = [flooder("peer", FLOODS["broadcasts"]), flooder("churn", ALL_SORTS, ms=10)]
    with with_canary(name, vms, smp=smp, append=f"churn={rounds} hartvisor.stay") as m:
        m.expect(TOLD, timeout=1200)
        done, first, last, *_ = map(int, m.child.match.groups())
        canary_lives(m)
        floods = m.text().count("[churn] FLOODS")
    print(f"FIGURE {done} rounds, {floods} VMs in the middle of traffic, {first} bytes free at first, {last} at last")
    assert done == rounds and floods > rounds / 8
    assert first == last


MODES = ("segments", "broadcasts", "strangers", "all-sorts")


@pytest.mark.parametrize("rounds", [2, pytest.param(50, marks=pytest.mark.long)])
def test_vms_are_reset_in_the_middle_of_traffic(name, rounds):
    """Four at a time by the operator, each sending to all. Each floods again in its next life, and no page is left behind."""
    vms = [flooder(mode, FLOODS[mode]) for mode in MODES]
    with with_canary(name, vms, smp=3) as m:
        took = reset_while_they_flood(m, vms, rounds)
    print(f"FIGURE {len(vms) * rounds} resets, {took} KiB of hartvisor's own")
    assert len(took) == 1
