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
