# SPDX-License-Identifier: BSD-2-Clause
"""Devices against hostile drivers: guest/tests/virtio_*.c and shared_bad.c, alone and beside neighbours.

Each case of a driver must leave three things as they are: its device works after a reset and memory that no request named
has not changed (the guest itself looks at both, after each case); a neighbour's memory; and what a neighbour gets done.
"""

import re

import pytest
from hv import ESCAPE, MIB, WORK, Image, Machine, Vm, bundle, guest, its_text, make_itb

ICOUNT = ["-icount", "shift=0,sleep=off"]
OVERLAY = 128 << 10  # of which one page is a leaf

RNG = "rng@0 { };"
BALLOON = "balloon@0 { }; rng@0 { };"
DISKS = (f'disk@0 {{ image = "disk"; access = "overlay"; overlay-memory = <{OVERLAY}>; }}; '
         'disk@1 { image = "disk"; };')
CONSOLES = "console@0 { }; console@1 { };"
NETS = 'net@0 { switch = "lan"; }; net@1 { switch = "lan"; };'

SHARED = f'{RNG} shared@0 {{ region = "box"; }}; shared@1 {{ region = "notice"; access = "read-only"; }};'
WRITES_NOTICE = 'shared@0 { region = "notice"; };'
REGIONS = "".join(f'{name} {{ compatible = "hartvisor,shared-memory"; size = <0x10000>; }}; ' for name in ("box", "notice"))

# What each needs; and how many cases it has at least. The balloon's are counted where they are.
HOSTILE = {
    "virtio_ring": (RNG, 75),
    "virtio_queues": (RNG, 36),
    "virtio_regs": (RNG, 46),
    "virtio_blk_bad": (DISKS, 165),
    "virtio_con_bad": (CONSOLES, 138),
    "virtio_net_bad": (NETS, 130),
    "shared_bad": (SHARED, 100),
}


def disk():
    """512 KiB, which several tests have in their bundles."""
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / "hostile.disk"
    if not path.exists():
        path.write_bytes(bytes(range(256)) * 2048)
    return Image("disk", path)


def evil(test, name="evil", **bootargs):
    args = {**({"overlay": OVERLAY} if test == "virtio_blk_bad" else {}), **bootargs}
    return Vm(name, guest(test), memory=16 * MIB, more=HOSTILE[test][0],
              bootargs=" ".join(f"{key}={value}" for key, value in args.items()))


def machine(name, vms, **more):
    return Machine(name, make_itb(name, its_text(vms, [disk()], networks=["lan"], shared=REGIONS)), **more)


def cases(text, vm, test):
    """How many cases each round had."""
    return [int(n) for n in re.findall(rf"\[{vm}\] {test}: (\d+) cases", text)]


@pytest.mark.parametrize("test", HOSTILE)
@pytest.mark.parametrize("cpu", ["rv64", "rv64,sstc=off"], ids=["sstc", "no-sstc"])
def test_a_hostile_driver_breaks_its_own_device_alone(name, test, cpu):
    """Each case ends with the device working after a reset; memory that no request named is as it was."""
    with machine(name, [evil(test)], smp=1, cpu=cpu) as m:
        m.expect_passed("evil", test)
        text = m.expect_end()
    print(f"{test}: {cases(text, 'evil', test)[0]} cases")
    assert cases(text, "evil", test)[0] >= HOSTILE[test][1]


def test_a_hostile_driver_gives_wrong_buffers_for_input(name):
    with machine(name, [evil("virtio_con_bad", typed=1)], smp=1) as m:
        m.expect_line("hartvisor", "evil: started")
        m.send(f"{ESCAPE}gevil.console0\r")
        while m.expect(r"\] TYPE [^\r\n]*\r", r"TEST virtio_con_bad ") == 0:
            m.send("abc")
        text = m.expect_end()
    assert "TEST virtio_con_bad PASS" in text


@pytest.mark.concurrent
def test_hostile_drivers_reach_no_neighbour(name):
    """All of them at once on two harts; the neighbour's RAM and its own device are as if it were alone."""
    vms = [evil(test, test.replace("_", "-"), **({"peer": 1} if test == "shared_bad" else {})) for test in HOSTILE]
    vms.append(Vm("neighbour", guest("virtio_canary"), more=RNG + WRITES_NOTICE))
    with machine(name, vms, smp=2) as m:
        m.expect_passed("neighbour", "virtio_canary")
        text = m.expect_end()
    total = 0
    for test in HOSTILE:
        vm = test.replace("_", "-")
        assert f"[{vm}] TEST {test} PASS" in text
        total += cases(text, vm, test)[0]
    print(f"{total} cases")


@pytest.mark.concurrent
@pytest.mark.parametrize("smp", [2, pytest.param(4, marks=pytest.mark.long)])
def test_a_peer_writes_where_another_has_its_rings(name, smp):
    """The ring of a device is in memory that another VM writes at random meanwhile. A neighbour is left alone."""
    vms = [evil("shared_bad", peer=1, rounds=2), evil("shared_bad", "scribbler", scribble=600000),
           Vm("neighbour", guest("virtio_canary"), more=RNG + WRITES_NOTICE)]
    with machine(name, vms, smp=smp) as m:
        m.expect_lines({"evil": "TEST shared_bad (PASS|FAIL)", "neighbour": "TEST virtio_canary (PASS|FAIL)"})
        text = m.text()
    assert "[evil] TEST shared_bad PASS" in text and "[neighbour] TEST virtio_canary PASS" in text


