# SPDX-License-Identifier: BSD-2-Clause
"""Devices that child nodes of a VM make: pmem@N, an image of the bundle as read-only memory."""

import random
import re

import pytest
from hv import WORK, Image, Machine, Vm, guest, its_text, make_itb

RET = b"\x82\x80"  # c.jr ra: what can be executed of an image


def checksum(data):
    total = 0
    for byte in data:
        total = (total * 31 + byte) & 0xffffffff
    return total


def image(test, name, size, seed=1):
    """@size bytes as an image of the bundle, and the bytes."""
    WORK.mkdir(parents=True, exist_ok=True)
    data = RET + random.Random(seed).randbytes(size - len(RET))
    path = WORK / f"{test}.{name}"
    path.write_bytes(data)
    return Image(name, path), data


def reader(name, data, more, nr=1):
    return Vm(name, guest("pmem"), bootargs=f"size={len(data)} sum={checksum(data)} nr={nr}", more=more)


# By mkimage itself the data is at a multiple of 4, by -E -B 0x1000 at one of 4 KiB.
@pytest.mark.parametrize("size", [3 * 4096, 300001, 2 << 20], ids=["pages", "odd", "unit"])
@pytest.mark.parametrize("tool", ["mkimage", "mkimage -E -B 0x1000"], ids=["inside", "aligned"])
def test_vms_share_an_image_that_none_can_write(name, tool, size):
    root, data = image(name, "root", size)
    # Another VM's image, which begins where that one ends.
    other, others = image(name, "other", 5000, seed=2)
    vms = [reader("one", data, f'pmem@0 {{ image = "{root.name}"; }};'),
           reader("two", data, f'pmem@1 {{ image = "{root.name}"; }}; pmem@2 {{ image = "{other.name}"; }};', nr=2),
           reader("three", others, f'pmem@1f {{ image = "{other.name}"; description = "its own"; }};'),
           reader("none", b"", f'pmem@0 {{ image = "{root.name}"; status = "disabled"; }};', nr=0)]
    with Machine(name, make_itb(name, its_text(vms, [root, other]), tool), smp=2) as m:
        m.expect_lines({vm.name: "TEST pmem (PASS|FAIL)" for vm in vms})
        text = m.expect_end()
    for vm in vms:
        assert f"[{vm.name}] TEST pmem PASS" in text
    assert re.search(r'config: /configurations/test/none/pmem@0: status = "disabled": left out', text)


def test_an_image_stays_for_the_next_life(name):
    root, data = image(name, "root", 5000)
    vm = reader("one", data, f'pmem@0 {{ image = "{root.name}"; }};')
    vm.bootargs += " hold=1"
    with Machine(name, make_itb(name, its_text([vm], [root])), smp=1) as m:
        for life in range(3):
            m.expect_line("one", "TEST pmem (HOLD|FAIL)")
            if life < 2:
                m.menu("r")
        m.send("x")
        m.expect_passed("one", "pmem")
        assert "FAIL" not in m.expect_end()
