# SPDX-License-Identifier: BSD-2-Clause
"""A day of operations, at random: VMs come, go, are stopped, changed, traced and looked into while others work; and after each step the
books are checked."""

import random
import re
import subprocess

import pexpect
import pytest
from control import channel
from hv import MIB, Machine, Vm, bundle, guest, its_text, make_itb

# What each VM of a bundle that is sent later does: nothing, or all it can.
BUNDLES = {
    "north": [Vm("n-idle", guest("hello"), memory=16 * MIB), Vm("n-works", guest("debug"), memory=24 * MIB, cpus=2)],
    "south": [Vm("s-works", guest("spin"), memory=16 * MIB, cpus=3), Vm("s-idle", guest("hello"), memory=40 * MIB, cpus=2)],
}
IDLE = {"n-idle", "s-idle", "base"}
SLACK_NS = 400 * 10**6  # of what a cap lets a VM run: some of its periods


class Day:
    """What there should be, beside what there is."""

    def __init__(self, ctl, m, bundles, folder, seed):
        self.ctl, self.m, self.bundles, self.folder = ctl, m, bundles, folder
        self.random = random.Random(seed)
        self.states = {"base": "running", "load": "running"}
        self.caps = {"base": 0, "load": 0}
        self.weights = {"base": 100, "load": 100}
        self.images = set()
        self.before = None

    # What may be done. Each says what it did.

    def create(self):
        which = self.random.choice(sorted(self.bundles))
        names = [vm.name for vm in BUNDLES[which]]
        if any(name in self.states for name in names):
            assert "must not have the name of a VM that there is" in self.ctl.run("create", self.bundles[which], status=1)
            return f"create {which}, again"
        assert self.ctl.run("create", self.bundles[which]).split() == names
        for name in names:
            self.states[name], self.caps[name], self.weights[name] = "running", 0, 100
        return f"create {which}"

    def image(self):
        which = self.random.choice(sorted(self.bundles))
        if which in self.images:
            self.ctl.run("image", "drop", which)
            self.images.remove(which)
            return f"drop {which}"
        self.ctl.run("image", "put", self.bundles[which], which)
        self.images.add(which)
        return f"put {which}"

    def any_vm(self, *, but=()):
        return self.random.choice(sorted(set(self.states) - set(but)))

    def operate(self):
        command = self.random.choice(["start", "stop", "pause", "resume", "reset"])
        vm = self.any_vm()
        to = {("start", "off"): "running", ("stop", "running"): "off", ("stop", "paused"): "off", ("pause", "running"): "paused",
              ("resume", "paused"): "running", ("reset", "running"): "running", ("reset", "paused"): "running"}.get((command, self.states[vm]))
        if to is None:
            error = self.ctl.run(command, vm, status=1)
            assert re.search(rf"hartctl: {vm} (does not run|is \w+)", error), error
            return f"{command} {vm}, which is {self.states[vm]}"
        self.ctl.run(command, vm)
        self.states[vm] = to
        return f"{command} {vm}"

    def destroy(self):
        vm = self.any_vm(but=("base", "load"))
        self.ctl.run("destroy", vm)
        for of in (self.states, self.caps, self.weights):
            del of[vm]
        return f"destroy {vm}"

    def settings(self):
        vm, cap, weight = self.any_vm(), self.random.choice([0, 20, 50, 150]), self.random.choice([1, 100, 5000])
        self.ctl.run("set", vm, f"cap={cap}", f"weight={weight}")
        self.caps[vm], self.weights[vm] = cap, weight
        self.before = None  # what the cap was until now does not count
        return f"set {vm} cap={cap} weight={weight}"

    def reset_stats(self):
        self.ctl.run("stats", "--reset")
        self.before = None
        return "stats --reset"

    def trace(self):
        kinds = self.random.sample(["sched", "exits", "kicks", "devices"], self.random.randrange(1, 4))
        self.ctl.run("trace", *kinds, "-t", "0.1", "-o", self.folder / "trace.json")
        return f"trace {kinds}"

    def look(self):
        vm = self.any_vm()
        if self.states[vm] == "off":
            assert f"{vm} is off" in self.ctl.run("dump", vm, self.folder / "core", status=1)
            return f"dump {vm}, which is off"
        self.ctl.run("dump", vm, self.folder / "core")
        return f"dump {vm}"

    def profile(self):
        vm = self.any_vm()
        said = self.ctl.run("profile", vm, "0.2s")
        assert said.startswith(f"{vm}/"), said
        return f"profile {vm}"

    def debug(self):
        """A debugger comes, stops the VM, looks at it, and is killed or leaves."""
        vm = self.any_vm()
        if self.states[vm] == "off":
            assert f"{vm} does not run" in self.ctl.run("gdb", vm, status=1)
            return f"gdb {vm}, which is off"
        with subprocess.Popen(self.ctl.command("gdb", vm), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as gdb:
            gdb.stdin.write(b"$?#3f$g#67" + (b"$D#44" if self.random.random() < 0.5 else b""))
            gdb.stdin.flush()
            assert gdb.stdout.read(4) == b"+$T0"
            if self.random.random() < 0.5:
                gdb.kill()
        return f"gdb {vm}"

    def step(self):
        works = [self.create] * 3 + [self.operate] * 8 + [self.settings] * 2 + [self.image, self.reset_stats, self.trace, self.look, self.profile,
                                                                               self.debug]
        if set(self.states) - {"base", "load"}:
            works += [self.destroy] * 3
        return self.random.choice(works)()

    # The books.

    def settled(self, answer):
        return {vm["name"]: vm["state"] for vm in answer["vms"]} == self.states

    def check(self):
        self.ctl.wait(lambda: self.settled(self.ctl.json("list")))
        now = self.ctl.json("list")
        for vm in now["vms"]:
            name = vm["name"]
            assert (vm["cap"], vm["weight"]) == (self.caps[name], self.weights[name]), vm
            assert (vm["memory_used"] == 0) == (self.states[name] == "off") or self.states[name] == "off", vm
        assert {image["name"] for image in self.ctl.json("image", "list")["images"]} == self.images
        if self.before:
            self.check_times(self.before, now)
        self.before = now

    def check_times(self, before, now):
        """No vcpu's time goes back; none runs while its VM does not; and a cap is kept."""
        span = (now["t"] - before["t"]) * 1000
        was = {vm["name"]: vm for vm in before["vms"]}
        for vm in now["vms"]:
            old = was.get(vm["name"])
            if not old or (old["state"], vm["state"]) != (self.states[vm["name"]],) * 2 or vm["id"] != old["id"]:
                continue
            ran = sum(v["run_ns"] for v in vm["vcpus"]) - sum(v["run_ns"] for v in old["vcpus"])
            if ran < 0:
                continue  # it has begun a new life, which counts anew
            assert ran <= span * len(vm["vcpus"]) + SLACK_NS, (vm, old)
            if vm["cap"]:
                assert ran <= span * vm["cap"] // 100 + SLACK_NS, (vm, old, span)

    def check_quiet(self):
        """What is paused or off uses no hart."""
        first = {vm["name"]: vm for vm in self.ctl.json("list")["vms"]}
        second = {vm["name"]: vm for vm in self.ctl.json("list")["vms"]}
        for name, vm in first.items():
            if self.states[name] in ("paused", "off"):
                assert vm["vcpus"] == second[name]["vcpus"], name

    def evening(self):
        """All that came goes, and its memory is there again."""
        for vm in sorted(set(self.states) - {"base", "load"}):
            self.ctl.run("destroy", vm)
            del self.states[vm]
        for image in sorted(self.images):
            self.ctl.run("image", "drop", image)
        self.images = set()
        for vm in ("base", "load"):
            if self.states[vm] == "off":
                self.ctl.run("start", vm)
            elif self.states[vm] == "paused":
                self.ctl.run("resume", vm)
            self.states[vm] = "running"
        self.ctl.wait(lambda: self.settled(self.ctl.json("list")))


def read_what_came(m):
    """So that no VM waits for its terminal."""
    try:
        while m.child.read_nonblocking(65536, timeout=0):
            pass
    except pexpect.TIMEOUT:
        pass


def a_day(name, seed, steps, smp, folder):
    vms = [Vm("base", guest("hello"), memory=16 * MIB), Vm("load", guest("debug"), memory=16 * MIB, cpus=2)]
    with channel() as ctl, Machine(name, bundle(name, vms), args=ctl.arguments(), append="hartvisor.stay", smp=smp) as m:
        m.expect_lines({"base": "HELLO", "load": "DEBUG"})
        bundles = {which: make_itb(f"{name}-{which}", its_text(of)) for which, of in BUNDLES.items()}
        done = []
        day = Day(ctl, m, bundles, folder, seed)
        try:
            free = None
            for _ in range(2):
                for _ in range(steps):
                    done.append(day.step())
                    day.check()
                    read_what_came(m)
                day.check_quiet()
                day.evening()
                # The first day leaves what all others use again: stacks, and tables that map them.
                ctl.wait(lambda: free is None or ctl.json("machine")["memory_free"] == free)
                free = ctl.json("machine")["memory_free"]
        finally:
            print("\n".join(done))
        errors = [line for line in ctl.run("log").splitlines() if " error:" in line]
        assert [line for line in errors if "must not have the name of a VM that there is" not in line] == []


@pytest.mark.parametrize("seed", [1, 2])
def test_a_day_of_operations(name, tmp_path, seed):
    a_day(name, seed, 12, 2, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("smp", [1, 2, 4])
@pytest.mark.parametrize("seed", [11, 12])
def test_days_of_operations(name, tmp_path, seed, smp):
    a_day(name, seed, 120, smp, tmp_path)
