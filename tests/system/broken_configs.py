# SPDX-License-Identifier: BSD-2-Clause
"""Bundles that are wrong in one thing each, and what hartvisor says of it.

BROKEN is a list of Broken. For each, the harness writes `its` to a file with {GOOD_KERNEL} replaced
by the path of a bare-metal guest's .bin (linked to 0x80200000), makes a bundle of it by `tool`, passes the bundle's bytes through `mutate` if there is one, and boots it.
All fragments of `expect` must then stand in one line of the log. `good_boots`: the VM "good" beside
the bad one runs; False: hartvisor has nothing to run, and says so and stops.

tools: "mkimage": mkimage -f X.its X.itb; "mkimage -E": with external data; "dtc": dtc -I dts -O dtb, for
what mkimage would itself refuse.
"""

from __future__ import annotations

import random
import struct
import subprocess
from dataclasses import dataclass, field
from typing import Callable, Optional

from packed import LZ4_HEADER, by_gzip, elf, lz4_plain, zboot

LAN = 'networks { lan { compatible = "hartvisor,switch"; }; };'
BAD = "config: /configurations/test/bad: "
NODE = "config: /configurations/test/bad/"


@dataclass(frozen=True)
class Broken:
    name: str
    its: str
    expect: list = field(default_factory=list)
    good_boots: bool = True
    tool: str = "mkimage"
    mutate: Optional[Callable[[bytes], bytes]] = None


GOOD_VM = """
            good {
                compatible = "hartvisor,vm";
                cpus = <1>;
                memory = <0x0 0x2000000>;
                kernel = "payload";
            };
"""


def its(bad: str, images: str = "", default: str = "test", name: str = "bad", after: str = "") -> str:
    """A bundle with "good" and, before it, a VM node @name that holds @bad."""
    return f"""/dts-v1/;
/ {{
    description = "broken: see broken_configs.py";
    #address-cells = <1>;
    images {{
        payload {{
            description = "a bare-metal guest";
            data = /incbin/("{{GOOD_KERNEL}}");
            type = "kernel";
            arch = "riscv";
            os = "linux";
            compression = "none";
            load = <0x80200000>;
            entry = <0x80200000>;
        }};
        {images}
    }};
    configurations {{
        default = "{default}";
        test {{
            compatible = "hartvisor,config";
            {name} {{ {bad} }};
            {GOOD_VM}
            {after}
        }};
    }};
}};
"""


def vm(cpus="cpus = <1>;", memory="memory = <0x0 0x2000000>;", kernel='kernel = "payload";', more=""):
    return f'compatible = "hartvisor,vm"; {cpus} {memory} {kernel} {more}'


def image(name: str, data: str, kind: str = "kernel", compression: str = "none", more: str = "",
          arch: str = "riscv") -> str:
    load = "load = <0x80200000>; entry = <0x80200000>;" if kind == "kernel" and not more else more
    return f"""
        {name} {{
            description = "{name}";
            {data}
            type = "{kind}";
            arch = "{arch}";
            os = "linux";
            compression = "{compression}";
            {load}
        }};"""


def words(*values: int) -> str:
    return "data = <" + " ".join(hex(v) for v in values) + ">;"


# A RISC-V Image header: text_offset, image_size, "RSC\x05".
def linux_header(text_offset: int, image_size: int) -> str:
    raw = struct.pack("<IIQQQIIQQ4sI", 0x0000006F, 0, text_offset, image_size, 0, 2, 0, 0, 0, b"RSC\x05", 0)
    return "data = [" + raw.hex() + "];"


# An arm64 Image has its magic at the same place.
ARM64 = "data = [" + (b"\0" * 56 + b"ARM\x64" + b"\0" * 8).hex() + "];"


def dtb(source: str) -> str:
    """The `data` of an image: @source, compiled as a plain tree, so that an overlay has to be written out."""
    tree = subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb"], input=f"/dts-v1/; / {{ {source} }};".encode(),
                          capture_output=True, check=True).stdout
    return "data = [" + tree.hex() + "];"


def overlay(source: str) -> str:
    """A bundle whose bad VM has the overlay @source."""
    return its(vm(more='fdt = "dt";'), image("dt", dtb(source), "flat_dt"))


