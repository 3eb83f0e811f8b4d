# SPDX-License-Identifier: BSD-2-Clause
"""Guests' /chosen/rng-seed: each VM and each boot has its own, and no copy of a seed stays anywhere else."""

import contextlib
import hashlib
import hmac
import mmap
import re
import subprocess

import pytest
from hv import BUILD, QEMU, WORK, Machine, Vm, bundle, guest, run_tool

KNOWN_SEED = bytes(range(0x41, 0x61))


def tree_with_seed(name, length):
    """QEMU's own tree, with a seed of @length bytes, which QEMU chooses anew at each reset. 0: without."""
    tree = WORK / f"{name}.dtb"
    WORK.mkdir(parents=True, exist_ok=True)
    run_tool([QEMU, "-M", f"virt,dumpdtb={tree}", "-cpu", "rv64", "-smp", "2", "-m", "1G", "-nographic"])
    run_tool(["fdtput", "-d", tree, "/chosen", "rng-seed"])
    if length != 0:
        run_tool(["fdtput", "-t", "bx", tree, "/chosen", "rng-seed", *["1"] * length])
    return tree


@contextlib.contextmanager
def machine_with_seed(name, seed):
    """Two VMs, and @seed as the firmware's. With the machine comes the whole of its RAM."""
    ram = WORK / f"{name}.ram"
    backend = f"memory-backend-file,id=ram,size=1G,mem-path={ram},share=on"
    try:
        # -S: QEMU waits until the seed has been written over the one that it chose.
        with Machine(name, two_vms(name), machine="virt,memory-backend=ram", args=["-object", backend, "-S"]) as m:
            m.send("\x01c")
            m.expect(r"\(qemu\)")
            with open(ram, "r+b") as f, mmap.mmap(f.fileno(), 0) as memory:
                at = place_of_seed(name, memory, len(seed))
                memory[at:at + len(seed)] = seed
                m.send("cont\r\x01c")
                yield m, memory
    finally:
        ram.unlink(missing_ok=True)


def place_of_seed(name, memory, length):
    """Where in @memory the value of rng-seed is, in the tree that QEMU has put there; the bundle is a tree, too."""
    tree = WORK / f"{name}.dtb"
    for magic in re.finditer(rb"\xd0\x0d\xfe\xed\0", memory):
        start = magic.start()
        blob = memory[start:start + int.from_bytes(memory[start + 4:start + 8], "big")]
        tree.write_bytes(blob)
        got = subprocess.run(["fdtget", "-t", "bx", tree, "/chosen", "rng-seed"], capture_output=True, text=True)
        if got.returncode == 0:
            seed = bytes(int(byte, 16) for byte in got.stdout.split())
            assert len(seed) == length and blob.count(seed) == 1
            return start + blob.index(seed)
    pytest.fail("QEMU's tree is not in memory")


def two_vms(name):
    return bundle(name, [Vm("one", guest("hello")), Vm("two", guest("hello"))])


def seed_of(m, number, vm):
    m.focus(number, vm)
    m.send_line("seed")
    m.expect_line(vm, r"seed: (\d+) bytes: ([0-9a-f]*)[\r\n]")
    return bytes.fromhex(m.child.match.group(2)) if m.child.match.group(1) != "0" else None


def seeds_over_a_reboot(m):
    m.expect_lines({"one": "HELLO", "two": "HELLO"})
    seeds = [seed_of(m, 1, "one"), seed_of(m, 2, "two")]
    m.send_line("reboot")
    m.expect_line("hartvisor", "two: rebooting")
    m.expect_line("two", "HELLO")
    return [*seeds, seed_of(m, 2, "two")]


def end(m):
    m.menu("q")
    m.expect_end()


def assert_all_different(seeds):
    assert all(len(seed) == 32 for seed in seeds)
    words = [seed[i:i + 8] for seed in seeds for i in range(0, 32, 8)]
    assert len(set(words)) == len(words), seeds


