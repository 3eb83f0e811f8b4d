# SPDX-License-Identifier: BSD-2-Clause
"""Linux with PV locks (guest/linux/patches) at four vcpus a hart: it waits and kicks, and nothing stalls.

The kernel takes minutes to build, so make test does not: these are skipped, saying so, without
build/linux/Image. make guest-linux builds it, and make verify does so.
"""

import re

import pytest
from hv import BUILD, MIB, Machine, Vm, bundle

IMAGE = BUILD / "linux" / "Image"
INITRAMFS = BUILD / "linux" / "overcommit.cpio.gz"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not (IMAGE.exists() and INITRAMFS.exists()), reason=f"no {IMAGE}: make guest-linux"),
]

TROUBLE = re.compile(r"soft lockup|hard LOCKUP|rcu: INFO|self-detected|detected stall|blocked for more than|"
                     r"workqueue lockup|BUG:|Oops|Kernel panic|WARNING:|locktorture.*!!!")
ICOUNT = ["-icount", "shift=0,sleep=off", "-rtc", "clock=vm"]


def torture(kind, more="", seconds=4):
    words = (f"torture_type={kind}", "nwriters_stress=4", "nreaders_stress=0", "stat_interval=1", "stutter=0",
             "shuffle_interval=0", "long_hold=0", "rt_boost=0")
    return f"console=hvc0 earlycon=sbi S={seconds} {more} " + " ".join(f"locktorture.{word}" for word in words)


def run(name, bootargs, properties=""):
    """What the guest said until it ended: 4 vcpus on 1 hart."""
    vm = Vm("linux", IMAGE, cpus=4, memory=256 * MIB, ramdisk=INITRAMFS, bootargs=bootargs, more=properties)
    with Machine(name, bundle(name, [vm]), smp=1, args=ICOUNT) as m:
        m.expect_line("linux", "GUEST-END", timeout=1800)
        m.expect_line("hartvisor", "linux: powered off")
        text = m.text()
        assert not TROUBLE.search(text), TROUBLE.search(text)
        return text


def lock_events(text):
    line = re.search(r"LOCK-EVENTS ([^\r\n]*)", text)
    return {event: int(count) for event, count in re.findall(r"(\w+):(\d+)", line.group(1))} if line else {}


def locked(text):
    """Acquisitions, by locktorture's last line."""
    return int(re.findall(r"Writes:  Total: (\d+)", text)[-1])


def test_waiters_halt_and_are_kicked(name):
    text = run(name, torture("spin_lock"))
    assert "riscv-pv: PV spinlocks enabled" in text
    assert "riscv-pv: preempted vCPUs are known" in text
    events = lock_events(text)
    for event in ("pv_wait_head", "pv_kick_unlock", "pv_kick_wake"):
        assert events.get(event, 0) > 0, events
    assert locked(text) > 0


@pytest.mark.parametrize("kind", ["mutex_lock", "rwsem_lock"])
def test_sleeping_locks(name, kind):
    assert locked(run(name, torture(kind))) > 0


def test_processes_come_and_go(name):
    text = run(name, "console=hvc0 earlycon=sbi S=3 fork=4 locktorture.torture_type=none")
    assert int(re.search(r"FORK loops=4 .* total=(\d+)", text).group(1)) > 0


def test_nopvspin(name):
    text = run(name, torture("spin_lock", "nopvspin", seconds=2))
    assert "PV spinlocks disabled" in text and "PV spinlocks enabled" not in text
    assert not any(event.startswith("pv_") for event in lock_events(text))


def test_what_the_vm_has_not_is_not_used(name):
    text = run(name, torture("spin_lock", seconds=2), properties='pv = "none";')
    assert "riscv-pv: PV spinlocks" not in text and "preempted vCPUs are known" not in text
    assert not any(event.startswith("pv_") for event in lock_events(text))


@pytest.mark.parametrize("harts", [1, 2])
def test_bundle(name, harts):
    """As make run CONFIG=pv-linux boots it."""
    with Machine(name, BUILD / "pv-linux.itb", smp=harts, mem="1G") as m:
        m.expect_line("linux", "PV spinlocks enabled")
        m.expect_line("linux", "GUEST-UP nproc=4 ")
        m.send_line("")
        m.expect(r"\[linux\] ~ # ")
        m.send_line("mount -t debugfs none /sys/kernel/debug")
        m.shell("linux", "ls /sys/kernel/debug/lock_event_counts | grep -c pv_kick_wake", "1")
        m.send_line("poweroff -f")
        m.expect_line("hartvisor", "linux: powered off")
        m.expect_end()
