# SPDX-License-Identifier: BSD-2-Clause
"""Debian's kernel, unmodified, with a busybox initramfs, as one guest and as two."""

import pytest
from hv import (BUILD, ESCAPE, INITRAMFS, LINUX, Machine, Vm, bundle, guest, initramfs_with, linux,
                user_program)

UP = "GUEST-UP nproc={} kernel=[^ ]+ uptime=[0-9.]+"


def prompt(m, vm):
    """Wait for the shell of @vm, which has the focus."""
    m.send_line("")
    m.expect(rf"\[{vm}\] ~ # ")


def power_off(m, vm):
    m.send_line("poweroff -f")
    m.expect_line("hartvisor", f"{vm}: powered off")


def check_linux(name, cpus, **machine):
    """One Linux with @cpus vcpus: up, a command, down."""
    with Machine(name, bundle(name, [linux("linux", cpus=cpus)]), **machine) as m:
        m.expect_line("linux", UP.format(cpus))
        prompt(m, "linux")
        m.shell("linux", "echo $(nproc) $((6 * 7))", f"{cpus} 42")
        power_off(m, "linux")
        m.expect_end()


@pytest.fixture(scope="module")
def two_linux():
    """As make run boots them. The tests that use it build on one another, in this file's order."""
    with Machine("two_linux", BUILD / "two-linux.itb", smp=2, mem="2G") as m:
        yield m


def test_both_guests_come_up(two_linux):
    two_linux.expect_lines({"linux-a": UP.format(2), "linux-b": UP.format(2)})


def test_commands_go_to_the_guest_in_focus(two_linux):
    m = two_linux
    for number, vm in ((1, "linux-a"), (2, "linux-b")):
        m.focus(number, vm)
        prompt(m, vm)
        m.shell(vm, f"me={vm}; echo $(nproc) $((6 * 7))", "2 42")
    m.menu("n")
    m.expect("console: linux-a")
    m.shell("linux-a", "echo I am $me", "I am linux-a")
    m.menu("n")
    m.expect("console: linux-b")
    m.shell("linux-b", "echo I am $me", "I am linux-b")


def test_escape_reaches_the_guest_when_doubled(two_linux):
    m = two_linux
    m.send_line("echo rea''dy; read -r x; echo $x | od -An -tx1")
    # The shell edits lines in raw mode, in which the end of this one would be none.
    m.expect_line("linux-b", "ready")
    m.send(ESCAPE + ESCAPE + "\r")
    m.expect_line("linux-b", "1d 0a")


def test_menu_helps_and_lists(two_linux):
    m = two_linux
    m.menu("h")
    m.expect("1-9 .*number")
    m.menu("l")
    for vm in ("linux-a", "linux-b"):
        m.expect(rf"{vm} +running +256 +2 +fair w100 +- +\d+")


def test_time_goes_on_in_both(two_linux):
    m = two_linux
    m.shell("linux-b", "a=$(date +%s); sleep 2; b=$(date +%s); [ $b -ge $((a + 2)) ] && echo ti''cks", "ticks")
    m.shell("linux-b", "grep -c timer /proc/interrupts", "[1-9][0-9]*")


def test_reboot_of_one(two_linux):
    m = two_linux
    m.send_line("reboot -f")
    m.expect_line("hartvisor", "linux-b: rebooting")
    m.focus(1, "linux-a")
    m.shell("linux-a", "echo I am still $me", "I am still linux-a")
    m.expect_line("linux-b", UP.format(2))


def test_power_off_of_one_then_of_all(two_linux):
    m = two_linux
    power_off(m, "linux-a")
    m.focus(2, "linux-b")
    prompt(m, "linux-b")
    m.shell("linux-b", "echo $((6 * 7)) lives", "42 lives")
    power_off(m, "linux-b")
    m.expect_line("hartvisor", "all VMs have ended; powering off")
    m.expect_end()


def test_4_vcpus_on_1_hart(name):
    check_linux(name, 4, smp=1)


def test_8_vcpus_on_4_harts(name):
    check_linux(name, 8, smp=4)


def test_without_sstc(name):
    check_linux(name, 2, cpu="rv64,sstc=off")


def test_with_vectors(name):
    check_linux(name, 2, cpu="rv64,v=on,vlen=256")


