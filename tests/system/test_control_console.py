# SPDX-License-Identifier: BSD-2-Clause
"""Consoles of VMs by the control channel: hartctl console and hartctl run."""

import signal

import pexpect
from control import channel
from hv import MIB, TIMEOUT, Machine, Vm, bundle, guest, linux


def machine(name, ctl, vms, **more):
    return Machine(name, bundle(name, vms), args=ctl.arguments(), append="hartvisor.stay", **more)


def hartctl(ctl, *words):
    command = ctl.command(*words)
    return pexpect.spawn(command[0], [str(word) for word in command[1:]], timeout=TIMEOUT)


def test_a_linux_console_is_used_by_hartctl(name):
    """A shell on the console of one VM, while the other one has the terminal's focus; bytes come as they are."""
    vms = [Vm("base", guest("hello"), memory=16 * MIB), linux("web")]
    with channel() as ctl, machine(name, ctl, vms, mem="1G") as m:
        m.expect_lines({"base": "HELLO", "web": "GUEST-UP"})
        console = hartctl(ctl, "console", "web")
        console.expect_exact("console web: ^] leaves it")
        console.send("echo $((6 * 7)) as''is; printf '\\303\\251\\001\\377\\n' | od -c | head -n 1\n")
        console.expect_exact("42 asis\r\n")
        console.expect(r"0000000 303 251 001 377")
        console.send("printf 'by''tes:\\303\\251\\377:\\n'\n")
        console.expect_exact(b"bytes:\xc3\xa9\xff:")
        # More than the guest's ring takes at once.
        console.send("cat >/tmp/pasted\n")
        for line in range(40):
            console.send(f"{line} {'x' * 60}\n")
        console.send("\x04")
        console.send("md5sum </tmp/pasted; wc -c </tmp/pasted\n")
        size = sum(len(f"{line} {'x' * 60}\n") for line in range(40))
        console.expect(rf"\n{size}\r")
        console.send("\x1d")
        console.expect(pexpect.EOF)
        console.close()
        assert console.exitstatus == 0
        assert ctl.run("console", "nope", status=1).startswith("hartctl: console nope: no such console")


def test_run_is_a_service(name):
    """It starts the VM, prints what it prints, goes on over a reset, stops the VM by SIGTERM, and ends with it."""
    vms = [Vm("base", guest("spin"), memory=16 * MIB), Vm("web", guest("hello"), memory=16 * MIB, more="autostart = <0>;")]
    with channel() as ctl, machine(name, ctl, vms) as m:
        m.expect_line("hartvisor", "base: started")
        for ending in ("stop", "term"):
            run = hartctl(ctl, "run", "web")
            run.expect_exact("HELLO nproc=1")
            m.expect_line("web", "HELLO")
            m.focus(2, "web")
            m.menu("r")
            run.expect_exact("HELLO nproc=1")
            if ending == "stop":
                m.menu("k")
            else:
                run.kill(signal.SIGTERM)
            run.expect(pexpect.EOF)
            run.close()
            assert run.exitstatus == 0
            assert ctl.vm("web")["state"] == "off"
        run = hartctl(ctl, "run", "nope")
        run.expect_exact("no such console")
        run.expect(pexpect.EOF)
