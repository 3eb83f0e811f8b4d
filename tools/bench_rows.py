# SPDX-License-Identifier: BSD-2-Clause
"""The benchmark's rows and goals, and the machines that give them. Starts nothing (bench_run.py does)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

MIB = 1 << 20
ONE, PAIR, HARTS, FENCES, SCALE, SWITCH, IDLE, RUNNING, BOOT, VIRTIO, HOST, NET = range(1, 13)  # enum bench_set


# --- what is measured -----------------------------------------------------------------------------

@dataclass
class Row:
    name: str
    what: str
    goal: Optional[float] = None
    unit: str = "instructions"
    noted: bool = False  # said, not compared: it measures the emulator's turns


ROWS = [
    Row("sbi-nop", "SBI call that does nothing", 70),
    Row("sbi-probe", "SBI probe_extension"),
    Row("sbi-unknown", "SBI unknown extension", 100),
    Row("sbi-set-timer", "SBI set_timer, far ahead", 75),
    Row("hsm-status", "HSM status of itself"),
    Row("ipi-self", "IPI to itself, taken and cleared", 90),
    Row("sfence-self", "remote_sfence_vma of a page to itself", 130),
    Row("sfence-all-self", "remote_sfence_vma of everything to itself"),
    Row("fencei-self", "remote fence.i to itself", 200),
    Row("timer-wfi", "timer interrupt out of WFI: lateness", 600),
    Row("csr-trap", "trapped CSR access, to the guest's own handler", 180),
    Row("csr-illegal", "CSR that does not exist, likewise"),
    Row("fault-nowhere", "load from an address without memory, likewise"),
    Row("wrs-nto", "WRS.NTO that no vcpu gains by; its fetch by HLVX"),
    Row("uart-read", "ns16550 register read", 200),
    Row("uart-read-saved", "likewise, into a register that C keeps", 200),
    Row("uart-read-short", "likewise, by a compressed instruction", 200),
    Row("uart-read-64", "likewise, of 64 vcpus", 200),
    Row("uart-write", "ns16550 register write"),
    Row("plic-claim-complete", "PLIC claim and complete", 600),
    Row("plic-100-enabled", "likewise, 100 sources enabled"),
    Row("virtio-register", "virtio-mmio register read"),
    Row("virtio-notify", "virtio notification of nothing"),
    Row("virtio-ack", "virtio interrupt acknowledged that is not there"),
    Row("disk-read-4k-exit", "virtio-blk read of 4 KiB, image in memory: up to the instruction behind the notification, interrupt pending", 2000),
    Row("disk-read-4k", "likewise, with its acknowledgement", 2000),
    Row("disk-read-4k-32", "likewise, 32 at once, each", 2000),
    Row("host-read-4k", "virtio-blk read of 4 KiB, disk of the machine: notified, both interrupts, acknowledged", 1500),
    Row("host-read-4k-taken", "likewise, with the guest's claim and completion"),
    Row("host-read-4k-32", "likewise, 32 at once, each", 1500),
    Row("net-1500", "packet of 1,500 bytes to another device: notified, copied, acknowledged", 1500),
    Row("net-1500-32", "likewise, 32 at once, each", 1500),
    Row("net-1500-32-apart", "likewise, where packet and buffer are not aligned alike"),
    Row("net-64k", "TCP packet of 64 KiB to a device that takes it whole", 25000),
    Row("page-first-touch", "first touch of a 4 KiB page", 4),
    Row("dbcn-1", "DBCN write of 1 byte"),
    Row("dbcn-64", "DBCN write of 64 bytes"),
    Row("ipi-pingpong-2-harts", "IPI ping-pong, 2 harts, both in WFI", 3000),
    Row("ipi-pingpong-2-harts-sswi", "likewise, with an ACLINT SSWI", 1800),
    Row("ipi-pingpong-1-hart", "IPI ping-pong, 2 vcpus, 1 hart", 1300),
    Row("ipi-preempted", "IPI to a preempted sibling"),
    Row("fence-asleep", "fence to a sibling asleep, 1 hart", 250),
    Row("fence-preempted", "fence to a preempted sibling, 1 hart"),
    Row("fence-asleep-2-harts", "fence to a sibling asleep, 2 harts"),
    Row("rfence-1-blocked", "fence to 1 sibling asleep, of 7"),
    Row("rfence-3-blocked", "fence to 3 siblings asleep"),
    Row("rfence-7-blocked", "fence to 7 siblings asleep"),
    Row("rfence-1-preempted", "fence to 1 preempted sibling, of 7"),
    Row("rfence-3-preempted", "fence to 3 preempted siblings"),
    Row("rfence-7-preempted", "fence to 7 preempted siblings"),
    Row("rfence-1-running", "fence to 1 running sibling, 8 harts (turns)", noted=True),
    Row("rfence-3-running", "fence to 3 running siblings, 8 harts (turns)", noted=True),
    Row("rfence-7-running", "fence to 7 running siblings, 8 harts (turns)", noted=True),
    Row("hsm-start", "HSM start to its first instruction, 2 harts"),
    Row("hsm-start-1-hart", "HSM start to its first instruction, 1 hart"),
    Row("pv-wait-kick", "PV_WAIT and KICK_CPU, there and back, 1 hart"),
    Row("pv-kick-halted", "KICK_CPU to the halted sibling's first instruction", 650),
    Row("pv-kick-preempted", "KICK_CPU to the preempted sibling's first instruction"),
    Row("pv-kick-self", "KICK_CPU of itself, remembered"),
    Row("yield-to", "YIELD_TO to the sibling's first instruction"),
    Row("switch-2", "switch between 2 vcpus of a VM", 850),
    Row("switch-8", "switch among 8 vcpus of a VM"),
    Row("switch-64", "switch among 64 vcpus of a VM"),
    Row("switch-512", "switch among 8 VMs of 64 vcpus"),
    Row("switch-vms", "switch between 2 VMs"),
    Row("wake-2", "IPI that wakes, until it runs: 2 vcpus, 1 hart", 650),
    Row("wake-8", "likewise, 6 others asleep"),
    Row("wake-64", "likewise, 62 others asleep"),
    Row("wake-512", "likewise, 510 others asleep in 8 VMs"),
    Row("fence-all-2", "fence to all: 2 vcpus, asleep"),
    Row("fence-all-8", "fence to all: 8 vcpus"),
    Row("fence-all-64", "fence to all: 64 vcpus"),
    Row("fence-all-512", "fence to all: 64 vcpus, and 7 such VMs"),
    Row("boot-first", "reset to the guest's first instruction, 64 MiB"),
    Row("boot-first-linux", "reset to Linux's first instruction, 256 MiB"),
    Row("linux-init", "Linux's entry to /init"),
    Row("linux-init-2-vcpus", "likewise, 2 vcpus on 1 hart, to native's one"),
    Row("image", "hartvisor.bin without the libraries of the next two", 144 << 10, "bytes"),
    Row("image-crypto", "what BearSSL takes of it", None, "bytes"),
    Row("image-unpack", "what zlib and lz4 take of it", None, "bytes"),
    Row("bss", "its .bss", None, "bytes"),
    Row("memory-0", "own memory without a VM (from 1 and 2)", None, "KiB"),
    Row("memory-1", "own memory with 1 VM of 1 vcpu", 500, "KiB"),
    Row("memory-2", "own memory with 2 VMs", None, "KiB"),
    Row("memory-64", "own memory with 64 VMs", None, "KiB"),
    Row("per-vcpu", "memory of one more vcpu", None, "bytes"),
]
# Goals that are ratios to native.
RATIO_GOALS = {"linux-init": 1.02}


# --- machines -------------------------------------------------------------------------------------

@dataclass
class Run:
    """One boot. @vms: sets of boot arguments, one a VM; natively the first is the machine's."""
    name: str
    args: list
    cpus: int = 1
    harts: int = 1
    more: str = ""
    ends: int = 1  # BENCH-END lines to wait for
    mem: str = "1G"
    memory: int = 64 * MIB
    native: bool = False
    machine: str = "virt"
    prefix: dict = field(default_factory=dict)  # row in the output -> row here
    images: dict = field(default_factory=dict)  # of the bundle: name to bytes
    networks: tuple = ()
    disk: bytes = b""  # a disk of the machine, which the bundle calls "host"
    others: bool = True  # the rows that prefix does not name are wanted, too
    split: bool = False  # once more with a trace, for the rows of SPLITS


