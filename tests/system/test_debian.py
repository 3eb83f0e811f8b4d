# SPDX-License-Identifier: BSD-2-Clause
"""make run CONFIG=debian: two Debian systems on partitions of one disk, on a network with an uplink, reached by ssh.

The disk takes minutes to build and needs root, so make test does not build it: these are skipped, saying so, without it.
make debian-disk builds it, and make verify does so. What the systems write here is thrown away.
"""

import hashlib
import json
import re
import shlex
import socket
import subprocess

import pytest
from hv import BUILD, ROOT, TIMEOUT, Machine

DISK = BUILD / "debian" / "disk.img"
BUNDLE = BUILD / "debian.itb"
KEY = BUILD / "debian" / "ssh_key"

pytestmark = [
    pytest.mark.long,
    pytest.mark.xdist_group("debian"),
    pytest.mark.skipif(not (DISK.exists() and BUNDLE.exists()), reason=f"no {DISK} or no {BUNDLE}: make debian-disk {BUNDLE}"),
]

# A boot of systemd on an emulated machine that is shared with other tests.
BOOT = max(TIMEOUT, 1800)
SYSTEMS = {"debian-a": "10.0.2.15", "debian-b": "10.0.2.16"}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Pair:
    """Both systems, booted as dts/debian.qemu says, but for the ports of this machine."""

    def __init__(self, name):
        options = (ROOT / "dts/debian.qemu").read_text()
        options = re.sub(r"#.*", "", options).replace("build/debian/disk.img", f"{DISK},snapshot=on")
        self.ports = {}
        for system, address in SYSTEMS.items():
            self.ports[system] = free_port()
            options = re.sub(rf"127\.0\.0\.1:\d+-{re.escape(address)}:22", f"127.0.0.1:{self.ports[system]}-{address}:22", options)
        self.machine = Machine(name, BUNDLE, args=shlex.split(options))

    def command(self, system, command, timeout=TIMEOUT):
        """That runs @command on @system, as root, which logs in with the key."""
        return ["ssh", "-i", KEY, "-p", str(self.ports[system]), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", f"ConnectTimeout={timeout}", "-F", "none",
                "root@127.0.0.1", command]

    def ssh(self, system, command, timeout=TIMEOUT):
        """What it says."""
        done = subprocess.run(self.command(system, command, timeout), timeout=timeout, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"{system}: {command}: status {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def settle(self, system):
        """Wait until systemd has ended the boot. Returns the word that it has for the outcome."""
        return self.ssh(system, "systemctl is-system-running --wait || :", timeout=BOOT)


@pytest.fixture(scope="module")
def pair():
    both = Pair("debian")
    with both.machine as m:
        # A line without an end is shown of the VM in focus only, so the prompt itself is not looked for.
        m.expect_lines({system: f"GNU/Linux 13 {system} ttyS0" for system in SYSTEMS}, timeout=BOOT)
        yield both


def test_both_come_up_without_a_failed_unit(pair):
    for system in SYSTEMS:
        state = pair.settle(system)
        assert state == "running", f"{system} is {state}: {pair.ssh(system, 'systemctl --failed --no-legend --plain')}"
        assert pair.ssh(system, "hostname") == system
        assert pair.ssh(system, ". /etc/os-release; echo $VERSION_CODENAME; uname -m").split() == ["trixie", "riscv64"]


def test_each_is_itself(pair):
    """Both are copies of one file system. What identifies a system, each made for itself."""
    for command in ("cat /etc/machine-id", "cat /etc/ssh/ssh_host_ed25519_key.pub", "cat /sys/class/net/*/address", "hostname -I"):
        one, other = (pair.ssh(system, command) for system in SYSTEMS)
        assert one and one != other, command


def test_each_reaches_the_other_and_the_outside(pair):
    one, other = SYSTEMS
    for system, address in ((one, SYSTEMS[other]), (other, SYSTEMS[one]), (one, "10.0.2.2"), (other, "10.0.2.2")):
        said = pair.ssh(system, f"ping -c 5 -W 30 {address}")
        assert " 0% packet loss" in said, said


def test_the_outside_answers_over_tcp(pair):
    """A program on this machine, which the systems know as 10.0.2.2."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        s.settimeout(TIMEOUT)
        port = s.getsockname()[1]
        for system in SYSTEMS:
            pair.ssh(system, f"bash -c 'echo hello from $(hostname) >/dev/tcp/10.0.2.2/{port}'")
            connection, _ = s.accept()
            with connection, connection.makefile() as lines:
                assert lines.readline() == f"hello from {system}\n"


def iperf(pair, server, client, *options):
    """What iperf3 says of a test of 5 s: the dictionary of its sums."""
    pair.ssh(server, "iperf3 --server --one-off --daemon")
    said = pair.ssh(client, f"iperf3 --client {SYSTEMS[server]} --time 5 --json {' '.join(options)}", timeout=max(TIMEOUT, 300))
    return json.loads(said)["end"]


def test_throughput_between_both(pair):
    """TCP each way, several streams at once, and UDP, of which nothing is lost at a rate that both keep up with."""
    one, other = SYSTEMS
    for options in ((), ("--reverse",), ("--parallel 4",)):
        got = iperf(pair, other, one, *options)["sum_received"]
        print(f"FIGURE tcp {' '.join(options)}: {got['bits_per_second'] / 1e6:.0f} Mbit/s")
        assert got["bytes"] > 1_000_000
    got = iperf(pair, other, one, "--udp", "--bitrate 2M", "--length 1400")["sum"]
    print(f"FIGURE udp: {got['packets']} datagrams, {got['lost_percent']:.1f} % lost")
    assert got["packets"] > 500 and got["lost_percent"] < 5


def test_a_file_goes_outside_and_comes_back_by_ssh(pair):
    """16 MiB each way through the uplink, with the same digest."""
    system = next(iter(SYSTEMS))
    pair.ssh(system, "head -c 16M /dev/urandom >/root/blob")
    digest = pair.ssh(system, "md5sum </root/blob").split()[0]
    blob = subprocess.run(pair.command(system, "cat /root/blob"), timeout=max(TIMEOUT, 600), capture_output=True, stdin=subprocess.DEVNULL).stdout
    assert hashlib.md5(blob).hexdigest() == digest
    back = subprocess.run(pair.command(system, "md5sum"), timeout=max(TIMEOUT, 600), capture_output=True, input=blob).stdout.decode()
    assert back.split()[0] == digest


def test_root_logs_in_on_the_console(pair):
    m = pair.machine
    m.focus(1, "debian-a")
    m.send_line("")
    m.expect_line("debian-a", "debian-a login:")
    m.send_line("root")
    m.expect_line("debian-a", "Password:")
    m.send_line("hartvisor")
    m.expect_line("debian-a", r"root@debian-a:~#")
    m.send_line("echo $((6 * 7))-$(hostname)")
    m.expect_line("debian-a", "42-debian-a")


def test_one_reboots_and_the_other_goes_on(pair):
    one, other = SYSTEMS
    before = {system: pair.ssh(system, "cat /proc/sys/kernel/random/boot_id") for system in SYSTEMS}
    pair.ssh(one, "echo kept >/root/file; systemctl --no-block reboot")
    pair.machine.expect_line("hartvisor", f"{one}: rebooting", timeout=BOOT)
    pair.machine.expect_line(one, f"GNU/Linux 13 {one} ttyS0", timeout=BOOT)
    assert pair.ssh(other, "cat /proc/sys/kernel/random/boot_id") == before[other]
    assert pair.ssh(one, "cat /proc/sys/kernel/random/boot_id /root/file", timeout=BOOT).split()[1] == "kept"
    assert pair.ssh(one, "cat /proc/sys/kernel/random/boot_id") != before[one]
    assert pair.settle(one) == "running"
