# SPDX-License-Identifier: BSD-2-Clause
"""The machine below: how many harts, which of them boots, where hartvisor is loaded, how it gets its VMs."""

import subprocess

import pytest
from hv import HARTVISOR, MIB, TIMEOUT, WORK, Image, Machine, Vm, bundle, device_tree, firmware, guest, run_tool


def say_hello_and_end(m, vm="vm", nproc=1):
    m.expect_line(vm, f"HELLO nproc={nproc} ")
    m.ping(vm, "are you there?")
    m.send_line("quit")
    m.expect_passed(vm, "hello")
    m.expect_line("hartvisor", "all VMs have ended; powering off")
    return m.expect_end()


def hello_bundle(name, cpus=1, external=False):
    return bundle(name, [Vm("vm", guest("hello"), cpus=cpus)], external=external)


@pytest.mark.parametrize("harts", [1, 2, 3, 16])
def test_all_harts_run(name, harts):
    vms = [Vm("vm", guest("ipi"), cpus=harts, bootargs=f"n={160 // harts} awake=2")]
    with Machine(name, bundle(name, vms), smp=harts) as m:
        m.expect_line("hartvisor", f"{harts} of {harts} harts run")
        m.expect_passed("vm", "ipi")
        m.expect_end()


@pytest.mark.long
def test_64_harts_run(name):
    """OpenSBI 1.5's heap ends before the last of 64 harts: those never leave it, and are named."""
    vms = [Vm("vm", guest("ipi"), cpus=48, bootargs="n=3 awake=1")]
    with Machine(name, bundle(name, vms), smp=64) as m:
        m.expect_line("hartvisor", r"(\d+) of 64 harts run", timeout=1800)
        running = int(m.child.match.group(1))
        assert running >= 56
        assert m.text().count(": left out: ") == 64 - running
        m.expect_passed("vm", "ipi", timeout=1800)
        m.expect_end()


def test_data_outside_the_tree(name):
    with Machine(name, hello_bundle(name, external=True)) as m:
        say_hello_and_end(m)


@pytest.mark.parametrize("address", [0x80400000, 0x84000000, 0xA8600000])
def test_loaded_at_another_address(name, address):
    """tramp stands where QEMU puts a kernel and jumps to hartvisor as the firmware would have."""
    loader = f"loader,file={HARTVISOR},addr={address:#x},force-raw=on"
    with Machine(name, hello_bundle(name), kernel=guest("tramp"), append=f"tramp={address}",
                 args=["-device", loader]) as m:
        m.expect("TRAMP to")
        m.expect_line("hartvisor", rf"started on hart \d+ at {address:#x}")
        say_hello_and_end(m)


def fdtget(tree, node, name):
    """In hexadecimal."""
    return subprocess.run(["fdtget", "-t", "x", tree, node, name], check=True, capture_output=True, text=True).stdout.strip()


def device_tree_with_boot_hart(name, hart, harts, machine="virt"):
    """QEMU's device tree, and in it OpenSBI's own node that says which hart is to boot."""
    tree = device_tree(name, harts, machine)
    phandle = fdtget(tree, f"/cpus/cpu@{hart}", "phandle")
    if not phandle:
        pytest.fail(f"cpu@{hart} has no phandle")
    run_tool(["fdtput", "-c", tree, "/chosen/opensbi-config"])
    run_tool(["fdtput", "-t", "s", tree, "/chosen/opensbi-config", "compatible", "opensbi,config"])
    run_tool(["fdtput", "-t", "x", tree, "/chosen/opensbi-config", "cold-boot-harts", phandle])
    return tree


@pytest.mark.parametrize("hart, harts", [(1, 2), (2, 4)])
def test_boot_hart_is_not_hart_0(name, hart, harts):
    tree = device_tree_with_boot_hart(name, hart, harts)
    with Machine(name, hello_bundle(name, cpus=2), smp=harts, args=["-dtb", tree]) as m:
        m.expect_line("hartvisor", f"started on hart {hart} at")
        m.expect_line("hartvisor", f"{harts} of {harts} harts run")
        say_hello_and_end(m, nproc=2)


def test_a_hart_that_does_not_come_gets_no_vcpus(name):
    """The device tree has one hart more than the machine."""
    with Machine(name, bundle(name, [Vm("vm", guest("ipi"), cpus=6, bootargs="n=30 awake=1")]), smp=2,
                 args=["-dtb", device_tree(name, 3)]) as m:
        m.expect_line("hartvisor", "warning: hart 2: left out: ")
        m.expect_line("hartvisor", "2 of 3 harts run")
        m.expect_passed("vm", "ipi")
        m.expect_end()


def test_guest_loader(name):
    """QEMU's own way to give a hypervisor its guest: multiboot,module nodes under /chosen."""
    loader = f"guest-loader,addr=0x90000000,kernel={guest('hello')},bootargs=some words"
    with Machine(name, append="hartvisor.guest-cpus=2", args=["-device", loader]) as m:
        m.expect_line("guest", 'HELLO nproc=2 args="some words"')
        m.ping("guest", "are you there?")
        m.send_line("quit")
        m.expect_passed("guest", "hello")
        m.expect_end()


