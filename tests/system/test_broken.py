# SPDX-License-Identifier: BSD-2-Clause
"""Wrong bundles and wrong machines: one line says what is wrong and what is allowed; the rest goes on."""

import pytest
from broken_configs import BROKEN
from hv import BUILD, Machine, Vm, bundle, device_tree, guest, make_itb, run_tool

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


# --- addresses that the machine's device tree has wrong ----------------------------------------------

def cells(number):
    return [f"{number >> 32:#x}", f"{number & 0xffffffff:#x}"]


def tree_of(name, changes):
    """QEMU's own device tree with `changes`: (node, property, numbers of two cells each)."""
    tree = device_tree(name, 2, memory="512M")
    for node, prop, numbers in changes:
        run_tool(["fdtput", "-p", "-t", "x", tree, node, prop, *sum((cells(n) for n in numbers), [])])
    return tree


IMAGE = 0x80210000  # inside hartvisor
FIRMWARE = 0x80000000


@pytest.mark.parametrize("start, said", [
    (FIRMWARE, "must not overlap /reserved-memory"),
    (IMAGE, "must not overlap hartvisor itself"),
    (0x70000000, "not within the machine's memory"),
    (0xfffffffffffff000, "not within the machine's memory"),
])
def test_initrd_where_it_cannot_be(name, start, said):
    """QEMU puts no initrd, so that it leaves the tree's as it is."""
    tree = tree_of(name, [("/chosen", "linux,initrd-start", [start]), ("/chosen", "linux,initrd-end", [start + 0x800])])
    with Machine(name, smp=2, mem="512M", args=["-dtb", tree]) as m:
        m.expect_line("hartvisor", f"error: /chosen: linux,initrd-start = {start:#x}, linux,initrd-end = .*: {said}")
        m.expect_line("hartvisor", "no bundle")
        m.expect_end()


@pytest.mark.parametrize("base, said", [
    (FIRMWARE, "must not overlap /reserved-memory"),
    (IMAGE, "must not overlap hartvisor itself"),
    (0x70000000, "must lie inside /memory"),
    (0xffffffffffffd000, "must lie inside /memory"),
])
def test_module_where_it_cannot_be(name, base, said):
    tree = tree_of(name, [])
    module = f"/chosen/module@{base:x}"
    run_tool(["fdtput", "-t", "x", tree, "/chosen", "#address-cells", "2"])
    run_tool(["fdtput", "-t", "x", tree, "/chosen", "#size-cells", "2"])
    run_tool(["fdtput", "-c", tree, module])
    run_tool(["fdtput", "-t", "s", tree, module, "compatible", "multiboot,module", "multiboot,kernel"])
    run_tool(["fdtput", "-t", "x", tree, module, "reg", *cells(base), *cells(0x2000)])
    with Machine(name, smp=2, mem="512M", args=["-dtb", tree]) as m:
        m.expect_line("hartvisor", f"error: config: {module}: reg = .*: {said}")
        m.expect_line("hartvisor", "no valid VM")
        m.expect_end()


def test_memory_that_is_reserved_belongs_to_no_vm(name):
    """The block that dtc makes of /memreserve/: half of the memory, from its second quarter on."""
    tree = tree_of(name, [])
    text = tree.with_suffix(".dts")
    run_tool(["dtc", "-q", "-I", "dtb", "-O", "dts", "-o", text, tree])
    text.write_text(text.read_text().replace("/dts-v1/;", "/dts-v1/;\n/memreserve/ 0x88000000 0x10000000;", 1))
    run_tool(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", tree, text])
    vms = [Vm("large", guest(GOOD), memory=300 << 20), Vm("small", guest(GOOD), memory=64 << 20)]
    with Machine(name, bundle(name, vms), smp=2, mem="512M", args=["-dtb", tree]) as m:
        m.expect_line("hartvisor", r"large: memory = 300 MiB: only \d+ MiB of the machine are left")
        m.expect_line("small", "HELLO")
        m.menu("q")
        m.expect_end()


@pytest.mark.parametrize("base, said", [
    (IMAGE, "must not overlap /memory"),
    (0xff00000000000000, "must end below"),
])
def test_device_where_it_cannot_be(name, base, said):
    """Not the UART: the firmware would use that, too."""
    tree = tree_of(name, [("/soc/rtc@101000", "reg", [base, 0x1000])])
    with Machine(name, bundle(name, [Vm("vm", guest(GOOD))]), smp=2, mem="512M", args=["-dtb", tree]) as m:
        m.expect_line("hartvisor", f"warning: /soc/rtc@101000: reg = {base:#x}, 0x1000: {said}")
        m.expect_line("vm", "HELLO")
        m.menu("q")
        m.expect_end()
