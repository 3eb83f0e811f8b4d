# SPDX-License-Identifier: BSD-2-Clause
"""One bare-metal guest after the other (guest/tests/NAME.c), each with the vcpus and harts that suit it."""

import pytest
from hv import MIB, Machine, Vm, bundle, guest


def run_guest(name, test, cpus=1, smp=2, bootargs="", cpu="rv64", append="", memory=64 * MIB):
    vms = [Vm("vm", guest(test), cpus=cpus, bootargs=bootargs, memory=memory)]
    with Machine(name, bundle(name, vms), smp=smp, cpu=cpu, append=append) as m:
        m.expect_passed("vm", test)
        m.expect_line("hartvisor", "vm: powered off")
        m.expect_line("hartvisor", "all VMs have ended; powering off")
        m.expect_end()


# A barrier of spinning vcpus takes a time slice each where there are more of them than harts.
FEWER = "n=12"


def concurrent(*values):
    return pytest.param(*values, marks=pytest.mark.concurrent)


@pytest.mark.parametrize("test, cpus, smp", [
    ("sbi", 2, 2),
    ("sbi", 1, 1),
    ("sbi", 3, 1),
    ("sbi_fuzz", 2, 2),
    ("csr", 1, 2),
    ("insn", 1, 2),
    ("mem", 1, 2),
    ("plic", 2, 2),
    concurrent("timer", 2, 2),
    concurrent("timer", 4, 1),
    concurrent("ipi", 2, 2),
    concurrent("ipi", 4, 1),
    concurrent("ipi", 4, 2),
    concurrent("fence", 2, 2),
    ("fence", 3, 1),
    ("fence", 4, 2),
    concurrent("hsm", 2, 2),
    ("hsm", 4, 1),
    ("fpu", 2, 1),
    ("fpu", 4, 2),
])
def test_guest(name, test, cpus, smp):
    run_guest(name, test, cpus=cpus, smp=smp, bootargs=FEWER if test == "fence" and cpus > smp else "")


@pytest.mark.concurrent
@pytest.mark.parametrize("test", ["sbi", "timer", "ipi"])
def test_guest_without_sstc(name, test):
    run_guest(name, test, cpus=2, cpu="rv64,sstc=off")


@pytest.mark.parametrize("test, cpus, smp", [("fence", 3, 1), ("ipi", 2, 2), ("fpu", 3, 2)])
def test_guest_without_vmids(name, test, cpus, smp):
    """VMIDLEN may be 0 on real hardware."""
    run_guest(name, test, cpus=cpus, smp=smp, append="hartvisor.vmid-bits=0",
              bootargs=FEWER if test == "fence" else "")


# Ranges of 10 MiB together. Two that touch, at 1 TiB, 16 MiB below where Sv39x4 ends; then up to as much below the ends
# of Sv48x4 (1 PiB) and of what page tables can name (64 PiB). At the very ends the guest looks for faults.
MORE_RAM = "extra-memory = <0x1 0x0 0x0 0x400000>, <0x1 0x400000 0x0 0x200000>, <0x100 0x0 0x0 0x200000>, " \
           "<0x1ff 0xff000000 0x0 0x200000>;"
BEYOND_SV39X4 = "extra-memory = <0x1 0x0 0x0 0x400000>, <0x300 0x0 0x0 0x200000>, <0x3ffff 0xff000000 0x0 0x400000>;"
BEYOND_SV48X4 = "extra-memory = <0x1 0x0 0x0 0x400000>, <0x40001 0x0 0x0 0x200000>, <0xffffff 0xff000000 0x0 0x400000>;"


@pytest.mark.parametrize("cpu, more, nr", [
    ("rv64", MORE_RAM, 4),
    ("max", MORE_RAM, 4),
    ("rv64,sv57=off,sv48=off", MORE_RAM, 4),
    ("rv64", BEYOND_SV39X4, 3),
    ("rv64", BEYOND_SV48X4, 3),
], ids=["rv64", "max", "sv39", "sv48x4", "sv57x4"])
def test_ram_in_several_ranges(name, cpu, more, nr):
    vms = [Vm("vm", guest("mem"), bootargs=f"more={nr}", more=more), Vm("other", guest("mem"))]
    with Machine(name, bundle(name, vms), smp=2, cpu=cpu) as m:
        m.expect_lines({"vm": "TEST mem PASS", "other": "TEST mem PASS"})
        text = m.expect_end()
    assert "vm: started: 1 vcpu, 74 MiB" in text
    assert text.count("[more]") == nr


