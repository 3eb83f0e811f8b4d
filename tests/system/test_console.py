# SPDX-License-Identifier: BSD-2-Clause
"""The console on machines where no interrupt says that a key was typed: hartvisor polls for it."""

import hashlib

import pytest
from hv import Machine, Vm, bundle, device_tree, guest, linux, run_tool


def polled_machine(kind, name):
    if kind.startswith("aia="):
        return {"machine": f"virt,{kind}"}
    tree = device_tree(name, 2)
    if kind == "uart without interrupts":
        run_tool(["fdtput", "-d", tree, "/soc/serial@10000000", "interrupts"])
    else:  # the firmware takes its UART all the same, hartvisor takes what it is told: the firmware's DBCN is left
        run_tool(["fdtput", "-t", "s", tree, "/chosen", "stdout-path", "/soc"])
    return {"args": ["-dtb", tree]}


@pytest.mark.parametrize("kind", ["aia=aplic", "aia=aplic-imsic", "uart without interrupts", "no uart"])
def test_a_console_that_is_polled(name, kind):
    vms = [Vm("vm", guest("hello")), Vm("busy", guest("spin"), cpus=2)]
    with Machine(name, bundle(name, vms), **polled_machine(kind, name)) as m:
        m.expect_lines({"vm": "HELLO", "busy": "SPIN"})
        m.ping("vm", "are you there?")
        m.menu("l")
        m.expect(r"busy +running")
        m.ping("vm", "after the menu")
        m.menu("q")
        m.expect_end()


def test_what_is_pasted_into_linux_arrives(name):
    """20,000 bytes in one go; natively all arrive, too."""
    text = "".join(f"line {i:04} of a text that is pasted into an editor ...\n" for i in range(360))
    with Machine(name, bundle(name, [linux("linux", cpus=1), Vm("busy", guest("spin"))]), smp=1) as m:
        m.expect_line("linux", "GUEST-UP")
        m.send_line("stty -echo; cat >/tmp/p; echo; md5sum </tmp/p")
        m.expect_line("linux", "md5sum")
        m.send(text.replace("\n", "\r") + "\x04")
        m.expect_line("linux", hashlib.md5(text.encode()).hexdigest())
        assert "lost" not in m.text()
        m.menu("q")
        m.menu("q")
        m.expect_end()


def test_typing_to_a_paused_vm_waits_for_it(name):
    with Machine(name, bundle(name, [Vm("vm", guest("hello")), Vm("busy", guest("spin"))])) as m:
        m.expect_lines({"vm": "HELLO"})
        m.menu("p")
        m.expect("vm is paused")
        m.send("".join(f"line {i}\r" for i in range(100)))
        m.expect_line("hartvisor", r"vm is paused: what is typed waits until \^\] p lets it go on")
        m.menu("p")
        # On another hart the guest may answer before the menu does.
        for i in range(100):
            m.expect_line("vm", f"echo: line {i}[\r\n]")
        assert m.text().count("vm goes on") == 1
        assert m.text().count("what is typed waits") == 1


def test_typing_to_a_vm_that_has_ended_is_answered(name):
    with Machine(name, bundle(name, [Vm("vm", guest("hello")), Vm("busy", guest("spin"))])) as m:
        m.expect_lines({"vm": "HELLO"})
        m.menu("k")
        m.send("k")
        m.expect_line("hartvisor", "vm: destroyed")
        m.focus(1, "vm")
        m.send("is a guest there?\r" * 300)
        m.expect_line("hartvisor", "vm does not run: what is typed goes nowhere")
        m.menu("l")
        m.expect(r"busy +running")
        assert m.text().count("what is typed goes nowhere") == 1


def test_the_escape_gets_through_to_a_vm_that_never_reads(name):
    with Machine(name, bundle(name, [Vm("deaf", guest("spin"))])) as m:
        m.expect_line("deaf", "SPIN")
        m.send("x" * 6000)
        m.menu("l")
        m.expect_line("hartvisor", "deaf reads nothing: what is typed from here on is lost")
        m.expect(r"deaf +running")


def test_a_break_reaches_the_guest_in_focus(name):
    """Magic SysRq over the serial line, as on a real machine; QEMU's Ctrl-A b is the BREAK."""
    with Machine(name, bundle(name, [linux("linux", cpus=1), linux("other", cpus=1)])) as m:
        m.expect_lines({"linux": "GUEST-UP", "other": "GUEST-UP"})
        m.expect(r"\[linux\] ~ #")
        m.send("\x01bh")
        m.expect("sysrq: HELP")
        m.focus(2, "other")
        m.expect(r"\[other\] ~ #")
        m.send("\x01bh")
        m.expect("sysrq: HELP")


def test_a_vm_that_is_alone_has_no_prefix(name):
    with Machine(name, bundle(name, [Vm("vm", guest("hello"))]), smp=1, prefix=False) as m:
        m.expect(r"(?m)^HELLO nproc=1")
        m.send_line("hi")
        m.expect("echo: hi")
        m.send_line("quit")
        m.expect_line("hartvisor", "vm: powered off")
        m.expect_end()
        assert "[vm]" not in m.text()


def test_a_file_gets_no_control_sequence(name):
    """Until something is typed."""
    with Machine(name, bundle(name, [Vm("vm", guest("hello")), Vm("busy", guest("spin"))])) as m:
        m.expect_lines({"vm": "HELLO", "busy": "SPIN"})
        assert "\x1b" not in m.text()
        m.ping("vm", "a terminal?")
        assert "\x1b[5n" in m.text()
