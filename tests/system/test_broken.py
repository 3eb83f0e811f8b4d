# SPDX-License-Identifier: BSD-2-Clause
"""Wrong bundles and wrong machines: one line says what is wrong and what is allowed; the rest goes on."""

import pytest
from broken_configs import BROKEN, image, its, vm, words
from hv import BUILD, WORK, Machine, Vm, bundle, device_tree, guest, its_text, make_itb, run_tool

GOOD = "hello"


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_broken_bundle(name, broken):
    its = broken.its.replace("{GOOD_KERNEL}", str(guest(GOOD)))
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


# --- names, status, words, lists, addresses ------------------------------------------------------------


def test_names_are_exact(name):
    """An image and a configuration with a unit address stand before those that are named, and are not taken."""
    payload = 'data = /incbin/("{GOOD_KERNEL}");'
    text = its(vm(kernel='kernel = "k";'), image("k@old", words(0)) + image("k", payload))
    text = text.replace("{GOOD_KERNEL}", str(guest(GOOD)))
    # Longer than a VM's name may be: it is not cut, either.
    chosen = "test-" + "x" * 40
    wrong = "".join(f'{other} {{ compatible = "nothing"; }};\n' for other in (f"{chosen}@1", chosen[:31]))
    text = text.replace("        test {", f"{wrong}        {chosen} {{")
    with Machine(name, make_itb(name, text, "dtc"), smp=1, append=f"hartvisor.config={chosen}") as m:
        m.expect_lines({"bad": ["HELLO"], "good": ["HELLO"]})
        m.menu("q")
        assert "error" not in m.expect_end()


def test_a_disabled_vm_does_not_start(name):
    vms = [Vm("off", guest(GOOD), more='status = "disabled";'), Vm("on", guest(GOOD), more='status = "okay";')]
    with Machine(name, bundle(name, vms), smp=1) as m:
        m.expect_line("hartvisor", 'config: /configurations/test/off: status = "disabled": left out')
        m.expect_line("on", "HELLO")
        m.menu("q")
        assert "[off]" not in m.expect_end()


def test_what_tools_add_is_no_error(name):
    """dtc -H both writes phandle and linux,phandle, -@ writes /__symbols__."""
    text = its_text([Vm("vm", guest(GOOD))]).replace("            vm {", "            label: vm {")
    text = text.replace("configurations {", "chosen-vm { is = <&label>; }; configurations {")
    itb = WORK / f"{name}.itb"
    make_itb(name, text, "dtc")
    run_tool(["dtc", "-q", "-@", "-H", "both", "-I", "dts", "-O", "dtb", "-o", itb, WORK / f"{name}.its"])
    with Machine(name, itb, smp=1) as m:
        m.expect_line("vm", "HELLO")
        m.menu("q")
        assert "config:" not in m.expect_end()


def test_words_on_the_command_line(name):
    words_of_all = "hartvisor.colr=0 foo=1 console=ttyS0 hartvisor.config hartvisor.vmid-bits=99"
    with Machine(name, bundle(name, [Vm("vm", guest(GOOD))]), smp=1, append=words_of_all) as m:
        m.expect_line("hartvisor", "bootargs: hartvisor.colr=0: unknown, did you mean hartvisor.colour=")
        m.expect_line("hartvisor", "bootargs: hartvisor.config: must be hartvisor.config=VALUE")
        m.expect_line("hartvisor", "bootargs: hartvisor.vmid-bits=99: must be 0 to 14")
        m.expect_line("vm", "HELLO")
        m.menu("q")
        assert "foo" not in m.expect_end().split("\n", 1)[1]


def test_a_list_names_harts_that_do_not_run_and_one_twice(name):
    vms = [Vm("vm", guest(GOOD), cpus=2, more="affinity = <1 5 1>; vcpu@1 { reg = <1>; affinity = <0 7>; };")]
    with Machine(name, bundle(name, vms), smp=2) as m:
        m.expect_line("hartvisor", "affinity = <1 5 1>: names host cpu 1 twice")
        m.expect_line("hartvisor", "affinity of vcpu 0: host cpus that do not run: 5; must be 0 to 1")
        m.expect_line("hartvisor", "affinity of vcpu 1: host cpus that do not run: 7; must be 0 to 1")
        m.expect_line("vm", "HELLO")
        m.menu("q")
        m.expect_end()


@pytest.mark.parametrize("odd", [1, 4])
@pytest.mark.parametrize("kind", ["large", "small", "external"])
def test_bundle_at_any_address(name, kind, odd, tmp_path):
    """As U-Boot's bootm hands a ramdisk over: at a multiple of 4. A large one is moved, another's tree is copied."""
    ramdisk = tmp_path / "ramdisk"
    ramdisk.write_bytes(bytes(range(256)) * (4096 if kind == "large" else 4))
    itb = bundle(name, [Vm("vm", guest(GOOD), ramdisk=ramdisk)], external=kind == "external")
    tree, start = device_tree(name, 1), 0x90000000 + odd
    run_tool(["fdtput", "-t", "x", tree, "/chosen", "linux,initrd-start", "0", f"{start:x}"])
    run_tool(["fdtput", "-t", "x", tree, "/chosen", "linux,initrd-end", "0", f"{start + itb.stat().st_size:x}"])
    with Machine(name, smp=1, args=["-dtb", tree, "-device", f"loader,file={itb},addr={start:#x},force-raw=on"]) as m:
        m.expect_line("vm", "HELLO")
        m.menu("q")
        m.expect_end()
