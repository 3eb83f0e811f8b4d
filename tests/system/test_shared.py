# SPDX-License-Identifier: BSD-2-Clause
"""Memory that VMs share, and its doorbell."""

import pytest
from hv import MIB, Machine, Vm, guest, initramfs_with, its_text, linux, make_itb, user_program

REGION = 'mailbox { compatible = "hartvisor,shared-memory"; size = <0x10000>; };'


def share(more=""):
    return f'shared@0 {{ region = "mailbox"; {more} }};'


@pytest.mark.parametrize("smp, rounds", [(1, 300), (2, 300), pytest.param(4, 20000, marks=pytest.mark.long)])
def test_a_counter_goes_from_one_vm_to_the_other(name, smp, rounds):
    """Both sleep until they are rung for. A third one may only look."""
    vms = [Vm("ping", guest("shared"), more=share(), bootargs=f"rounds={rounds}"),
           Vm("pong", guest("shared"), more=share(), bootargs=f"rounds={rounds}"),
           Vm("reader", guest("shared"), more=share('access = "read-only";'), bootargs="reader=1")]
    with Machine(name, make_itb(name, its_text(vms, shared=REGION)), smp=smp) as m:
        m.expect_lines(dict.fromkeys(("ping", "pong", "reader"), "TEST shared PASS"))


def test_two_stock_kernels_talk_by_shared_memory(name):
    """A program maps it by /dev/mem, as the tree says where it is, and the other one answers."""
    ramdisk = initramfs_with(name, {"bin/shared": user_program("shared")})
    vms = [linux("one", ramdisk=ramdisk), linux("two", ramdisk=ramdisk)]
    for vm in vms:
        vm.more = share()
    with Machine(name, make_itb(name, its_text(vms, shared=REGION)), mem="1G") as m:
        m.expect_lines({"one": "GUEST-UP", "two": "GUEST-UP"})
        m.focus(2, "two")
        m.shell("two", "shared 0 answer & echo wa''its", "waits")
        m.focus(1, "one")
        m.shell("one", "shared 1 ask 1000", "SHARED PASS 1000")


WRONG = {
    "no such region": ('shared@0 { region = "box"; };', "bad/shared@0: region = .box.: must be the name of a node below the "
                       "configuration.s shared-memory, of mailbox"),
    "no region": ("shared@0 { };", "bad/shared@0: region is missing: must be the name of a node below the"),
    "access": (share('access = "write";'), "bad/shared@0: access = .write.: must be .read-write. or .read-only."),
    "twice": (share() + share().replace("@0", "@1"), "bad/shared@1: region = .mailbox.: must not be that of another node"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_use_is_told(name, case):
    more, line = WRONG[case]
    vms = [Vm("bad", guest("hello"), more=more), Vm("good", guest("hello"))]
    with Machine(name, make_itb(name, its_text(vms, shared=REGION))) as m:
        m.expect(line)
        m.expect_line("good", "HELLO")


REGIONS = {
    "no size": (REGION.replace("size = <0x10000>;", ""), "shared-memory/mailbox: size is missing: must be bytes"),
    "odd": (REGION.replace("0x10000", "0x10001"), "shared-memory/mailbox: size = <0x10001>: must be bytes, one cell or two"),
    "too large": (REGION.replace("0x10000", "0x100 0"), "shared-memory/mailbox: size = <256 0>: 0x10000000000 bytes: must be less"),
    "compatible": (REGION.replace("hartvisor,sh", "sh"), "shared-memory/mailbox: compatible = .shared-memory.: must be"),
    "unknown": (REGION.replace("size", "sise"), "shared-memory/mailbox: sise = <0x10000>: unknown, did you mean size"),
}


@pytest.mark.parametrize("case", REGIONS)
def test_a_wrong_region_is_told(name, case):
    region, line = REGIONS[case]
    with Machine(name, make_itb(name, its_text([Vm("good", guest("hello"))], shared=region))) as m:
        m.expect(line)
        m.expect_line("good", "HELLO")