# --- what a neighbour gets of a hart that it shares with such a driver, in permille ------------------------------------

SHARE = r"SHARE 0: \d+ thousand in \d+ us: (\d+) ppm, away for (\d+) us"


def share_beside(name, other, ms=1000, settle=200, boot=machine):
    """(permille, longest time away in us, the log) of a VM of the same weight as @other, for @ms of its own clock. @boot: as
    machine()."""
    vms = [Vm("neighbour", guest("share"), memory=16 * MIB, bootargs=f"settle={settle} ms={ms}"), other]
    with boot(name, vms, smp=1, args=ICOUNT) as m:
        m.expect_line("neighbour", SHARE)
        found = re.search(SHARE, m.text())
        text = m.text()[:found.end()]
    permille, away = int(found[1]) // 1000, int(found[2])
    print(f"FIGURE {other.name}: {permille} permille, away for {away} us at most")
    return permille, away, text


# In us. A slice is 3 ms; a step of the device, or what the log says of a start, may come on top.
AWAY = 3500


@pytest.mark.long
@pytest.mark.parametrize("test", HOSTILE)
def test_a_neighbour_gets_as_much_beside_a_hostile_driver(name, test):
    """Through whole rounds of cases: within 10 % of what it gets beside one that spins, and never away for long."""
    fair, _, _ = share_beside(f"{name}-spin", Vm("spin", guest("spin"), memory=16 * MIB), settle=100, ms=200)
    permille, away, text = share_beside(name, evil(test, rounds=1000000), ms=2000)
    assert "FAIL" not in text
    assert len(cases(text, "evil", test)) >= 2
    assert permille == pytest.approx(fair, rel=0.1)
    assert away < AWAY


# guest/tests/virtio_flood.c's, by number.
FLOODS = {flood: number for number, flood in enumerate(
    ["read-sector", "read-512-kib", "write-512-kib", "write-and-discard", "zeroes", "random-bytes", "print-lines",
     "print-bytes", "empty-notifications", "other-notifications", "bad-chains", "resets", "registers"], 1)}

# One is looked at each time, the others in make verify.
SOME = ("read-512-kib",)


@pytest.mark.parametrize("flood", [pytest.param(flood, marks=[] if flood in SOME else [pytest.mark.long])
                                   for flood in FLOODS])
def test_a_flood_of_requests_is_paid_by_the_vm_that_makes_it(name, flood):
    vm = Vm("flood", guest("virtio_flood"), memory=16 * MIB, bootargs=f"mode={FLOODS[flood]}",
            more=f"{RNG} {CONSOLES} " + DISKS.replace(str(OVERLAY), str(1 << 20)))
    permille, away, text = share_beside(name, vm)
    assert "FLOODS" in text and "FAIL" not in text
    # A VM that prints waits for the terminal, and the neighbour has what it leaves.
    assert 490 <= permille <= (1000 if flood.startswith("print-") else 510)
    assert away < AWAY


# --- the balloon, and what devices take -----------------------------------------------------------------------------------


def own_memory(name, more):
    """KiB of hartvisor's own memory with a VM that has @more."""
    image = WORK / f"{name}.disk"
    image.write_bytes(bytes(64 * MIB))
    vms = [Vm("vm", guest("share"), memory=16 * MIB, more=more, bootargs="ms=10")]
    with Machine(name, make_itb(name, its_text(vms, [Image("disk", image)]), "mkimage -E -B 0x1000"), smp=1) as m:
        m.expect_line("vm", "SHARE 0: ")
        m.menu("l")
        m.expect(r"own memory: (\d+) KiB")
        return int(m.child.match.group(1))


def test_a_disk_and_a_console_take_little_memory(name):
    """At most 64 KiB, however large the image is."""
    devices = own_memory(name, 'disk@0 { image = "disk"; }; console@0 { };') - own_memory(name, "")
    print(f"{devices} KiB")
    assert 0 < devices <= 64


@pytest.mark.parametrize("cpu", ["rv64", "rv64,svpbmt=on,zicbom=off"], ids=["rv64", "no-zicbom"])
def test_a_balloon_takes_what_its_driver_gives_and_no_more(name, cpu):
    """What is given back has zeroes when anything touches it; hostile drivers lose their own memory alone. Two lives."""
    bad = Vm("evil", guest("virtio_balloon"), memory=40 * 1048576, more=BALLOON)
    with Machine(name, bundle(name, [bad]), smp=1, cpu=cpu) as m:
        m.expect_passed("evil", "virtio_balloon")
        m.expect_end()


@pytest.mark.concurrent
def test_a_balloon_reaches_no_neighbour(name):
    """Two vcpus write into memory that a third one gives back; the neighbour takes its RAM from the same pool."""
    vms = [Vm("evil", guest("virtio_balloon"), cpus=3, memory=40 * 1048576, more=BALLOON),
           Vm("neighbour", guest("virtio_canary"), more=RNG)]
    with Machine(name, bundle(name, vms), smp=2) as m:
        # Either may be the first.
        m.expect_lines({"evil": "TEST virtio_balloon ", "neighbour": "TEST virtio_canary "})
        text = m.expect_end()
    assert "[evil] TEST virtio_balloon PASS" in text and "[neighbour] TEST virtio_canary PASS" in text
