# SPDX-License-Identifier: BSD-2-Clause
"""Disks of the machine: whole, by partition, by offset; requests go from a guest's queue to the machine's."""

import hashlib
import random

import pytest
from hv import MIB, TIMEOUT, WORK, Machine, Vm, guest, initramfs_with, its_text, linux, make_itb, user_program
from machine_disks import MODERN, drive, slot, source
from modules import VIRTIO, load, modules
from partitions import gpt, logical, mbr
from test_virtio import AWAY, share_beside

SIZE = 32 * MIB


def disk_file(test, size=SIZE, seed=1):
    """@size random bytes in a file, and their digest."""
    WORK.mkdir(parents=True, exist_ok=True)
    data = random.Random(seed).randbytes(size)
    path = WORK / f"{test}.disk"
    path.write_bytes(data)
    return path, hashlib.md5(data).hexdigest()


def guest_with(test, more, name="one", cpus=1):
    ramdisk = initramfs_with(test, {**modules(*VIRTIO), "bin/blkcheck": user_program("blkcheck")})
    vm = linux(name, ramdisk=ramdisk, cpus=cpus)
    vm.more = more
    return vm


def booted(test, vms, disks, args, smp=2, mem="1G"):
    return Machine(test, make_itb(test, its_text(vms, disks=disks)), smp=smp, mem=mem, args=[*MODERN, *args])


def start(m, vm="one", number=1):
    m.expect_line(vm, "GUEST-UP")
    m.focus(number, vm)
    load(m, vm, *VIRTIO)


@pytest.mark.parametrize("cpus, queues", [(1, 1), (2, 2)], ids=["one", "two-queues"])
def test_a_whole_disk(name, cpus, queues):
    """Read and written at several depths; what the guest has written is in the file."""
    path, digest = disk_file(name)
    vm = guest_with(name, f'disk@0 {{ disk = "data"; queues = <{queues}>; }};', cpus=cpus)
    with booted(name, [vm], source("data"), drive(path)) as m:
        start(m)
        m.shell("one", "cat /sys/block/vda/size /sys/block/vda/ro | tr '\\n' ' '; echo", f"{SIZE // 512} 0 ")
        m.shell("one", "md5sum </dev/vda", f"{digest}  -")
        for depth in (1, 4, 32):
            m.shell("one", f"blkcheck /dev/vda {depth} 1000", "BLKCHECK PASS 1000")
        m.send_line("sync; md5sum </dev/vda")
        m.expect(r"\[one\] ([0-9a-f]{32})  -")
        assert m.child.match.group(1) == hashlib.md5(path.read_bytes()).hexdigest() != digest
        m.send_line("reboot -f")
        start(m)
        m.shell("one", "blkcheck /dev/vda 32 1000", "BLKCHECK PASS 1000")


@pytest.mark.long
def test_two_guests_on_two_parts_for_long(name):
    """Each reads and writes 16,000 times, at depths up to 64, on two vcpus; every sector read is what was written there last."""
    path, _ = disk_file(name, 2 * SIZE)
    sources = source("low", more=f"size = <{SIZE}>;") + source("high", more=f"offset = <{SIZE}>;")
    vms = [guest_with(name, f'disk@0 {{ disk = "{part}"; queues = <2>; }};', name=vm, cpus=2)
           for vm, part in (("one", "low"), ("two", "high"))]
    with booted(name, vms, sources, drive(path)) as m:
        m.expect_lines({"one": "GUEST-UP", "two": "GUEST-UP"})
        for number, vm in ((1, "one"), (2, "two")):
            m.focus(number, vm)
            load(m, vm, *VIRTIO)
            m.send_line("for d in 1 4 32 64; do blkcheck /dev/vda $d 4000 || break; done; echo EN''DED $d")
        m.expect_lines({"one": "ENDED 64", "two": "ENDED 64"}, timeout=1800)
        for vm in ("one", "two"):
            assert m.text().count(f"[{vm}] BLKCHECK PASS 4000") == 4


def random_disk(size, seed=1):
    return bytearray(random.Random(seed).randbytes(size))


def with_gpt():
    disk = random_disk(8 * MIB)
    disk[:34 * 512] = bytes(34 * 512)
    gpt(disk, [(64, 127), None, (2048, 10239), (10240, 10240)])
    return disk, (1, 3, 4)


