# SPDX-License-Identifier: BSD-2-Clause
"""The vcpu protocol under load: kicks, halts, fences, starts and stops, with pauses and resets during them."""

import re
import time

import pytest
from hv import TIMEOUT, Machine, Vm, bundle, guest, initramfs_with, linux

pytestmark = pytest.mark.concurrent

ACCELS = ["multi", "single"]


def long(*values):
    return pytest.param(*values, marks=pytest.mark.long)


def accel(thread):
    return ["-accel", f"tcg,thread={thread}"]


def machine(name, vms, smp, thread="multi", **more):
    return Machine(name, bundle(name, vms), smp=smp, args=accel(thread), **more)


def run_guest(name, test, cpus, smp, thread="multi", bootargs="", timeout=TIMEOUT):
    vms = [Vm("vm", guest(test), cpus=cpus, bootargs=bootargs)]
    with machine(name, vms, smp, thread) as m:
        m.expect_passed("vm", test, timeout=timeout)
        m.expect_end()
        for line in re.findall(r"\[vm\] (.*)", m.text()):
            print(line)


EVENT_COLUMNS = ["wakeups", "polls", "kicks", "sent", "saved", "spurious", "aborted"]


def statistics(m, vm, cpus):
    """What ^] s says of @vm's vcpus: a list of dictionaries."""
    m.menu("s")
    m.expect(r"exits +([a-z][a-z ]*[a-z]) *[\r\n]")
    exits = m.child.match.group(1).split()
    m.expect(rf"{vm}/{cpus - 1} [ 0-9]*[\r\n]")
    rows = re.findall(rf"{vm}/(\d+) +([ 0-9]+)\n", m.text() + "\n")[-2 * cpus:]
    assert [int(row[0]) for row in rows] == 2 * list(range(cpus))
    numbers = [[int(word) for word in row[1].split()] for row in rows]
    vcpus = [dict(zip(EVENT_COLUMNS, line)) for line in numbers[:cpus]]
    for vcpu, line in zip(vcpus, numbers[cpus:]):
        vcpu["exits"] = dict(zip(exits, line))
    return vcpus


def check_statistics(vcpus):
    """What must hold when nothing moves, however the run went."""
    for v in vcpus:
        # A kick is a wake-up, an IPI, or a saved one; or it is at oneself or at a reader, and none of them.
        assert v["wakeups"] + v["sent"] + v["saved"] <= v["kicks"], v
        # At most one IPI for each stay in guest mode.
        assert v["sent"] <= sum(v["exits"].values()) + v["aborted"], v
        assert v["spurious"] <= v["exits"]["ipi"], v


def print_statistics(vcpus):
    for number, v in enumerate(vcpus):
        print(f"vcpu {number}:", *(f"{key}={v[key]}" for key in EVENT_COLUMNS))
    print("total: ", *(f"{key}={sum(v[key] for v in vcpus)}" for key in EVENT_COLUMNS))


# n rounds, in each of which every vcpu is sent one IPI.
@pytest.mark.parametrize("ipis, cpus, smp, thread", [
    (20000, 4, 2, "multi"),
    (20000, 2, 1, "single"),
    (20000, 8, 4, "multi"),
    long(1000000, 8, 4, "multi"),
    long(250000, 2, 2, "multi"),
    long(250000, 8, 4, "single"),
    long(250000, 4, 1, "multi"),
])
def test_no_ipi_is_lost(name, patience, ipis, cpus, smp, thread):
    bootargs = f"n={ipis // cpus} awake=20 storm={min(ipis // cpus, 20000)} hold=1"
    with machine(name, [Vm("vm", guest("ipi"), cpus=cpus, bootargs=bootargs)], smp, thread) as m:
        assert m.expect(r"\[vm\] TEST ipi HOLD", r"\[vm\] TEST ipi FAIL[^\r\n]*[\r\n]", timeout=patience) == 0, m.child.match[0]
        vcpus = statistics(m, "vm", cpus)
        print_statistics(vcpus)
        check_statistics(vcpus)
        # Each round trip ends a halt, and only the others' kicks end it: the watchdog is far away.
        assert sum(v["kicks"] for v in vcpus) >= ipis
        m.send("x")
        m.expect_passed("vm", "ipi")
        m.expect_end()


