# SPDX-License-Identifier: BSD-2-Clause
"""Devices that child nodes of a VM make: pmem@N, an image of the bundle as read-only memory."""

import hashlib
import io
import lzma
import random
import re
import shutil
import subprocess
import tarfile

import pytest
from hv import BUSYBOX, ESCAPE, ROOT, WORK, Image, Machine, Vm, guest, initramfs_with, its_text, linux, make_itb, run_tool, setting

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


# --- stock Linux ---------------------------------------------------------------------------------------

MODULES = ["crc16", "crc32c_generic", "mbcache", "jbd2", "ext4", "libnvdimm", "nd_btt", "nd_pmem", "of_pmem"]


def debian_modules(test):
    """MODULES of the kernel that the guests run, as files of the initramfs."""
    deb, folder = ROOT / setting("KERNEL_DEB", ""), WORK / f"{test}.modules"
    folder.mkdir(parents=True, exist_ok=True)
    packed = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            match = re.search(r"/([a-z0-9_]+)\.ko\.xz$", member.name)
            if match and match[1] in MODULES:
                (folder / f"{match[1]}.ko").write_bytes(lzma.decompress(archive.extractfile(member).read()))
    return {f"lib/m/{name}.ko": folder / f"{name}.ko" for name in MODULES}


def root_file_system(test):
    """An ext4 of 20 MiB with a file of 3 MiB and a program."""
    tree, image, data = WORK / f"{test}.tree", WORK / f"{test}.ext4", random.Random(3).randbytes(3 << 20)
    tree.mkdir(parents=True, exist_ok=True)
    (tree / "data").write_bytes(data)
    shutil.copy(BUSYBOX, tree / "busybox")
    image.unlink(missing_ok=True)
    run_tool(["mke2fs", "-q", "-t", "ext4", "-b", "4096", "-d", tree, image, "20M"])
    return Image("root", image), hashlib.md5(data).hexdigest()


@pytest.mark.parametrize("tool", [pytest.param("mkimage", marks=pytest.mark.long, id="inside"),
                                  pytest.param("mkimage -E -B 0x1000", id="aligned")])
def test_linux_mounts_it_with_dax(name, tool):
    """Two stock kernels on one root: read, executed, and not written, after which the guest goes on."""
    root, digest = root_file_system(name)
    ramdisk = initramfs_with(name, debian_modules(name))
    vms = [linux(vm, ramdisk=ramdisk, cpus=1) for vm in ("one", "two")]
    for vm in vms:
        vm.more = 'pmem@0 { image = "root"; };'
    with Machine(name, make_itb(name, its_text(vms, [root]), tool), smp=2) as m:
        m.expect_lines({"one": "GUEST-UP", "two": "GUEST-UP"})
        for number, vm in enumerate(("one", "two"), start=1):
            m.focus(number, vm)
            for module in MODULES:
                m.send_line(f"insmod /lib/m/{module}.ko")
            m.shell(vm, "mkdir -p /mnt; mount -t ext4 -o ro,dax /dev/pmem0 /mnt && echo mou''nted", "mounted")
            m.shell(vm, "grep -o ro,.*dax=always /proc/mounts >/dev/null && echo by d''ax", "by dax")
            m.shell(vm, "md5sum </mnt/data", f"{digest}  -")
            m.shell(vm, "/mnt/busybox echo exe''cuted", "executed")


@pytest.mark.long
def test_sixteen_stock_kernels_on_one_root(name):
    """Each mounts it and reads a file of it. What hartvisor takes for a VM, beyond its RAM and the one image, is little."""
    root, digest = root_file_system(name)
    ramdisk = initramfs_with(name, debian_modules(name))
    vms = [linux(f"vm-{i}", ramdisk=ramdisk, cpus=1) for i in range(16)]
    for vm in vms:
        vm.more = 'pmem@0 { image = "root"; };'
    load = f"for x in {' '.join(MODULES)}; do insmod /lib/m/$x.ko; done; mkdir -p /mnt"
    with Machine(name, make_itb(name, its_text(vms, [root]), "mkimage -E -B 0x1000"), smp=2, mem="6G") as m:
        m.expect_lines({vm.name: "GUEST-UP" for vm in vms}, timeout=3600)
        for vm in vms:
            m.send(f"{ESCAPE}g{vm.name}\r")
            m.expect(rf"console: {vm.name}\b")
            m.send_line(f"{load}; until [ -e /dev/pmem0 ]; do :; done; mount -t ext4 -o ro,dax /dev/pmem0 /mnt; "
                        "md5sum </mnt/data")
            m.expect_line(vm.name, f"{digest}  -")
        m.menu("l")
        m.expect(r"hartvisor's own memory: (\d+) KiB, its image (\d+) KiB")
        own, image = map(int, m.child.match.groups())
    print(f"FIGURE {own} KiB of hartvisor's own, {image} of them its image: {(own - image) // len(vms)} KiB for each VM")
    assert (own - image) / len(vms) < 4096
