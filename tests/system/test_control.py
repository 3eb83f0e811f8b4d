# SPDX-License-Identifier: BSD-2-Clause
"""The control channel, by tools/hartctl as a user would, and by clients that do as they like."""

import json
import re
import socket
import subprocess
import threading
import time

import pytest
from control import HARTCTL, channel, environment, says_nothing
from hv import MIB, TIMEOUT, Machine, Vm, bundle, guest


def machine(name, ctl, vms=None, append="hartvisor.stay", before=(), smp=2):
    vms = vms or [Vm("web", guest("hello"), memory=16 * MIB), Vm("db", guest("hello"), memory=16 * MIB, cpus=2)]
    return Machine(name, bundle(name, vms), args=ctl.arguments(before), append=append, smp=smp)


def test_hartctl_shows_the_machine_and_its_vms(name):
    with channel() as ctl, machine(name, ctl) as m:
        m.expect_lines({"web": "HELLO", "db": "HELLO"})
        assert ctl.run("version") == "hartvisor, protocol 1\n"
        assert re.search(r"^harts +2 of 2$", ctl.run("machine"), re.M)
        lines = ctl.run("list").splitlines()
        assert lines[0].split()[:3] == ["no", "name", "state"]
        assert [line.split()[1:7] for line in lines[1:]] == [["web", "running", "16", "1", "fair", "w100"],
                                                             ["db", "running", "16", "2", "fair", "w100"]]
        assert any(re.search(r" web: started: 1 vcpu, 16 MiB$", line) for line in ctl.run("log").splitlines())
        stats = ctl.json("stats")
        assert [len(vm["vcpus"]) for vm in stats["vms"]] == [1, 2]
        assert stats["vms"][0]["vcpus"][0]["exits"]["sbi"] > 0
        assert "web/0" in ctl.run("stats") and "web/0" not in ctl.run("stats", "db")
        assert ctl.run("stats", "--reset") == ""
        assert ctl.json("stats")["vms"][0]["vcpus"][0]["exits"]["sbi"] == 0
        assert "run %" in ctl.run("top", "-n", "1", "-d", "0.2")
        assert ctl.json("raw", "version")["protocol"] == 1
        assert {"vm.start", "snapshot"} <= {c["name"] for c in ctl.json("raw", "help")["commands"]}


def test_metrics_are_openmetrics(name):
    """Each family is in one piece, with its type; counters end in _total; and the figures are those of stats."""
    with channel() as ctl, machine(name, ctl) as m:
        m.expect_lines({"web": "HELLO", "db": "HELLO"})
        ctl.run("pause", "db")
        lines = ctl.run("metrics").splitlines()
        exits = ctl.json("stats", "db")["vms"][0]["vcpus"][1]["exits"]
    assert lines[-1] == "# EOF"
    family, kinds, samples = None, {}, {}
    for line in lines[:-1]:
        if found := re.fullmatch(r"# TYPE (\w+) (counter|gauge|stateset)", line):
            family = found[1]
            assert family not in kinds
            kinds[family] = found[2]
        elif not line.startswith(f"# HELP {family} "):
            found = re.fullmatch(r'(\w+?)(\{(?:\w+="[^"]*",?)+\})? (\d+(?:\.\d+)?(?:e-\d+)?)', line)
            assert found and found[1] == family + ("_total" if kinds[family] == "counter" else ""), line
            assert (found[1], found[2]) not in samples
            samples[found[1], found[2]] = float(found[3])
    assert samples["hartvisor_vm_state", '{vm="db",hartvisor_vm_state="paused"}'] == 1
    assert samples["hartvisor_vm_state", '{vm="web",hartvisor_vm_state="paused"}'] == 0
    for cause, count in exits.items():
        assert samples["hartvisor_vcpu_exits_total", f'{{cause="{cause}",vm="db",vcpu="1"}}'] == count
    assert samples["hartvisor_vcpu_run_seconds_total", '{vm="web",vcpu="0"}'] > 0


def test_a_vm_that_hangs_is_named_and_its_watchdog_resets_it(name):
    """One has a watchdog, and begins anew, again and again; the other is named, by an event and in the list."""
    vms = [Vm("dog", guest("spin"), memory=16 * MIB, more="watchdog-s = <5>;"), Vm("hung", guest("spin"), memory=16 * MIB)]
    with channel() as ctl, machine(name, ctl, vms) as m:
        m.expect_lines({"hartvisor": "hung: started"})
        events = subprocess.Popen(ctl.command("--timeout", str(TIMEOUT), "--json", "events"), stdout=subprocess.PIPE, text=True)
        for _ in range(2):
            m.expect_line("hartvisor", r"dog: watchdog: no sign of life for \d+ s")
            m.expect_line("hartvisor", "dog: rebooting")
            m.expect_line("hartvisor", "dog: started")
        told = {}
        while ("hang", "hung") not in told:
            event = json.loads(events.stdout.readline())
            told[event["event"], event["vm"]] = event
        assert "no sign of life for " in told["hang", "hung"]["why"]
        assert ("state", "dog") in told and ("state", "hung") not in told
        events.terminate()
        events.wait()
        assert ctl.vm("hung")["hint"].startswith("no sign of life for ")


