# SPDX-License-Identifier: BSD-2-Clause
"""The uplink of a network: VMs reach what is outside, and are reached."""

import hashlib
import random
import socket
import threading

import pytest
from hv import MIB, TIMEOUT, Machine, Vm, guest, its_text, make_itb
from machine_disks import MODERN, slot
from test_network import booted, hears, net, start

GATEWAY, PREFIX = "10.0.2.2", "10.0.2"


def nic(number=0, netdev="user,restrict=no", more=""):
    """QEMU's options for a network device in the machine's slot @number."""
    return ["-netdev", f"{netdev},id=net{number}", "-device",
            f"virtio-net-device,netdev=net{number},bus=virtio-mmio-bus.{number}{more}"]


def uplink(name="lan", number=0):
    return f'{name} {{ compatible = "hartvisor,switch"; uplink = "{slot(number)}"; }};'


def begin(m, vms):
    m.expect_lines(dict.fromkeys(vms, "GUEST-UP"))
    for number, vm in enumerate(vms, start=1):
        start(m, number, vm)
        m.shell(vm, f"ip address add {PREFIX}.{14 + number}/24 dev eth0; echo u''p", "up")


def test_vms_reach_what_is_outside_and_each_other(name):
    vms = {"one": net(), "two": net(offloads='"none"')}
    with booted(name, vms, networks=[uplink()], args=[*MODERN, *nic()]) as m:
        m.expect(r"network lan: uplink /soc/virtio_mmio@10001000, 52:54:00:12:34:56, mtu 1500")
        begin(m, vms)
        for number, vm in enumerate(vms, start=1):
            m.focus(number, vm)
            hears(m, vm, GATEWAY)
        hears(m, "two", f"{PREFIX}.15")
        hears(m, "two", f"{PREFIX}.99", answers=False)


class Server(threading.Thread):
    """Takes one connection, and all that comes by it."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(TIMEOUT)
        self.port = self.listener.getsockname()[1]
        self.got = hashlib.md5()

    def run(self):
        connection, _ = self.listener.accept()
        with connection:
            while data := connection.recv(65536):
                self.got.update(data)


@pytest.mark.parametrize("offloads", ["all", pytest.param("none", marks=pytest.mark.long)])
def test_a_file_goes_outside_and_one_comes(name, offloads):
    """The device of the machine takes neither large packets nor such without a checksum, so the switch makes them whole."""
    vms = {"one": net(offloads=f'"{offloads}"')}
    server = Server()
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    forward = f"user,hostfwd=tcp:127.0.0.1:{port}-{PREFIX}.15:5000"
    with booted(name, vms, networks=[uplink()], args=[*MODERN, *nic(netdev=forward)]) as m:
        begin(m, vms)
        server.start()
        m.shell("one", "dd if=/dev/urandom of=/tmp/file bs=1M count=4 2>/dev/null; echo ma''de", "made")
        m.send_line(f"md5sum </tmp/file; nc {GATEWAY} {server.port} </tmp/file")
        m.expect(r"\[one\] ([0-9a-f]{32})  -")
        digest = m.child.match.group(1)
        server.join(TIMEOUT)
        assert server.got.hexdigest() == digest
        # nc ends when this side has.
        m.shell("one", "echo ba''ck", "back")
        m.send_line("nc -l -p 5000 </dev/zero | md5sum &")
        m.shell("one", "until grep -q ':1388 .* 0A ' /proc/net/tcp /proc/net/tcp6; do usleep 100000; done; echo lis''tens", "listens")
        data = random.Random(1).randbytes(4 * MIB)
        with socket.create_connection(("127.0.0.1", port), TIMEOUT) as s:
            threading.Thread(target=lambda: [None for _ in iter(lambda: s.recv(65536), b"")], daemon=True).start()
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            m.expect_line("one", f"{hashlib.md5(data).hexdigest()}  -")


def test_vlans_go_by_their_tags(name):
    """Two switches, whose devices are on one wire: only VMs of one VLAN hear each other."""
    vms = {"one": net(vlan="<7>"), "two": net(switch="wan", vlan="<7>"), "three": net(switch="wan", vlan="<8>")}
    wire = [*nic(0, "hubport,hubid=1"), *nic(1, "hubport,hubid=1", ",mac=52:54:00:12:34:57")]
    with booted(name, vms, networks=[uplink(), uplink("wan", 1)], args=[*MODERN, *wire]) as m:
        m.expect_lines(dict.fromkeys(vms, "GUEST-UP"))
        for number, vm in enumerate(vms, start=1):
            start(m, number, vm)
        hears(m, "three", "10.0.0.1", False)
        hears(m, "three", "10.0.0.2", False)
        m.focus(2, "two")
        hears(m, "two", "10.0.0.1")


WRONG = {
    "no node": (uplink().replace("10001000", "1"), "networks/lan: uplink = ./soc/virtio_mmio@1.: no such node"),
    "a disk": (uplink(number=1), "networks/lan: uplink = ./soc/virtio_mmio@10002000.: must be a device of another type"),
    "twice": (uplink() + uplink("wan"), "networks/wan: uplink = ./soc/virtio_mmio@10001000.: must be named once"),
    "an empty slot": (uplink(number=5), "networks/lan: uplink = ./soc/virtio_mmio@10006000.: there is no device"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_uplink_is_told(name, case):
    node, line = WRONG[case]
    args = [*MODERN, *nic(), "-device", "virtio-rng-device,bus=virtio-mmio-bus.1"]
    with Machine(name, make_itb(name, its_text([Vm("good", guest("hello"))], networks=[node])), args=args) as m:
        m.expect(line)
        m.expect_line("good", "HELLO")