@pytest.mark.parametrize("rounds, cpus, smp, thread", [
    (3000, 4, 2, "multi"),
    (3000, 2, 1, "single"),
    long(200000, 2, 2, "multi"),
    long(25000, 8, 4, "multi"),
    long(25000, 8, 4, "single"),
])
def test_a_halt_and_an_ipi_at_once(name, patience, rounds, cpus, smp, thread):
    run_guest(name, "race", cpus, smp, thread, f"n={rounds}", timeout=patience)


@pytest.mark.parametrize("rounds, cpus, smp, thread", [
    (16, 2, 2, "multi"),
    long(1000, 2, 2, "multi"),
    long(60, 4, 2, "multi"),
    long(30, 4, 2, "single"),
])
def test_a_fenced_page_is_read_anew(name, patience, rounds, cpus, smp, thread):
    run_guest(name, "fence", cpus, smp, thread, f"n={rounds}", timeout=patience)


@pytest.mark.parametrize("cpus, smp, bootargs", [
    (4, 2, "n=300"),
    (3, 1, "n=300 busy=1"),
    long(8, 2, "n=2000"),
    long(8, 1, "n=2000 busy=1"),
])
def test_a_fence_never_waits_for_a_vcpu_that_does_not_run(name, patience, cpus, smp, bootargs):
    run_guest(name, "stillfence", cpus, smp, "multi", bootargs, timeout=patience)


@pytest.mark.parametrize("rounds, cpus, smp, thread", [
    (60, 4, 2, "multi"),
    long(200, 8, 4, "multi"),
    long(15, 8, 4, "single"),
    long(300, 6, 1, "multi"),
])
def test_harts_start_and_stop(name, patience, rounds, cpus, smp, thread):
    run_guest(name, "hsm", cpus, smp, thread, f"n={rounds}", timeout=patience)


@pytest.mark.parametrize("lines, cpus, smp, thread", [
    (50, 4, 2, "multi"),
    long(500, 8, 4, "multi"),
    long(60, 8, 4, "single"),
])
def test_all_at_once(name, patience, lines, cpus, smp, thread):
    run_guest(name, "storm", cpus, smp, thread, f"n={lines}", timeout=patience)


def pause(m, vm, for_seconds):
    """Pause @vm, which has the focus and does something. Returns for how many seconds it was, at least."""
    m.menu("p")
    m.expect(rf"{vm} is paused")
    since, said = time.monotonic(), m.text()
    time.sleep(for_seconds)
    m.menu("l")
    m.expect(rf"{vm} +\w+")
    assert f"[{vm}] " not in m.text()[len(said):], "a paused guest says something"
    was = time.monotonic() - since
    m.menu("p")
    m.expect(rf"{vm} goes on")
    return was


def storm_clock(m, vm="vm"):
    """The next line of guest storm: its time in seconds."""
    m.expect(rf"\[{vm}\] STORM \d+ (\d+)[\r\n]")
    return int(m.child.match.group(1)) / 1000000


@pytest.mark.clock
@pytest.mark.parametrize("times, cpus, smp, thread", [
    (6, 4, 2, "multi"),
    long(40, 8, 4, "multi"),
    long(25, 4, 2, "single"),
])
def test_a_paused_guest_and_its_clock_stand_still(name, times, cpus, smp, thread):
    with machine(name, [Vm("vm", guest("storm"), cpus=cpus)], smp, thread) as m:
        m.expect_line("vm", "STORM on")
        paused, start, clock = 0.0, time.monotonic(), storm_clock(m)
        for number in range(times):
            paused += pause(m, "vm", 0.05 if number % 2 else 0.6)
            storm_clock(m)
        gone = storm_clock(m) - clock
        elapsed = time.monotonic() - start
        print(f"{times} pauses: {elapsed:.2f} s here, {paused:.2f} of them paused, {gone:.2f} in the guest")
        # The first line was said before it was read here, by what the console had in store.
        assert gone <= elapsed - paused + 0.5
        m.menu("k")
        m.expect_line("hartvisor", "vm: destroyed")
        m.expect_end()


