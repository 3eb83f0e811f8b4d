# SPDX-License-Identifier: BSD-2-Clause
"""hartctl dump, profile and gdb: a debugger on a VM, and nothing of it that stays when it goes."""

import contextlib
import re
import signal
import struct
import subprocess

import hv
import pytest
from control import channel
from hv import BUILD, MIB, Machine, Vm, bundle, guest, linux

ELF = BUILD / "guest-tests" / "debug.elf"
DEBUG_CPUS = 2


@contextlib.contextmanager
def debugged(name, *others, cpus=DEBUG_CPUS, smp=2):
    vms = [Vm("web", guest("debug"), memory=16 * MIB, cpus=cpus), *others]
    with channel() as ctl, Machine(name, bundle(name, vms), args=ctl.arguments(), append="hartvisor.stay", smp=smp) as m:
        m.expect_lines({"web": f"DEBUG on {cpus} vcpus"})
        yield ctl, m


def gdb(*commands, elf=ELF):
    """What gdb says to the commands."""
    script = [word for command in commands for word in ("-ex", command)]
    result = subprocess.run(["gdb-multiarch", "-nx", "-q", "-batch", str(elf), *script], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=hv.TIMEOUT)
    print(result.stdout)
    return result.stdout


def attach(ctl, *options):
    return f"target remote | {' '.join(ctl.command('--timeout', hv.TIMEOUT, *options, 'gdb', 'web'))}"


def printed(text, number):
    """What gdb's print number @number said."""
    return re.search(rf"^\${number} = (.*)$", text, re.M).group(1)


def progress(ctl, m):
    """The VM's vcpus count: their time goes on, and so do their counts."""
    before = ctl.vm("web")["vcpus"]
    ctl.wait(lambda: all(now["run_ns"] > then["run_ns"] for now, then in zip(ctl.vm("web")["vcpus"], before)))


def test_a_core_has_each_vcpu_and_all_memory(name, tmp_path):
    core = tmp_path / "web.core"
    with debugged(name) as (ctl, m):
        ctl.run("dump", "web", core)
        assert ctl.vm("web")["state"] == "running"  # as before
        text = gdb(f"core-file {core}", "info threads", "thread apply all bt", "print own_breaks <= counts[0] / 50000",
                   "print counts[1] > 0", "print nr_cpus", "thread 1", "print $ft0 * 0")
        assert re.search(r"LWP 1 .*\n.*LWP 2 ", text)
        assert len(re.findall(r"^#\d+ .*\bcount \(|^#\d+ .* in count \(", text, re.M)) == 2 or text.count(" count (") >= 2
        assert (printed(text, 1), printed(text, 2), printed(text, 3)) == ("1", "1", "2")
        ctl.run("pause", "web")
        ctl.run("dump", "web", core)
        assert ctl.vm("web")["state"] == "paused"
        ctl.run("stop", "web")
        ctl.wait_for("web", "off")
        assert "web is off: must be running or paused" in ctl.run("dump", "web", core, status=1)


def loads(core):
    """(virtual, physical, bytes, offset) of a core's segments."""
    with open(core, "rb") as file:
        header = struct.unpack("<16sHHIQQQIHHHHHH", file.read(64))
        file.seek(header[5])
        for _ in range(header[10]):
            kind, _, offset, virtual, physical, size, _, _ = struct.unpack("<IIQQQQQQ", file.read(56))
            if kind == 1:
                yield virtual, physical, size, offset


def test_a_core_of_linux_is_where_its_kernel_is(name, tmp_path):
    """The banner of the kernel that booted, at the kernel's own addresses; and the RAM whole, by physical ones."""
    core = tmp_path / "web.core"
    with channel() as ctl, Machine(name, bundle(name, [linux("web")]), args=ctl.arguments(), smp=2) as m:
        m.expect_line("web", r"Linux version \S+")
        ctl.run("dump", "web", core)
    segments = list(loads(core))
    assert (segments[0][1], segments[0][2]) == (0x80000000, 256 * MIB)
    with open(core, "rb") as file:
        found = 0
        for virtual, _, size, offset in segments:
            if virtual >= 0xFFFFFFFF80000000:
                file.seek(offset)
                found += file.read(size).count(b"Linux version ")
    assert found


def test_gdb_stops_steps_and_goes_on(name):
    with debugged(name) as (ctl, m):
        text = gdb(attach(ctl), "info threads", "break next_count", "continue", "backtrace", "print n == counts[this_cpu()->index]",
                   "print $_thread", "delete", "finish", "print counts[0] >= 0", "detach")
        assert re.search(r"Thread 1 .*\n.*Thread 2 ", text)
        assert re.search(r"^#0 +next_count \(n=\d+\) at guest/tests/debug.c", text, re.M)
        assert re.search(r"^#1 .* count \(", text, re.M)
        assert re.search(r"^Value returned is \$\d+ = \d+$", text, re.M)
        assert re.search(r"Inferior 1 .*detached", text)
        progress(ctl, m)


