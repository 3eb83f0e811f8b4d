# SPDX-License-Identifier: BSD-2-Clause
"""fio and iperf3, Debian's, in stock guests: disks of the machine, a network between VMs, and its uplink.

The programs are on a disk of their own, which make setup-guest-tools downloads, as make verify does. Without it these are skipped.
"""

import re
import socket

import pytest
from hv import BUILD, MIB, TIMEOUT, WORK, Machine, initramfs_with, its_text, linux, make_itb
from machine_disks import MODERN, drive, source
from modules import EXT4, NET, VIRTIO, load, modules
from test_network import net
from test_uplink import GATEWAY, PREFIX, nic, uplink

TOOLS = BUILD / "guest-tools.ext4"
KIND = [*VIRTIO, *NET, *EXT4]
LONG = max(TIMEOUT, 900)
TOOLS_DISK = 'disk@9 { disk = "tools"; access = "read-only"; };'
# The slots of the machine: 0 is the network's, or the disk's that is looked at.
TOOLS_SLOT = 1

pytestmark = [pytest.mark.long, pytest.mark.skipif(not TOOLS.exists(), reason=f"no {TOOLS}: make setup-guest-tools")]


def machine(name, vms, args, disks="", networks=()):
    """@vms: {name: nodes of its devices}, each with the programs' disk behind them."""
    ramdisk = initramfs_with(name, modules(*KIND))
    guests = []
    for vm, nodes in vms.items():
        guests.append(linux(vm, ramdisk=ramdisk, cpus=2))
        guests[-1].more = nodes + TOOLS_DISK
    itb = make_itb(name, its_text(guests, disks=disks + source("tools", TOOLS_SLOT), networks=networks))
    return Machine(name, itb, mem="1G", args=[*MODERN, *args, *drive(TOOLS, TOOLS_SLOT, ",share-rw=on")])


def start(m, number, vm):
    """The programs are at /t."""
    m.focus(number, vm)
    load(m, vm, *KIND)
    m.shell(vm, "mkdir -p /t; for d in /dev/vd?; do mount -t ext4 -o ro $d /t 2>/dev/null; done; [ -e /t/run ] && echo mou''nted", "mounted")


# --- a disk of the machine --------------------------------------------------------------------------

FIO = "/t/run fio --name=v --filename=/dev/vda --direct=1 --thread --ioengine=libaio --size=24M --bsrange=512-64k --verify=crc32c --verify_fatal=1"


def fio(m, options, good=True):
    """What fio verifies has to be what it has written, or not."""
    m.shell("one", f"{FIO} {options} >/tmp/said 2>&1 && echo fio-go''od || echo fio-b''ad; tail -n 30 /tmp/said", "fio-good" if good else "fio-bad",
            timeout=LONG)


@pytest.mark.parametrize("queues", [1, 2])
def test_fio_finds_what_it_has_written(name, queues):
    """Random writes, then reads that are verified, at several depths; once more in another life; and a byte that has changed is found."""
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / f"{name}.disk"
    path.write_bytes(bytes(32 * MIB))
    with machine(name, {"one": f'disk@0 {{ disk = "data"; queues = <{queues}>; }};'}, drive(path), source("data")) as m:
        m.expect_line("one", "GUEST-UP")
        start(m, 1, "one")
        for depth in (1, 4, 32):
            fio(m, f"--rw=randwrite --iodepth={depth}")
        fio(m, "--rw=randrw --iodepth=16 --fsync=8")
        fio(m, "--rw=randwrite --iodepth=32 --randseed=7")
        m.send_line("reboot -f")
        m.expect_line("one", "GUEST-UP")
        start(m, 1, "one")
        fio(m, "--rw=randwrite --iodepth=32 --randseed=7 --verify_only")
        with open(path, "r+b") as disk:
            disk.seek(8 * MIB + 1000)
            byte = disk.read(1)
            disk.seek(-1, 1)
            disk.write(bytes([byte[0] ^ 1]))
        fio(m, "--rw=randwrite --iodepth=32 --randseed=7 --verify_only", good=False)


# --- a network ---------------------------------------------------------------------------------------


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def iperf(m, what, to, options):
    """Of a test of 5 s from VM one to VM two: the line that says what the receiver has got."""
    m.focus(2, "two")
    m.shell("two", "/t/run iperf3 --server --one-off --daemon --pidfile /tmp/pid; "
                   "until grep -q ':1451 .* 0A ' /proc/net/tcp /proc/net/tcp6; do usleep 100000; done; echo lis''tens", "listens")
    m.focus(1, "one")
    m.send_line(f"/t/run iperf3 --client {to} --time 5 --format k {options} | grep receiver | tail -n 1; echo iperf-en''ded")
    m.expect(r"\[one\] (\[[^\r\n]*receiver)", timeout=LONG)
    line = m.child.match.group(1)
    m.expect_line("one", "iperf-ended")
    print(f"FIGURE {what}: {' '.join(line.split())}")
    kbits = int(re.search(r"(\d+) Kbits/sec", line)[1])
    lost = re.search(r"(\d+)/(\d+) \(", line)
    return kbits, (int(lost[1]), int(lost[2])) if lost else None


@pytest.mark.parametrize("offloads", ["all", "none"])
def test_iperf3_between_vms_and_by_the_uplink(name, offloads):
    """TCP each way, several streams, and UDP at a rate that is kept up with; from VM to VM, and out to the machine and back in."""
    port = free_port()
    host = f"user,hostfwd=tcp:127.0.0.1:{port}-{PREFIX}.16:5201,hostfwd=udp:127.0.0.1:{port}-{PREFIX}.16:5201"
    vms = dict.fromkeys(("one", "two"), net(offloads=f'"{offloads}"'))
    with machine(name, vms, nic(netdev=host), networks=[uplink()]) as m:
        m.expect_lines(dict.fromkeys(vms, "GUEST-UP"))
        for number, vm in enumerate(vms, start=1):
            start(m, number, vm)
            m.shell(vm, f"ip address add {PREFIX}.{14 + number}/24 dev eth0; ip link set eth0 up; ip link set lo up; echo u''p", "up")
        for way, to in (("VM to VM", f"{PREFIX}.16"), ("uplink", f"{GATEWAY} --port {port}")):
            for options in ("", "--reverse", "--parallel 4"):
                kbits, _ = iperf(m, f"{offloads}, {way}, tcp {options}", to, options)
                assert kbits > 1000
            kbits, (lost, sent) = iperf(m, f"{offloads}, {way}, udp", to, "--udp --bitrate 1M --length 1400")
            assert sent > 200 and lost <= sent / 20
