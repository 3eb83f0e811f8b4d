# SPDX-License-Identifier: BSD-2-Clause
"""A test that waits in vain says what state all vcpus are in, and comes to an end when nothing answers."""

import os
import re
import signal
import socket

import hv
import pexpect
import pytest
from hv import Machine, Vm, bundle, guest


def hang(m, text="what never comes"):
    with pytest.raises(AssertionError) as failure:
        m.expect_line("vm", text, timeout=1)
    message = str(failure.value)
    print(message)
    assert f"no \\[vm\\] [^\\r\\n]*?{text} within 1 s" in message
    return message


def test_a_hang_tells_the_states_of_all_vcpus(name):
    """One vcpu spins, one was never started."""
    with Machine(name, bundle(name, [Vm("vm", guest("hello"), cpus=2), Vm("other", guest("spin"))])) as m:
        m.expect_lines({"vm": "HELLO", "other": "SPIN"})
        message = hang(m)
        for vcpu, state in (("vm/0", r"\w+"), ("vm/1", "stopped"), ("other/0", "(?:running|ready)")):
            assert re.search(rf"\n\[hartvisor\] {vcpu} +{state} ", message), vcpu
        assert re.search(r"\n\[hartvisor\] \* 1  vm +running ", message)
        # The machine goes on as before.
        m.ping("vm", "still there?")


def test_a_hang_of_a_machine_that_answers_nothing_ends(name, monkeypatch):
    monkeypatch.setattr(hv, "STATES_TIMEOUT", 1)
    with Machine(name, bundle(name, [Vm("vm", guest("hello"))])) as m:
        m.expect_line("vm", "HELLO")
        os.kill(m.child.pid, signal.SIGSTOP)
        assert "does not answer" in hang(m)
        # Nor does it take more input than its terminal holds, which the kernel may still be moving about.
        os.set_blocking(m.child.child_fd, False)
        with pytest.raises(BlockingIOError):
            while True:
                os.write(m.child.child_fd, b"x" * 4096)
        assert re.search("takes no input|does not answer", hang(m))
        os.kill(m.child.pid, signal.SIGCONT)


def test_a_hang_of_a_machine_that_is_gone_is_still_told(name):
    with Machine(name, bundle(name, [Vm("vm", guest("hello"))])) as m:
        m.expect_line("vm", "HELLO")
        m.child.close(force=True)
        said = m.states()
        assert "could not be asked" in said and "monitor does not answer" in said


def test_a_console_that_does_not_answer_gives_way_to_the_harts_registers(name, monkeypatch):
    """hartvisor is stopped where it cannot look at its console, as it would be in a loop with interrupts off."""
    monkeypatch.setattr(hv, "STATES_TIMEOUT", 5)
    with Machine(name, bundle(name, [Vm("vm", guest("hello"))]), smp=2) as m:
        m.expect_line("vm", "HELLO")
        m.monitor.ask("stop")
        monkeypatch.setattr(m.monitor, "registers", lambda timeout: m.monitor.ask("info registers -a", timeout=60))
        message = hang(m)
        assert "does not answer" in message
        for hart in (0, 1):
            assert re.search(rf"CPU#{hart}\s", message), hart
        for register in ("pc", "sepc", "vsstatus", "x31/t6"):
            assert re.search(rf"\s{register}\s+[0-9a-f]{{16}}", message), register


def test_registers_are_told_while_the_machine_goes_on(name):
    with Machine(name, bundle(name, [Vm("vm", guest("hello"))]), smp=2) as m:
        m.expect_line("vm", "HELLO")
        assert m.registers().count(" hstatus ") == 2
        m.ping("vm", "still there?")


def test_a_machine_that_takes_no_input_fails_what_is_sent(name, monkeypatch):
    monkeypatch.setattr(hv, "TIMEOUT", 1)
    monkeypatch.setattr(hv, "STATES_TIMEOUT", 30)
    with Machine(name, bundle(name, [Vm("vm", guest("hello"))])) as m:
        m.expect_line("vm", "HELLO", timeout=300)
        m.monitor.ask("stop")
        with pytest.raises(AssertionError, match="takes no input within 1 s") as failure:
            while True:
                m.send("x" * 4096)
        assert " hstatus " in str(failure.value)


def test_a_test_that_nothing_else_ends_is_ended(name, capsys):
    with Machine(name, bundle(name, [Vm("vm", guest("hello"))])) as m:
        m.expect_line("vm", "HELLO")
        with hv.time_limit(name, 2), pytest.raises(pexpect.EOF):
            m.child.expect("what never comes", timeout=None)
    said = capsys.readouterr().err
    assert "no end within 2 s" in said and " hstatus " in said


def test_a_machine_of_a_failed_test_is_kept_for_a_look(name, monkeypatch, capfd):
    monkeypatch.setattr(hv, "SOAK", True)
    with pytest.raises(AssertionError), Machine(name, bundle(name, [Vm("vm", guest("hello"))])) as m:
        m.expect_line("vm", "HELLO")
        raise AssertionError("as a test fails")
    try:
        said = capfd.readouterr().err
        assert f"UNIX-CONNECT:{m.monitor.path}" in said and f"target remote {m.monitor.gdb}" in said
        assert "paused" in m.monitor.ask("info status")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as gdb:
            gdb.settimeout(60)
            gdb.connect(str(m.monitor.gdb))
            gdb.sendall(b"+$g#67")  # the registers
            answer = b""
            while b"#" not in answer:
                answer += gdb.recv(65536)
        assert re.search(rb"\$[0-9a-f]{500}", answer)
        # It can go on, too.
        assert "running" in m.monitor.ask("cont", "info status")
    finally:
        os.kill(m.child.pid, signal.SIGKILL)
        m.monitor.close()
