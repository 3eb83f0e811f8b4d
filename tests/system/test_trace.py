# SPDX-License-Identifier: BSD-2-Clause
"""The timeline: what harts write is read back, and must agree with itself and with the statistics."""

import collections
import contextlib
import importlib.machinery
import importlib.util
import json
import random
import re
import shutil
import signal
import struct
import subprocess
import time

import pytest
from control import HARTCTL, channel
from hv import HARTVISOR, MIB, TIMEOUT, WORK, Machine, Vm, bundle, guest

SPIN = "settle=0 ms=100000000"


def load_hartctl():
    loader = importlib.machinery.SourceFileLoader("hartctl", str(HARTCTL))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("hartctl", loader))
    loader.exec_module(module)
    return module


hartctl = load_hartctl()


@pytest.fixture
def folder(name):
    """An empty one, which stays for people to look at when the test fails."""
    path = WORK / "trace" / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def machine(name, ctl, vms, smp=2):
    return Machine(name, bundle(name, vms), args=ctl.arguments(), append="hartvisor.stay", smp=smp)


def storms(count, cpus=2):
    return [Vm(f"storm-{i}", guest("storm"), memory=16 * MIB, cpus=cpus) for i in range(count)]


def tracing(ctl, *words):
    """hartctl, which records; it is connected when another client is not served."""
    recorder = subprocess.Popen(ctl.command("--timeout", str(TIMEOUT), "--json", "trace", *words), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    return recorder


def outcome(recorder):
    said, errors = recorder.communicate(timeout=TIMEOUT + 60)
    assert recorder.returncode == 0, errors
    return json.loads(said)


@contextlib.contextmanager
def recording(client, folder, words="memory=16"):
    """A trace in @folder, by the requests that hartctl would make; what it gives reads for some seconds."""
    answer = client.ask(f"trace.on {words}")
    files = [open(folder / f"hart{hart}", "wb") for hart in range(answer["harts"])]

    def read(seconds):
        end = time.monotonic() + seconds
        while True:
            frame, data = client.frame("trace.read")
            files[frame["hart"]].write(data)
            if not data and time.monotonic() > end:
                return

    yield read
    lost = client.ask("trace.stop")["lost"]
    read(0)
    client.ask("trace.off")
    for file in files:
        file.close()
    hartctl.write_metadata(folder, answer, [])
    assert hartctl.Timeline(folder).lost == lost


def events(folder):
    """(hart, event, VM, vcpu, n, a, b) by time, without what is lost."""
    names = hartctl.read_metadata(folder)[0]
    found = [event for path in sorted(folder.iterdir()) if path.name != "metadata" for event in hartctl.read_stream(path, names)]
    return sorted(found, key=lambda event: event[0])


class Drawn:
    """What a viewer would be shown."""

    def __init__(self):
        self.slices, self.flows, self.instants = [], [], []

    def slice(self, name, v, hart, begin, end):
        assert begin <= end
        self.slices.append((name, str(v), hart, begin, end))

    def flow(self, *flow):
        self.flows.append(flow)

    def instant(self, name, v, t):
        self.instants.append(name)


def test_a_trace_says_what_the_statistics_say(name, folder):
    """A VM whose whole life is in the trace, beside others that want its harts: the time it ran is the same to the tick, and so is the
    number of its SBI calls."""
    vms = [*storms(2), Vm("job", guest("ipi"), memory=16 * MIB, cpus=2, bootargs="n=2000 storm=2000", more="autostart = <0>;")]
    with channel() as ctl, machine(name, ctl, vms) as m:
        m.expect("storm-0.*STORM")
        recorder = tracing(ctl, "-t", "8", "--raw", str(folder), "--memory", "16", "-o", str(folder) + ".json")
        m.focus(3, "job")
        m.menu("o")
        m.expect_passed("job", "ipi")
        summary = outcome(recorder)
        stats = ctl.json("stats", "job")["vms"][0]["vcpus"]
    assert summary["lost"] == 0
    traced = {v["name"]: v for v in summary["vcpus"]}
    taken = collections.Counter((event[3], event[4]) for event in events(folder) if event[2] == "sbi")
    for i, vcpu in enumerate(stats):
        assert traced[f"job/{i}"]["run_ns"] == vcpu["run_ns"]
        assert traced[f"job/{i}"]["runs"] > 10
        assert taken[2, i] == vcpu["exits"]["sbi"] > 1000
    timeline = json.loads(open(str(folder) + ".json").read())["traceEvents"]
    names = {e["args"]["name"] for e in timeline if e["name"] == "thread_name"}
    assert {"hart 0", "hart 1", "job/0", "job/1", "storm-1/1"} <= names
    assert {"running", "ready", "halted", "instruction", "sbi sPI", "job/0"} <= {e["name"] for e in timeline if e["ph"] == "X"}
    arrows = collections.Counter(e["ph"] for e in timeline if e["name"] == "kick")
    assert arrows["s"] == arrows["f"] > 100
    assert "job: running" in {e["name"] for e in timeline if e["ph"] == "i"}


def test_babeltrace2_reads_what_is_written(name, folder):
    with channel() as ctl, machine(name, ctl, storms(2)) as m:
        m.expect("storm-0.*STORM")
        summary = ctl.json("trace", "-t", "0.5", "--raw", str(folder))
    lines = subprocess.run(["babeltrace2", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert lines.returncode == 0 and lines.stderr == ""
    assert len(lines.stdout.splitlines()) == summary["events"] > 1000
    for text in ('text = "storm-1"', "eid = 0x735049", "run: { cpu_id = 1", "{ vm = 1, vcpu = 1 }"):
        assert text in lines.stdout
    assert ctl.run("trace", "--check", str(folder)).startswith(f"{summary['events']} events")


def swap(stream, at):
    """The events at @at and behind it change places; each place keeps its time."""
    first, second = stream[at + 8:at + 32], stream[at + 40:at + 64]
    return stream[:at + 8] + second + stream[at + 32:at + 40] + first + stream[at + 64:]


def neighbours(stream, names, wanted):
    """Where two events of @wanted stand side by side in one packet."""
    at = 0
    while at < len(stream):
        size = struct.unpack_from("<Q", stream, at + 16)[0] // 8
        kinds = [names[struct.unpack_from("<H", stream, place + 8)[0]] for place in range(at + 64, at + size, 32)]
        yield from (at + 64 + 32 * i for i in range(len(kinds) - 1) if tuple(kinds[i:i + 2]) in wanted)
        at += size


def test_events_that_are_swapped_are_refused(name, folder):
    with channel() as ctl, machine(name, ctl, storms(2)) as m:
        m.expect("storm-0.*STORM")
        ctl.json("trace", "-t", "0.5", "--raw", str(folder))
        names = hartctl.read_metadata(folder)[0]
        stream = (folder / "hart0").read_bytes()
        order = [("run", "enter"), ("enter", "exit"), ("enter", "sbi"), ("exit", "enter"), ("exit", "ready"), ("exit", "halt"),
                 ("halt", "run"), ("ready", "run"), ("sbi", "enter")]
        for pair in order:
            places = list(neighbours(stream, names, {pair}))
            assert places, pair
            for at in random.Random(1).sample(places, min(3, len(places))):
                (folder / "hart0").write_bytes(swap(stream, at))
                assert "the trace is wrong: at " in ctl.run("trace", "--check", str(folder), status=1), (pair, at)
        # With their times: it does not even go forward.
        at = next(place for place in neighbours(stream, names, {("inject", "kick"), ("kick", "inject")})
                  if stream[place:place + 8] != stream[place + 32:place + 40])
        (folder / "hart0").write_bytes(stream[:at] + stream[at + 32:at + 64] + stream[at:at + 32] + stream[at + 64:])
        assert "does not follow" in ctl.run("trace", "--check", str(folder), status=1)
        # One that is missing; a stream that is cut off; no trace at all.
        (folder / "hart0").write_bytes(stream[:-40])
        assert "cut off" in ctl.run("trace", "--check", str(folder), status=1)
        (folder / "hart0").write_bytes(stream)
        ctl.run("trace", "--check", str(folder))
        (folder / "metadata").unlink()
        assert "no trace of hartvisor's" in ctl.run("trace", "--check", str(folder), status=1)


def test_what_is_lost_is_a_gap(name, folder):
    """Nothing reads for two seconds, twice."""
    with channel() as ctl, machine(name, ctl, storms(3)) as m:
        m.expect("storm-0.*STORM")
        client = hartctl.Channel(ctl.path, TIMEOUT)
        with recording(client, folder, "memory=1") as read:
            for _ in range(2):
                time.sleep(2)
                read(0.5)
        client.close()
        drawn = Drawn()
        timeline = hartctl.Timeline(folder, drawn)
        assert timeline.lost > 1000
        gaps = [(hart, begin, end) for what, _, hart, begin, end in drawn.slices if what == "lost"]
        runs = [(hart, begin, end) for what, _, hart, begin, end in drawn.slices if what == "run"]
        assert len(gaps) >= 2 and len(runs) > 100
        for hart, begin, end in gaps:
            assert end > begin
            assert not [run for run in runs if run[0] == hart and run[1] < end and run[2] > begin]
        # That they are lost has to be said.
        for hart in range(2):
            stream, at = bytearray((folder / f"hart{hart}").read_bytes()), 0
            while at < len(stream):
                stream[at + 48:at + 56] = bytes(8)
                at += struct.unpack_from("<Q", stream, at + 16)[0] // 8
            (folder / f"hart{hart}").write_bytes(stream)
        with pytest.raises(hartctl.Wrong):
            hartctl.Timeline(folder)
        assert subprocess.run(["babeltrace2", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE).returncode == 0


@pytest.mark.parametrize("smp", [2, 4])
def test_vms_come_and_go_meanwhile(name, folder, smp):
    vms = [*storms(3, cpus=3), Vm("loop", guest("reboots"), memory=16 * MIB, cpus=2, bootargs="ms=150"),
           Vm("spin", guest("share"), memory=16 * MIB, cpus=3, bootargs=SPIN)]
    with channel() as ctl, machine(name, ctl, vms, smp) as m:
        m.expect("storm-0.*STORM")
        client = hartctl.Channel(ctl.path, TIMEOUT)
        with recording(client, folder) as read:
            for request in ("vm.pause storm-0", "vm.stop storm-1", "vm.reset storm-2", "vm.resume storm-0", "vm.destroy storm-1",
                            "vm.set storm-0 cap=50", "vm.stop spin"):
                client.ask(request)
                read(1)
        client.close()
        m.expect("storm-1: is gone")
    drawn = Drawn()
    timeline = hartctl.Timeline(folder, drawn)
    assert timeline.lost == 0
    assert {"storm-0: paused", "storm-0: running", "storm-1: off", "storm-1: destroyed", "storm-2: loading", "loop: running",
            "spin: off"} <= set(drawn.instants)
    assert {str(v).split("/")[0] for v in timeline.all} >= {"storm-0", "storm-1", "storm-2", "loop", "spin"}
    kinds = collections.Counter(event[2] for event in events(folder))
    assert kinds["migrate"] > 0 and kinds["steal"] > 0 and kinds["request"] > 0
    assert {slice[2] for slice in drawn.slices if slice[0] == "run"} == set(range(smp))


def test_on_and_off_under_load_leaves_nothing(name):
    with channel() as ctl, machine(name, ctl, [*storms(2), Vm("spin", guest("share"), memory=16 * MIB, cpus=2, bootargs=SPIN)]) as m:
        m.expect(r"spin: started")
        m.expect("storm-1.*STORM")
        free = 0
        while free != (free := ctl.json("machine")["memory_free"]):  # what loading has taken is free again
            time.sleep(1)
        client = hartctl.Channel(ctl.path, TIMEOUT)
        for i in range(50):
            client.ask(f"trace.on memory={1 + i % 3} {['', 'sched', 'exits', 'kicks devices'][i % 4]}")
            assert client.ask("machine")["memory_free"] <= free - 2 * MIB
            if i % 2:
                client.frame("trace.read")
            if i % 5 == 0:
                client.ask("trace.stop")
            client.ask("trace.off")
        assert client.ask("machine")["memory_free"] == free
        # It goes with its connection, too, in the middle of a frame.
        client.ask("trace.on memory=4")
        time.sleep(0.2)
        client.send(f"\n{client.id + 1} trace.read\n".encode())
        client.close()
        assert ctl.json("machine")["memory_free"] == free
        assert ctl.run("raw", "trace.read", status=1) == "hartctl: there is no trace: trace.on begins one\n"
        m.expect("storm-1.*STORM")


def test_kinds_that_are_not_wanted_are_not_there(name, folder):
    with channel() as ctl, machine(name, ctl, storms(2)) as m:
        m.expect("storm-0.*STORM")
        for kinds in (["sched"], ["exits"], ["kicks", "devices"]):
            path = folder / kinds[0]
            ctl.run("trace", *kinds, "-t", "0.4", "--raw", str(path), "-o", str(path) + ".json")
            seen = {event[2] for event in events(path)} - {"vm", "name"}
            assert seen <= {"sched": {"run", "ready", "halt", "wake", "migrate", "steal", "state"}, "exits": {"enter", "exit", "sbi"},
                            "kicks": {"kick", "inject", "request"}}[kinds[0]]
            assert len(seen) > 1
        # Ctrl-C ends it, and what there is is kept.
        recorder = tracing(ctl, "-t", "3600", "--raw", str(folder / "until"))
        recorder.send_signal(signal.SIGINT)
        assert outcome(recorder)["events"] > 1000
        assert "must be empty" in ctl.run("trace", "--raw", str(folder), status=1)
        assert "must be memory=MIB" in ctl.run("raw", "trace.on everything", status=1)
        assert "must be 1 to 64 MiB" in ctl.run("raw", "trace.on memory=0", status=1)


def instructions(begin, end):
    """Of hartvisor's code from the label @begin up to @end."""
    text = subprocess.run(["riscv64-unknown-elf-objdump", "-d", "--no-show-raw-insn", str(HARTVISOR.with_suffix(".elf"))],
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    part = text[text.index(f" <{begin}>:"):text.index(f" <{end}>:")]
    return len(re.findall(r"^f+\w+:\t", part, re.M))


def test_a_traced_exit_takes_19_instructions_more():
    """What the second vector has besides the first. Of an entry two are executed only when a packet is full."""
    enter, full = 9, 2
    ecall = instructions("trap_vector_traced", "ecall_leaves_traced") - instructions("trap_vector", "ecall_leaves")
    assert ecall == 9 + enter + full
    exits = instructions("not_an_ecall_traced", "virtual_insn_traced") - instructions("not_an_ecall", "virtual_insn")
    assert exits == 10 + enter + full  # the latter for what fast_access() has done