@pytest.mark.clock
def test_a_sleeping_guests_clock_stands_still_too(name):
    def clock():
        m.send_line("time")
        m.expect(r"\[vm\] time: (\d+)[\r\n]")
        return int(m.child.match.group(1))

    with machine(name, [Vm("vm", guest("hello"), cpus=2)], 2) as m:
        m.expect_line("vm", "HELLO")
        start, before = time.monotonic(), clock()
        paused = pause(m, "vm", 4)
        gone = clock() - before
        assert gone <= time.monotonic() - start - paused + 1  # whole seconds
        m.ping("vm", "still there?")
        m.send_line("quit")
        m.expect_end()


@pytest.mark.parametrize("test, cpus, smp, thread, bootargs", [
    ("ipi", 4, 2, "multi", "n=3000 awake=10"),
    ("race", 4, 2, "multi", "n=5000"),
    ("hsm", 3, 1, "multi", "n=60"),
    long("fence", 2, 2, "multi", "n=80"),
    long("timer", 4, 2, "multi", "n=1500"),
    long("fpu", 4, 2, "multi", "n=500"),
    long("ipi", 8, 4, "multi", "n=10000 awake=10"),
    long("ipi", 8, 4, "single", "n=500 awake=10"),
    long("race", 8, 4, "multi", "n=6000"),
    long("race", 8, 4, "single", "n=3000"),
    long("hsm", 8, 4, "multi", "n=100"),
])
def test_pauses_during(name, test, cpus, smp, thread, bootargs):
    """Paused again and again, it still passes."""
    with machine(name, [Vm("vm", guest(test), cpus=cpus, bootargs=bootargs + " hold=1")], smp, thread) as m:
        m.expect_line("hartvisor", "vm: started")
        pauses = m.pause_until_verdict("vm", test, nap=0.02)
        print(f"{pauses} pauses")
        assert pauses >= 3
        m.send("x")
        m.expect_passed("vm", test)
        m.expect_end()


@pytest.mark.parametrize("times, cpus, smp, thread", [
    (4, 4, 2, "multi"),
    long(15, 8, 4, "multi"),
    long(12, 4, 2, "single"),
])
def test_resets_during_a_storm(name, times, cpus, smp, thread):
    """Reset running, just started, paused; the one beside it does not notice."""
    vms = [Vm("vm", guest("storm"), cpus=cpus), Vm("good", guest("hello"))]
    with machine(name, vms, smp, thread) as m:
        m.expect_lines({"vm": "STORM on", "good": "HELLO"})
        for number in range(times):
            # Before the first reset it may be further on, if the other one was loaded late.
            m.expect_line("vm", f"STORM {1 + number % 5} " if number else r"STORM \d+ ")
            if number % 3 == 1:
                m.menu("p")
                m.expect("vm is paused")
            m.menu("r")
            m.expect_line("hartvisor", "vm: rebooting")
            m.expect_line("vm", "STORM on")
        m.expect_line("vm", "STORM 10 ")
        m.focus(2, "good")
        m.ping("good", "still there?")
        m.send_line("quit")
        m.expect_line("hartvisor", "good: powered off")
        m.focus(1, "vm")
        m.menu("k")
        m.expect_line("hartvisor", "vm: destroyed")
        m.expect_line("hartvisor", "all VMs have ended; powering off")
        m.expect_end()


