# SPDX-License-Identifier: BSD-2-Clause
"""U-Boot, Debian's for QEMU's virt in S-mode, starts hartvisor: by bootm, by booti, and by extlinux.conf.

docs/porting.md describes these ways for users.
"""

import os
import shutil
import struct
import sys

import pytest
from hv import (BUILD, HARTVISOR, INITRAMFS, LINUX, MIB, ROOT, UBOOT, WORK, Image, Machine, Vm, guest, its_text, make_itb,
                run_tool)
from test_linux import UP, prompt

FIT_AT = 0x90000000
KERNEL_AT = 0x84000000
BOOTM = f"bootm {FIT_AT:#x} {FIT_AT:#x} ${{fdtcontroladdr}}"
PROMPT = r"\n=> "

# mkfit.py's layout: the tree, then each image at a multiple of 2 MiB.
KERNEL_IN_FIT, BUNDLE_IN_FIT = 2 * MIB, 4 * MIB


@pytest.fixture(autouse=True)
def uboot_is_there():
    assert UBOOT.exists(), f"no {UBOOT}: make setup gets it (package u-boot-qemu), or UBOOT= names the file"


def fit(name, itb):
    """hartvisor and @itb in one file, as make fit puts them together."""
    image = WORK / f"{name}.fit"
    run_tool([sys.executable, "-B", ROOT / "firmware" / "mkfit.py", "--hartvisor", HARTVISOR, "--bundle", itb,
              "-o", image])
    return image


def legacy(name, itb):
    """@itb as a ramdisk in U-Boot's older format, of which booti takes no bundle for a FIT of its own."""
    image = WORK / f"{name}.uimg"
    run_tool(["mkimage", "-A", "riscv", "-O", "linux", "-T", "ramdisk", "-C", "none", "-n", "bundle", "-d", itb, image])
    return image


def two_configurations(name, **more):
    """Guest hello as VM "vm" of the default configuration, and as VM "another" of configuration "second"."""
    first, second = (its_text([Vm(vm, guest("hello"), **more)]) for vm in ("vm", "another"))
    node = second[second.index("        test {"):second.index("    };\n};\n")].replace("test {", "second {")
    end = first.index("    };\n};\n")
    return make_itb(name, first[:end] + node + first[end:])


def loaded(*images):
    """QEMU's options that put files into memory: (path, address) each."""
    return [word for path, at in images
            for word in ("-device", f"loader,file={path},addr={at:#x},force-raw=on")]


def uboot(name, args, **more):
    return Machine(name, kernel=UBOOT, args=args, **more)


def command_line(m, *commands):
    """Stop U-Boot's automatic boot, and type @commands. The last one is not waited for."""
    m.expect("stop autoboot")
    m.send_line("")
    for command in commands:
        m.expect(PROMPT)
        m.send_line(command)


def say_hello_and_end(m, vm):
    m.expect_line(vm, "HELLO nproc=1")
    m.ping(vm, "are you there?")
    m.send_line("quit")
    m.expect_line("hartvisor", "all VMs have ended; powering off")
    said = m.expect_end()
    # QEMU's tree has a seed, which U-Boot hands on.
    assert "rng-seed" not in said and " error: " not in said, said
    return said


def test_bootm_of_make_fit(name):
    """build/boot.itb of make fit: two Linux guests, up to their shells."""
    with uboot(name, loaded((BUILD / "boot.itb", FIT_AT)), mem="2G") as m:
        command_line(m, BOOTM)
        m.expect(r"sha256\+ OK")
        m.expect(r"sha256\+ OK")
        m.expect_line("hartvisor", f"started on hart \\d+ at {FIT_AT + KERNEL_IN_FIT:#x}")
        m.expect_lines({"linux-a": UP.format(2), "linux-b": UP.format(2)})
        m.focus(2, "linux-b")
        prompt(m, "linux-b")
        m.shell("linux-b", "echo $(nproc) $((6 * 7))", "2 42")


@pytest.mark.parametrize("moved", [False, True], ids=["in-place", "moved"])
def test_bootm_hands_over_command_line_and_images(name, moved):
    """U-Boot leaves initrd and tree where they are, or moves them to the end of memory; nothing else may lie there.

    The bundle has 24 MiB, and the VM takes nearly all of the rest. When it reboots, it is loaded again from the bundle.
    """
    ballast = WORK / f"{name}.ballast"
    WORK.mkdir(parents=True, exist_ok=True)
    ballast.write_bytes(bytes(24 * MIB))
    image = fit(name, two_configurations(name, memory=990 * MIB, ramdisk=ballast))
    high = ["setenv initrd_high", "setenv fdt_high"] if moved else []
    with uboot(name, loaded((image, FIT_AT))) as m:
        command_line(m, *high, "setenv bootargs hartvisor.config=second hartvisor.prefix=1", BOOTM)
        m.expect("Loading Ramdisk to" if moved else "Using Device Tree in place")
        m.expect_line("hartvisor", r"harts run; (\d+) MiB free for VMs")
        assert 990 <= int(m.child.match.group(1)) < 1024 - 24
        m.expect_line("another", "HELLO nproc=1")
        m.ping("another", "before")
        m.send_line("reboot")
        m.expect_line("hartvisor", "another: rebooting")
        assert "[vm]" not in say_hello_and_end(m, "another")


