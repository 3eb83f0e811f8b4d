# SPDX-License-Identifier: BSD-2-Clause
"""The scheduler and steal time, as guests see them: shares, caps, latency, progress, exits, clocks.

Where a share or a time is compared it is counted: under -icount shift=0 one instruction is one virtual
nanosecond, so the same run gives the same figure on any machine.
"""

import re

import pytest
from hv import MIB, Machine, Vm, bundle, guest

ICOUNT = ["-icount", "shift=0,sleep=off"]


def machine(name, vms, smp=1, args=ICOUNT, **more):
    return Machine(name, bundle(name, vms), smp=smp, args=args, **more)


def share(name, more="", **bootargs):
    return Vm(name, guest("share"), memory=16 * MIB, more=more,
              bootargs=" ".join(f"{key}={value}" for key, value in bootargs.items()))


def shares(m, names):
    """What each says that it got of a hart, in percent."""
    m.expect_lines({vm: r"SHARE 0: \d+ thousand in \d+ us: \d+ ppm, away for \d+ us" for vm in names})
    found = {}
    for vm in names:
        ppm = re.search(rf"\[{vm}\] SHARE 0: .*: (\d+) ppm", m.text())[1]
        found[vm] = int(ppm) / 10000
    print(found)
    return found


def test_shares_follow_weights(name):
    """1:2:4 on one hart, each within 1 % of its own share, and nothing is lost."""
    weights = {"one": 100, "two": 200, "four": 400}
    vms = [share(vm, f"weight = <{weight}>; slice-us = <500>;", settle=200, ms=1000)
           for vm, weight in weights.items()]
    with machine(name, vms) as m:
        got = shares(m, weights)
    total = sum(got.values())
    assert total > 97
    for vm, weight in weights.items():
        assert got[vm] == pytest.approx(total * weight / 700, rel=0.01)