def test_with_ram_in_two_ranges(name):
    vm = linux("linux")
    vm.more = "extra-memory = <0x1 0x0 0x0 0x10000000>;"
    with Machine(name, bundle(name, [vm]), smp=2, mem="2G") as m:
        m.expect_line("linux", UP.format(2))
        prompt(m, "linux")
        m.shell("linux", "grep 'System RAM' /proc/iomem", "100000000-10fffffff : System RAM")
        # More than either range holds alone.
        m.shell("linux", "mkdir /m && mount -t tmpfs -o size=400m m /m && echo m''ounted", "mounted")
        m.shell("linux", "cd /m; head -c 1m /dev/urandom >0; for i in $(seq 299); do cp 0 $i; done; du -sm .", r"300\s+\.")
        m.shell("linux", "for i in $(seq 7 7 299); do cmp 0 $i || break; done; echo $i", "294")
        power_off(m, "linux")
        m.expect_end()


def test_without_vmids(name):
    check_linux(name, 2, smp=1, append="hartvisor.vmid-bits=0")


@pytest.mark.parametrize("harts", [1, 8])
def test_two_guests_on_harts(name, harts):
    with Machine(name, BUILD / "two-linux.itb", smp=harts, mem="2G") as m:
        m.expect_lines({"linux-a": UP.format(2), "linux-b": UP.format(2)})
        for number, vm in ((1, "linux-a"), (2, "linux-b")):
            m.focus(number, vm)
            prompt(m, vm)
            power_off(m, vm)
        m.expect_end()


def test_linux_from_a_bundle_with_data_outside_the_tree(name):
    with Machine(name, bundle(name, [linux("linux")], external=True)) as m:
        m.expect_line("linux", UP.format(2))
        prompt(m, "linux")
        power_off(m, "linux")
        m.expect_end()


def test_linux_by_guest_loader(name):
    args = ["-device", f"guest-loader,addr=0x90000000,kernel={LINUX},bootargs=console=ttyS0 earlycon=sbi",
            "-device", f"guest-loader,addr=0x98000000,initrd={INITRAMFS}"]
    with Machine(name, args=args, append="hartvisor.guest-cpus=2 hartvisor.guest-memory=256M") as m:
        m.expect_line("guest", UP.format(2))
        prompt(m, "guest")
        power_off(m, "guest")
        m.expect_end()


def test_hostile_process(name):
    """What an unprivileged process may not do kills it, and nothing else."""
    ramdisk = initramfs_with(name, {"bin/hostile": user_program("hostile")})
    with Machine(name, bundle(name, [linux("linux", ramdisk=ramdisk), Vm("good", guest("hello"))])) as m:
        m.expect_lines({"linux": UP.format(2), "good": "HELLO"})
        prompt(m, "linux")
        m.send_line("hostile")
        assert m.expect(r"\[linux\] HOSTILE PASS", r"\[linux\] HOSTILE FAIL") == 0
        m.shell("linux", "echo $((6 * 7)) lives", "42 lives")
        m.focus(2, "good")
        m.ping("good", "still there?")
        m.menu("q")
        m.expect_end()
        assert len(m.own_lines()) < 25, m.own_lines()


@pytest.mark.long
def test_linux_beside_a_spinner(name):
    vms = [linux("linux", cpus=4), Vm("spin", guest("spin"), cpus=4)]
    with Machine(name, bundle(name, vms), smp=2) as m:
        m.expect_line("linux", UP.format(4), timeout=1200)
        prompt(m, "linux")
        power_off(m, "linux")
        m.menu("q")
        m.expect_end()


@pytest.mark.long
def test_thirty_reboots(name):
    """A guest that starts again, a second each time, finds no interrupt or timer of its former life."""
    with Machine(name, bundle(name, [Vm("vm", guest("hello"), cpus=2)])) as m:
        for _ in range(30):
            m.expect_line("vm", "HELLO nproc=2")
            m.ping("vm", "up?")
            m.send_line("reboot")
            m.expect_line("hartvisor", "vm: rebooting")
        m.expect_line("vm", "HELLO nproc=2")
        m.send_line("quit")
        m.expect_end()


@pytest.mark.long
def test_firmware_image_as_made(name):
    """build/hartvisor-fw.bin of make firmware, alone."""
    with Machine(name, kernel=None, mem="2G", args=["-bios", BUILD / "hartvisor-fw.bin"]) as m:
        m.expect_lines({"linux-a": UP.format(2), "linux-b": UP.format(2)})
        m.menu("q")
        m.expect_end()
