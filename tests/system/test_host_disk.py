# SPDX-License-Identifier: BSD-2-Clause
"""Disks of the machine: whole, by partition, by offset; requests go from a guest's queue to the machine's."""

import hashlib
import random
import subprocess

import pytest
from hv import MIB, WORK, Machine, initramfs_with, its_text, linux, make_itb, user_program
from modules import VIRTIO, load, modules

SIZE = 32 * MIB


def disk_file(test, size=SIZE, seed=1):
    """@size random bytes in a file, and their digest."""
    WORK.mkdir(parents=True, exist_ok=True)
    data = random.Random(seed).randbytes(size)
    path = WORK / f"{test}.disk"
    path.write_bytes(data)
    return path, hashlib.md5(data).hexdigest()


def drive(path, number=0, more=""):
    """QEMU's options for the machine's virtio disk @number, which is in its slot of this number."""
    return ["-drive", f"file={path},if=none,format=raw,id=drive{number}", "-device",
            f"virtio-blk-device,drive=drive{number},bus=virtio-mmio-bus.{number}{more}"]


MODERN = ["-global", "virtio-mmio.force-legacy=false"]


def slot(number):
    return f"/soc/virtio_mmio@{0x10001000 + 0x1000 * number:x}"


def source(name, number=0, more=""):
    return f'{name} {{ compatible = "hartvisor,disk"; host = "{slot(number)}"; {more} }};'


def guest_with(test, more, name="one", cpus=1):
    ramdisk = initramfs_with(test, {**modules(*VIRTIO), "bin/blkcheck": user_program("blkcheck")})
    vm = linux(name, ramdisk=ramdisk, cpus=cpus)
    vm.more = more
    return vm


def booted(test, vms, disks, args, smp=2, mem="1G"):
    text = its_text(vms)
    text = text.replace('compatible = "hartvisor,config";', f'compatible = "hartvisor,config"; disks {{ {disks} }};', 1)
    assert "disks {" in text
    return Machine(test, make_itb(test, text), smp=smp, mem=mem, args=[*MODERN, *args])


def start(m, vm="one", number=1):
    m.expect_line(vm, "GUEST-UP")
    m.focus(number, vm)
    load(m, vm, *VIRTIO)


@pytest.mark.parametrize("cpus, queues", [(1, 1), (2, 2)], ids=["one", "two-queues"])
def test_a_whole_disk(name, cpus, queues):
    """Read and written at several depths; what the guest has written is in the file."""
    path, digest = disk_file(name)
    vm = guest_with(name, f'disk@0 {{ disk = "data"; queues = <{queues}>; }};', cpus=cpus)
    with booted(name, [vm], source("data"), drive(path)) as m:
        start(m)
        m.shell("one", "cat /sys/block/vda/size /sys/block/vda/ro | tr '\\n' ' '; echo", f"{SIZE // 512} 0 ")
        m.shell("one", "md5sum </dev/vda", f"{digest}  -")
        for depth in (1, 4, 32):
            m.shell("one", f"blkcheck /dev/vda {depth} 1000", "BLKCHECK PASS 1000")
        m.send_line("sync; md5sum </dev/vda")
        m.expect(r"\[one\] ([0-9a-f]{32})  -")
        assert m.child.match.group(1) == hashlib.md5(path.read_bytes()).hexdigest() != digest
        m.send_line("reboot -f")
        start(m)
        m.shell("one", "blkcheck /dev/vda 32 1000", "BLKCHECK PASS 1000")