def fragment(target: str, source: str, child: str = "__overlay__") -> str:
    return f'fragment@0 {{ target-path = "{target}"; {child} {{ {source} }}; }};'


REFUSED = 'bad: the device tree overlay "dt" cannot be applied: '


def deep(levels: int) -> str:
    return "d { " * levels + "};" * levels


def cut(keep: float) -> Callable[[bytes], bytes]:
    return lambda itb: itb[: int(len(itb) * keep)]


def put_u32(offset: int, value: int) -> Callable[[bytes], bytes]:
    return lambda itb: itb[:offset] + struct.pack(">I", value) + itb[offset + 4 :]


def structure_offset(itb: bytes) -> int:
    return struct.unpack(">I", itb[8:12])[0]


def endless_structure(itb: bytes) -> bytes:
    """The first node has no name any more and begins again and again: the tree "contains itself"."""
    at = structure_offset(itb)
    return itb[: at + 8] + struct.pack(">II", 1, 0) * 64 + itb[at + 8 + 64 * 8 :]


def raw(data: bytes) -> str:
    return "data = [" + data.hex() + "];"


# 5000 bytes that no compressor makes much smaller, and in other forms.
PAYLOAD = random.Random(1).randbytes(5000)
GZIP = by_gzip(PAYLOAD)
RAM = 0x80200000
ELF = [(RAM, RAM, PAYLOAD, 5000)]
DISK = image("d", raw(PAYLOAD), "filesystem")


def packed(name: str, data: str, says: str, by: str = "gzip", said: str = "") -> Broken:
    """A bad VM whose kernel is compressed @by, which its property says, or says @said."""
    return Broken(f"kernel-{name}", its(vm(kernel='kernel = "k";'), image("k", data, "kernel", said or by)),
                  [BAD + f'kernel "k": compressed by {by}: {says}'])


def elf_kernel(name: str, data: bytes, says: str) -> Broken:
    return Broken(f"kernel-elf-{name}", its(vm(kernel='kernel = "elf";'), image("elf", raw(data))),
                  [BAD + f'kernel "elf": {says}'])


