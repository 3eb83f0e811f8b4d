# SPDX-License-Identifier: BSD-2-Clause
"""A device that is one file of the tests' (tests/unit/fake/probe_part.c), linked to hartvisor as it is."""

import pytest
from hv import BUILD, Machine, Vm, bundle, guest

PROBE = BUILD / "hartvisor-probe.bin"


def test_a_device_that_is_one_file_works(name):
    """Configured by its own properties, described, raises its interrupt, reset with each life; each VM has its own."""
    vms = [Vm("slow", guest("part"), bootargs="level=7 hold=1", more='probe-level = <7>; probe-mode = "slow";'),
           Vm("plain", guest("part"), bootargs="level=5"),
           Vm("off", guest("part"), more='probe-mode = "off";')]
    with Machine(name, bundle(name, vms), smp=2, kernel=PROBE, append="hartvisor.stay") as m:
        for life in range(3):
            assert m.expect("TEST part HOLD", r"TEST part FAIL[^\r\n]*") == 0, m.child.match.group(0)
            m.focus(1, "slow")
            if life < 2:
                m.menu("r")
        m.send("x")
        m.expect_passed("slow", "part")
        m.menu("l")
        m.expect(r" 3  off +off ")
        m.menu("2o")
        m.expect_passed("plain", "part")
        text = m.text()
    assert text.count("[slow] part: slow, interrupt 20") == 3
    assert text.count("[plain] part: quick, interrupt 20") == 2
    assert text.count("[off] TEST part PASS") == 1


@pytest.mark.parametrize("more, said", [
    ("probe-level = <1>;", "probe-level = <1>: must be 2 to 9 (one cell)"),
    ('probe-mode = "fast";', 'probe-mode = "fast": must be "quick", "slow" or "off"'),
    ("probe-leve = <3>;", "probe-leve = <3>: unknown, did you mean probe-level?"),
    ("probe-level = <9>;", 'probe-level = <9>: must be below 9 with probe-mode "quick"'),
], ids=["bounds", "word", "name", "both"])
def test_what_is_wrong_with_it_is_told(name, more, said):
    with Machine(name, bundle(name, [Vm("vm", guest("part"), more=more)]), smp=1, kernel=PROBE) as m:
        text = m.expect_end()
    assert f"config: /configurations/test/vm: {said}" in text


def test_without_it_its_properties_are_unknown(name):
    with Machine(name, bundle(name, [Vm("vm", guest("part"), more="probe-level = <3>;")]), smp=1) as m:
        text = m.expect_end()
    assert "config: /configurations/test/vm: probe-level = <3>: unknown" in text