def test_every_vm_and_every_boot_has_its_own_seed(name):
    seeds = []
    for boot in ("first", "second"):
        with Machine(f"{name}-{boot}", two_vms(name)) as m:
            seeds += seeds_over_a_reboot(m)
            assert "rng-seed" not in "".join(m.own_lines())
            end(m)
    assert_all_different(seeds)


@pytest.mark.parametrize("length, warning", [
    (0, "warning: the device tree has no /chosen/rng-seed: guests get none"),
    (15, "warning: /chosen: rng-seed: 15 bytes: must be at least 16 bytes, not all alike; guests get none"),
], ids=["absent", "short"])
def test_without_entropy_guests_get_no_seed(name, length, warning):
    """A guest would credit what can be guessed."""
    with Machine(name, two_vms(name), args=["-dtb", tree_with_seed(name, length)]) as m:
        assert seeds_over_a_reboot(m) == [None, None, None]
        assert m.text().count(warning) == 1
        end(m)


def test_a_random_device_stands_in_for_the_seed(name):
    """With the same tree at each boot, guests' seeds are new."""
    seeds, tree = [], tree_with_seed(name, 0)
    for boot in ("first", "second"):
        args = ["-dtb", tree, "-global", "virtio-mmio.force-legacy=false", "-device", "virtio-rng-device"]
        with Machine(f"{name}-{boot}", two_vms(f"{name}-{boot}"), args=args) as m:
            seeds += seeds_over_a_reboot(m)
            assert re.search(r"/soc/virtio_mmio@\w+: 64 random bytes for the generator", m.text())
            assert "warning" not in m.text()
            end(m)
    assert_all_different(seeds)


def test_a_seed_that_was_never_filled_is_none(name):
    with machine_with_seed(name, bytes(32)) as (m, _):
        assert seeds_over_a_reboot(m) == [None, None, None]
        assert m.text().count("warning: /chosen: rng-seed: 32 bytes: must be at least 16 bytes, not all alike") == 1
        end(m)


def generators_first_state(seed):
    """Key and V of HMAC-DRBG (NIST SP 800-90A, 10.1.2.3) after @seed was added."""
    key, v = bytes(32), b"\1" * 32
    for step in (b"\0", b"\1"):
        key = hmac.new(key, v + step + seed, hashlib.sha256).digest()
        v = hmac.new(key, v, hashlib.sha256).digest()
    return key, v


def test_no_copy_of_a_seed_stays_behind(name):
    """In the whole of the machine's RAM, after guests have started and one has rebooted."""
    with machine_with_seed(name, KNOWN_SEED) as (m, memory):
        def copies(secret):
            return len(re.findall(re.escape(secret), memory))

        one, two_before, two = seeds_over_a_reboot(m)
        assert_all_different([one, two_before, two])
        assert copies(KNOWN_SEED) == 0, "the firmware's seed"
        for part in generators_first_state(KNOWN_SEED):
            assert copies(part) == 0, "the generator's first state"
        assert (copies(one), copies(two)) == (1, 1), "more than the guests' own trees"
        assert copies(two_before) == 0, "a seed of a life before"
        end(m)


# How BearSSL's functions call each other on the deepest way; what the compiler has inlined counts as 0.
DEEPEST = ["br_hmac_drbg_init", "br_hmac_drbg_update", "br_hmac_key_init", "process_key", "br_hmac_update",
           "br_sha224_update", "sha2small_update", "br_sha2small_round", "br_range_dec32be"]


def test_what_the_generator_erases_of_its_stack_is_enough():
    frames = {}
    for path in [*(BUILD / "obj" / "bearssl").rglob("*.su"), BUILD / "obj" / "hyp" / "lib" / "random.su"]:
        for line in path.read_text().splitlines():
            function, size, kind = line.split("\t")
            assert kind == "static", line
            frames[function.rpartition(":")[2]] = int(size)
    assert frames["br_sha2small_round"] > 256, "where its 64 words are"
    assert sum(frames.get(function, 0) for function in DEEPEST) <= frames["erase_stack_below"]