BROKEN = [
    Broken("kernel-missing", its(vm(kernel="")), [BAD + "kernel is missing", "image below /images"]),
    Broken("kernel-unknown", its(vm(kernel='kernel = "linix";')),
           [BAD + 'kernel = "linix": no such image; there are payload']),
    Broken("kernel-number", its(vm(kernel="kernel = <7>;")), [BAD + "kernel = <7>: must be the name"]),
    Broken("kernel-is-a-ramdisk",
           its(vm(kernel='kernel = "rd";'), image("rd", words(1, 2), "ramdisk")),
           [BAD + 'kernel = "rd"', 'type = "ramdisk": must be "kernel"']),
    Broken("kernel-without-data", its(vm(kernel='kernel = "none";'), image("none", "")),
           [BAD + 'kernel = "none"', "has no data"], tool="dtc"),
    Broken("kernel-empty", its(vm(kernel='kernel = "none";'), image("none", "data;")),
           [BAD + 'kernel = "none"', "is empty (0 bytes)"], tool="dtc"),
    Broken("kernel-bzip2", its(vm(kernel='kernel = "bz";'), image("bz", words(1, 2), "kernel", "bzip2")),
           [BAD + 'kernel = "bz"', 'compression = "bzip2": must be "none", "gzip" or "lz4"']),
    packed("gzip-is-none", words(1, 2), "it is not: its first bytes are others"),
    packed("gzip-unsaid", words(0x1F8B0800, 0), "cut short", said="none"),
    packed("gzip-truncated", raw(GZIP[:2000] + GZIP[-4:]), "cut short"),
    packed("gzip-corrupt", raw(GZIP[:600] + bytes(200) + GZIP[800:]), "damaged"),
    packed("gzip-wrong-crc", raw(GZIP[:-8] + b"1234" + GZIP[-4:]), "damaged: its checksum is wrong"),
    packed("gzip-twice", raw(GZIP + GZIP), "something is behind its end: must be one gzip file alone"),
    packed("gzip-bomb", raw(by_gzip(bytes(64 << 20))), "needs 67108864 bytes, 35651584 more than bad's memory leaves"),
    packed("gzip-bomb-lies", raw(by_gzip(bytes(64 << 20))[:-4] + struct.pack("<I", 5000)),
           "unpacks to more than its last four bytes say"),
    packed("lz4-truncated", raw(lz4_plain(PAYLOAD)[:-5]), "cut short", by="lz4"),
    packed("lz4-corrupt", raw(LZ4_HEADER + struct.pack("<I", 9) + b"\x10x\xff\xff" + bytes(9)), "damaged: no valid LZ4 data",
           by="lz4"),
    packed("lz4-rubbish", raw(lz4_plain(PAYLOAD) + b"rubbish"), "something is behind its end", by="lz4"),
    packed("lz4-bomb", raw(lz4_plain(PAYLOAD)[:-4] + (struct.pack("<I", 1) + b"\0") * 1000 + bytes(4)),
           "needs 65541000 bytes, 34083720 more than bad's memory leaves", by="lz4"),
    Broken("ramdisk-gzip-corrupt",
           its(vm(more='ramdisk = "rd";'), image("rd", raw(GZIP[:-8] + b"1234" + GZIP[-4:]), "ramdisk", "gzip")),
           [BAD + 'ramdisk "rd": compressed by gzip: damaged: its checksum is wrong']),
    Broken("fdt-gzip", its(vm(more='fdt = "dt";'), image("dt", raw(GZIP), "flat_dt", "gzip")),
           [BAD + 'fdt = "dt": /images/dt: compression = "gzip": must be "none" here']),
    Broken("kernel-zboot-zstd", its(vm(kernel='kernel = "z";'), image("z", raw(zboot(GZIP, b"zstd22")))),
           [BAD + 'kernel "z": an EFI zboot image: must have its kernel packed by gzip or lz4']),
    Broken("kernel-zboot-truncated", its(vm(kernel='kernel = "z";'), image("z", raw(zboot(GZIP)[:-1000]))),
           [BAD + 'kernel "z": an EFI zboot image that is cut short']),
    elf_kernel("machine", elf(ELF, RAM, machine=62), "an ELF file for another machine: must be for riscv64"),
    elf_kernel("relocatable", elf(ELF, RAM, kind=1), "an ELF file that is not linked: must be an executable"),
    elf_kernel("truncated", elf(ELF, RAM)[:-1], "an ELF file that is cut short"),
    elf_kernel("overlap", elf(ELF + ELF, RAM), "a damaged ELF file: two segments overlap at their physical addresses"),
    elf_kernel("entry", elf(ELF, RAM - 2), "an ELF file whose entry point lies in none of its segments"),
    elf_kernel("outside-ram", elf([(RAM, 0xffffffff80000000, PAYLOAD, 5000)], RAM),
               "an ELF segment at = <0xffffffff80000000>: must be 0x80000000 to 0x81ffffff"),
    elf_kernel("too-large", elf([(RAM, RAM, PAYLOAD, 0x3000000)], RAM), "needs 50331648 bytes, 18874368 more"),
    Broken("kernel-arm64", its(vm(kernel='kernel = "arm";'), image("arm", ARM64)),
           [BAD + 'kernel "arm": an Image for arm64', "riscv64"]),
    Broken("arch-arm64", its(vm(kernel='kernel = "arm";'), image("arm", words(1), arch="arm64")),
           [BAD + 'kernel = "arm"', 'arch = "arm64": must be "riscv"']),
    Broken("load-outside-ram",
           its(vm(kernel='kernel = "low";'), image("low", words(0x13), more="load = <0x1000>; entry = <0>;")),
           [BAD + 'kernel "low": load = <0x1000>: must be 0x80000000 to 0x81ffffff']),
    Broken("entry-outside-image",
           its(vm(kernel='kernel = "off";'),
               image("off", words(0x13), more="load = <0x80200000>; entry = <0x80300000>;")),
           [BAD + 'kernel "off": entry = <0x80300000>: must be 0x80200000 to 0x80200003']),
    Broken("image-over-the-end",
           its(vm(kernel='kernel = "far";'),
               image("far", words(1, 2, 3, 4), more="load = <0x81fffff8>; entry = <0>;")),
           [BAD + 'kernel "far": needs 16 bytes, 8 more than bad\'s memory leaves']),
    Broken("image-larger-than-memory",
           its(vm(kernel='kernel = "big";'), image("big", linux_header(0x200000, 0x2000000))),
           [BAD + 'kernel "big": needs 33554432 bytes, 2097152 more than bad\'s memory leaves']),
    Broken("image-leaves-no-room",
           its(vm(kernel='kernel = "big";'), image("big", linux_header(0x200000, 0x1E00000))),
           [BAD + "device tree: needs 2097152 bytes, 2097152 more than bad's memory leaves"]),
    Broken("cpus-zero", its(vm(cpus="cpus = <0>;")), [BAD + "cpus = <0>: must be 1 to 64"]),
    Broken("cpus-too-many", its(vm(cpus="cpus = <65>;")), [BAD + "cpus = <65>: must be 1 to 64"]),
    Broken("cpus-two-cells", its(vm(cpus="cpus = <0 2>;")), [BAD + "cpus = <0 2>: must be 1 to 64"]),
    Broken("memory-zero", its(vm(memory="memory = <0 0>;")),
           [BAD + "memory = <0 0>", "multiple of 2 MiB", "from 16 MiB"]),
    Broken("memory-odd", its(vm(memory="memory = <0x0 0x2001000>;")),
           [BAD + "memory = <0 0x2001000>", "multiple of 2 MiB"]),
    Broken("memory-string", its(vm(memory='memory = "32M";')),
           [BAD + 'memory = "32M": must be a number of bytes']),
    Broken("memory-beyond-a-tebibyte", its(vm(memory="memory = <0x1000 0x0>;")),
           [BAD + "memory = <4096 0>", "1 TiB"]),
    # More than the machine has: found only when the VM is made.
    Broken("memory-more-than-the-machine", its(vm(memory="memory = <0x40 0x0>;")), [BAD + "memory = 262144 MiB: only "]),
    Broken("property-unknown", its(vm(more="virtio-disks = <3>;")),
           [BAD + "virtio-disks = <3>: unknown, allowed: compatible, description"]),
    Broken("property-misspelt", its(vm(memory="memroy = <0x0 0x2000000>;")),
           [BAD + "memroy = <0 0x2000000>: unknown, did you mean memory?"]),
    Broken("on-crash-wrong", its(vm(more='on-crash = "reboot";')),
           [BAD + 'on-crash = "reboot": must be "stop" or "restart"']),
    Broken("on-poweroff-wrong", its(vm(more='on-poweroff = <1>;')),
           [BAD + 'on-poweroff = <1>: must be "stop" or "restart"']),
    Broken("autostart-wrong", its(vm(more='autostart = "yes";')),
           [BAD + 'autostart = "yes": must be 0 or 1 (one cell)']),
    Broken("boot-priority-wrong", its(vm(more='boot-priority = <256>;')),
           [BAD + "boot-priority = <256>: must be 0 to 255 (one cell)"]),
    Broken("affinity-beyond-63", its(vm(more="affinity = <0 64>;")),
           [BAD + "affinity = <0 64>: must be a list of host cpus, each 0 to 63"]),
    Broken("bootargs-two-strings", its(vm(more='bootargs = "a", "b";')),
           [BAD + "bootargs = ", "must be one string"]),
    Broken("fdt-no-tree", its(vm(more='fdt = "dt";'), image("dt", words(1, 2, 3), "flat_dt")),
           [BAD + 'fdt = "dt": not a flattened device tree']),
    Broken("fdt-whole-tree", overlay('compatible = "riscv-virtio"; soc { serial@10000000 { }; };'),
           [REFUSED + "/soc: has no child __overlay__, as in a whole device tree"]),
    Broken("fdt-child-overlay", overlay(fragment("/soc", 'p = "x";', child="overlay")),
           [REFUSED + "/fragment@0/overlay: would not be applied: must be called __overlay__"]),
    Broken("fdt-misspelt-overlay", overlay(fragment("/soc", 'p = "x";', child="__overlay_")),
           [REFUSED + "/fragment@0/__overlay_: would not be applied"]),
    Broken("fdt-empty", overlay(fragment("/soc", "")), [REFUSED + "it changes nothing"]),
    Broken("fdt-target-without-address", overlay(fragment("/soc/serial", 'status = "disabled";')),
           [REFUSED + '/fragment@0: target-path = "/soc/serial": must be a node', "did you mean serial@10000000?"]),
    Broken("fdt-cpu-too-many", overlay(fragment("/cpus", 'cpu@1 { device_type = "cpu"; reg = <1>; };')),
           [REFUSED + "/cpus/cpu@1: reg = <1>: must be a vcpu of the VM, 0 to 0"]),
    Broken("fdt-memory-too-much", overlay(fragment("/", "memory@80000000 { reg = <0 0x80000000 0 0x4000000>; };")),
           [REFUSED + "/memory@80000000: reg = ", "must lie in the VM's RAM, 0x80000000 to 0x81ffffff"]),
    Broken("fdt-second-controller",
           overlay(fragment("/soc", "aplic@d000000 { reg = <0 0xd000000 0 0x8000>; interrupt-controller; };")),
           [REFUSED + "/soc/aplic@d000000: reg = ", "its only one is at 0xc000000"]),
    Broken("fdt-device-in-ram", overlay(fragment("/soc", "disk@81000000 { reg = <0 0x81000000 0 0x1000>; };")),
           [REFUSED + "/soc/disk@81000000: reg = ", "must not lie in the VM's RAM"]),
    Broken("kernel-with-address", its(vm(kernel='kernel = "k";'),
                                      image("k@1", words(1)) + image("k@2", words(2))),
           [BAD + "kernel = ", "no such image; did you mean k@1, k@2?"], tool="dtc"),
    Broken("status-wrong", its(vm(more='status = "disable";')),
           [BAD + 'status = "disable": must be "okay" or "disabled"']),
    Broken("name-hartvisor", its(vm(more='label = "hartvisor";')),
           [BAD + 'label = "hartvisor": the VM\'s name must not be "hartvisor"']),
    Broken("vcpu-of-another-number", its(vm(cpus="cpus = <12>;", more="vcpu@10 { reg = <10>; };")),
           ["config: /configurations/test/bad/vcpu@10: reg = <10>: must be the number in the node's name",
            "vcpu@a"], tool="dtc"),
    Broken("affinity-of-absent-harts", its(vm(more="affinity = <1 2>;")),
           [BAD + "affinity of vcpu 0: none of these harts runs"]),
    Broken("child-node", its(vm(more="disc { };")),
           [NODE + "disc: unknown, allowed as a VM's child nodes: vcpu@N, pmem@N, shared@N, balloon@N, disk@N, console@N, net@N, rng@N"]),
    Broken("slot-twice", its(vm(more="rng@0 { slot = <2>; }; rng@1 { slot = <2>; };")),
           [NODE + "rng@1: slot = <2>: must be free: the slot has a device already"]),
    Broken("slots-used-up", its(vm(more=" ".join(f"rng@{n} {{ }};" for n in range(9)))),
           [NODE + "rng@8: all 8 virtio slots have a device: must be 8 devices at most"]),
    Broken("balloon-twice", its(vm(more="balloon@0 { }; balloon@1 { };")),
           [NODE + "balloon@1: the VM has a balloon already: must be one at most"]),
    Broken("balloon-slot", its(vm(more="balloon@0 { slot = <9>; };")),
           [NODE + "balloon@0: slot = <9>: must be 1 to 8 (one cell)"]),
    Broken("balloon-size", its(vm(more="balloon@0 { size = <9>; };")), [NODE + "balloon@0: size = <9>: unknown, allowed: slot, description, status"]),
    Broken("slot-9", its(vm(more="rng@0 { slot = <9>; };")), [NODE + "rng@0: slot = <9>: must be 1 to 8 (one cell)"]),
    Broken("net-without-switch", its(vm(more="net@0 { };"), after=LAN),
           [NODE + "net@0: switch is missing: must be the name of a node below the configuration's networks, of lan"]),
    Broken("net-of-no-switch", its(vm(more='net@0 { switch = "lam"; };'), after=LAN),
           [NODE + 'net@0: switch = "lam": must be the name of a node below the configuration\'s networks, of lan']),
    Broken("net-without-networks", its(vm(more='net@0 { switch = "lan"; };')),
           [NODE + 'net@0: switch = "lan": must be the name of a node below the configuration\'s networks, which has none']),
    Broken("net-mac-of-a-group", its(vm(more='net@0 { switch = "lan"; mac-address = [03 00 00 00 00 01]; };'), after=LAN),
           [NODE + "net@0: mac-address = [03 00 00 00 00 01]: must be the address of one device: the first byte must be even"]),
    Broken("net-mac-too-short", its(vm(more='net@0 { switch = "lan"; mac-address = [02 00]; };'), after=LAN),
           [NODE + "net@0: mac-address = [02 00]: must be 6 bytes"]),
    Broken("net-mac-twice", its(vm(more=" ".join(f'net@{n} {{ switch = "lan"; mac-address = [02 00 00 00 00 01]; }};' for n in (0, 1))), after=LAN),
           [NODE + "net@1: mac-address = [02 00 00 00 00 01]: must be unique in the network: net@0 of bad has 02:00:00:00:00:01, too"]),
    Broken("net-vlan", its(vm(more='net@0 { switch = "lan"; vlan = <4095>; };'), after=LAN),
           [NODE + "net@0: vlan = <4095>: must be 1 to 4094 (one cell)"]),
    Broken("net-queues", its(vm(more='net@0 { switch = "lan"; queues = <2>; };'), after=LAN),
           [NODE + "net@0: queues = <2>: must be 1 to 1: the VM has no more vcpus"]),
    Broken("network-speed", its(vm(), after='networks { lan { compatible = "hartvisor,switch"; speed = <1000>; }; };'),
           ["config: /configurations/test/networks/lan: speed = <1000>: unknown, allowed: compatible, description, status"]),
    Broken("disk-access", its(vm(more='disk@0 { image = "d"; access = "write"; };'), DISK),
           [NODE + 'disk@0: access = "write": must be "read-only", "overlay" or "read-write"']),
    Broken("disk-read-write-of-an-image", its(vm(more='disk@0 { image = "d"; access = "read-write"; };'), DISK),
           [NODE + 'disk@0: access = "read-write": must be "read-only" or "overlay": an image is never written']),
    Broken("disk-without-image", its(vm(more="disk@0 { };")),
           [NODE + "disk@0: image is missing: must be the name of an image below /images, or else disk that of a node "
            "below the configuration's disks"]),
    Broken("disk-of-nothing", its(vm(more='disk@0 { image = "d"; disk = "e"; };'), DISK),
           [NODE + 'disk@0: disk = "e": must be the name of a node below the configuration\'s disks, which has none']),
    Broken("console-label", its(vm(more='console@0 { label = "a b"; };')), [NODE + 'console@0: label = "a b": must be one string']),
    Broken("pmem-number", its(vm(more='pmem@20 { image = "d"; };'), DISK),
           [NODE + "pmem@20: must be called pmem@N, N from 0 to 1f in hexadecimal"]),
    Broken("pmem-leading-zero", its(vm(more='pmem@01 { image = "d"; };'), DISK),
           [NODE + "pmem@01: must be called pmem@N, N from 0 to 1f in hexadecimal, without leading zeros"], tool="dtc"),
    Broken("pmem-without-image", its(vm(more="pmem@0 { };")),
           [NODE + "pmem@0: image is missing: must be the name of an image below /images"]),
    Broken("pmem-image-unknown", its(vm(more='pmem@0 { image = "e"; };'), DISK),
           [NODE + 'pmem@0: image = "e": no such image; there are payload, d']),
    Broken("pmem-is-a-kernel", its(vm(more='pmem@0 { image = "payload"; };')),
           [NODE + 'pmem@0: image = "payload": /images/payload: type = "kernel": must be "filesystem" here']),
    Broken("pmem-gzip", its(vm(more='pmem@0 { image = "d"; };'), image("d", raw(GZIP), "filesystem", "gzip")),
           [NODE + 'pmem@0: image = "d": /images/d: compression = "gzip": must be "none" here']),
    Broken("pmem-property", its(vm(more='pmem@0 { imag = "d"; image = "d"; };'), DISK),
           [NODE + 'pmem@0: imag = "d": unknown, did you mean image?']),
    Broken("pmem-status", its(vm(more='pmem@0 { image = "d"; status = "off"; };'), DISK),
           [NODE + 'pmem@0: status = "off": must be "okay" or "disabled"']),
    Broken("pmem-five", its(vm(more="".join(f'pmem@{n} {{ image = "d"; }};' for n in range(5))), DISK),
           [NODE + "pmem@4: a VM must have at most 4 pmem nodes"]),
    Broken("deep-tree", its(vm(more=deep(6))), [NODE + "d: unknown, allowed as a VM's child nodes: vcpu@N, pmem@N, shared@N, balloon@N, disk@N, console@N, net@N, rng@N"]),
    Broken("compatible-wrong", its('compatible = "hartvisor,wm"; kernel = "payload";'),
           [BAD + 'compatible = "hartvisor,wm": must be "hartvisor,vm"']),
    Broken("name-with-blank", its(vm(more='label = "my vm";')),
           [BAD + 'label = "my vm": must be 1 to 31 characters']),
    Broken("name-with-address", its(vm(), name="bad@1"),
           ["config: /configurations/test/bad@1: the node's name is the VM's"]),
    Broken("name-taken", its(vm(), name="bad", after="again { " + vm(more='label = "good";') + " };"),
           ['config: /configurations/test/again: label = "good": the name good is taken by '
            "/configurations/test/good"]),
    Broken("default-unknown", its(vm(), default="tset"),
           ['config: /configurations: default = "tset"', "there are test"], good_boots=False, tool="dtc"),
    Broken("default-with-address", its(vm(), default="tes").replace("test {", "tes@1 {"),
           ['config: /configurations: default = ', "must name a configuration; did you mean tes@1?"],
           good_boots=False, tool="dtc"),
    Broken("all-disabled", '/dts-v1/;\n/ { images { }; configurations { test { compatible = "hartvisor,config";'
           ' one { compatible = "hartvisor,vm"; status = "disabled"; }; }; }; };\n',
           ['config: /configurations/test: no VM: must have at least one node', "that is not disabled"],
           good_boots=False, tool="dtc"),
    Broken("no-configurations",
           '/dts-v1/;\n/ { images { p { data = /incbin/("{GOOD_KERNEL}"); }; }; };\n',
           ["config: the bundle has no /configurations"], good_boots=False, tool="dtc"),
    Broken("no-vm",
           '/dts-v1/;\n/ { images { }; configurations { test { compatible = "hartvisor,config"; }; }; };\n',
           ["config: /configurations/test: no VM"], good_boots=False, tool="dtc"),
    Broken("config-not-ours",
           '/dts-v1/;\n/ { images { }; configurations { conf-1 { kernel = "k"; fdt = "f"; }; }; };\n',
           ["config: /configurations/conf-1: compatible = ", 'must be "hartvisor,config"'],
           good_boots=False, tool="dtc"),
    Broken("too-deep-tree", its(vm(more=deep(40))), ["bundle: no usable FIT image"], good_boots=False,
           tool="dtc"),
    Broken("truncated", its(vm()), ["bundle: no usable FIT image"], good_boots=False, mutate=cut(0.5)),
    Broken("truncated-header", its(vm()), ["bundle: no usable FIT image"], good_boots=False,
           mutate=lambda itb: itb[:20]),
    Broken("bad-magic", its(vm()), ["bundle: no usable FIT image"], good_boots=False,
           mutate=put_u32(0, 0x12345678)),
    Broken("total-size-wild", its(vm()), ["bundle: no usable FIT image"], good_boots=False,
           mutate=put_u32(4, 0x7FFFFFFF)),
    Broken("structure-outside", its(vm()), ["bundle: no usable FIT image"], good_boots=False,
           mutate=put_u32(8, 0xFFFFFFF0)),
    Broken("structure-is-the-header", its(vm()), ["bundle: no usable FIT image"], good_boots=False,
           mutate=put_u32(8, 0)),
    Broken("strings-outside", its(vm()), ["bundle: no usable FIT image"], good_boots=False,
           mutate=put_u32(12, 0xFFFFFFF0)),
    Broken("tree-in-itself", its(vm()), ["bundle: no usable FIT image"], good_boots=False,
           mutate=endless_structure),
    Broken("not-a-tree", its(vm()), ["bundle: no usable FIT image"], good_boots=False,
           mutate=lambda itb: b"\x7fELF" + bytes(4096)),
    # The bad VM's ramdisk is the last image of the file, and half of it is gone.
    Broken("external-data-truncated",
           its(vm(more='ramdisk = "rd";'), image("rd", words(*range(256)), "ramdisk")),
           [BAD + 'ramdisk = "rd"', "data-offset = ", "is it cut short?"], tool="mkimage -E",
           mutate=lambda itb: itb[:-512]),
]