def test_hartctl_operates_vms(name):
    with channel() as ctl, machine(name, ctl) as m:
        m.expect_lines({"web": "HELLO", "db": "HELLO"})
        ctl.run("pause", "db")
        assert ctl.vm("db")["state"] == "paused"
        assert ctl.run("pause", "db", status=1) == "hartctl: db is paused\n"
        ctl.run("resume", "db")
        assert ctl.run("start", "db", status=1) == "hartctl: db is running\n"
        ctl.run("reset", "db")
        m.expect_line("db", "HELLO")
        ctl.run("stop", "db")
        ctl.wait_for("db", "off")
        assert ctl.run("stop", "db", status=1) == "hartctl: db does not run\n"
        ctl.run("start", "db")
        m.expect_line("db", "HELLO")
        assert ctl.run("link", "db", "net@0", "down", status=1) == "hartctl: db: net@0: must be one of its network devices, as in net@0\n"
        ctl.run("destroy", "db")
        m.expect(r"db: is gone")
        assert ctl.run("pause", "db", status=1) == "hartctl: vm db: no such VM: must be one of web\n"
        assert ctl.run("raw", "snapshot web", status=1) == "hartctl: snapshot does not exist yet\n"
        assert ctl.run("raw", "lst", status=1) == "hartctl: lst: no such command: did you mean list\n"
        m.focus(1, "web")
        m.ping("web", "still here")


@pytest.mark.clock
def test_a_share_can_be_set_while_vms_run(name):
    """Two VMs that spin on one hart."""
    vms = [Vm(vm, guest("share"), memory=16 * MIB, bootargs="settle=0 ms=100000000") for vm in ("one", "two")]
    with channel() as ctl, machine(name, ctl, vms, smp=1) as m:
        m.expect(r"two: started")

        def part_of_one():
            """Of a hart, over 2 s."""
            runs = []
            for _ in range(2):
                now = ctl.json("list")
                runs.append((now["t"], now["vms"][0]["vcpus"][0]["run_ns"]))
                time.sleep(2)
            (t0, r0), (t1, r1) = runs
            return (r1 - r0) / (t1 - t0) / 1000

        assert 0.4 < part_of_one() < 0.6
        ctl.run("set", "one", "weight=300")
        assert 0.65 < part_of_one() < 0.85
        ctl.run("set", "one", "cap=10")
        assert ctl.vm("one")["cap"] == 10 and ctl.vm("one")["weight"] == 300
        assert 0.07 < part_of_one() < 0.13
        ctl.run("set", "one", "cap=0", "weight=100")
        assert 0.4 < part_of_one() < 0.6
        assert ctl.run("set", "one", "weight=0", status=1) == "hartctl: one: weight = 0: must be 1 to 10000\n"
        assert "cap = 9999: must be 0 (none) to 6400" in ctl.run("set", "one", "cap=9999", status=1)
        assert "no such setting" in ctl.run("set", "one", "colour=5", status=1)


