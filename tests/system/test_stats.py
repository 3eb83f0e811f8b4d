# SPDX-License-Identifier: BSD-2-Clause
"""What hartvisor counts and measures: the figures agree with each other, and cost the guests nothing but time."""

import re
import time

import pytest
from control import channel
from hv import MIB, Machine, Vm, bundle, guest, its_text, make_itb

CAUSES = ["ipi", "timer", "irq", "sbi", "wfi", "wrs", "csr", "mmio", "fault", "other"]


def machine(name, ctl, vms, smp=2):
    return Machine(name, bundle(name, vms), args=ctl.arguments(), append="hartvisor.stay", smp=smp)


def storms(count, cpus=2):
    return [Vm(f"storm-{i}", guest("storm"), memory=16 * MIB, cpus=cpus) for i in range(count)]


def sleeper():
    """It wakes by its timer again and again."""
    return Vm("sleeper", guest("latency"), memory=16 * MIB, bootargs="n=100000000")


def vcpus(stats):
    return [(vm["name"], vcpu) for vm in stats["vms"] for vcpu in vm["vcpus"]]


def hart_ns(stats):
    return [sum(hart.values()) for hart in stats["harts"]]


def test_times_add_up(name):
    with channel() as ctl, machine(name, ctl, [*storms(1), sleeper()]) as m:
        m.expect("storm-0.*STORM")
        before = ctl.json("stats")
        assert before["times"] is False and "harts" not in before and "le_ns" not in before
        assert all("times" not in vcpu and "wake_to_run" not in vcpu for _, vcpu in vcpus(before))
        ctl.run("stats", "--times", "on")
        for vm in ("storm-0", "sleeper"):  # so that no exit is zeroed here, and not there
            ctl.run("pause", vm)
        ctl.run("stats", "--reset")
        first = ctl.json("stats")
        for vm in ("storm-0", "sleeper"):
            ctl.run("resume", vm)
        ctl.wait(lambda: ctl.json("stats")["t"] > first["t"] + 3000000)
        stats = ctl.json("stats")
        assert stats["times"] is True and len(stats["le_ns"]) == 23 and stats["le_ns"][0] == 1024
        # Guest, own and idle time are all of a hart's time. The harts are not looked at in the same moment.
        passed = (stats["t"] - first["t"]) * 1000
        for was, now in zip(hart_ns(first), hart_ns(stats)):
            assert 0.8 * passed < now - was < 1.2 * passed
        assert all(min(hart.values()) > 0 for hart in stats["harts"])
        own = sum(hart["own_ns"] for hart in stats["harts"])
        assert 0 < sum(times["ns"] for _, vcpu in vcpus(stats) for times in vcpu["times"].values()) < 1.2 * own
        for vm in ("storm-0", "sleeper"):
            ctl.run("pause", vm)
        stats = ctl.json("stats")
        for vm, vcpu in vcpus(stats):
            assert list(vcpu["times"]) == CAUSES
            for cause, times in vcpu["times"].items():
                assert abs(times["n"] - vcpu["exits"][cause]) <= 1  # that of the pause may be still worked for
                assert times["worst_ns"] <= times["ns"] <= times["n"] * times["worst_ns"]
            assert vcpu["times"]["wfi"]["n"] > 0 and (vm == "sleeper" or vcpu["times"]["sbi"]["n"] > 0)
            for key in ("wake_to_run", "timer_late"):
                assert len(vcpu[key]["n"]) == 24 and (vcpu[key]["sum_ns"] == 0) <= (sum(vcpu[key]["n"]) == 0)
        last = dict(vcpus(stats))["sleeper"]
        assert sum(last["timer_late"]["n"]) > 100
        assert sum(last["wake_to_run"]["n"]) + last["times"]["wfi"]["n"] > 100
        # People read the same.
        for vm in ("storm-0", "sleeper"):
            ctl.run("resume", vm)
        text = ctl.run("stats")
        assert all(head in text for head in ("worst exit, ns", "within us", "own %"))
        assert re.search(r"^sleeper +wfi +\d+ +\d+\.\d\d +\d+$", ctl.run("top", "--exits", "-n", "1", "-d", "1"), re.M)
        m.menu("s")
        m.expect(r"worst exit, ns", r"own %")
        # Off: nothing moves any more, and all of it goes by a reset.
        ctl.run("stats", "--times", "off")
        one, two = (measured(ctl.json("stats")) for _ in range(2))
        assert one == two and one["harts"]
        ctl.run("stats", "--reset")
        after = ctl.json("stats")
        assert "harts" not in after and "times" not in after["vms"][0]["vcpus"][0]
        m.expect("storm-0.*STORM")


def measured(stats):
    """What is written only while times are measured."""
    return {"harts": stats["harts"], "vcpus": [[vcpu[key] for key in ("times", "wake_to_run", "timer_late")] for _, vcpu in vcpus(stats)]}


