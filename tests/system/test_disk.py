# SPDX-License-Identifier: BSD-2-Clause
"""disk@N: an image of the bundle as a virtio disk, read-only or with an overlay."""

import random

import pytest
from hv import WORK, Image, Machine, Vm, guest, its_text, make_itb


def image(test, size):
    WORK.mkdir(parents=True, exist_ok=True)
    data = random.Random(1).randbytes(size)
    path = WORK / f"{test}.root"
    path.write_bytes(data)
    total = 0
    for byte in data:
        total = (total * 31 + byte) & 0xffffffff
    return Image("root", path), f"size={size} sum={total}"


# By mkimage itself the data is at a multiple of 4, by -E -B 0x1000 at one of 4 KiB.
@pytest.mark.parametrize("tool", ["mkimage", "mkimage -E -B 0x1000"], ids=["inside", "aligned"])
def test_vms_share_an_image_and_none_sees_what_another_writes(name, tool):
    root, says = image(name, 300001)
    vms = [Vm("reader", guest("virtio_blk"), bootargs=says, more='disk@0 { image = "root"; };')]
    vms += [Vm(vm, guest("virtio_blk"), bootargs=f"{says} rw=1",
               more='disk@0 { image = "root"; access = "overlay"; overlay-memory = <0x80000>; };')
            for vm in ("one", "two")]
    with Machine(name, make_itb(name, its_text(vms, [root]), tool), smp=2) as m:
        m.expect_lines({vm.name: "TEST virtio_blk (PASS|FAIL)" for vm in vms})
        text = m.expect_end()
    for vm in vms:
        assert f"[{vm.name}] TEST virtio_blk PASS" in text