def test_raw_payload_at_load_and_entry(name):
    """No Image header; entry is not load."""
    raw = bytearray(guest("hello").read_bytes())
    assert raw[56:60] == b"RSC\x05"
    raw[48:64] = bytes(16)
    path = WORK / f"{name}.raw"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x13\0\0\0" * 1024 + bytes(raw))
    image = Image("raw", path, load=0x80200000 - 4096, entry=0x80200000)
    with Machine(name, bundle(name, [Vm("vm", image)])) as m:
        say_hello_and_end(m)


def test_firmware_image_alone(name):
    """OpenSBI, hartvisor and the bundle in one file."""
    image = firmware(name, hello_bundle(name))
    with Machine(name, kernel=None, args=["-bios", image]) as m:
        m.expect("HELLO nproc=1")  # no command line, and so no prefix
        m.send_line("quit")
        m.expect_line("hartvisor", "all VMs have ended; powering off")
        m.expect_end()


@pytest.mark.parametrize("cpu", ["rv64", "rv64,sstc=off", "rv64,v=on", "max"])
def test_cpu_models(name, cpu):
    with Machine(name, hello_bundle(name, cpus=3), cpu=cpu) as m:
        say_hello_and_end(m, nproc=3)


def test_many_vms(name):
    vms = [Vm(f"vm-{i}", guest("hello"), memory=32 * MIB) for i in range(1, 10)]
    with Machine(name, bundle(name, vms)) as m:
        m.expect_lines({vm.name: "HELLO" for vm in vms})
        for i, vm in enumerate(vms, start=1):
            m.focus(i, vm.name)
            m.ping(vm.name, f"hello {vm.name}")
        for i, vm in enumerate(vms, start=1):
            m.focus(i, vm.name)
            m.send_line("quit")
            m.expect_line("hartvisor", f"{vm.name}: powered off")
        m.expect_end()


# --- kicks: by the firmware, or by an ACLINT's SSWI -------------------------------------------------

SSWI = "/soc/sswi@2f00000"


def run_ipis(name, harts, machine="virt,aclint=on", said=None, bootargs="n=1000 awake=10 storm=1000", cpus=0, args=(),
             timeout=TIMEOUT):
    """Guest ipi on all harts. @said: what hartvisor has to say while it starts."""
    vms = [Vm("vm", guest("ipi"), cpus=cpus or 2 * harts, bootargs=bootargs)]
    with Machine(name, bundle(name, vms), smp=harts, machine=machine, args=args) as m:
        if said:
            m.expect_line("hartvisor", said)
        m.expect_line("hartvisor", f"{harts} of {harts} harts run")
        m.expect_passed("vm", "ipi", timeout=timeout)
        m.expect_end()


@pytest.mark.parametrize("machine, said, by_firmware", [
    ("virt", None, True),
    ("virt,aclint=on", f"kicks: by ACLINT SSWI {SSWI} to 2 of 2 harts", False),
], ids=["sbi", "sswi"])
def test_kicks_go_through_the_firmware_only_where_they_have_to(name, machine, said, by_firmware):
    """An IPI that the firmware sends is a machine software interrupt, which QEMU traces."""
    trace = WORK / f"{name}.trace"
    run_ipis(name, 2, machine, said, args=["-trace", "riscv_trap", "-D", trace])
    kicks = trace.read_text().count("m_software")
    print(f"{kicks} machine software interrupts")
    # OpenSBI starts harts by them.
    assert kicks > 1000 if by_firmware else kicks < 20


@pytest.mark.parametrize("harts, boot_hart", [(4, 0), (3, 2)])
def test_sswi_of_several_harts(name, harts, boot_hart):
    tree = device_tree_with_boot_hart(name, boot_hart, harts, "virt,aclint=on")
    run_ipis(name, harts, said=f"kicks: by ACLINT SSWI {SSWI} to {harts} of {harts} harts", args=["-dtb", tree])


def hart_intc(tree, hart):
    return fdtget(tree, f"/cpus/cpu@{hart}/interrupt-controller", "phandle")


def test_sswi_of_some_harts(name):
    tree = device_tree(name, 3, "virt,aclint=on")
    run_tool(["fdtput", "-t", "x", tree, SSWI, "interrupts-extended", hart_intc(tree, 0), "1", hart_intc(tree, 1), "1"])
    run_ipis(name, 3, said="to 2 of 3 harts", args=["-dtb", tree])


@pytest.mark.parametrize("base, said", [
    ("2000000", "SETSSIP at 0x2000000 has to be there and open to supervisor mode: a store faults"),  # the MSWI
    ("2f00008", "SETSSIP at 0x2f00008 has to raise sip.SSIP of hart 0: it does not"),  # behind the last hart's
], ids=["closed", "deaf"])
def test_sswi_that_is_none(name, base, said):
    tree = device_tree_with_boot_hart(name, 0, 2, "virt,aclint=on")
    run_tool(["fdtput", "-t", "x", tree, SSWI, "reg", "0", base, "0", "4000"])
    run_ipis(name, 2, said=f"{SSWI}: reg: {said}; kicks go by SBI", args=["-dtb", tree])


@pytest.mark.long
@pytest.mark.parametrize("harts, thread", [(2, "multi"), (4, "multi"), (4, "single")])
def test_sswi_loses_no_kick(name, harts, thread):
    for cpus in (harts, 2 * harts):
        run_ipis(f"{name}-{cpus}", harts, cpus=cpus, bootargs=f"n={1000000 // cpus} awake=20 storm=20000",
                 args=["-accel", f"tcg,thread={thread}"], timeout=7200)
