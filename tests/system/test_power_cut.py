# SPDX-License-Identifier: BSD-2-Clause
"""What a guest has flushed to a disk of the machine is there after a power cut.

QEMU is killed. What it has written by then is in the build machine's page cache, a lost flush included, so the file alone says
nothing. QEMU logs what the disk was asked, in its order (the driver blklogwrites, in the format of Linux's dm-log-writes). Of a
disk with a volatile cache no more is sure to be left than what it was asked before its last flush: that much of the log makes
the disk as it may be found after the cut.
"""

import contextlib
import hashlib
import os
import random
import re
import signal
import struct

import pytest
from hv import MIB, WORK, Vm, guest
from machine_disks import logged_drive, source
from test_host_disk import booted, guest_with, start

SECTOR = 512
FLUSH, DISCARD = 1, 4

SIZE = 16 * MIB  # of which guest/tests/host_disk.c writes 256 places of 64 KiB, each once
BLOCK = 4096
ROUND = 16 * BLOCK


def as_of_last_flush(log, size):
    """The disk, of zeroes at first, as it is when all that came behind the last flush is lost; and how many flushes came."""
    entries, flushes = [], []
    with open(log, "rb") as f:
        magic, version, _, sector = struct.unpack("<QQQI", f.read(28).ljust(28, b"\0"))
        if magic == 0:  # written by the first flush
            return bytearray(size), 0
        assert (magic, version, sector) == (0x6A736677736872, 1, SECTOR)
        at, end = SECTOR, os.path.getsize(log)
        while at + SECTOR <= end:
            f.seek(at)
            first, nr, flags, _ = struct.unpack("<QQQQ", f.read(32))
            data = at + SECTOR
            if not flags and not nr:
                break
            if flags & FLUSH:
                flushes.append(len(entries))
            elif not flags & DISCARD:
                entries.append((first, nr, data))
            at = data + (0 if flags & DISCARD else nr * SECTOR)
        disk = bytearray(size)
        for first, nr, data in entries[:flushes[-1] if flushes else 0]:
            f.seek(data)
            disk[first * SECTOR:(first + nr) * SECTOR] = f.read(nr * SECTOR)
    return disk, len(flushes)


def cut(m):
    """The power fails. A guest that has done all meanwhile has switched it off itself."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(m.child.pid, signal.SIGKILL)
    return m.expect_end()


def files(name):
    WORK.mkdir(parents=True, exist_ok=True)
    disk, log = WORK / f"{name}.disk", WORK / f"{name}.writes"
    disk.write_bytes(bytes(SIZE))
    log.write_bytes(b"")
    return disk, log


def block(number, i):
    """Block @i of what guest/tests/host_disk.c writes in round @number."""
    return bytes((number + i + 7 * j) & 0xFF for j in range(256)) * 16


def power_fails_once(name, after):
    """Some time behind round @after. How many rounds the guest has had acknowledged."""
    disk, log = files(name)
    vm = Vm("vm", guest("host_disk"), more='disk@0 { disk = "data"; };', bootargs="write=255")
    with booted(name, [vm], source("data"), logged_drive(disk, log)) as m:
        m.expect_line("vm", rf"DISK {after}(?!\d)")
        text = cut(m)
    assert "FAIL" not in text
    rounds = max(int(n) for n in re.findall(r"DISK (\d+)\n", text))
    left, flushes = as_of_last_flush(log, SIZE)
    for number in range(1, rounds + 1):
        at = number * 37 % (SIZE // ROUND) * ROUND
        for i in range(16):
            there = left[at + BLOCK * i:at + BLOCK * (i + 1)]
            assert there == block(number, i), f"block {i} of round {number}, of {rounds} acknowledged, {flushes} flushes"
    return rounds


@pytest.mark.parametrize("times", [2, pytest.param(50, marks=pytest.mark.long)])
def test_what_was_flushed_is_on_the_disk(name, times):
    """Sixteen writes at once and a flush, again and again, until the power fails."""
    choose = random.Random(name)
    rounds = [power_fails_once(name, choose.randrange(1, 200)) for _ in range(times)]
    print(f"FIGURE rounds acknowledged before the cut: {rounds}")


def test_what_linux_has_synchronised_is_on_the_disk(name):
    """fsync() by the stock kernel."""
    disk, log = files(name)
    with booted(name, [guest_with(name, 'disk@0 { disk = "data"; };')], source("data"), logged_drive(disk, log)) as m:
        start(m)
        m.send_line("n=0; while dd if=/dev/urandom of=/tmp/x bs=64k count=1 2>/dev/null; do dd if=/tmp/x of=/dev/vda bs=64k "
                    "seek=$n conv=fsync 2>/dev/null && echo SYN''CED $n $(md5sum </tmp/x); n=$((n+1)); done")
        m.expect_line("one", "SYNCED 5 ")
        text = cut(m)
    left, _ = as_of_last_flush(log, SIZE)
    synced = re.findall(r"SYNCED (\d+) ([0-9a-f]{32}) +-\n", text)
    assert len(synced) >= 3
    for number, digest in synced:
        at = int(number) * ROUND
        assert hashlib.md5(left[at:at + ROUND]).hexdigest() == digest, f"{number} of {len(synced)}"
