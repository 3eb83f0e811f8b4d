# SPDX-License-Identifier: BSD-2-Clause
"""A stock Linux with virtio devices: disks of the bundle, entropy, a second console."""

import hashlib
import os
import random
import shutil

import pytest
from hv import ESCAPE, MIB, ROOT, WORK, Image, Machine, initramfs_with, its_text, linux, make_itb, run_tool, setting, user_program
from modules import EXT4, VIRTIO, load, modules

DISK = 16 * MIB


def disk(test, size=DISK, seed=1):
    """@size random bytes as an image of the bundle, and their digest."""
    WORK.mkdir(parents=True, exist_ok=True)
    data = random.Random(seed).randbytes(size)
    path = WORK / f"{test}.disk"
    path.write_bytes(data)
    return Image("disk", path), hashlib.md5(data).hexdigest()


def guest_with(test, more, name="one", cpus=1):
    ramdisk = initramfs_with(test, {**modules(*VIRTIO), "bin/blkcheck": user_program("blkcheck")})
    vm = linux(name, ramdisk=ramdisk, cpus=cpus)
    vm.more = more
    return vm


def start(m, vm="one", number=1):
    m.focus(number, vm)
    load(m, vm, *VIRTIO)


def booted(test, vms, images, smp=2, mem="1G"):
    """@mem: the images are in the bundle, and each VM has 256 MiB."""
    return Machine(test, make_itb(test, its_text(vms, images), "mkimage -E -B 0x1000"), smp=smp, mem=mem)


def test_a_disk_that_cannot_be_written(name):
    """Two guests read the same image; none can write it."""
    image, digest = disk(name)
    vms = [guest_with(name, 'disk@0 { image = "disk"; }; rng@0 { };', name=vm) for vm in ("one", "two")]
    with booted(name, vms, [image], mem="2G") as m:
        m.expect_lines({"one": "GUEST-UP", "two": "GUEST-UP"})
        for number, vm in enumerate(("one", "two"), start=1):
            start(m, vm, number)
            m.shell(vm, "cat /sys/block/vda/size /sys/block/vda/ro | tr '\\n' ' '; echo", f"{DISK // 512} 1 ")
            m.shell(vm, "md5sum </dev/vda", f"{digest}  -")
            m.shell(vm, "dd if=/dev/zero of=/dev/vda count=1 2>/dev/null || echo can''not", "cannot")
            m.shell(vm, "blkcheck /dev/vda 8 500 read", "BLKCHECK PASS 500")
            m.shell(vm, "head -c 64 /dev/hwrng | wc -c", "64")


OVERLAY = 'disk@0 {{ image = "disk"; access = "overlay"; overlay-memory = <{bytes:#x}>; {more} }}; rng@0 {{ }};'


@pytest.mark.parametrize("cpus, queues, requests", [pytest.param(1, 1, 1000, marks=pytest.mark.long, id="one"),
                                                    pytest.param(2, 2, 200, id="two-queues"),
                                                    pytest.param(2, 2, 1000, marks=pytest.mark.long, id="two-queues-long")])
def test_an_overlay_keeps_what_is_written(name, cpus, queues, requests):
    """Random requests at several depths with data that says what it is; the same disk after a reboot of the guest."""
    image, digest = disk(name)
    more = OVERLAY.format(bytes=2 * DISK, more=f"queues = <{queues}>;")
    with booted(name, [guest_with(name, more, cpus=cpus)], [image]) as m:
        m.expect_line("one", "GUEST-UP")
        start(m)
        m.shell("one", "md5sum </dev/vda", f"{digest}  -")
        for depth in (1, 4, 32):
            m.shell("one", f"blkcheck /dev/vda {depth} {requests}", f"BLKCHECK PASS {requests}")
        m.shell("one", "sync; md5sum </dev/vda >/tmp/sum; md5sum </dev/vda | cmp - /tmp/sum && echo sa''me", "same")
        m.send_line("md5sum </dev/vda")
        m.expect(r"\[one\] ([0-9a-f]{32})  -")
        digest = m.child.match.group(1)
        m.send_line("reboot -f")
        m.expect_line("one", "GUEST-UP")
        start(m)
        m.shell("one", "md5sum </dev/vda", f"{digest}  -")
        m.shell("one", "blkdiscard /dev/vda; echo done", "done")
        m.shell("one", f"head -c {DISK} /dev/zero | cmp - /dev/vda && echo ze''ro", "zero")