def test_events_follow_what_happens(name):
    with channel() as ctl, machine(name, ctl) as m:
        m.expect_lines({"web": "HELLO", "db": "HELLO"})
        follower = subprocess.Popen(ctl.command("--timeout", str(TIMEOUT), "events", "--json", "-n", "6"),
                                    stdout=subprocess.PIPE, text=True)
        # It is connected when a second client is not served.
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                ctl.run("version", timeout=1)
                assert time.monotonic() < deadline
            except AssertionError:
                break
        m.focus(2, "db")
        m.menu("k")
        m.expect("db: destroyed")
        m.menu("o")
        m.expect_line("db", "HELLO")
        m.menu("p")
        said = [json.loads(line) for line in follower.communicate(timeout=TIMEOUT)[0].splitlines()]
        assert [(e["event"], e["vm"], e["to"]) for e in said] == [
            ("state", "db", state) for state in ("stopping", "off", "loading", "running", "pausing", "paused")]
        assert [e["from"] for e in said[1:]] == [e["to"] for e in said[:-1]]
        assert [e["t"] for e in said] == sorted(e["t"] for e in said)
        assert follower.returncode == 0
        # As people read them.
        follower = subprocess.Popen(ctl.command("events", "-n", "1"), stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        m.menu("p")
        assert re.fullmatch(r"\d+\.\d{6} db: paused -> running\n", follower.communicate(timeout=TIMEOUT)[0])


def test_wrong_usage_and_no_answer_have_their_status(name):
    def hartctl(*words, **more):
        return subprocess.run([str(HARTCTL), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=environment(**more))

    with channel() as ctl:
        assert hartctl("list").returncode == 2
        assert hartctl("-s", "x", "frobnicate").returncode == 2
        assert hartctl("-s", "x", "set", "web", "weight=many").returncode == 2
        assert hartctl("-s", "x", "start", "two words").returncode == 2
        result = hartctl("list", HARTCTL_SOCKET=ctl.path)
        assert result.returncode == 3 and "does QEMU run" in result.stderr
        # A socket behind which nothing answers.
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(ctl.path)
            s.listen()
            result = hartctl("--timeout", "0.5", "list", HARTCTL_SOCKET=ctl.path)
            assert result.returncode == 3 and "no answer within 0.5 s" in result.stderr
        completion = hartctl("completion").stdout
        check = f'{completion}\nCOMP_WORDS=(hartctl st); COMP_CWORD=1; _hartctl; echo "${{COMPREPLY[@]}}"'
        said = subprocess.run(["bash", "-c", check], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        assert sorted(said) == ["start", "stats", "stop"]


def test_clients_come_and_go_as_they_like(name):
    with channel() as ctl, machine(name, ctl) as m:
        m.expect_lines({"web": "HELLO", "db": "HELLO"})
        for half in (b"5 vm.stop web", b"\n\n7 list\n8 li", b"x" * 1000):
            with ctl.connection() as s:
                # The answer says that the half line has come, too.
                s.sendall(b"\n3 version\n" + half)
                assert s.recv(4096).startswith(b'{"id":3,"ok":true')
                time.sleep(0.2)
            assert ctl.run("version") == "hartvisor, protocol 1\n"
        # One that asks for much and reads nothing.
        with ctl.connection() as s:
            s.settimeout(3)
            try:
                for i in range(100000):
                    s.sendall(b"%d stats\n" % i)
            except socket.timeout:
                pass
        m.focus(1, "web")
        m.ping("web", "here")
        assert {vm["name"]: vm["state"] for vm in ctl.json("list")["vms"]} == {"web": "running", "db": "running"}
        # A second one is served when the first has gone.
        with ctl.connection() as first:
            first.sendall(b"\n1 version\n")
            assert first.recv(4096).startswith(b'{"id":1,"ok":true')
            with ctl.connection() as second:
                second.sendall(b"\n2 version\n")
                assert says_nothing(second)
                assert "another client may be connected" in ctl.run("version", status=3, timeout=1)
                first.close()
                second.settimeout(TIMEOUT)
                assert second.recv(4096).startswith(b'{"id":2,"ok":true')
        assert ctl.run("version") == "hartvisor, protocol 1\n"


def flood(ctl, stop, what):
    """Sends @what, and reads what comes, until @stop."""
    with ctl.connection() as s:
        s.settimeout(0.2)
        while not stop.is_set():
            try:
                s.sendall(what)
            except socket.timeout:
                pass
            try:
                s.recv(65536)
            except socket.timeout:
                pass


@pytest.mark.parametrize("what", [b"\xff\x00garbage\n" * 200, b"1 stats\n" * 200, b"\n" * 2000], ids=["garbage", "stats", "empty"])
def test_a_flood_takes_no_guest_its_hart(name, what):
    with channel() as ctl, machine(name, ctl) as m:
        m.expect_lines({"web": "HELLO", "db": "HELLO"})
        stop = threading.Event()
        flooder = threading.Thread(target=flood, args=(ctl, stop, what))
        flooder.start()
        try:
            m.focus(1, "web")
            for i in range(5):
                m.ping("web", f"ping {i}")
        finally:
            stop.set()
            flooder.join(TIMEOUT)
        assert ctl.run("version") == "hartvisor, protocol 1\n"


def test_the_port_is_found_among_others(name):
    others = ["-chardev", "null,id=n1", "-device", "virtserialport,chardev=n1,name=org.hartvisor.ctl2",
              "-chardev", "null,id=n2", "-device", "virtconsole,chardev=n2"]
    with channel() as ctl, machine(name, ctl, before=others) as m:
        m.expect_line("web", "HELLO")
        assert ctl.run("version") == "hartvisor, protocol 1\n"
        assert not [line for line in m.own_lines() if "console device" in line]


def test_without_the_port_nothing_is_said(name):
    """Not even of a console device with other ports."""
    with Machine(name, bundle(name, [Vm("web", guest("hello"), memory=16 * MIB)]),
                 args=["-global", "virtio-mmio.force-legacy=false", "-device", "virtio-serial-device", "-chardev", "null,id=n",
                       "-device", "virtserialport,chardev=n,name=other"]) as m:
        m.expect_line("web", "HELLO")
        m.focus(1, "web")
        m.ping("web", "here")
        assert not [line for line in m.own_lines() if re.search("console|control", line)]