def scaled(n: int) -> dict:
    return {"switch": f"switch-{n}", "wake": f"wake-{n}", "fence-all": f"fence-all-{n}"}


SLICE = "slice-us = <100>;"
RUNS = [
    Run("one", [f"set={ONE}"], split=True),
    Run("one-native", [f"set={ONE}"], native=True),
    Run("one-64", [f"set={ONE}"], cpus=64, prefix={"uart-read": "uart-read-64"}, others=False),
    Run("virtio", [f"set={VIRTIO}"], more='disk@0 { image = "disk"; };', images={"disk": b"h" * (1 << 20)}),
    Run("host", [f"set={HOST}"], more='disk@0 { disk = "host"; };', disk=b"h" * (1 << 20)),
    Run("net", [f"set={NET}"], more='net@0 { switch = "lan"; }; net@1 { switch = "lan"; };', networks=("lan",)),
    Run("pair", [f"set={PAIR}"], cpus=2, split=True),
    Run("harts", [f"set={HARTS}"], cpus=2, harts=2),
    Run("harts-sswi", [f"set={HARTS}"], cpus=2, harts=2, machine="virt,aclint=on",
        prefix={"ipi-pingpong-2-harts": "ipi-pingpong-2-harts-sswi"}, others=False),
    Run("harts-native", [f"set={HARTS}"], harts=2, native=True),
    Run("fences", [f"set={FENCES}"], cpus=8),
    Run("running", [f"set={RUNNING}"], cpus=8, harts=8),
    Run("running-native", [f"set={RUNNING}"], harts=8, native=True),
    *[Run(f"switch-{n}", [f"set={SWITCH}"], cpus=n, more=SLICE, prefix=scaled(n), split=n == 2)
      for n in (2, 8, 64)],
    *[Run(f"scale-{n}", [f"set={SCALE}"], cpus=n, prefix=scaled(n), split=n == 2) for n in (2, 8, 64)],
    # 512 vcpus have come to sleep after some 100 ms.
    Run("scale-512", [f"set={SCALE} warm=200"] + [f"set={IDLE}"] * 7, cpus=64, mem="2G",
        memory=16 * MIB, prefix=scaled(512)),
    Run("switch-vms", [f"set={SWITCH} stay=1 warm=50"] * 2, more=SLICE, ends=2),
    Run("switch-512", [f"set={SWITCH} stay=1 late=200 warm=1200 samples=256"] * 8, cpus=64, more=SLICE, ends=8, mem="2G",
        memory=16 * MIB),
]

