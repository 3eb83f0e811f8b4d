# SPDX-License-Identifier: BSD-2-Clause
"""What a Debian system takes: sixteen on one copy of their root, and its boot against the same disk without hartvisor."""

import re
import subprocess

import pytest
from hv import BUILD, LINUX, MIB, WORK, Image, Machine, Vm, its_text, make_itb, run_tool
from test_debian import BOOT, DISK, pytestmark  # noqa: F401: they need the disk, too
from test_io_ends import own_memory

INITRAMFS = BUILD / "debian" / "initramfs.cpio.gz"
PARTITION_AT, PARTITION_MIB = 1, 1536  # of the first system (tools/setup-debian.sh)


def root_image(name, size_mib):
    """The file system of the first partition, made small."""
    image = WORK / f"{name}.ext4"
    WORK.mkdir(parents=True, exist_ok=True)
    run_tool(["dd", f"if={DISK}", f"of={image}", "bs=1M", f"skip={PARTITION_AT}", f"count={PARTITION_MIB}", "conv=sparse", "status=none"])
    # It has been mounted by a machine that was switched off, perhaps: the journal is played first.
    assert subprocess.run(["/usr/sbin/e2fsck", "-f", "-p", image], capture_output=True).returncode <= 1
    run_tool(["/usr/sbin/resize2fs", image, f"{size_mib}M"])
    run_tool(["truncate", "-s", f"{size_mib}M", image])
    return Image("root", image)


SYSTEMS = 16
WRITES = 8 * MIB  # each may write so much; more is an error of its disk


def test_sixteen_systems_on_one_root(name):
    """One copy of the image in memory. What each has written when it asks for a login is its own, and little."""
    disk = f'disk@0 {{ image = "root"; access = "overlay"; overlay-memory = <{WRITES:#x}>; }};'
    vms = [Vm(f"deb-{i}", LINUX, cpus=1, memory=320 * MIB, ramdisk=INITRAMFS, more=disk,
              bootargs=f"console=ttyS0 root=/dev/vda TERM=dumb systemd.hostname=deb-{i}") for i in range(SYSTEMS)]
    bundle = make_itb(name, its_text(vms, [root_image(name, 320)]), "mkimage -E -B 0x1000")
    with Machine(name, bundle, mem="8G") as m:
        m.expect_lines({vm.name: "Linux version" for vm in vms}, timeout=BOOT)
        before = own_memory(m)
        m.expect_lines({vm.name: f"GNU/Linux 13 {vm.name} ttyS0" for vm in vms}, timeout=2 * BOOT)
        each = (own_memory(m) - before) / SYSTEMS
        text = m.text()
    print(f"FIGURE {SYSTEMS} systems: each has {each:.0f} KiB of its own disk at its login")
    assert not re.search(r"I/O error|EXT4-fs error|No space left", text)
    assert 0 < each <= WRITES / 1024


# --- against the machine itself ------------------------------------------------------------------------------------------

ICOUNT = ["-icount", "shift=0"]


def options():
    """The disk and the network of dts/debian.qemu, without ports of this machine. What is written is thrown away."""
    return ["-global", "virtio-mmio.force-legacy=false", "-drive", f"file={DISK},format=raw,if=none,id=disk,snapshot=on", "-device",
            "virtio-blk-device,drive=disk,bus=virtio-mmio-bus.0", "-netdev", "user,id=lan", "-device",
            "virtio-net-device,netdev=lan,bus=virtio-mmio-bus.1", *ICOUNT]


def startup(m, prefix):
    """Seconds from the kernel's first instruction until systemd had started all, by its own account."""
    m.expect(f"{prefix}.*GNU/Linux 13 debian-a ttyS0", timeout=BOOT)
    m.send_line("root")
    m.expect("Password:", timeout=BOOT)
    m.send_line("hartvisor")
    m.expect("root@debian-a:~#", timeout=BOOT)
    m.send_line("systemctl is-system-running --wait; systemd-analyze time | tr '\\n' ' '; echo do''ne")
    m.expect(r"Startup finished in [^=]*= (?:(\d+)min )?([\d.]+)s ", timeout=BOOT)
    minutes, seconds = m.child.match.groups()
    return 60 * int(minutes or 0) + float(seconds)


def natively(name):
    args = ["-initrd", INITRAMFS, *options()]
    with Machine(f"{name}-native", smp=1, mem="1G", kernel=LINUX, prefix=False, append="console=ttyS0 earlycon=sbi root=/dev/vda1 TERM=dumb",
                 args=args) as m:
        return startup(m, "")


def as_a_guest(name):
    """One system of the bundle's two, with one vcpu."""
    disks = 'root-a { compatible = "hartvisor,disk"; host = "/soc/virtio_mmio@10001000"; partition = <1>; };'
    lan = 'lan { compatible = "hartvisor,switch"; uplink = "/soc/virtio_mmio@10002000"; };'
    vm = Vm("debian-a", LINUX, cpus=1, memory=1024 * MIB, ramdisk=INITRAMFS, more='disk@0 { disk = "root-a"; }; net@0 { switch = "lan"; };',
            bootargs="console=ttyS0 earlycon=sbi root=/dev/vda TERM=dumb")
    bundle = make_itb(name, its_text([vm], disks=disks, networks=[lan]))
    with Machine(f"{name}-guest", bundle, smp=1, mem="2G", args=options()) as m:
        m.expect(r"\[hartvisor\] ([\d.]+) debian-a: started", timeout=BOOT)
        return float(m.child.match.group(1)) + startup(m, r"\[debian-a\]")


def test_a_boot_takes_little_longer_than_on_the_machine_itself(name):
    """The clock counts instructions while the hart has work, and is the build machine's while it waits for the disk."""
    native, guest = natively(name), as_a_guest(name)
    print(f"FIGURE {native:.2f} s natively, {guest:.2f} s as a guest: {guest / native:.3f}")
    assert guest <= 1.10 * native