def test_a_step_is_one_instruction_of_one_vcpu(name):
    """hartctl makes the steps where gdb does not take the target for Linux; there gdb makes them itself, by breakpoints. Among the
    instructions are a call, branches, and a sequence from LR to SC that no step may break."""
    steps = ["stepi"] * 60
    with debugged(name) as (ctl, m):
        text = gdb("set osabi none", attach(ctl), "thread 1", "break add_total", "continue", "print $_thread", "delete",
                   "print counts[0] + counts[1]", "print total", *steps, "print total", "print counts[0] + counts[1]", "detach")
        before, after = int(printed(text, 3)), int(printed(text, 4))
        assert after == before + 3
        assert int(printed(text, 5)) <= int(printed(text, 2)) + 2  # the other one stood still
        progress(ctl, m)


def test_registers_and_memory_are_written(name):
    with debugged(name) as (ctl, m):
        text = gdb(attach(ctl), "break next_count", "continue", "set var n = 3000001", "delete", "set $fs3 = 2.5", "print $fs3",
                   "print $a0 = 77", "print $a0", "set var own_breaks = 123456789", "print own_breaks", "print/x $satp", "info registers stvec",
                   "print *(long *)0", "print $pc = next_count", "detach")
        assert "double = 2.5" in printed(text, 1)
        assert (printed(text, 2), printed(text, 3), printed(text, 4), printed(text, 5)) == ("77", "77", "123456789", "0x0")
        assert "Cannot access memory at address 0x0" in text
        progress(ctl, m)
        assert int(printed(gdb(attach(ctl), "print own_breaks", "detach"), 1)) >= 123456789


def test_a_register_that_was_written_is_the_guest_s(name):
    """The guest stores it: it was not only remembered here."""
    with debugged(name) as (ctl, m):
        text = gdb(attach(ctl), "break *store_fs11", "continue", "delete", "set $cpu = $a0", "set $fs11 = 1234.5", "set $s11 = 4711", "finish",
                   "print stored[$cpu]", "print $s11", "detach")
        assert (printed(text, 1), printed(text, 2)) == ("1234.5", "4711")
        progress(ctl, m)


def test_the_guest_s_own_breakpoints_are_its_own(name):
    with debugged(name) as (ctl, m):
        text = gdb(attach(ctl), "print own_breaks", "tbreak own_break", "continue", "tbreak own_break", "continue", "tbreak own_break",
                   "continue", "print own_breaks", "detach")
        assert int(printed(text, 2)) >= int(printed(text, 1)) + 1
        assert "SIGTRAP" not in text


def symbols():
    return subprocess.run(["nm", str(ELF)], stdout=subprocess.PIPE, text=True, check=True).stdout


def address_of(function):
    return int(re.search(rf"^(\w+) T {function}$", symbols(), re.M).group(1), 16)