def with_gpt_whose_first_table_is_damaged():
    disk, numbers = with_gpt()
    disk[2 * 512 + 200] ^= 1
    return disk, numbers


def with_mbr():
    disk = random_disk(8 * MIB)
    disk[:512] = bytes(512)
    mbr(disk, [(0x83, 64, 100), (0x0F, 2048, 12288), (0x83, 15000, 1000)])
    disk[2048 * 512:2049 * 512] = bytes(512)
    disk[6000 * 512:6001 * 512] = bytes(512)
    logical(disk, 2048, [(2100, 1000), (6001, 500)])
    return disk, (1, 3, 5, 6)


def put_disk(test, disk):
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / f"{test}.disk"
    path.write_bytes(disk)
    return path


@pytest.mark.parametrize("made", [with_gpt, with_gpt_whose_first_table_is_damaged, with_mbr])
def test_partitions_are_those_that_linux_finds(name, made):
    """One VM has the whole disk, and Linux's own idea of its partitions; the other has each partition as a disk."""
    disk, numbers = made()
    path = put_disk(name, disk)
    sources = source("whole") + "".join(source(f"p{n}", more=f"partition = <{n}>;") for n in numbers)
    whole = guest_with(name, 'disk@0 { disk = "whole"; access = "read-only"; };')
    whole.bootargs += " gpt"  # Linux looks at the copy of a damaged table only if it is told to
    parts = guest_with(name, "".join(f'disk@{i} {{ disk = "p{n}"; access = "read-only"; }};'
                                     for i, n in enumerate(numbers)), name="two")
    with booted(name, [whole, parts], sources, drive(path)) as m:
        m.expect_lines({"one": "GUEST-UP", "two": "GUEST-UP"})
        sums = {}
        for number, vm, disks in ((1, "one", [f"vda{n}" for n in numbers]), (2, "two", ["vda", "vdb", "vdc", "vdd"])):
            m.focus(number, vm)
            load(m, vm, *VIRTIO)
            disks = disks[:len(numbers)]
            m.send_line("for d in " + " ".join(disks) + "; do echo su''m $(md5sum </dev/$d); done; echo al''l")
            m.expect_line(vm, "all")
            sums[vm] = [line.split("sum ")[1].split()[0] for line in m.text().splitlines() if line.startswith(f"[{vm}] sum ")]
        assert len(sums["one"]) == len(numbers) and sums["one"] == sums["two"], sums


def test_a_part_of_a_disk_is_all_that_a_vm_can_reach(name):
    """Two VMs write to parts that lie side by side; each finds its own data, and what lies around stays as it was."""
    disk = random_disk(16 * MIB)
    before = bytes(disk)
    path = put_disk(name, disk)
    sources = (source("low", more=f"offset = <{1 * MIB}>; size = <{4 * MIB}>;")
               + source("high", more=f"offset = <{5 * MIB}>; size = <{4 * MIB + 512}>;"))
    vms = [guest_with(name, 'disk@0 { disk = "low"; };'), guest_with(name, 'disk@0 { disk = "high"; };', name="two")]
    with booted(name, vms, sources, drive(path)) as m:
        m.expect_lines({"one": "GUEST-UP", "two": "GUEST-UP"})
        for number, vm in ((1, "one"), (2, "two")):
            m.focus(number, vm)
            load(m, vm, *VIRTIO)
            m.send_line("blkcheck /dev/vda 32 3000")
        m.expect_lines({"one": "BLKCHECK PASS 3000", "two": "BLKCHECK PASS 3000"})
        m.shell("two", "dd if=/dev/zero of=/dev/vda bs=1M count=8 oflag=direct 2>/dev/null; cat /sys/block/vda/size",
                f"{4 * MIB // 512 + 1}")
    after = path.read_bytes()
    assert after[:MIB] == before[:MIB]
    assert after[9 * MIB + 512:] == before[9 * MIB + 512:]
    assert after[MIB:5 * MIB] != before[MIB:5 * MIB]
    assert after[5 * MIB:9 * MIB + 512] == bytes(4 * MIB + 512)