@pytest.mark.parametrize("part, at", [("hartvisor", KERNEL_IN_FIT + 0x1000), ("bundle", BUNDLE_IN_FIT + 0x1000)],
                         ids=["hartvisor", "bundle"])
def test_a_corrupted_file_is_refused(name, part, at):
    """One bit is wrong."""
    image = fit(name, two_configurations(name))
    with open(image, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))
    with uboot(name, loaded((image, FIT_AT))) as m:
        command_line(m, BOOTM)
        m.expect(f"Bad hash value for 'hash-1' hash node in '{part}' image node")
        m.expect(PROMPT)
        assert "Starting kernel" not in m.text()


def test_a_file_at_a_wrong_address_is_refused(name):
    image = fit(name, two_configurations(name))
    with uboot(name, loaded((image, FIT_AT + MIB))) as m:
        command_line(m, BOOTM.replace(f"{FIT_AT:#x}", f"{FIT_AT + MIB:#x}"))
        m.expect_line("hartvisor", "hartvisor was not loaded at a multiple of 2 MiB; powering off")
        m.expect_end()


def test_booti_with_the_bundle_as_a_legacy_ramdisk(name):
    """The image's header lies before the bundle, which is at no multiple of 64 then. U-Boot moves hartvisor."""
    images = [(HARTVISOR, KERNEL_AT), (legacy(name, two_configurations(name)), FIT_AT)]
    with uboot(name, loaded(*images)) as m:
        command_line(m, "setenv bootargs hartvisor.config=second hartvisor.prefix=1",
                     f"booti {KERNEL_AT:#x} {FIT_AT:#x} ${{fdtcontroladdr}}")
        m.expect("Verifying Checksum ... OK")
        m.expect_line("hartvisor", r"started on hart \d+ at 0x80200000")
        say_hello_and_end(m, "another")


def disk(name, files, mebibytes=64):
    """A disk with one bootable partition, ext4, that has @files: path inside to bytes."""
    tree, image, first = WORK / f"{name}.root", WORK / f"{name}.disk", 2048
    shutil.rmtree(tree, ignore_errors=True)
    for inside, data in files.items():
        (tree / inside).parent.mkdir(parents=True, exist_ok=True)
        (tree / inside).write_bytes(data)
    image.unlink(missing_ok=True)
    with open(image, "wb") as file:
        file.truncate((mebibytes + 2) * MIB)
        file.seek(446)
        file.write(struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff", first, mebibytes * 2048))
        file.seek(510)
        file.write(b"\x55\xaa")
    mke2fs = shutil.which("mke2fs", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert mke2fs, "no mke2fs: make setup gets it (package e2fsprogs)"
    run_tool([mke2fs, "-q", "-F", "-t", "ext4", "-E", f"offset={first * 512}", "-d", tree, image, f"{mebibytes}M"])
    return image


EXTLINUX = b"""default hartvisor
label hartvisor
  kernel /hartvisor.bin
  initrd /bundle.uimg
  append hartvisor.config=second hartvisor.prefix=1
"""


def test_extlinux_conf_on_a_disk(name):
    """Without a key: U-Boot finds the disk and its extlinux.conf by itself."""
    image = disk(name, {"extlinux/extlinux.conf": EXTLINUX, "hartvisor.bin": HARTVISOR.read_bytes(),
                        "bundle.uimg": legacy(name, two_configurations(name)).read_bytes()})
    with uboot(name, ["-drive", f"file={image},if=none,format=raw,id=d", "-device", "virtio-blk-device,drive=d"]) as m:
        m.expect("Found /extlinux/extlinux.conf")
        m.expect("append: hartvisor.config=second hartvisor.prefix=1")
        say_hello_and_end(m, "another")


@pytest.mark.long
def test_a_guest_reads_its_kernel_from_its_disk(name):
    """U-Boot in a VM: its own drivers find the virtio disk, read ext4, and start the Linux that lies there."""
    image = Image("disk", disk(name, {"Image": LINUX.read_bytes(), "initrd": INITRAMFS.read_bytes()}))
    vm = Vm("vm", Image("u-boot", UBOOT, load=0x80200000, entry=0x80200000), memory=256 * MIB, more='disk@0 { image = "disk"; };')
    with Machine(name, make_itb(name, its_text([vm], [image]), "mkimage -E -B 0x1000"), smp=1) as m:
        m.expect_line("vm", "Hit any key to stop autoboot")
        m.send_line("")
        m.expect("=> ")
        for command, answer in [
                ("virtio scan; virtio info", "Device 0: .*\n.*Type: Hard Disk"),
                ("load virtio 0:1 ${kernel_addr_r} Image", f"{LINUX.stat().st_size} bytes read"),
                ("load virtio 0:1 ${ramdisk_addr_r} initrd", f"{INITRAMFS.stat().st_size} bytes read"),
                ("setenv bootargs console=ttyS0; echo s\"\"et", "set")]:
            m.send_line(command)
            m.expect(answer)
            m.expect("=> ")
        m.send_line("booti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdtcontroladdr}")
        m.expect_line("vm", "Starting kernel")
        m.expect_line("vm", UP.format(1))
