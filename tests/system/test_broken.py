# SPDX-License-Identifier: BSD-2-Clause
"""Wrong bundles and wrong machines: one line says what is wrong and what is allowed; the rest goes on."""

import pytest
from broken_configs import BROKEN
from hv import BUILD, Machine, Vm, bundle, guest, make_itb

GOOD = "hello"


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_broken_bundle(name, broken):
    its = broken.its.replace("{GOOD_KERNEL}", str(guest(GOOD)))
    its = its.replace("{GOOD_ELF}", str(BUILD / "guest-tests" / f"{GOOD}.elf"))
    itb = make_itb(name, its, broken.tool)
    if broken.mutate:
        itb.write_bytes(broken.mutate(itb.read_bytes()))
    with Machine(name, itb, smp=1, mem="512M") as m:
        if broken.good_boots:
            m.expect_line("good", "HELLO")
            m.menu("q")
        text = m.expect_end()
        assert any(all(part in line for part in broken.expect) for line in text.splitlines()), \
            f"no line has all of {broken.expect}"


def test_no_bundle(name):
    with Machine(name) as m:
        m.expect_line("hartvisor", "no bundle")
        m.expect_end()


def test_no_h_extension(name):
    with Machine(name, bundle(name, [Vm("vm", guest("hello"))]), cpu="rv64,h=off") as m:
        m.expect_line("hartvisor", "this machine has no H extension")
        m.expect_end()


def test_too_little_memory_for_any(name):
    with Machine(name, bundle(name, [Vm("vm", guest("hello"), memory=1 << 30)]), mem="256M") as m:
        m.expect_line("hartvisor", r"vm: memory = 1024 MiB: only \d+ MiB")
        m.expect_line("hartvisor", "no valid VM")
        m.expect_end()


def test_garbage_for_a_bundle(name, tmp_path):
    garbage = tmp_path / "garbage"
    garbage.write_bytes(bytes(range(256)) * 4096)
    with Machine(name, garbage) as m:
        m.expect_line("hartvisor", "the bundle")
        m.expect_end()
