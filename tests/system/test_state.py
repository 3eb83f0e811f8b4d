# SPDX-License-Identifier: BSD-2-Clause
"""Everything of hyp/vm/state_list.h that a guest can see or change: no other VM finds it, nor the VM's next life."""

import re

import pytest
from hv import MIB, ROOT, Machine, Vm, bundle, guest
from test_isolation import AIA, ICOUNT, MARKED, QEMU, takes

LIST = (ROOT / "hyp/vm/state_list.h").read_text()
STATES = re.findall(r'^STATE\((\w+), (\w+), "([^"]*)",', LIST, re.M)
CLEAN = r"STATE clean: (\d+) of (\d+) kinds, away (\d+) times, RTC from (\w+)"


def test_every_state_has_its_test():
    assert len(STATES) == len(re.findall(r"^STATE\(", LIST, re.M))
    for name, test, saved in STATES:
        assert test in ("GUEST", "MARKS", "OTHER")
        assert test != "OTHER" or (ROOT / saved).exists(), f"{name}: {saved}"


def state(m, vm, command=None, number=None, away=0):
    """@vm does its rounds, after @command. Returns how many kinds it marked, and the upper half of its clock at start."""
    if number:
        m.focus(number, vm)
    if command:
        m.send_line(command)
    assert m.expect(rf"\[{vm}\] {CLEAN}", r"TEST state FAIL[^\r\n]*", timeout=1200) == 0, m.child.match.group(0)
    marked, known, times = [int(m.child.match.group(i)) for i in (1, 2, 3)]
    assert known == sum(test == "GUEST" for _, test, _ in STATES)
    assert times >= away, m.child.match.group(0)
    return marked, int(m.child.match.group(4), 16)


def run_state(name, cpu, machine="virt", rounds=4, lives=1):
    """Two VMs on one hart, each with its own marks; then the next lives of one; destroyed, and started again."""
    vms = [Vm(f"vm{i}", guest("state"), cpus=2, bootargs=f"id={i} n={rounds}", memory=32 * MIB) for i in (1, 2)]
    with Machine(name, bundle(name, vms), smp=1, cpu=cpu, machine=machine, args=ICOUNT) as m:
        m.expect_lines({vm.name: f"(?:{CLEAN}|TEST state FAIL)" for vm in vms}, timeout=1200)
        assert "TEST state FAIL" not in m.text()
        marked, _ = state(m, "vm1", "again", number=1, away=rounds // 2)
        for _ in range(lives):
            # The RTC has a battery: its time is what the former life set.
            found, clock = state(m, "vm2", "reboot", number=2)
            assert found == marked and clock >> 16 == 0x2002
            assert state(m, "vm1", "again", number=1, away=rounds // 2)[0] == marked
        m.focus(2, "vm2")
        m.menu("k")
        m.expect_line("hartvisor", "vm2: destroyed")
        m.focus(1, "vm1")
        assert state(m, "vm1", "again")[0] == marked
        m.focus(2, "vm2")
        m.menu("o")
        assert state(m, "vm2")[0] == marked
        assert state(m, "vm1", "reboot", number=1) == (marked, pytest.approx(0x20010000, abs=0xffff))
        m.menu("q")
        m.expect_end()
        assert "TEST state FAIL" not in m.text()
    return marked


@pytest.mark.parametrize("cpu, machine, missing", [
    ("rv64,v=on", "virt", 0),
    ("rv64,sstc=off", "virt", 1),
    ("max,smstateen=on", AIA, 0),
], ids=["v", "no-sstc", "max"])
def test_no_state_is_found_next_door(name, cpu, machine, missing):
    assert run_state(name, cpu, machine) == sum(test == "GUEST" for _, test, _ in STATES) - missing


@pytest.mark.long
@pytest.mark.parametrize("_, cpu, machine", MARKED, ids=[f"{i}-{row[0]}" for i, row in enumerate(MARKED)])
def test_no_state_is_found_next_door_at_length(name, _, cpu, machine):
    if not takes(cpu, machine):
        pytest.skip(f"{QEMU} takes no -cpu {cpu}")
    run_state(name, cpu, machine, rounds=8, lives=3)
