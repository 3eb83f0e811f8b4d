# SPDX-License-Identifier: BSD-2-Clause
"""The console on machines where no interrupt says that a key was typed: hartvisor polls for it."""

import pytest
from hv import Machine, Vm, bundle, device_tree, guest, run_tool


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
