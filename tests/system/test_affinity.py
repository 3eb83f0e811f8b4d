# SPDX-License-Identifier: BSD-2-Clause
"""Where a VM may run changes while it runs, and no vcpu runs anywhere else from then on."""

import random
import re

import pytest
from control import channel
from hv import MIB, Machine, Vm, bundle, guest
from test_trace import events, hartctl, recording

SPIN = "settle=0 ms=100000000"


def machine(name, ctl, vms, smp):
    return Machine(name, bundle(name, vms), args=ctl.arguments(), append="hartvisor.stay", smp=smp)


def loads(smp):
    """One that does everything; one that always wants all harts; and one of class fifo."""
    return [Vm("storm", guest("storm"), memory=16 * MIB, cpus=4), Vm("spin", guest("share"), memory=16 * MIB, cpus=smp, bootargs=SPIN),
            Vm("urgent", guest("latency"), memory=16 * MIB, bootargs="n=100000000", more='class = "fifo"; priority = <9>;')]


def harts(ctl, name):
    return {vcpu["hart"] for vcpu in ctl.vm(name)["vcpus"]}


@pytest.mark.parametrize("smp", [2, 4])
def test_nothing_runs_outside_of_its_affinity(name, smp, tmp_path):
    """Under load, with the timeline as the witness: behind the answer each vcpu is picked on its harts alone."""
    choose = random.Random(smp)
    with channel() as ctl, machine(name, ctl, loads(smp), smp) as m:
        m.expect("storm.*STORM")
        ctl.wait(lambda: ctl.vm("spin")["state"] == ctl.vm("urgent")["state"] == "running")
        client = hartctl.Channel(ctl.path, 600)
        for turn in range(4):
            folder = tmp_path / str(turn)
            folder.mkdir()
            may = {vm: sorted(choose.sample(range(smp), choose.randint(1, smp - 1))) for vm in ("storm", "spin", "urgent")}
            for vm, where in may.items():
                client.ask(f"vm.set {vm} affinity={','.join(map(str, where))}")
            with recording(client, folder, "memory=16 sched") as read:
                read(1)
            names, seen = hartctl.Timeline(folder).vms, {vm: {} for vm in may}
            for _, hart, event, vm, vcpu, *_ in events(folder):
                if event == "run" and vcpu != 65535:
                    seen[names[vm].name].setdefault(vcpu, []).append(hart)
            for vm, where in may.items():
                for vcpu, stays in seen[vm].items():
                    # What ran when it was set may be in the trace once, where it was.
                    late = [hart for hart in stays[1:] if hart not in where]
                    assert not late, f"{vm}/{vcpu} may run on {where}, and ran on {late}"
            assert seen["storm"] and seen["spin"]
            listed = {vm["name"]: vm for vm in client.ask("list")["vms"]}
            assert all(listed[vm]["affinity"] == where for vm, where in may.items())
        client.close()
        m.expect("storm.*STORM")


def test_affinity_is_a_setting_of_all_lives(name):
    with channel() as ctl, machine(name, ctl, loads(2), smp=2) as m:
        m.expect("storm.*STORM")
        assert ctl.vm("storm")["affinity"] == [0, 1]
        ctl.run("set", "storm", "affinity=1")
        ctl.wait(lambda: harts(ctl, "storm") == {1})
        assert re.search(r"^ *\d+ +storm +running .* 1 +\d+\.\d+", ctl.run("list"), re.M)
        ctl.run("pause", "storm")
        ctl.run("set", "storm", "affinity=0")
        ctl.run("resume", "storm")
        m.expect("storm.*STORM")
        ctl.wait(lambda: harts(ctl, "storm") == {0})
        ctl.run("reset", "storm")
        ctl.wait(lambda: ctl.vm("storm")["state"] == "running")
        m.expect("storm.*STORM")
        assert ctl.vm("storm")["affinity"] == [0] and harts(ctl, "storm") == {0}
        ctl.run("stop", "storm")
        ctl.wait_for("storm", "off")
        ctl.run("set", "storm", "affinity=1", "weight=200")
        ctl.run("start", "storm")
        ctl.wait(lambda: ctl.vm("storm")["state"] == "running")
        m.expect("storm.*STORM")
        assert harts(ctl, "storm") == {1}
        ctl.run("set", "storm", "affinity=0,1")
        assert ctl.vm("storm")["affinity"] == [0, 1]
        assert ctl.run("raw", "vm.set", "storm", "affinity=", status=1) == "hartctl: storm: affinity = : must be harts, as in 0,2\n"
        assert ctl.run("set", "storm", "affinity=0,2", status=1) == "hartctl: storm: affinity = 0,2: must be harts that run\n"
        assert ctl.vm("storm")["affinity"] == [0, 1]
        ctl.run("destroy", "storm")
        ctl.wait(lambda: len(ctl.json("list")["vms"]) == 2)