@pytest.mark.parametrize("evil, cpus, smp, thread, paused", [
    ("storm", 8, 2, "multi", False),
    ("spin", 4, 2, "multi", False),
    ("storm", 4, 2, "single", True),
    long("storm", 16, 4, "multi", False),
    long("storm", 16, 4, "single", False),
    long("spin", 8, 1, "multi", True),
])
def test_destroy_while_all_are_busy(name, evil, cpus, smp, thread, paused):
    vms = [Vm("good", guest("hello"), cpus=2), Vm("evil", guest(evil), cpus=cpus)]
    with machine(name, vms, smp, thread) as m:
        m.expect_lines({"good": "HELLO", "evil": evil.upper()})
        m.ping("good", "before")
        m.focus(2, "evil")
        if paused:
            m.menu("p")
            m.expect("evil is paused")
        m.menu("k")
        m.expect_line("hartvisor", "evil: destroyed")
        said = len(m.text())
        m.menu("k")
        while m.expect("evil does not run", "evil is stopping") == 1:  # its last step, which the line comes before
            m.menu("k")
        m.menu("p")
        m.expect("evil does not run")
        m.focus(1, "good")
        for number in range(5):
            m.ping("good", f"after {number}")
        assert "[evil] STORM" not in m.text()[said:], "a destroyed guest says something"
        m.menu("k")
        m.expect_line("hartvisor", "good: destroyed")
        m.expect_line("hartvisor", "all VMs have ended; powering off")
        m.expect_end()


LOAD = """#!/bin/sh
# One kind of load a vcpu, and its vcpus come and go.
worse() { dmesg | grep -iE 'rcu.*(stall|detected|starved)|lockup|BUG|hung_task|blocked for more|WARNING|Oops'; }
times=$1
echo LOAD begins
(while :; do :; done) & jobs=$!
(while :; do dd if=/dev/zero of=/dev/null bs=64k count=100 2>/dev/null; done) & jobs="$jobs $!"
(while :; do cat /proc/interrupts /proc/stat /proc/meminfo >/dev/null; done) & jobs="$jobs $!"
(while :; do /bin/true; echo x | cat >/dev/null; done) & jobs="$jobs $!"
i=0
while [ $i -lt $times ]; do
    for cpu in 1 2 3; do
        echo 0 >/sys/devices/system/cpu/cpu$cpu/online || echo LOAD cannot stop $cpu
        [ $((i % 2)) = 0 ] || echo 1 >/sys/devices/system/cpu/cpu$cpu/online || echo LOAD cannot start $cpu
    done
    for cpu in 1 2 3; do
        [ "$(cat /sys/devices/system/cpu/cpu$cpu/online)" = 1 ] || echo 1 >/sys/devices/system/cpu/cpu$cpu/online ||
            echo LOAD cannot start $cpu
    done
    i=$((i + 1))
done
kill $jobs
worse && echo LOAD FAIL
echo "LOAD done $i times, $(nproc) vcpus"
"""


@pytest.mark.clock
@pytest.mark.parametrize("times, cpus, smp, thread", [
    (2, 4, 2, "multi"),
    long(40, 4, 2, "multi"),
    long(10, 4, 2, "single"),
])
def test_linux_under_load_with_hotplug(name, patience, tmp_path, times, cpus, smp, thread):
    script = tmp_path / "load"
    script.write_text(LOAD)
    script.chmod(0o755)
    ramdisk = initramfs_with(name, {"bin/load": script})
    with machine(name, [linux("linux", ramdisk=ramdisk, cpus=cpus)], smp, thread) as m:
        m.expect_line("linux", f"GUEST-UP nproc={cpus}")
        m.send_line("")
        m.expect(r"\[linux\] ~ # ")
        m.send_line(f"sh /bin/load {times}")
        # Till then the prompt is an unfinished line, which the terminal shows again after its own.
        m.expect_line("linux", "LOAD begins")
        if times >= 10:
            for _ in range(20):
                pause(m, "linux", 0.3)
        m.expect_line("linux", f"LOAD done {times} times, {cpus} vcpus", timeout=patience)
        bad = re.search(r"LOAD (?:FAIL|cannot).*|.*(?:rcu: INFO|soft lockup|BUG:|detected stall).*", m.text())
        assert not bad, bad[0]
        m.send_line("poweroff -f")
        m.expect_line("hartvisor", "linux: powered off")
        m.expect_end()
