# SPDX-License-Identifier: BSD-2-Clause
"""Virtio devices against hostile drivers: guest/tests/virtio_*.c, alone and beside neighbours."""

import pytest
from hv import MIB, WORK, Image, Machine, Vm, bundle, guest, its_text, make_itb

HOSTILE = ["virtio_ring", "virtio_queues", "virtio_regs"]
RNG = "rng@0 { };"
BALLOON = "balloon@0 { }; rng@0 { };"


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


def own_memory(name, more):
    """KiB of hartvisor's own memory with a VM that has @more."""
    image = WORK / f"{name}.disk"
    image.write_bytes(bytes(64 * MIB))
    vms = [Vm("vm", guest("share"), memory=16 * MIB, more=more, bootargs="ms=10")]
    with Machine(name, make_itb(name, its_text(vms, [Image("disk", image)]), "mkimage -E -B 0x1000"), smp=1) as m:
        m.expect_line("vm", "SHARE 0: ")
        m.menu("l")
        m.expect(r"own memory: (\d+) KiB")
        return int(m.child.match.group(1))


def test_a_disk_and_a_console_take_little_memory(name):
    """At most 64 KiB, however large the image is."""
    devices = own_memory(name, 'disk@0 { image = "disk"; }; console@0 { };') - own_memory(name, "")
    print(f"{devices} KiB")
    assert 0 < devices <= 64


@pytest.mark.parametrize("cpu", ["rv64", "rv64,svpbmt=on,zicbom=off"], ids=["rv64", "no-zicbom"])
def test_a_balloon_takes_what_its_driver_gives_and_no_more(name, cpu):
    """What is given back has zeroes when anything touches it; hostile drivers lose their own memory alone. Two lives."""
    evil = Vm("evil", guest("virtio_balloon"), memory=40 * 1048576, more=BALLOON)
    with Machine(name, bundle(name, [evil]), smp=1, cpu=cpu) as m:
        m.expect_passed("evil", "virtio_balloon")
        m.expect_end()


@pytest.mark.concurrent
def test_a_balloon_reaches_no_neighbour(name):
    """Two vcpus write into memory that a third one gives back; the neighbour takes its RAM from the same pool."""
    vms = [Vm("evil", guest("virtio_balloon"), cpus=3, memory=40 * 1048576, more=BALLOON),
           Vm("neighbour", guest("virtio_canary"), more=RNG)]
    with Machine(name, bundle(name, vms), smp=2) as m:
        m.expect_passed("evil", "virtio_balloon")
        m.expect_passed("neighbour", "virtio_canary")
        m.expect_end()