def test_a_read_only_disk_cannot_be_written(name):
    disk = random_disk(MIB)
    path = put_disk(name, disk)
    vm = guest_with(name, 'disk@0 { disk = "data"; };')
    args = ["-drive", f"file={path},if=none,format=raw,id=drive0,readonly=on", "-device",
            "virtio-blk-device,drive=drive0,bus=virtio-mmio-bus.0"]
    with booted(name, [vm], source("data"), args) as m:
        start(m)
        m.shell("one", "cat /sys/block/vda/ro", "1")
        m.shell("one", "dd if=/dev/zero of=/dev/vda count=1 2>/dev/null || echo can''not", "cannot")
    assert path.read_bytes() == disk


WRONG = {
    "no such slot": ('a { compatible = "hartvisor,disk"; host = "/soc/nothing"; };',
                     r'/disks/a: host = "/soc/nothing": no such node: must be the path or the alias of a virtio device'),
    "an empty slot": (source("a", 3), r'/disks/a: host = "/soc/virtio_mmio@10004000": there is no device'),
    "no disk": (source("a", 1), r'/disks/a: host = "/soc/virtio_mmio@10002000": must be a device of another type'),
    "no host": ('a { compatible = "hartvisor,disk"; };', "/disks/a: host is missing: must be the path or the alias of a disk"),
    "no compatible": (f'a {{ host = "{slot(0)}"; }};', '/disks/a: compatible is missing: must be "hartvisor,disk"'),
    "unknown": (source("a", more="sise = <512>;"), "/disks/a: sise = .*: unknown, did you mean size"),
    "no partitions": (source("a", more="partition = <1>;"), "/disks/a: partition = <1>: the disk has no partitions"),
    "partition 0": (source("a", more="partition = <0>;"), "/disks/a: partition = <0>: must be 1 to 128"),
    "offset": (source("a", more="offset = <100>;"), "/disks/a: offset = <100>: must be bytes, .* a multiple of 512"),
    "beyond": (source("a", more=f"offset = <{MIB}>;"), r"/disks/a: offset = <0x100000>: must lie within the 1048576 bytes"),
    "too long": (source("a", more=f"offset = <512>; size = <{MIB}>;"),
                 r"/disks/a: size = <0x100000>: must be at most 1048064"),
    "no source": ("", r'disk = "a": must be the name of a node below the configuration.s disks, which has none'),
    "another source": (source("b"), r'disk = "a": must be the name of a node below the configuration.s disks, of b'),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told(name, case):
    """The VM that names the disk does not start; the other does."""
    disks, line = WRONG[case]
    path = put_disk(name, bytes(MIB))
    vms = [Vm("bad", guest("hello"), more='disk@0 { disk = "a"; };'), Vm("good", guest("hello"))]
    args = [*drive(path), "-device", "virtio-rng-device,bus=virtio-mmio-bus.1"]
    with booted(name, vms, disks or "/* none */", args) as m:
        m.expect(line)
        m.expect_line("good", "HELLO")


USES = {
    "an overlay": ('disk@0 { disk = "a"; access = "overlay"; };', "access = .overlay.: must be .read-only. or .read-write."),
    "neither": ("disk@0 { };", "bad/disk@0: image is missing: must be the name of an image below /images, or else disk"),
    "written twice": ('disk@0 { disk = "a"; }; disk@1 { disk = "a"; };', "bad/disk@1: disk = .a.: bad writes to a, which has "),
    "written beside readers": ('disk@0 { disk = "a"; access = "read-only"; }; disk@1 { disk = "part"; };',
                               "bad/disk@1: disk = .part.: another VM reads a, which has some"),
}


@pytest.mark.parametrize("case", USES)
def test_a_wrong_use_is_told(name, case):
    more, line = USES[case]
    path = put_disk(name, bytes(MIB))
    vms = [Vm("bad", guest("hello"), more=more), Vm("good", guest("hello"))]
    with booted(name, vms, source("a") + source("part", more="offset = <512>; size = <1024>;"), drive(path)) as m:
        m.expect(line)
        m.expect_line("good", "HELLO")


def test_a_legacy_device_is_told_of(name):
    path = put_disk(name, bytes(MIB))
    vms = [Vm("bad", guest("hello"), more='disk@0 { disk = "a"; };'), Vm("good", guest("hello"))]
    with Machine(name, make_itb(name, its_text(vms, disks=source("a"))), args=drive(path)) as m:
        m.expect(r"virtio_mmio@10001000: a legacy virtio device: its version must be 2 \(QEMU: -global "
                 r"virtio-mmio.force-legacy=false\)")
        m.expect_line("good", "HELLO")


def slow_drive(path, number=0):
    """Requests of it are in flight for a while."""
    options = drive(path, number)
    options[1] += ",throttling.iops-total=400"
    return options


@pytest.mark.parametrize("times", [30, pytest.param(200, marks=pytest.mark.long)])
def test_a_stopped_queue_gets_nothing_any_more(name, times):
    """The device, its queue, or both ways of stopping that, with sixteen requests in flight."""
    path = put_disk(name, random_disk(4 * MIB))
    vm = Vm("vm", guest("host_disk"), more='disk@0 { disk = "data"; };', bootargs=f"reset={times}")
    with booted(name, [vm], source("data"), slow_drive(path)) as m:
        m.expect_passed("vm", "host_disk", timeout=TIMEOUT + 2 * times)


@pytest.mark.parametrize("lives", [5, pytest.param(200, marks=pytest.mark.long)])
def test_lives_end_in_the_middle(name, lives):
    """Each life ends with requests in flight. No page is lost, and what the other VM reads and writes stays right."""
    path = put_disk(name, random_disk(16 * MIB))
    sources = source("low", more=f"size = <{8 * MIB}>;") + source("high", more=f"offset = <{8 * MIB}>;")
    vms = [Vm("dies", guest("host_disk"), more='disk@0 { disk = "low"; };', bootargs="write=0", memory=32 * MIB),
           Vm("lives", guest("host_disk"), more='disk@0 { disk = "high"; };', bootargs="write=0", memory=32 * MIB)]
    with booted(name, vms, sources, slow_drive(path)) as m:
        m.expect_lines({"dies": "DISK 1", "lives": "DISK 1"})
        for _ in range(lives):
            m.menu("r")
            m.expect_line("hartvisor", "dies: rebooting")
            m.expect_line("dies", "DISK begins")
            m.expect_line("dies", "DISK 1")
        m.expect_line("lives", r"DISK \d+")
        m.menu("k")
        m.expect_line("hartvisor", "dies: destroyed")
        m.expect_line("lives", r"DISK \d+")
        m.expect_line("lives", r"DISK \d+")
        assert "FAIL" not in m.text()


def test_a_pause_in_the_middle_loses_nothing(name):
    path = put_disk(name, random_disk(4 * MIB))
    vm = Vm("vm", guest("host_disk"), more='disk@0 { disk = "data"; };', bootargs="write=12")
    with booted(name, [vm], source("data"), slow_drive(path)) as m:
        m.expect_line("vm", "DISK 1")
        for _ in range(4):
            m.menu("p")
            m.expect("vm is paused")
            m.menu("p")
            m.expect("vm goes on")
        m.expect_passed("vm", "host_disk")


FLOODS = {"read-sector": "flood=0 bytes=512", "read-4-kib": "flood=0", "write-4-kib": "flood=1", "flush": "flood=4"}
FASTEST = ["-blockdev", f"driver=null-co,node-name=drive0,size={4 * MIB},read-zeroes=on", "-device",
           "virtio-blk-device,drive=drive0,bus=virtio-mmio-bus.0"]


@pytest.mark.parametrize("kind", ["file", pytest.param("fastest", marks=pytest.mark.long)])
@pytest.mark.parametrize("flood", [pytest.param(flood, marks=[] if flood == "read-sector" else [pytest.mark.long])
                                   for flood in FLOODS])
def test_a_flood_of_requests_is_paid_by_the_vm_that_makes_it(name, flood, kind):
    """Sixteen under way without end, by a VM that shares its hart, which takes the disk's interrupts, with another one."""
    disk = drive(put_disk(name, bytes(4 * MIB))) if kind == "file" else FASTEST
    vm = Vm("flood", guest("host_disk"), memory=16 * MIB, more='disk@0 { disk = "data"; };', bootargs=FLOODS[flood])
    permille, away, text = share_beside(
        name, vm, boot=lambda name, vms, smp, args: booted(name, vms, source("data"), [*disk, *args], smp=smp))
    assert "FLOODS" in text and "FAIL" not in text
    assert 490 <= permille <= 510
    assert away < AWAY