# --- where the instructions go (bench_split.py) -----------------------------------------------------

# Rows, and how often a batch has the operation (tests/bench); 0: each exit is one.
SPLITS = {"sbi-nop": 100, "sbi-probe": 100, "sbi-set-timer": 100, "ipi-self": 100, "sfence-self": 100, "csr-trap": 100,
          "wrs-nto": 100, "uart-read": 100, "uart-read-saved": 100, "uart-write": 100, "plic-claim-complete": 100,
          "fence-asleep": 20, "ipi-pingpong-1-hart": 50, "wake-2": 40, "switch-2": 0}

# Group, what it is, and the beginnings of its files' paths. A function belongs to where its file is; what the compiler
# put into another function belongs to that.
GROUPS = [
    ("vector", "`hyp/arch/switch.S`: registers out of and into the guest, and the CSRs that say why it left",
     ("hyp/arch/switch.S", "hyp/arch/fpu.S")),
    ("run", "`hyp/run`: the fast path, and the run loop where an exit does not end in it", ("hyp/run/",)),
    ("sbi", "`hyp/sbi`: the calls", ("hyp/sbi/",)),
    ("vcpu", "`hyp/vcpu`: requests, halts, kicks, state that is loaded and saved", ("hyp/vcpu/",)),
    ("sched", "`hyp/sched`: queues, loans, time that is accounted", ("hyp/sched/",)),
    ("devices", "`hyp/dev`, `hyp/irqchip`", ("hyp/dev/", "hyp/irqchip/")),
    ("other", "the rest of `hyp/arch`, and `hyp/lib`, `hyp/mm`, `platform`", ()),
]
