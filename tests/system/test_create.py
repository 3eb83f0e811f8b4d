# SPDX-License-Identifier: BSD-2-Clause
"""VMs that come and go while others run: bundles by the control channel, by tools/hartctl as a user would."""

import json
import random
import re

import pytest
from control import channel
from hv import MIB, WORK, Image, Machine, Vm, bundle, guest, its_text, linux, make_itb
from test_devices import RET, reader
from test_virtio import ICOUNT, SHARE


def machine(name, ctl, vms=None, extra=(), **more):
    vms = vms or [Vm("base", guest("hello"), memory=16 * MIB)]
    return Machine(name, bundle(name, vms), args=[*ctl.arguments(), *extra], append="hartvisor.stay", **more)


def later(name, vms, mkimage="mkimage -E -B 0x1000", **more):
    """A bundle that is sent."""
    return make_itb(f"{name}-later", its_text(vms, **more), mkimage)


def free(ctl):
    return ctl.json("machine")["memory_free"]


def wait_until_gone(ctl, m, *vms):
    for vm in vms:
        ctl.run("destroy", vm)
        m.expect_line("hartvisor", f"{vm}: is gone")


def test_vms_are_made_of_a_bundle_and_its_memory_comes_back(name):
    with channel() as ctl, machine(name, ctl) as m:
        m.expect_line("base", "HELLO")
        itb = later(name, [Vm("one", guest("hello"), memory=16 * MIB), Vm("two", guest("hello"), memory=32 * MIB, cpus=2)])
        before = None
        for _ in range(3):
            assert ctl.run("create", itb).split() == ["one", "two"]
            m.expect_lines({"one": "HELLO", "two": "HELLO"})
            assert {vm["name"]: vm["memory"] // MIB for vm in ctl.json("list")["vms"]} == {"base": 16, "one": 16, "two": 32}
            assert ctl.json("image", "list")["images"] == []
            # Each can begin again: its kernel is there for as long as it is.
            ctl.run("reset", "two")
            m.expect_line("two", "HELLO")
            wait_until_gone(ctl, m, "one", "two")
            # The first round leaves what all others use again: a stack, and tables that map it.
            before = before or free(ctl)
        assert free(ctl) == before


def twelve(ctl, m, itb, vms):
    before = free(ctl)
    ctl.run("image", "put", itb, "twelve")
    (image,) = ctl.json("image", "list")["images"]
    size = itb.stat().st_size
    assert image == {"name": "twelve", "size": size, "have": size, "vms": 0}
    assert size <= before - free(ctl) <= size + (2 << 20)
    assert ctl.json("machine")["memory_images"] == before - free(ctl)
    assert ctl.run("image", "put", itb, "twelve", status=1) == "hartctl: image twelve: there is one of that name: image.drop first\n"
    assert len(ctl.json("image", "create", "twelve")["vms"]) == 12
    m.expect_lines({vm.name: "HELLO" for vm in vms})
    assert ctl.json("image", "list")["images"][0]["vms"] == 12
    assert "must not have the name of a VM that there is" in ctl.run("image", "create", "twelve", status=1)
    ctl.run("image", "drop", "twelve")
    ctl.run("reset", "vm11")
    m.expect_line("vm11", "HELLO")
    assert ctl.json("machine")["memory_images"] >= size
    wait_until_gone(ctl, m, *(vm.name for vm in vms))
    assert ctl.json("machine")["memory_images"] == 0
    assert ctl.run("image", "drop", "twelve", status=1) == "hartctl: image twelve: no such image: image.list lists them\n"


def test_images_have_names_and_are_shared(name):
    """One bundle is sent once, for many VMs; it is gone when it has neither a name nor a VM."""
    vms = [Vm(f"vm{i}", guest("hello"), memory=16 * MIB) for i in range(12)]
    with channel() as ctl, machine(name, ctl) as m:
        m.expect_line("base", "HELLO")
        itb = later(name, vms)
        before = free(ctl)
        for round_ in range(2):
            twelve(ctl, m, itb, vms)
            # The first VMs leave something to those that follow.
            assert round_ == 0 or free(ctl) == before
            before = free(ctl)


def data_image(test, seed):
    path, data = WORK / f"{test}.data", RET + random.Random(seed).randbytes(300000)
    path.write_bytes(data)
    return Image("data", path), data


@pytest.mark.parametrize("tool", ["mkimage", "mkimage -E -B 0x1000"], ids=["inside", "aligned"])
def test_data_of_an_image_stays_where_its_vms_read_it(name, tool):
    """Each round's image may lie where the one before lay, and has other bytes."""
    with channel() as ctl, machine(name, ctl) as m:
        m.expect_line("base", "HELLO")
        for round_ in range(3):
            image, data = data_image(name, round_)
            vms = [reader(vm, data, 'pmem@0 { image = "data"; };') for vm in ("one", "two")]
            ctl.run("create", later(name, vms, tool, data=[image]))
            m.expect_lines({vm.name: "TEST pmem (PASS|FAIL)" for vm in vms})
            wait_until_gone(ctl, m, "one", "two")
        assert "TEST pmem FAIL" not in m.text()


WRONG = {
    "no bundle": (b"no bundle" * 100, "bundle: no usable FIT image"),
    "short": (lambda text: text[:200], "bundle: no usable FIT image"),
    "property": (dict(more="wight = <5>;"), "config: /configurations/test/new: wight = <5>: unknown, did you mean weight"),
    "two errors": (dict(more="weight = <0>; wight = <5>;"), "; and 1 more, in the log"),
    "name": (dict(name="base"), "must not have the name of a VM that there is, base"),
    "memory": (dict(memory=64 << 30), "new: "),
    "a switch": (dict(networks=["lan"]), "config: /configurations/test/networks: must not be in a bundle that comes later"),
    "no switch": (dict(more='net@0 { switch = "lan"; };'), "new/net@0: switch = \"lan\": must be the name of a node"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_and_nothing_is_made(name, case):
    """By the sentence of the boot; a VM that was made before the wrong one is gone again."""
    wrong, line = WRONG[case]
    with channel() as ctl, machine(name, ctl) as m:
        m.expect_line("base", "HELLO")
        if isinstance(wrong, dict):
            wrong = dict(wrong)
            networks = wrong.pop("networks", ())
            wrong.setdefault("memory", 16 * MIB)
            vms = [Vm("good", guest("hello"), memory=16 * MIB), Vm(wrong.pop("name", "new"), guest("hello"), **wrong)]
            itb = later(name, vms, networks=networks)
        else:
            itb = WORK / f"{name}.itb"
            good = later(name, [Vm("good", guest("hello"), memory=16 * MIB)]).read_bytes()
            itb.write_bytes(wrong(good) if callable(wrong) else wrong)
        for _ in range(2):
            said = ctl.run("create", itb, status=1)
            assert line in said, said
            ctl.wait(lambda: [vm["name"] for vm in ctl.json("list")["vms"]] == ["base"])
        assert ctl.json("image", "list")["images"] == []
        # The channel goes on.
        assert ctl.run("create", later(name, [Vm("good", guest("hello"), memory=16 * MIB)])) == "good\n"
        m.expect_line("good", "HELLO")


def test_a_configuration_is_chosen_and_an_its_is_made(name):
    its = WORK / f"{name}-two.its"
    text = its_text([Vm("first", guest("hello"), memory=16 * MIB)])
    start, end = text.index("        test {"), text.rindex("    };\n};")
    its.write_text(text[:end] + text[start:end].replace("test {", "other {").replace("first {", "second {") + text[end:])
    with channel() as ctl, machine(name, ctl) as m:
        m.expect_line("base", "HELLO")
        assert ctl.run("create", its, "-c", "other") == "second\n"
        m.expect_line("second", "HELLO")
        assert ctl.run("create", its) == "first\n"
        said = ctl.run("create", its, "-c", "third", status=1)
        assert "/configurations: selected \"third\": must name a configuration" in said
        its.write_text("/dts-v1/; / { images { }; ")
        assert "mkimage: " in ctl.run("create", its, status=2)
        assert ctl.run("create", its.with_suffix(".none"), status=2).endswith(
            "No such file or directory: must be a bundle (.itb), or its description (.its)\n")


def answers(connection, count):
    """So many lines."""
    got = b""
    while got.count(b"\n") < count:
        got += connection.recv(65536)
    return [json.loads(line) for line in got.decode().splitlines()]


def test_hostile_frames(name):
    with channel() as ctl, machine(name, ctl) as m:
        m.expect_line("base", "HELLO")
        before = free(ctl)
        cases = [("image.put", "must be followed by a name and a number of bytes"), ("image.put a b", "must be a decimal number"),
                 ("image.put a 0", "not 0"), ("image.put a/b 5", "must be named by"), (f"image.put {'a' * 32} 5", "must be named by"),
                 ("image.put a 99999999999999", "no free memory is as large"), ("image.put a 9999999999999999999999", "must be a decimal"),
                 ("image.data a", "must be followed by an image"), ("image.data a 65537", "1 to 65536"), ("image.data a 0", "1 to 65536"),
                 ("image.drop", "must be followed by an image's name"), ("vm.create", "must be followed by an image's name"),
                 ("vm.create nope", "no such image"), ("image.drop nope", "no such image"), ("image.list x", "must be followed by nothing")]
        with ctl.connection() as s:
            for number, (request, _) in enumerate(cases, start=1):
                s.sendall(f"{number} {request}\n".encode())
            for (request, error), answer in zip(cases, answers(s, len(cases))):
                assert error in answer["error"], (request, answer)
            # Bytes of a frame that has no place are skipped, whatever they look like.
            s.sendall(b"50 image.data nope 12\n51 version\n\n52 version\n")
            first, second = answers(s, 2)
            assert (first["id"], second["id"]) == (50, 52) and "no such image" in first["error"]
            s.sendall(b"60 image.put half 10\n61 image.data half 6\n123456" b"62 image.data half 6\n789012" b"63 vm.create half\n64 image.list\n")
            put, data, more, create, listed = answers(s, 5)
            assert put["frame"] == 65536 and (data["have"], data["size"]) == (6, 10)
            assert "it has 6 of its 10 already" in more["error"] and "only 6 of its 10 bytes have come" in create["error"]
            assert [image["name"] for image in listed["images"]] == ["half"]
            # Sixteen at most.
            for number in range(16):
                s.sendall(f"{100 + number} image.put n{number} 10\n".encode())
            assert [answer["ok"] for answer in answers(s, 16)] == [True] * 15 + [False]
        # What was not complete goes with the connection.
        assert ctl.json("image", "list")["images"] == []
        assert free(ctl) == before
        with ctl.connection() as s:
            s.sendall(b"1 image.put cut 1000000\n2 image.data cut 60000\n" + bytes(20000))
            assert answers(s, 1)[0]["ok"]
        assert ctl.json("image", "list")["images"] == []
        assert free(ctl) == before


@pytest.mark.concurrent
def test_guests_run_while_a_large_bundle_comes(name):
    """Stock Linux, 30 MiB, beside VMs that count: they are never away for long, and the Linux boots."""
    vms = [Vm("share", guest("share"), memory=16 * MIB, bootargs="settle=200 ms=3000")]
    with channel() as ctl, machine(name, ctl, vms, mem="1G", smp=2) as m:
        m.expect_line("hartvisor", "share: started")
        assert ctl.run("create", later(name, [linux("late")])) == "late\n"
        m.expect_line("late", "GUEST-UP")
        m.focus(2, "late")
        m.shell("late", "echo al''ive", "alive")


@pytest.mark.long
def test_creations_take_no_hart_from_others(name):
    """VMs of 64 vcpus are made again and again: what a neighbour waits for is the slices of the three others, and little more."""
    vms = [Vm("neighbour", guest("share"), memory=16 * MIB, bootargs="settle=200 ms=3000"), Vm("spin", guest("spin"), memory=16 * MIB)]
    with channel() as ctl, machine(name, ctl, vms, smp=1, extra=ICOUNT) as m:
        m.expect_line("hartvisor", "spin: started")
        ctl.run("image", "put", later(name, [Vm("large", guest("hello"), cpus=64, memory=64 * MIB)]), "large")
        rounds = 0
        while not (found := re.search(SHARE, m.text())):
            ctl.run("image", "create", "large")
            ctl.run("destroy", "large")
            # The terminal is read meanwhile: what a VM has printed is shown before it goes.
            m.expect_line("hartvisor", "large: is gone")
            rounds += 1
        print(f"FIGURE {rounds} rounds: the neighbour was away for {found[2]} us at most")
        assert rounds >= 5 and int(found[2]) < 3 * 3000 + 500


@pytest.mark.long
def test_many_rounds_lose_nothing(name):
    """Two bundles of different sizes, created and destroyed 100 times, in the middle of what their VMs do."""
    with channel() as ctl, machine(name, ctl) as m:
        m.expect_line("base", "HELLO")
        bundles = [later(f"{name}-{size}", [Vm(f"a{size}", guest("hello"), memory=size * MIB), Vm(f"b{size}", guest("spin"), memory=16 * MIB, cpus=3)])
                   for size in (16, 48)]
        before = None
        for round_ in range(100):
            size = 16 if round_ % 3 else 48
            ctl.run("create", bundles[size == 48])
            if round_ % 2:
                m.expect_line(f"a{size}", "HELLO")
            wait_until_gone(ctl, m, f"a{size}", f"b{size}")
            if round_ == 3:
                before = free(ctl)
        assert free(ctl) == before
