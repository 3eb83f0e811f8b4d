# SPDX-License-Identifier: BSD-2-Clause
"""State that one vcpu's turn must not take from another one, nor show it: FP and vector CSRs, and all other CSRs."""

import os
import subprocess

import pytest
from hv import MIB, QEMU, WORK, Machine, Vm, bundle, guest, initramfs_with, linux, run_tool, user_program

# One instruction is one nanosecond, and harts run in turn: slices are the same however busy this machine is.
ICOUNT = ["-icount", "shift=0,sleep=off"]


# --- the CSRs of FP and vector state ---------------------------------------------------------------

def fcsr(number, rounds):
    return Vm(f"vm{number}", guest("fcsr"), bootargs=f"n={rounds} id={number}", memory=32 * MIB)


NEIGHBOURS = {
    "itself": lambda rounds: [fcsr(2, rounds)],
    "fs-off": lambda rounds: [Vm("spin", guest("spin"), memory=32 * MIB)],
    "both": lambda rounds: [fcsr(2, rounds), Vm("spin", guest("spin"), memory=32 * MIB)],
}


def run_fcsr(name, cpu, neighbours, rounds, smp=1, args=ICOUNT):
    with Machine(name, bundle(name, [fcsr(1, rounds), *neighbours]), smp=smp, cpu=cpu, args=args) as m:
        verdicts = {vm.name: r"TEST fcsr (?:PASS|FAIL)" for vm in [fcsr(1, 0), *neighbours] if vm.name != "spin"}
        m.expect_lines(verdicts, timeout=3600)
        assert "TEST fcsr FAIL" not in m.text()
        m.menu("q")
        m.expect_end()


@pytest.mark.parametrize("beside", ["itself", "fs-off"])
@pytest.mark.parametrize("cpu", ["rv64", "rv64,v=on"])
def test_fp_and_vector_csrs_are_kept(name, cpu, beside):
    run_fcsr(name, cpu, NEIGHBOURS[beside](4), 4)


def test_fp_csrs_move_along(name):
    """Three vcpus on two harts."""
    run_fcsr(name, "rv64,v=on", NEIGHBOURS["both"](8), 8, smp=2, args=[])


@pytest.mark.long
@pytest.mark.parametrize("beside", NEIGHBOURS)
@pytest.mark.parametrize("cpu", ["rv64", "rv64,v=on", "max"])
def test_fp_and_vector_csrs_are_kept_at_length(name, cpu, beside):
    run_fcsr(name, cpu, NEIGHBOURS[beside](50), 50)


@pytest.mark.long
@pytest.mark.parametrize("cpu", ["rv64", "rv64,v=on"])
def test_fp_csrs_move_along_at_length(name, cpu):
    run_fcsr(name, cpu, NEIGHBOURS["both"](200), 200, smp=2, args=[])


# What keeps a Linux process from having its hart to itself: (harts, cpu, neighbours).
MIXES = {
    "spinner": (1, "rv64", [Vm("spin", guest("spin"))]),
    "fs-off": (1, "rv64,v=on", [Vm("spin", guest("spin"))]),
    "vectors": (1, "rv64,v=on", [Vm("fpu", guest("fpu"), cpus=2, bootargs="n=1000000")]),
    "migration": (2, "rv64", [Vm("spin", guest("spin"), cpus=2), Vm("fpu", guest("fpu"), cpus=2, bootargs="n=1000000")]),
}


def run_frm(name, mix, rounds):
    """guest/user/frm.c, of which no round may lose its rounding mode."""
    harts, cpu, neighbours = MIXES[mix]
    ramdisk = initramfs_with(name, {"bin/frm": user_program("frm")})
    vms = [linux("linux", ramdisk=ramdisk, cpus=1), *neighbours]
    with Machine(name, bundle(name, vms), smp=harts, cpu=cpu) as m:
        m.expect_line("linux", "GUEST-UP", timeout=1200)
        m.send_line("")
        m.expect(r"\[linux\] ~ # ")
        m.send_line(f"frm {rounds}")
        m.expect_line("linux", rf"FRM lost (\d+) of {rounds}", timeout=3600)
        assert int(m.child.match.group(1)) == 0
        m.menu("q")
        m.expect_end()