@pytest.mark.parametrize("smp", [1, 4])
def test_on_and_off_under_load_costs_no_guest_anything(name, smp):
    """Also where a timeline is on; VMs that come meanwhile are measured, and memory comes back with them."""
    vms = [*storms(2), sleeper(), Vm("job", guest("ipi"), memory=16 * MIB, cpus=2, bootargs="n=2000 storm=2000", more="autostart = <0>;")]
    with channel() as ctl, machine(name, ctl, vms, smp=smp) as m:
        m.expect("storm-1.*STORM")
        for i in range(20):
            ctl.run("stats", "--times", "on")
            if i % 4 == 1:
                ctl.run("trace", "exits", "-t", "0.2", "-o", "/dev/null")
            ctl.run("stats", "--times", "off")
        ctl.run("stats", "--times", "on")
        ctl.run("start", "job")
        m.expect_passed("job", "ipi")
        job = [vcpu for vm, vcpu in vcpus(ctl.json("stats")) if vm == "job"]
        assert all(vcpu["times"]["sbi"]["n"] == vcpu["exits"]["sbi"] > 1000 for vcpu in job)
        more = bundle(f"{name}-more", [Vm("more", guest("ipi"), memory=16 * MIB, cpus=2, bootargs="n=200 storm=200")])
        ctl.run("create", more)
        m.expect_passed("more", "ipi")
        assert all(vcpu["times"]["sbi"]["n"] == vcpu["exits"]["sbi"] > 100 for vm, vcpu in vcpus(ctl.json("stats")) if vm == "more")
        for vm in ("job", "storm-0", "more"):
            ctl.run("destroy", vm)
        ctl.wait(lambda: len(ctl.json("list")["vms"]) == 2)
        ctl.run("stats", "--times", "off")
        m.expect("storm-1.*STORM")


def test_metrics_have_histograms(name):
    with channel() as ctl, machine(name, ctl, [sleeper()], smp=1) as m:
        m.expect("sleeper: started")
        ctl.run("stats", "--times", "on")
        ctl.wait(lambda: sum(dict(vcpus(ctl.json("stats")))["sleeper"]["timer_late"]["n"]) > 20)
        text = ctl.run("metrics")
    assert "# TYPE hartvisor_vcpu_timer_late_seconds histogram" in text
    found = re.findall(r'^hartvisor_vcpu_timer_late_seconds_bucket\{vm="sleeper",vcpu="0",le="([^"]+)"\} (\d+)$', text, re.M)
    assert len(found) == 24 and found[-1][0] == "+Inf" and float(found[0][0]) == 1.024e-6
    counts = [int(count) for _, count in found]
    assert counts == sorted(counts) and counts[-1] > 20
    assert f'hartvisor_vcpu_timer_late_seconds_count{{vm="sleeper",vcpu="0"}} {counts[-1]}' in text
    assert re.search(r'^hartvisor_vcpu_timer_late_seconds_sum\{vm="sleeper",vcpu="0"\} \d+\.\d+(e-\d+)?$', text, re.M)
    assert re.search(r'^hartvisor_hart_own_seconds_total\{hart="0"\} \d', text, re.M)
    assert re.search(r'^hartvisor_vcpu_exit_seconds_total\{cause="wfi",vm="sleeper",vcpu="0"\} \d', text, re.M)


def test_queues_and_ports_are_counted(name):
    """What one device of a VM sends another one of it gets."""
    nets = 'net@0 { switch = "lan"; }; net@1 { switch = "lan"; };'
    vm = Vm("flood", guest("net_flood"), memory=16 * MIB, bootargs="mode=2", more=nets)
    with channel() as ctl, Machine(name, make_itb(name, its_text([vm, sleeper()], networks=["lan"])), args=ctl.arguments(),
                                   append="hartvisor.stay") as m:
        m.expect("FLOODS")
        ctl.wait(lambda: sum(port["received"] for port in ctl.json("stats")["ports"]) > 100)
        ctl.run("pause", "flood")
        stats, text = ctl.json("stats"), ctl.run("metrics")
        assert ctl.json("stats", "sleeper")["queues"] == ctl.json("stats", "sleeper")["ports"] == []
        assert [port["net"] for port in stats["ports"]] == [0, 1]
        assert all(port["vm"] == "flood" and port["network"] == "lan" and port["up"] for port in stats["ports"])
        queues = {(q["slot"], q["queue"]): q for q in stats["queues"]}
        assert {(slot, queue) for slot in (1, 2) for queue in (0, 1)} <= set(queues)
        for q in queues.values():
            assert q["vm"] == "flood" and q["device"] == "net"
        # A chain that is used is a packet, received or sent; one that was not let through is used, too.
        for slot, port in enumerate(stats["ports"], start=1):
            assert queues[slot, 0]["used"] >= port["received"]
            assert queues[slot, 1]["used"] >= port["sent"] + port["refused"]
        assert sum(q["notified"] for q in queues.values()) > 0
        for port in stats["ports"]:
            assert f'hartvisor_port_received_total{{network="lan",vm="flood",port="net@{port["net"]}"}} {port["received"]}\n' in text
        assert f'hartvisor_queue_used_total{{vm="flood",slot="1",device="net",queue="0"}} {queues[1, 0]["used"]}\n' in text
        assert "flood/1 net 0" in ctl.run("stats") and "lan flood/net@1" in ctl.run("stats")
        ctl.run("stats", "--reset")
        stats = ctl.json("stats")
        assert all(q["used"] == q["notified"] == q["interrupts"] == 0 for q in stats["queues"])
        assert all(port["sent"] == port["received"] == port["lost"] == 0 for port in stats["ports"])