class Packets:
    """gdb's side of hartctl gdb, by hand."""

    def __init__(self, ctl):
        self.process = subprocess.Popen(ctl.command("gdb", "web"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def answer(self):
        said = b""
        while not (found := re.search(rb"\$([^#]*)#..", said)):
            byte = self.process.stdout.read(1)
            assert byte, said
            said += byte
        return found.group(1)

    def ask(self, packet):
        self.send(b"$%s#%02x" % (packet, sum(packet) & 255))
        return self.answer()

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait(timeout=hv.TIMEOUT)


def test_ctrl_c_stops_what_runs(name):
    with debugged(name) as (ctl, m):
        gdb_side = Packets(ctl)
        assert gdb_side.ask(b"?").startswith(b"T05")
        gdb_side.send(b"$c#63\x03")
        assert gdb_side.answer().startswith(b"T02")
        assert len(gdb_side.ask(b"g")) == 2 * 8 * 33
        assert gdb_side.ask(b"D") == b"OK"
        gdb_side.process.wait(timeout=hv.TIMEOUT)
        progress(ctl, m)


def test_a_debugger_that_is_killed_leaves_nothing_behind(name):
    """It stands at a breakpoint when it goes, and one more is in memory."""
    with debugged(name) as (ctl, m):
        gdb_side = Packets(ctl)
        assert gdb_side.ask(b"?").startswith(b"T05")
        for function in ("next_count", "add_total"):
            assert gdb_side.ask(b"Z0,%x,2" % address_of(function)) == b"OK"
        assert gdb_side.ask(b"c").startswith(b"T05thread:")
        gdb_side.end(signal.SIGKILL)
        ctl.wait_for("web", "running")
        progress(ctl, m)
        assert ctl.json("raw", "debug.state", "web")["attached"] is False


def until_web_is(m, state):
    """As the operator's list says it, since the channel is gdb's."""
    other = "paus" if state == "running" else "running"
    while True:
        m.menu("l")
        if m.expect(rf"1 +web +{state}", rf"1 +web +{other}") == 0:
            return


@pytest.mark.parametrize("state", ["running", "paused"])
def test_a_vm_that_is_reset_keeps_its_breakpoints(name, state):
    """Whether it ran, or gdb had it stopped."""
    with debugged(name) as (ctl, m):
        m.expect_line("web", "LATER")
        gdb_side = Packets(ctl)
        assert gdb_side.ask(b"?").startswith(b"T05")
        assert gdb_side.ask(b"Z0,%x,2" % address_of("later")) == b"OK"
        if state == "running":
            gdb_side.send(b"$c#63")
        until_web_is(m, state)
        m.menu("r")
        m.send("y")
        m.expect_line("hartvisor", "web: started")
        if state == "paused":
            assert len(gdb_side.ask(b"g")) == 2 * 8 * 33  # it stands again
            gdb_side.send(b"$c#63")
        assert gdb_side.answer().startswith(b"T05thread:1;")
        pc = int.from_bytes(bytes.fromhex(gdb_side.ask(b"p20").decode()), "little")
        assert pc == address_of("later")
        assert gdb_side.ask(b"D") == b"OK"
        gdb_side.process.wait(timeout=hv.TIMEOUT)
        progress(ctl, m)


def test_one_goes_over_a_breakpoint_while_the_others_stand(name):
    """All of eight vcpus are at the same one, again and again: gdb lets one at a time go on from there."""
    rounds = [word for n in range(20) for word in ("continue", "print $_thread")]
    with debugged(name, cpus=8) as (ctl, m):
        text = gdb(attach(ctl), "break next_count", *rounds, "delete", "detach")
        assert len(re.findall(r"hit Breakpoint 1, next_count", text)) + text.count("\nBreakpoint 1, next_count") == 20
        assert "internal-error" not in text
        progress(ctl, m)


def test_a_vm_that_ends_is_an_exit(name):
    with debugged(name) as (ctl, m):
        gdb_side = Packets(ctl)
        assert gdb_side.ask(b"?").startswith(b"T05")
        m.menu("k")
        m.send("y")
        m.expect_line("hartvisor", "web: destroyed")
        assert gdb_side.ask(b"c") == b"W00"
        gdb_side.process.wait(timeout=hv.TIMEOUT)


def test_a_stock_linux_stops_where_it_is_told(name):
    """At an address that the guest says, which the guest's own page tables lead to; the argument is in a program's memory."""
    with channel() as ctl, Machine(name, bundle(name, [linux("web")]), args=ctl.arguments(), smp=2) as m:
        m.expect(r"\[web\] ~ # ")
        m.send_line("grep ' do_sys_openat2$' /proc/kallsyms")
        m.expect(r"\[web\] [0-9a-f]{16} t do_sys_openat2")
        at = re.search(r"\[web\] ([0-9a-f]{16}) t do_sys_openat2", m.text()).group(1)
        process = subprocess.Popen(["gdb-multiarch", "-nx", "-q", "-batch", "-ex", "set architecture riscv:rv64", "-ex", "set osabi none",
                                    "-ex", attach(ctl), "-ex", f"break *0x{at}", "-ex", "echo set\\n", "-ex", "continue", "-ex", "stepi",
                                    "-ex", "stepi", "-ex", "stepi", "-ex", "print $pc > 0x" + at, "-ex", "x/s $a1", "-ex", "detach"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = [""]
        while said[-1] != "set\n":
            said.append(process.stdout.readline())
            assert said[-1], said
        m.send_line("cat /proc/uptime")
        text = "".join(said) + process.communicate(timeout=hv.TIMEOUT)[0]
        assert f"hit Breakpoint 1, 0x{at}" in text
        assert printed(text, 1) == "1"
        assert re.search(r':\s"/', text)
        m.shell("web", "echo $((6 * 7))", "42")


@pytest.mark.parametrize("words,error", [
    (("gdb", "absent"), "vm absent: no such VM"),
    (("dump", "absent", "/dev/null"), "vm absent: no such VM"),
    (("profile", "web", "1s", "--map", "/nonexistent"), "/nonexistent: No such file"),
])
def test_what_cannot_be_debugged_is_said(name, words, error):
    with debugged(name, cpus=1, smp=1) as (ctl, m):
        assert error in ctl.run(*words, status=2 if "--map" in words else 1)


def test_a_profile_says_where_the_time_goes(name, tmp_path):
    system_map = tmp_path / "map"
    system_map.write_text(symbols())
    with debugged(name, Vm("idle", guest("hello"), memory=16 * MIB)) as (ctl, m):
        lines = ctl.run("profile", "web", "2s", "--map", system_map).splitlines()
        counts = {}
        for line in lines:
            where, count = re.fullmatch(r"web/[01];(\S+|\[.*\]) (\d+)", line).groups()
            counts[where] = counts.get(where, 0) + int(count)
        assert {"next_count", "count"} <= set(counts)
        assert ctl.run("profile", "idle", "1s").startswith("idle/0;[halted] ")