def test_ram_that_no_table_of_the_machine_reaches_is_told(name):
    vms = [Vm("vm", guest("mem"), more=BEYOND_SV39X4), Vm("other", guest("mem"))]
    with Machine(name, bundle(name, vms), smp=2, cpu="rv64,sv57=off,sv48=off") as m:
        m.expect_line("hartvisor", "config: /configurations/test/vm: memory [+] extra-memory up to 0x3ffffff3fffff: must end "
                      "at 0x1ffffffffff or lower, all that this machine's G-stage addresses")
        m.expect_passed("other", "mem")
        m.expect_end()


@pytest.mark.parametrize("vlen", [128, 256])
def test_vector_state_is_kept(name, vlen):
    run_guest(name, "fpu", cpus=3, smp=2, cpu=f"rv64,v=on,vlen={vlen}")


@pytest.mark.parametrize("test", ["csr", "insn", "fpu", "mem"])
def test_guest_on_a_max_cpu(name, test):
    """Whatever extensions QEMU has: what is not open stays closed."""
    run_guest(name, test, cpus=2, cpu="max")


@pytest.mark.parametrize("off", ["zawrs=off", "zicboz=off,zicbom=off,zicbop=off", "svadu=off", "sv57=off,sv48=off", "svpbmt=on",
                                 "svpbmt=on,zicbom=off"])
def test_guest_on_another_cpu(name, off):
    run_guest(name, "insn", cpus=2, cpu=f"rv64,{off}")


def test_uart_sends_and_receives_by_interrupts(name):
    with Machine(name, bundle(name, [Vm("vm", guest("uart"))])) as m:
        m.expect_line("vm", "UART-SENT by interrupts")
        m.expect_line("vm", "UART-TYPE")
        m.send_line("some text")
        m.expect_line("vm", "UART-GOT some text")
        m.expect_passed("vm", "uart")
        m.expect_end()


def test_what_was_typed_for_a_life_is_not_read_by_the_next(name):
    """More than the UART's FIFO holds, while the guest is paused: neither the FIFO nor the ring outlives the reset."""
    with Machine(name, bundle(name, [Vm("vm", guest("hello"))])) as m:
        m.expect_line("vm", "HELLO")
        m.ping("vm", "the first life")
        m.menu("p")
        m.expect("vm is paused")
        m.send("this is for the first life alone, more than sixteen bytes")
        m.menu("r")
        m.expect_line("hartvisor", "vm: rebooting")
        m.expect_line("vm", "HELLO")
        m.ping("vm", "the second life")
        m.send_line("quit")
        m.expect_passed("vm", "hello")
        m.expect_end()


def test_nothing_is_left_for_the_next_one(name):
    """Memory, registers and CSRs are clean at first start and after a reboot, whatever was there before."""
    vms = [Vm("one", guest("leak")), Vm("two", guest("leak"))]
    with Machine(name, bundle(name, vms), smp=1) as m:
        m.expect_lines({"one": "LEAK clean", "two": "LEAK clean"})
        for vm in ("one", "two", "one"):
            m.focus(2 if vm == "two" else 1, vm)
            m.send_line("reboot")
            m.expect_line("hartvisor", f"{vm}: rebooting")
            m.expect_line(vm, "LEAK clean")
        for number, vm in enumerate(("one", "two"), start=1):
            m.focus(number, vm)
            m.send_line("quit")
            m.expect_passed(vm, "leak")
        m.expect_end()


@pytest.mark.long
@pytest.mark.parametrize("test, cpus, smp, bootargs", [
    ("fence", 8, 4, "n=30"),
    ("fpu", 8, 4, "n=2000"),
    ("timer", 8, 4, "n=5000"),
    ("sbi_fuzz", 4, 2, "n=2000000 seed=77"),
])
def test_guest_at_length(name, test, cpus, smp, bootargs):
    vms = [Vm("vm", guest(test), cpus=cpus, bootargs=bootargs)]
    with Machine(name, bundle(name, vms), smp=smp) as m:
        m.expect_passed("vm", test, timeout=3600)
        m.expect_end()
