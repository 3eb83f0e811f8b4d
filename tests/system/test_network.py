# SPDX-License-Identifier: BSD-2-Clause
"""Networks between VMs: stock Linux on switches of a configuration."""

import pytest
from hv import Machine, initramfs_with, its_text, linux, make_itb
from modules import NET, load, modules

KIND = ["virtio_mmio", *NET]


def net(number=0, switch="lan", **properties):
    more = " ".join(f'{key.replace("_", "-")} = {value};' for key, value in properties.items())
    return f'net@{number} {{ switch = "{switch}"; {more} }};'


def booted(test, vms, networks=("lan",), **more):
    """@vms: {name: the nodes of its devices}."""
    ramdisk = initramfs_with(test, modules(*KIND))
    guests = []
    for name, nodes in vms.items():
        guests.append(linux(name, ramdisk=ramdisk, cpus=2 if "queues" in nodes else 1))
        guests[-1].more = nodes
    return Machine(test, make_itb(test, its_text(guests, networks=networks), "mkimage -E -B 0x1000"), mem="2G", **more)


def start(m, number, vm, interfaces=1):
    """Load the drivers; eth0 of VM @number has the address 10.0.0.@number, eth1 10.0.1.@number."""
    m.focus(number, vm)
    load(m, vm, *KIND)
    for i in range(interfaces):
        m.shell(vm, f"ip address add 10.0.{i}.{number}/24 dev eth{i}; ip link set eth{i} up; echo u''p", "up")


def hears(m, vm, address, answers=True):
    m.shell(vm, f"ping -c 1 -W {3 if answers else 1} {address} >/dev/null && echo hea''rd || echo sil''ent",
            "heard" if answers else "silent")


def send_file(m, vms, network=0, files="/bin/busybox"):
    """The second VM of @vms gets @files of the first, by TCP, and has the same digest of them."""
    (one, first), (two, second) = vms
    m.focus(second, two)
    # Its nc must not close its side first: the other one would go then.
    m.shell(two, "rm -f /tmp/got; (sleep 1000 | nc -l -p 5000 | md5sum >/tmp/got) & "
                 "until grep -q ':1388 .* 0A ' /proc/net/tcp /proc/net/tcp6; do usleep 100000; done; echo lis''tens", "listens")
    m.focus(first, one)
    m.send_line(f"cat {files} >/tmp/file; md5sum </tmp/file; nc 10.0.{network}.{second} 5000 </tmp/file")
    m.expect(rf"\[{one}\] ([0-9a-f]{{32}})  -")
    digest = m.child.match.group(1)
    m.focus(second, two)
    m.shell(two, f"while [ ! -s /tmp/got ]; do usleep 100000; done; grep -q {digest} /tmp/got && echo sa''me", "same")


@pytest.mark.parametrize("files", ["/bin/busybox", pytest.param("/bin/busybox /lib/m/* /bin/busybox /lib/m/*", marks=pytest.mark.long)],
                         ids=["one", "several"])
def test_two_vms_send_each_other_a_file(name, files):
    """Pings, and TCP both ways, on three networks: with offloads, without, and to a receiver that is left what the switch cuts."""
    networks = ("all", "none", "mixed")
    vms = {"one": net(0, "all", queues="<2>") + net(1, "none", offloads='"none"') + net(2, "mixed"),
           "two": net(0, "all") + net(1, "none", offloads='"none"') + net(2, "mixed", offloads='"none"')}
    with booted(name, vms, networks) as m:
        m.expect_lines({"one": "GUEST-UP", "two": "GUEST-UP"})
        start(m, 1, "one", len(networks))
        start(m, 2, "two", len(networks))
        for network in range(len(networks)):
            m.focus(2, "two")
            m.shell("two", f"ping -s 1472 -c 5 -A 10.0.{network}.1 | grep -c 'bytes from'", "5")
            send_file(m, [("one", 1), ("two", 2)], network, files)
            send_file(m, [("two", 2), ("one", 1)], network, files)
        m.menu("s")
        for network in networks:
            m.expect(rf"{network} one/net@{networks.index(network)} +0 +[1-9]\d+ ")


def test_vlans_and_networks_do_not_hear_each_other(name):
    vms = {"one": net(vlan="<7>") + net(1, "wan"), "two": net(vlan="<7>") + net(1, "lan"), "three": net(vlan="<8>") + net(1, "wan")}
    with booted(name, vms, networks=("lan", "wan")) as m:
        m.expect_lines(dict.fromkeys(vms, "GUEST-UP"))
        for number, vm in enumerate(vms, start=1):
            start(m, number, vm, interfaces=2)
        for address, answers in (("10.0.0.1", False), ("10.0.0.2", False), ("10.0.1.1", True), ("10.0.1.2", False)):
            hears(m, "three", address, answers)
        m.focus(2, "two")
        for address, answers in (("10.0.0.1", True), ("10.0.0.3", False), ("10.0.1.1", False), ("10.0.1.3", False)):
            hears(m, "two", address, answers)
        # A guest's own tags do not help it.
        m.shell("two", "ip link add link eth0 name eth0.8 type vlan id 8 2>/dev/null; echo tri''ed", "tried")


def carrier(m, vm, is_there):
    """The interface of @vm, which is up, has a link or none."""
    m.shell(vm, f"until grep -q {is_there} /sys/class/net/eth0/carrier; do usleep 100000; done; echo lin''k {is_there}", f"link {is_there}")


def test_the_operator_pulls_a_cable(name):
    """Linux sees it at once; with the cable back in, all is as before."""
    with booted(name, {"one": net(), "two": net()}) as m:
        m.expect_lines({"one": "GUEST-UP", "two": "GUEST-UP"})
        start(m, 1, "one")
        start(m, 2, "two")
        hears(m, "two", "10.0.0.1")
        for says, is_there in (("unplugged", 0), ("plugged in", 1)):
            m.menu("w")
            m.send("two/net@0\r")
            m.expect_line("hartvisor", f"two/net@0 is {says}")
            carrier(m, "two", is_there)
            hears(m, "two", "10.0.0.1", answers=is_there == 1)


def test_a_vm_is_reset_in_the_middle_of_traffic(name):
    """It comes back and hears the other, which has gone on all the time."""
    with booted(name, {"one": net(), "two": net()}) as m:
        m.expect_lines({"one": "GUEST-UP", "two": "GUEST-UP"})
        start(m, 1, "one")
        start(m, 2, "two")
        m.shell("two", "ping -A -q -s 1400 10.0.0.1 >/dev/null & echo pin''gs", "pings")
        m.focus(1, "one")
        m.shell("one", "(ping -A -q 10.0.0.2 >/dev/null &); sleep 1; echo no''w", "now")
        m.send_line("reboot -f")
        m.expect_line("one", "GUEST-UP")
        start(m, 1, "one")
        hears(m, "one", "10.0.0.2")
