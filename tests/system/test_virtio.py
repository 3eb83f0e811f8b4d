# SPDX-License-Identifier: BSD-2-Clause
"""Virtio devices against hostile drivers: guest/tests/virtio_*.c, alone and beside neighbours."""

import pytest
from hv import Machine, Vm, bundle, guest

HOSTILE = ["virtio_ring", "virtio_queues", "virtio_regs"]
RNG = "rng@0 { };"


@pytest.mark.parametrize("test", HOSTILE)
@pytest.mark.parametrize("cpu", ["rv64", "rv64,sstc=off"], ids=["sstc", "no-sstc"])
def test_a_hostile_driver_breaks_its_own_device_alone(name, test, cpu):
    """Each case ends with the device working after a reset; memory that no request named is as it was."""
    with Machine(name, bundle(name, [Vm("evil", guest(test), more=RNG)]), smp=1, cpu=cpu) as m:
        m.expect_passed("evil", test)
        m.expect_end()


@pytest.mark.concurrent
def test_hostile_drivers_reach_no_neighbour(name):
    """Three of them at once on two harts; the neighbour's RAM and its own device are as if it were alone."""
    vms = [Vm(test.replace("_", "-"), guest(test), more=RNG) for test in HOSTILE]
    vms.append(Vm("neighbour", guest("virtio_canary"), more=RNG))
    with Machine(name, bundle(name, vms), smp=2) as m:
        m.expect_passed("neighbour", "virtio_canary")
        text = m.expect_end()
    for test in HOSTILE:
        assert f"[{test.replace('_', '-')}] TEST {test} PASS" in text