def test_an_overlay_that_is_full_is_an_error_of_the_guest(name):
    image, _ = disk(name)
    with booted(name, [guest_with(name, OVERLAY.format(bytes=2 * MIB, more=""))], [image]) as m:
        m.expect_line("one", "GUEST-UP")
        start(m)
        m.shell("one", "dd if=/dev/zero of=/dev/vda bs=1M count=1 oflag=direct 2>/dev/null && echo fi''ts", "fits")
        m.shell("one", "dd if=/dev/zero of=/dev/vda bs=1M count=8 oflag=direct 2>/dev/null || echo fu''ll", "full")
        m.shell("one", "blkdiscard /dev/vda; echo done", "done")
        m.shell("one", "dd if=/dev/zero of=/dev/vda bs=1M count=1 oflag=direct 2>/dev/null && echo fi''ts", "fits")


def file_system(test, mebibytes=24):
    """An empty ext4 with a journal, as an image of the bundle."""
    WORK.mkdir(parents=True, exist_ok=True)
    image = WORK / f"{test}.ext4"
    image.unlink(missing_ok=True)
    mke2fs = shutil.which("mke2fs", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    run_tool([mke2fs, "-q", "-t", "ext4", "-b", "4096", "-J", "size=4", image, f"{mebibytes}M"])
    return Image("disk", image)


def e2fsck(test):
    """Debian's, static: a path here."""
    folder = WORK / f"{test}.e2fsck"
    run_tool(["dpkg-deb", "-x", ROOT / setting("E2FSCK_DEB", ""), folder])
    return next(path for path in folder.rglob("e2fsck*") if path.is_file() and os.access(path, os.X_OK))


# Some are written again, some removed.
FILES = """
i=0
while [ $i -lt 1000 ]; do
    n=$((i * 7919 % 211))
    case $((i % 10)) in
    9) rm -f /mnt/f$n ;;
    *) dd if=/dev/urandom of=/mnt/f$n bs=512 count=$((i * 31 % 120 + 1)) seek=$((i % 7)) conv=notrunc 2>/dev/null ;;
    esac
    [ $((i % 200)) = 50 ] && sync
    i=$((i + 1))
done
"""


@pytest.mark.long
def test_a_file_system_is_whole_after_a_thousand_writes(name):
    """ext4 with its journal, on an overlay. The guest's own e2fsck looks at it, and each file is as it was."""
    image = file_system(name)
    script = WORK / f"{name}.files"
    script.write_text(f"#!/bin/sh\n{FILES}")
    script.chmod(0o755)
    ramdisk = initramfs_with(name, {**modules(*VIRTIO, *EXT4), "bin/e2fsck": e2fsck(name), "bin/files": script})
    vm = linux("one", ramdisk=ramdisk, cpus=2)
    vm.more = OVERLAY.format(bytes=32 * MIB, more="queues = <2>;")
    with booted(name, [vm], [image]) as m:
        m.expect_line("one", "GUEST-UP")
        start(m)
        load(m, "one", *EXT4)
        m.shell("one", "mkdir -p /mnt; mount -t ext4 -o discard /dev/vda /mnt && echo moun''ted", "mounted")
        m.shell("one", "files; echo writ''ten", "written")
        m.shell("one", "md5sum /mnt/f* >/tmp/sums; umount /mnt; e2fsck -f -n /dev/vda && echo cle''an", "clean")
        m.shell("one", "mount -t ext4 /dev/vda /mnt; md5sum -c -s /tmp/sums && echo the sa''me", "the same")
        # A reset in the middle of writes: the journal is replayed, and the rest is whole.
        m.send_line("rm -f /mnt/f*; echo be''gun; files")
        m.expect_line("one", "begun")
        m.menu("r")
        m.expect_line("one", "GUEST-UP")
        start(m)
        load(m, "one", *EXT4)
        m.shell("one", "e2fsck -p /dev/vda; e2fsck -f -n /dev/vda && echo cle''an", "clean")


@pytest.mark.long
def test_a_pause_in_the_middle_of_requests(name):
    """Ten times, at any moment of random reads and writes of several depths, whose data is right afterwards."""
    image, _ = disk(name)
    more = OVERLAY.format(bytes=2 * DISK, more="queues = <2>;")
    with booted(name, [guest_with(name, more, cpus=2)], [image]) as m:
        m.expect_line("one", "GUEST-UP")
        start(m)
        m.send_line("for d in 1 4 32; do blkcheck /dev/vda $d 2500; done; echo a''ll")
        for _ in range(10):
            m.menu("p")
            m.expect_line("hartvisor", "one is paused")
            m.menu("p")
            m.expect_line("hartvisor", "one goes on")
        m.expect_line("one", "all")
        assert m.text().count("BLKCHECK PASS 2500") == 3


def test_a_second_console_and_a_port(name):
    """hvc0 shows on the operator's terminal under its own name and takes what is typed; a port is a plain device."""
    more = 'console@0 { label = "mux"; }; console@1 { label = "data"; type = "port"; };'
    with booted(name, [guest_with(name, more)], []) as m:
        m.expect_line("one", "GUEST-UP")
        start(m)
        m.shell("one", "cat /sys/class/virtio-ports/*/name | tr '\\n' ' '; echo", "mux data ")
        m.send_line("echo said on hvc0 >/dev/hvc0; echo said on the port >/dev/vport0p1")
        m.expect_line("one.mux", "said on hvc0")
        m.expect_line("one.data", "said on the port")
        m.send_line("seq 1 3000 >/dev/hvc0; echo do''ne")
        m.expect_lines({"one.mux": "3000", "one": "done"})
        m.send_line("while read -r line; do echo got $line; done </dev/hvc0 &")
        m.send(f"{ESCAPE}gone.mux\r")
        m.expect(r"console: one\.mux")
        m.send_line("typed for mux")
        m.expect_line("one", "got typed for mux")


def gave(m, least=0, most=1 << 20):
    """What the list says that VM one gave back, in MiB, once it is @least to @most; and hartvisor's own memory, in KiB."""
    while True:
        m.menu("l")
        m.expect(r"gave (\d+) MiB back")
        mib = int(m.child.match[1])
        m.expect(r"own memory: (\d+) KiB")
        if least <= mib <= most:
            return mib, int(m.child.match[1])
        m.shell("one", "sleep 1; echo lo''ok", "look")  # Linux looks for free blocks every two seconds


NUMBERS = 50000


@pytest.mark.long
def test_free_memory_goes_back_to_the_machine(name):
    """Linux reports its free pages; what it needs comes again, of zeroes. The operator makes it smaller. A second life."""
    numbers = "".join(f"{n}\n" for n in range(1, NUMBERS + 1)).encode() * 32
    digest = hashlib.md5(numbers).hexdigest()
    vms = [guest_with(name, "balloon@0 { }; rng@0 { };", cpus=2)]
    with booted(name, vms, []) as m:
        m.expect_line("one", "GUEST-UP")
        _, own = gave(m, 0, 0)
        for life in range(2):
            start(m)
            gave(m, 100)
            m.shell("one", f"dd if=/dev/zero of=/tmp/f bs=1M count=120 2>/dev/null; cmp -n {4 * MIB} /tmp/f /dev/zero && echo ze''ro", "zero")
            gave(m, 0, 99)
            m.shell("one", "rm /tmp/f; echo rem''oved", "removed")
            gave(m, 100)
            m.shell("one", f"seq 1 {NUMBERS} >/tmp/f; cd /tmp; cat f f f f f f f f >g; cat g g g g >f; md5sum <f", f"{digest}  -")
            if life == 0:
                m.send_line("reboot -f")
                m.expect_line("one", "GUEST-UP")
                assert gave(m, 0, 0)[1] == own
        m.send(f"{ESCAPE}b100\r")
        m.expect("is asked to keep 100 of 256 MiB")
        gave(m, 120)
        m.shell("one", "md5sum <f", f"{digest}  -")
        m.send(f"{ESCAPE}b256\r")
        m.shell("one", "cat f f f f f f f f | wc -c", str(8 * len(numbers)))
        m.menu("k")
        m.expect("one: destroyed")
        m.expect_end()
