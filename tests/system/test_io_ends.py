# SPDX-License-Identifier: BSD-2-Clause
"""VMs that are reset, destroyed and paused in the middle of their requests (guest/tests/virtio_flood.c), beside one that looks
through its memory (guest/tests/virtio_canary.c)."""

import pytest
from hv import BUILD, MIB, Machine, Vm, guest, its_text, make_itb
from test_lives import TOLD
from test_virtio import CONSOLES, DISKS, OVERLAY, RNG, disk

ALL_SORTS = 14  # of guest/tests/virtio_flood.c
DEVICES = f"{RNG} {CONSOLES} " + DISKS.replace(str(OVERLAY), str(1 << 20))

CHECKED = BUILD / "hartvisor-checked.bin"


def machine(name, vms, **more):
    vms = [Vm("canary", guest("virtio_canary"), memory=16 * MIB, bootargs="n=1000000000", more=RNG), *vms]
    return Machine(name, make_itb(name, its_text(vms, [disk()])), **more)


def canary_lives(m):
    m.menu("l")
    m.expect(r"canary +running")
    m.expect("hartvisor's own memory")
    assert "FAIL" not in m.text()


@pytest.mark.parametrize("smp, rounds", [(3, 20), pytest.param(1, 600, marks=pytest.mark.long),
                                         pytest.param(3, 600, marks=pytest.mark.long)])
def test_vms_end_in_the_middle_of_requests(name, smp, rounds):
    """Destroyed at any moment, with overlays, and made anew: all memory comes back, and none is written that is another's."""
    churn = Vm("churn", guest("virtio_flood"), memory=16 * MIB, bootargs=f"mode={ALL_SORTS} ms=10", more=DEVICES)
    append = f"churn={rounds} hartvisor.stay"
    with machine(name, [churn], smp=smp, kernel=CHECKED, append=append) as m:
        m.expect(TOLD, timeout=1200)
        done, first, last, *_ = map(int, m.child.match.groups())
        canary_lives(m)
        floods = m.text().count("[churn] FLOODS")
    print(f"FIGURE {done} rounds, {floods} VMs in the middle of requests, {first} bytes free at first, {last} at last")
    assert done == rounds and floods > rounds / 8
    assert first == last


def own_memory(m):
    m.menu("l")
    m.expect(r"hartvisor's own memory: (\d+) KiB")
    return int(m.child.match.group(1))


def reset_while_they_flood(m, vms, rounds):
    """@vms, which stand behind the canary, @rounds times. Returns how much memory of its own hartvisor had, in KiB, each time that
    all of them flooded; the loader has more."""
    m.expect_lines({vm.name: "FLOODS" for vm in vms})
    took = {own_memory(m)}
    for i in range(1, rounds + 1):
        # A VM may flood again while the next one is being reset.
        while m.text().count("] FLOODS") < i * len(vms):
            own_memory(m)
        took.add(own_memory(m))
        for number, vm in enumerate(vms, start=2):
            m.focus(number, vm.name)
            m.menu("r")
            m.expect_line("hartvisor", f"{vm.name}: rebooting")
    canary_lives(m)
    return took


# Of guest/tests/virtio_flood.c, those that leave nothing in an overlay: large reads, random bytes, wrong chains, resets.
LEAVE_NOTHING = (2, 6, 11, 12)


@pytest.mark.parametrize("rounds", [2, pytest.param(50, marks=pytest.mark.long)])
def test_vms_are_reset_in_the_middle_of_requests(name, rounds):
    """Four at a time by the operator. Each floods again in its next life, and no page is left behind."""
    vms = [Vm(f"flood-{mode}", guest("virtio_flood"), memory=16 * MIB, bootargs=f"mode={mode}", more=DEVICES)
           for mode in LEAVE_NOTHING]
    with machine(name, vms, smp=3, kernel=CHECKED) as m:
        took = reset_while_they_flood(m, vms, rounds)
    print(f"FIGURE {len(vms) * rounds} resets, {took} KiB of hartvisor's own")
    assert len(took) == 1
