# SPDX-License-Identifier: BSD-2-Clause
"""A VM that prints without end takes the line from no other, and hardly any time."""

import os
import re
import select
import time

import pytest
from hv import MIB, Machine, Vm, bundle, guest

# guest/tests/flood.c's, by number.
FLOODS = {name: number for number, name in enumerate(
    ["uart-text", "uart-returns", "uart-newlines", "dbcn-returns", "dbcn-lines", "dbcn-colours", "dbcn-tabs",
     "putchar-returns"], 1)}

# Of the floods of one sort one is looked at each time, the others in make verify.
SOME = ("uart-returns", "dbcn-returns")


def each_time(kind, *more):
    return pytest.param(kind, *more, marks=[] if kind in SOME else [pytest.mark.long])


# A line that is slow for an emulator, too, which may have little of the build machine.
BYTES_PER_S = 2500
SECONDS = 14


def flood(kind):
    return Vm("flood", guest("flood"), memory=16 * MIB, bootargs=f"mode={FLOODS[kind]}")


def read_slowly(m, seconds):
    """What comes at the pace of a serial line."""
    text, began = b"", time.monotonic()
    while (late := time.monotonic() - began) < seconds:
        due = int(late * BYTES_PER_S) - len(text)
        if due > 0 and select.select([m.child.child_fd], [], [], 0.1)[0]:
            text += os.read(m.child.child_fd, min(due, 512))
        else:
            time.sleep(0.01)
    return text.decode("ascii", "replace")


def bytes_of(vm, text):
    """On the wire: each row begins with a prefix, and so does what follows a carriage return."""
    return sum(len(piece) for piece in re.split(r"(?=\[(?:flood|lines)\])", text) if piece.startswith(f"[{vm}]"))


@pytest.mark.clock
@pytest.mark.parametrize("kind, focus", [each_time(kind, "flood") for kind in FLOODS] +
                         [pytest.param(kind, "lines", marks=pytest.mark.long) for kind in ("uart-text", "dbcn-returns")])
def test_a_flood_leaves_half_of_a_slow_line(name, kind, focus):
    """And nothing is lost of what the other prints."""
    vms = [flood(kind), Vm("lines", guest("flood"), memory=16 * MIB, bootargs="n=1000000")]
    if focus == "lines":
        vms.reverse()
    with Machine(name, bundle(name, vms), smp=1) as m:
        m.expect_lines({"lines": "FLOOD line 1 "})
        # What the emulator and the terminal between have taken already goes first.
        read_slowly(m, 4)
        text = read_slowly(m, SECONDS)
    lines, flooded = bytes_of("lines", text), bytes_of("flood", text)
    print(f"{lines} bytes of {lines + flooded}")
    assert lines + flooded > BYTES_PER_S * SECONDS * 0.8
    # A pty takes bytes in bursts of some KiB. In a burst the line is faster than a VM that prints byte by byte, and the
    # rest is the other's: 0.28 of a line that is fast for all of the time, 0.40 to 0.45 of this one on a busy machine.
    assert 0.33 < lines / (lines + flooded) < 0.9
    numbers = [int(n) for n in re.findall(r"FLOOD line (\d+) \.{12}\r", text)]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


# Beside a flood a wake-up may meet the end of one step of the terminal.
FIFO_LATENCY = 20000


# Virtual time passes while the host does not read, and what a guest prints is lost when the line takes nothing for long.
@pytest.mark.clock
@pytest.mark.parametrize("kind", map(each_time, FLOODS))
def test_a_flood_keeps_no_fifo_vcpu_waiting(name, kind):
    vms = [Vm("rt", guest("latency"), memory=16 * MIB, more='class = "fifo"; priority = <1>;'), flood(kind)]
    with Machine(name, bundle(name, vms), smp=1, args=["-icount", "shift=0,sleep=off"]) as m:
        m.expect(r"LATENCY of (\d+) wake-ups: mean (\d+) ns, worst (\d+) ns")
        _, mean, worst = map(int, m.child.match.groups())
        print(f"mean {mean}, worst {worst} instructions")
    assert worst < FIFO_LATENCY
