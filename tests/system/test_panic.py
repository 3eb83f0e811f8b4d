# SPDX-License-Identifier: BSD-2-Clause
"""hartvisor's last words. Nothing that a guest does leads to them, so the test breaks hartvisor itself."""

import re
import subprocess

import pexpect
from hv import HARTVISOR, PANIC, TIMEOUT, WORK, Machine, Vm, bundle, guest, setting

BASE = 0xFFFFFFFF80000000
STACKS, STACKS_END = 0xFFFFFFFE00000000, 0xFFFFFFFF00000000  # hyp/arch/memmap.h
UNIMP = b"\0\0"


def address_of(function):
    nm = setting("CROSS", "riscv64-unknown-elf-") + "nm"
    text = subprocess.run([nm, HARTVISOR.with_suffix(".elf")], check=True, capture_output=True, text=True).stdout
    return int(re.search(rf"^([0-9a-f]+) [tT] {function}$", text, re.M).group(1), 16)


def broken_at(name, function):
    """A hartvisor with an illegal instruction where @function begins."""
    image = bytearray(HARTVISOR.read_bytes())
    at = address_of(function) - BASE
    image[at:at + len(UNIMP)] = UNIMP
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / f"{name}.bin"
    path.write_bytes(image)
    return path


def test_a_panic_names_the_functions(name):
    kernel = broken_at(name, "cmd_list")
    with Machine(name, bundle(name, [Vm("vm", guest("hello"))]), smp=1, kernel=kernel) as m:
        m.expect_line("vm", "HELLO")
        m.menu("l")
        assert m.child.expect([PANIC], timeout=TIMEOUT) == 0
        m.child.expect(pexpect.EOF, timeout=TIMEOUT)
        panic = m.text().partition("panic on hart")[2]
    frames = re.findall(r"^\[hartvisor\]   (0x[0-9a-f]+) (\S+)\+(\S+)$", panic, re.M)
    assert frames[0][1:] == ("cmd_list", "0"), panic
    # The registers of the trap: an illegal instruction, the caller, a stack of hartvisor's.
    values = re.search(r"scause (\S+) stval \S+ sepc (\S+) ra (\S+) sp (\S+)", panic)
    scause, sepc, ra, sp = (int(value, 16) for value in values.groups())
    assert (scause, sepc, ra) == (2, int(frames[0][0], 16), int(frames[1][0], 16)), panic
    assert STACKS <= sp < STACKS_END, panic
    named = {name: int(address, 16) - int(offset, 16) for address, name, offset in frames}
    # The way there: the key, the loop that looks for keys.
    assert {"menu_work_run", "pcpu_loop"} <= set(named), panic
    for function, start in named.items():
        assert start == address_of(re.escape(function)), panic
