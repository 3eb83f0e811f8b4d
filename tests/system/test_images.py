# SPDX-License-Identifier: BSD-2-Clause
"""Kernels and ramdisks as distributions have them: compressed, in an EFI zboot image, as an ELF file."""

import gzip

import pytest
from hv import BUILD, INITRAMFS, LINUX, MIB, Image, Machine, Vm, bundle, guest, run_tool, setting
from packed import by_gzip, by_lz4, by_lz4_legacy, elf, vmlinux, write, zboot

UP = "GUEST-UP nproc=1 kernel=[^ ]+ uptime=[0-9.]+"
GOOD = "hello"


def debian_kernel(name):
    """The file below /boot of Debian's package, as it is there."""
    package = BUILD.parent / setting("KERNEL_DEB", "")
    folder = write(f"{name}.deb", b"").parent / f"{name}.kernel"
    folder.mkdir(exist_ok=True)
    run_tool(["sh", "-c", f"dpkg-deb --fsys-tarfile '{package}' | tar -x -C '{folder}' --wildcards './boot/vmlinu*'"])
    (found,) = folder.glob("boot/vmlinu*")
    return found


def boots(name, image, ramdisk=INITRAMFS):
    """Debian's kernel as @image, beside a small guest."""
    linux = Vm("linux", image, memory=256 * MIB, ramdisk=ramdisk, bootargs="console=ttyS0 earlycon=sbi")
    with Machine(name, bundle(name, [linux, Vm("small", guest(GOOD))]), smp=2) as m:
        m.expect_lines({"linux": UP, "small": "HELLO"})
        m.menu("q")
        assert "error" not in m.expect_end()


def test_debians_kernel_as_it_is_in_the_package(name):
    boots(name, debian_kernel(name))


# What tests/unit/vm sees of the formats is enough each time; the others are those that Debian and U-Boot make.
@pytest.mark.parametrize("how", ["gzip", "zboot", "lz4", "vmlinux",
                                 *(pytest.param(how, marks=pytest.mark.long) for how in (
                                     "gzip-unsaid", "lz4-small-linked-blocks", "lz4-legacy", "zboot-lz4", "vmlinux-gzip"))])
def test_linux(name, how):
    image = LINUX.read_bytes()
    data, compression = {
        "gzip": lambda: (by_gzip(image), "gzip"),
        "gzip-unsaid": lambda: (by_gzip(image, 1), "none"),
        "zboot": lambda: (zboot(by_gzip(image)), "none"),
        "lz4": lambda: (by_lz4(image), "lz4"),
        "lz4-small-linked-blocks": lambda: (by_lz4(image, block=4, linked=True, size=True), "lz4"),
        "lz4-legacy": lambda: (by_lz4_legacy(image), "lz4"),
        "zboot-lz4": lambda: (zboot(by_lz4_legacy(image), b"lz4"), "none"),
        "vmlinux": lambda: (vmlinux(image), "none"),
        "vmlinux-gzip": lambda: (by_gzip(vmlinux(image)), "gzip"),
    }[how]()
    boots(name, Image("k", write(f"{name}.kernel", data), compression=compression))


@pytest.mark.parametrize("how", ["gzip", "lz4"])
def test_a_ramdisk_is_unpacked_where_the_bundle_says_so(name, how):
    """And Linux then finds a plain archive. Without a word about it the archive reaches Linux as it is: all other tests."""
    archive = gzip.decompress(INITRAMFS.read_bytes())
    data = by_gzip(archive) if how == "gzip" else by_lz4(archive, size=True)
    ramdisk = Image("rd", write(f"{name}.rd", data), compression=how)
    linux = Vm("linux", LINUX, memory=256 * MIB, ramdisk=ramdisk, bootargs="console=ttyS0 earlycon=sbi")
    with Machine(name, bundle(name, [linux]), smp=2) as m:
        # What Linux says that it frees once it has unpacked the archive itself.
        m.expect_line("linux", f"Freeing initrd memory: {len(archive) // 4096 * 4}K")
        m.expect_line("linux", UP)
        m.menu("q")
        assert "error" not in m.expect_end()


@pytest.mark.parametrize("how", ["elf", "elf-gzip", "gzip", "lz4"])
def test_small_guest(name, how):
    """A bare-metal guest, linked to where it runs. It is loaded again after a reboot."""
    binary, linked = guest(GOOD).read_bytes(), guest(GOOD).with_suffix(".elf").read_bytes()
    data, compression = {"elf": (linked, "none"), "elf-gzip": (by_gzip(linked), "gzip"), "gzip": (by_gzip(binary), "gzip"),
                         "lz4": (by_lz4(binary), "lz4")}[how]
    image = Image("k", write(f"{name}.kernel", data), 0x80200000, 0x80200000, compression)
    with Machine(name, bundle(name, [Vm("vm", image)]), smp=1) as m:
        m.expect_line("vm", "HELLO")
        m.menu("r")
        m.expect_line("hartvisor", "vm: rebooting")
        m.expect_line("vm", "HELLO")
        m.send_line("quit")
        m.expect_passed("vm", GOOD)
        m.expect_end()


def test_what_an_elf_file_leaves_to_memory_is_zero(name):
    """Also in a VM's next life: the guest finds it as it was."""
    binary = guest("leak").read_bytes()
    image = elf([(0x80200000, 0x80200000, binary, 8 * MIB)], 0x80200000)
    with Machine(name, bundle(name, [Vm("vm", write(f"{name}.kernel", image))]), smp=1) as m:
        m.expect_line("vm", "LEAK clean")
        m.send_line("reboot")
        m.expect_line("hartvisor", "vm: rebooting")
        m.expect_line("vm", "LEAK clean")
        m.send_line("quit")
        m.expect_passed("vm", "leak")
        m.expect_end()


def test_guest_loader_takes_compressed_kernels(name):
    """It has no property to say so."""
    kernel = write(f"{name}.kernel", by_gzip(LINUX.read_bytes()))
    with Machine(name, smp=2, mem="1G", append="hartvisor.guest-memory=256M", args=[
            "-device", f"guest-loader,addr=0x90000000,kernel={kernel},bootargs=console=ttyS0 earlycon=sbi",
            "-device", f"guest-loader,addr=0x94000000,initrd={INITRAMFS}"]) as m:
        m.expect_line("guest", UP)
        m.menu("q")
        m.expect_end()