def test_linux_process_keeps_its_rounding_mode(name):
    run_frm(name, "spinner", 100)


@pytest.mark.long
@pytest.mark.parametrize("mix", MIXES)
def test_linux_process_keeps_its_rounding_mode_at_length(name, mix):
    run_frm(name, mix, 2000)


# --- all other CSRs ----------------------------------------------------------------------------------

CTR = "sscsrind=on,smcsrind=on,smctr=on,ssctr=on"
AIA = "virt,aia=aplic-imsic,aia-guests=3"
MARKS = r"MARKS clean: (\d+) CSRs, (\d+) behind siselect, away (\d+) times"


def marks(m, vm, command=None, number=None, away=0):
    """@vm does its rounds, after @command. Returns how many CSRs it marked, and how many behind siselect."""
    if number:
        m.focus(number, vm)
    if command:
        m.send_line(command)
    assert m.expect(rf"\[{vm}\] {MARKS}", r"TEST marks FAIL[^\r\n]*", timeout=1200) == 0, m.child.match.group(0)
    assert int(m.child.match.group(3)) >= away, m.child.match.group(0)
    return int(m.child.match.group(1)), int(m.child.match.group(2))


def run_marks(name, cpu, machine="virt", rounds=4, lives=1):
    """Two VMs on one hart, each with its own marks; then the next lives of one; then it is destroyed."""
    vms = [Vm(f"vm{i}", guest("marks"), bootargs=f"id={i} n={rounds}", memory=32 * MIB) for i in (1, 2)]
    with Machine(name, bundle(name, vms), smp=1, cpu=cpu, machine=machine, args=ICOUNT) as m:
        lines = {vm.name: f"(?:{MARKS}|TEST marks FAIL)" for vm in vms}
        m.expect_lines(lines, timeout=1200)
        assert "TEST marks FAIL" not in m.text()
        found = marks(m, "vm1", "again", number=1, away=rounds // 2)
        for _ in range(lives):
            assert marks(m, "vm2", "reboot", number=2) == found
            assert marks(m, "vm1", "again", number=1, away=rounds // 2) == found
            assert marks(m, "vm2", "again", number=2) == found
        m.menu("k")
        m.expect_line("hartvisor", "vm2: destroyed")
        m.focus(1, "vm1")
        assert marks(m, "vm1", "again") == found
        assert marks(m, "vm1", "reboot") == found
        m.menu("q")
        m.expect_end()
        assert "TEST marks FAIL" not in m.text()
    return found


@pytest.mark.parametrize("cpu, machine, behind", [
    ("rv64", "virt", 0),
    ("rv64,v=on", AIA, 0),
    (f"rv64,{CTR}", "virt", 3 * 16),
    ("max", "virt", 0),
], ids=["rv64", "aia", "ctr", "max"])
def test_no_mark_is_found_next_door(name, cpu, machine, behind):
    assert run_marks(name, cpu, machine, rounds=2)[1] >= behind


# Every model that has H or takes it, with each of the options that it takes. What QEMU sets for a model it may not allow
# to be changed (veyron-v1, tt-ascalon: extensions can be turned off, and not on).
MARKED = [
    *[("rv64", f"rv64{more}", "virt") for more in (
        "", ",smstateen=on", ",sstc=off", ",v=on", f",{CTR}", f",{CTR},smstateen=on", f",{CTR},v=on,sstc=off",
        ",zicfiss=on,zimop=on,zcmop=on", ",c=off,zca=on,zcmt=on", ",smcdeleg=on,ssccfg=on,sscsrind=on,smcsrind=on")],
    *[("rv64-aia", f"rv64{more}", AIA) for more in ("", ",smstateen=on", ",sstc=off", ",v=on", f",{CTR}")],
    *[("max", f"max{more}", machine) for machine in ("virt", AIA) for more in (
        "", ",smstateen=off", ",sstc=off", ",v=off", f",smstateen=off,{CTR}", f",{CTR}")],
    *[("rva23s64", f"rva23s64{more}", machine) for machine in ("virt", AIA) for more in (
        "", ",smstateen=off", ",sstc=off", f",smstateen=off,{CTR}")],
    *[("veyron-v1", f"veyron-v1{more}", machine) for machine in ("virt", AIA) for more in (
        "", ",smstateen=off", ",sstc=off")],
    *[("tt-ascalon", f"tt-ascalon{more}", machine) for machine in ("virt", AIA) for more in (
        "", ",smstateen=off", ",sstc=off", ",v=off,zvbb=off,zvkb=off,zvbc=off,zvkng=off,zvfbfmin=off,zvfbfwma=off")],
    *[("rva22s64", f"rva22s64,h=on{more}", machine) for machine in ("virt", AIA) for more in (
        "", ",smstateen=on", ",sstc=on", ",v=on", f",{CTR}")],
]


def takes(cpu, machine):
    """Does this QEMU know the model and allow the options?"""
    return subprocess.run([QEMU, "-M", f"{machine},dumpdtb={os.devnull}", "-cpu", cpu, "-nographic"],
                          stdin=subprocess.DEVNULL, capture_output=True).returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("_, cpu, machine", MARKED, ids=[f"{i}-{row[0]}" for i, row in enumerate(MARKED)])
def test_no_mark_is_found_next_door_at_length(name, _, cpu, machine):
    if not takes(cpu, machine):
        pytest.skip(f"{QEMU} takes no -cpu {cpu}")
    run_marks(name, cpu, machine, rounds=6, lives=2)


# --- machines and harts without what hartvisor needs ---------------------------------------------------

@pytest.mark.parametrize("off, why", [
    ("d=off,zfa=off", "this hart has no D extension"),
    ("f=off,d=off,zfa=off", "this hart has no D extension"),
    ("sv39=off,sv48=off,sv57=off,svade=off", "this hart's satp does not take mode Sv39"),
    ("h=off", "this machine has no H extension"),
], ids=["no-d", "no-f", "no-sv39", "no-h"])
def test_a_machine_that_lacks_something_is_refused(name, off, why):
    with Machine(name, bundle(name, [Vm("vm", guest("hello"))]), cpu=f"rv64,{off}") as m:
        m.expect_line("hartvisor", f"error: {why}[^\r\n]*; powering off")
        m.expect_end()


@pytest.mark.parametrize("off", ["zicntr=off,zihpm=off", "c=off,zca=on"], ids=["no-counters", "no-zcd"])
def test_a_machine_that_lacks_what_nothing_needs_runs(name, off):
    """The firmware reads the time for a hart without Zicntr; Zca is all that hartvisor uses of C."""
    with Machine(name, bundle(name, [Vm("vm", guest("fcsr"), bootargs="n=1")]), cpu=f"rv64,{off}") as m:
        m.expect_passed("vm", "fcsr")
        m.expect_end()


def test_a_hart_without_d_is_left_out(name):
    """As the device tree has it. Any hart may be the one that the firmware starts us on, and is not left out then."""
    tree = WORK / f"{name}.dtb"
    WORK.mkdir(parents=True, exist_ok=True)
    run_tool([QEMU, "-M", f"virt,dumpdtb={tree}", "-cpu", "rv64", "-smp", "3", "-m", "1G", "-nographic"])
    for hart in (1, 2):
        run_tool(["fdtput", "-t", "s", tree, f"/cpus/cpu@{hart}", "riscv,isa-extensions", "i", "m", "a", "f", "c", "h", "zicsr"])
    with Machine(name, bundle(name, [Vm("vm", guest("fcsr"), bootargs="n=1")]), smp=3, args=["-dtb", tree]) as m:
        m.expect_line("hartvisor", "warning: hart [12]: left out: it has no D extension")
        m.expect_line("hartvisor", "[12] of 3 harts run")
        m.expect_passed("vm", "fcsr")
        m.expect_end()
