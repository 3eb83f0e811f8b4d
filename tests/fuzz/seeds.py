#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write seeds for the fuzzers: inputs with the structure that their targets expect.

usage: seeds.py FOLDER

They are made of what the tree has already: dts/*.its, the wrong bundles of tests/system, the tables of unit tests; and
of the device trees that QEMU makes for its machines. FOLDER/TARGET/* are the seeds of a target. A tool that is missing
costs only the seeds that it makes.
"""

import hashlib
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, "tests/system")
import broken_configs  # noqa: E402
import packed  # noqa: E402
from packed import elf  # noqa: E402

# In place of an image of the build: a jump to itself.
KERNEL = struct.pack("<I", 0x6F)

MACHINES = [
    ("virt", "rv64", 2), ("virt,aclint=on", "rv64", 1), ("virt,aia=aplic", "rv64", 1), ("virt,aia=aplic-imsic", "max", 1),
    ("spike", "rv64", 1), ("sifive_u", "", 2),
]

# VMs in the host's tree, by all the names that it knows (docs/configuration.md).
HOST_VMS = """
chosen {
    #address-cells = <2>; #size-cells = <2>;
    bootargs = "hartvisor.guest-cpus=2 hartvisor.guest-memory=64M";
    vm-a {
        compatible = "hartvisor,vm"; #address-cells = <2>; #size-cells = <2>;
        cpus = <2>; memory = <0 0x4000000>; extra-memory = <1 0 0 0x200000 2 0 0 0x400000>; weight = <200>; cap = <50>; affinity = <0 1>; class = "fair"; slice-us = <3000>;
        autostart = <0>; boot-priority = <9>; on-crash = "restart"; on-poweroff = "stop"; pv = "all"; halt-poll-us = <50>;
        module@90000000 { compatible = "multiboot,kernel", "multiboot,module"; reg = <0 0x90000000 0 0x2000>; bootargs = "x"; };
        module@94000000 { compatible = "multiboot,ramdisk", "multiboot,module"; reg = <0 0x94000000 0 0x1000>; };
        module@95000000 { compatible = "multiboot,device-tree", "multiboot,module"; reg = <0 0x95000000 0 0x1000>; };
        vcpu@1 { reg = <1>; affinity = <1>; class = "fifo"; priority = <5>; };
    };
    dom { compatible = "xen,domain"; cpus = <1>; memory = <0 0x10000>; vpl011;
        module@96000000 { compatible = "multiboot,kernel", "multiboot,module"; reg = <0 0x96000000 0 0x2000>; };
    };
    module@98000000 { compatible = "multiboot,kernel", "multiboot,module"; reg = <0 0x98000000 0 0x2000>; };
};
"""

# A DesignWare UART, on another machine's PLIC.
UARTS = """
#address-cells = <1>; #size-cells = <1>;
chosen { stdout-path = "/soc/uart@20000:115200n8"; };
memory@80000000 { device_type = "memory"; reg = <0x90000000 0x8000000 0x80000000 0x8000000>; };
memory@88000000 { device_type = "memory"; reg = <0x88000000 0x4000000>; };
cpus { #address-cells = <1>; #size-cells = <0>; timebase-frequency = <1000000>;
    cpu@0 { device_type = "cpu"; reg = <0>; compatible = "riscv"; riscv,isa = "rv64imafdch"; mmu-type = "riscv,sv39";
        interrupt-controller { phandle = <1>; interrupt-controller; #interrupt-cells = <1>; compatible = "riscv,cpu-intc"; }; };
};
soc { #address-cells = <1>; #size-cells = <1>; ranges; interrupt-parent = <2>;
    plic@1000000 { phandle = <2>; compatible = "riscv,plic0"; reg = <0x1000000 0x400000>; riscv,ndev = <31>;
        interrupts-extended = <1 11 1 9>; interrupt-controller; #interrupt-cells = <1>; };
    uart@20000 { compatible = "snps,dw-apb-uart"; reg = <0x20000 0x100>; reg-shift = <2>; reg-io-width = <4>; interrupts = <3>; };
    uart@30000 { compatible = "ns16550a"; reg = <0x30000 0x100>; reg-offset = <0x10>; interrupts-extended = <2 4>; };
    rtc@40000 { compatible = "google,goldfish-rtc"; reg = <0x40000 0x1000>; };
    sswi@50000 { compatible = "riscv,aclint-sswi"; reg = <0x50000 0x1000>; interrupts-extended = <1 1>; };
};
"""

OVERLAYS = [
    'fragment@0 { target-path = "/soc"; __overlay__ { extra { compatible = "x"; reg = <0 0x20000000 0 0x1000>; }; }; };',
    'fragment@0 { target-path = "/chosen"; __overlay__ { bootargs = "console=ttyS0"; }; };'
    'fragment@1 { target-path = "/soc/serial@10000000"; __overlay__ { status = "disabled"; }; };',
    'fragment@0 { target = <0xffffffff>; __overlay__ { x = <&{/fragment@0/__overlay__/y}>; y { phandle = <1>; }; }; };'
    '__fixups__ { soc = "/fragment@0:target:0"; }; __local_fixups__ { fragment@0 { __overlay__ { x = <0>; }; }; };',
    'fragment@0 { target-path = "/cpus"; __overlay__ { cpu@1 { device_type = "cpu"; reg = <1>; }; }; };',
    'fragment@0 { target-path = "/"; __overlay__ { memory@80000000 { device_type = "memory"; '
    'reg = <0 0x80000000 0 0x1000000>; }; }; }; __symbols__ { m = "/fragment@0/__overlay__/memory@80000000"; };',
]


class Seeds:
    def __init__(self, folder):
        self.folder = folder

    def add(self, target, data):
        path = self.folder / target / hashlib.sha1(data).hexdigest()[:16]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def compile_tree(source):
    """The flattened tree of @source, which is the body of the root or a whole file; None: dtc refuses, or is not here."""
    text = source if source.startswith("/dts-v1/") else f"/dts-v1/; / {{ {source} }};"
    try:
        result = subprocess.run(["dtc", "-q", "-f", "-I", "dts", "-O", "dtb"], input=text.encode(), capture_output=True)
    except FileNotFoundError:
        return None
    return result.stdout if result.returncode == 0 else None


def make_external(source):
    """The bundle with its data outside of the tree, as mkimage -E does it."""
    with tempfile.TemporaryDirectory() as folder:
        its, itb = pathlib.Path(folder) / "x.its", pathlib.Path(folder) / "x.itb"
        its.write_text(source)
        try:
            result = subprocess.run(["mkimage", "-E", "-f", its, itb], capture_output=True)
        except FileNotFoundError:
            return None
        return itb.read_bytes() if result.returncode == 0 else None


def without_files(its):
    return re.sub(r'data = /incbin/\("[^"]*"\);', "data = [" + KERNEL.hex() + "];", its)


def bundles(seeds):
    sources = [(path.read_text(), None) for path in sorted(pathlib.Path("dts").glob("*.its"))]
    sources += [(b.its, b.mutate) for b in broken_configs.BROKEN]
    for source, mutate in sources:
        source = re.sub(r"^// SPDX.*\n", "", without_files(source))
        tree = compile_tree(source)
        for made in (tree, make_external(source) if mutate is None else None):
            if made:
                seeds.add("bundle", mutate(made) if mutate else made)
                seeds.add("tree", mutate(made) if mutate else made)
        for hexes in re.findall(r"data = \[(d00dfeed[0-9a-f]+)\]", source):
            seeds.add("overlay", bytes.fromhex(hexes))


def machines(seeds):
    qemu = os.environ.get("QEMU", "qemu-system-riscv64")
    with tempfile.TemporaryDirectory() as folder:
        for machine, cpu, harts in MACHINES:
            dtb = pathlib.Path(folder) / "x.dtb"
            command = [qemu, "-M", f"{machine},dumpdtb={dtb}", "-smp", str(harts), "-m", "1G", "-display", "none"]
            command += ["-cpu", cpu] if cpu else []
            try:
                subprocess.run(command, capture_output=True, timeout=60)
                result = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", dtb], capture_output=True, text=True)
            except (FileNotFoundError, subprocess.TimeoutExpired):
                continue
            if result.returncode != 0:
                continue
            # Of what hartvisor does not look at, and what there is eight of, less is enough: each input is quicker.
            plain = re.sub(r"\n\t*(virtio_mmio|flash|pci|fw-cfg|pmu|platform-bus|test)\b[^{}]*\{[^{}]*\};", "", result.stdout)
            for source in (plain, re.sub(r"\bchosen \{", HOST_VMS.strip()[:-2] + "\n", plain, count=1)):
                tree = compile_tree(source)
                for target in ("tree", "machine", "host", "platform") if tree else ():
                    seeds.add(target, tree)
    tree = compile_tree("#address-cells = <2>; #size-cells = <2>;" + HOST_VMS)
    if tree:
        seeds.add("host", tree)
    # And each of its devices at an odd address.
    for device in ("", "0x1000000 ", "0x20000 ", "0x40000 ", "0x50000 "):
        tree = compile_tree(UARTS.replace("<" + device, f"<{device.rstrip()[:-1]}1 ") if device else UARTS)
        for target in ("tree", "machine", "platform") if tree else ():
            seeds.add(target, tree)


def c_strings(path):
    """The string literals of a C file, those beside each other joined."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", pathlib.Path(path).read_text(), flags=re.S)
    for run in re.findall(r'(?:"(?:\\.|[^"\\\n])*"\s*)+', text):
        joined = b""
        for piece in re.findall(r'"((?:\\.|[^"\\\n])*)"', run):
            joined += piece.encode().decode("unicode_escape").encode("latin-1")
        yield joined


def words(seeds):
    for text in c_strings("tests/unit/lib/test_options.c"):
        if b"hartvisor" in text and b"config: " not in text:
            seeds.add("options", text)
    for text in c_strings("tests/unit/arch/test_isa.c"):
        if text.lower().startswith(b"rv"):
            seeds.add("isa", text)
    numbers = re.findall(r"\b0x[0-9a-f]{4,16}", pathlib.Path("tests/unit/arch/test_insn.c").read_text())
    seeds.add("insn", b"".join(struct.pack("<Q", int(n, 16)) for n in dict.fromkeys(numbers)))


def terminal(seeds):
    """Operations of fuzz_terminal.c: guest a (0) or b (1) writes so many bytes; the keyboard (2) does."""
    for text in c_strings("tests/unit/term/test_filter.c"):
        if 0 < len(text) < 200:
            for guest in (0, 1):
                seeds.add("terminal", bytes([1, guest, len(text)]) + text)
    for text in c_strings("tests/unit/term/test_answer.c"):
        if 0 < len(text) < 100:
            seeds.add("terminal", bytes([3, 2, len(text)]) + text)


def control(seeds):
    """Operations of fuzz_control.c: requests of the unit tests, with what ends a line; one read slowly; one of another connection;
    traces that are read, stopped, lost and forgotten."""
    for source in ("test_commands.c", "test_channel.c", "test_trace.c", "test_debug.c"):
        for text in c_strings(f"tests/unit/control/{source}"):
            if 0 < len(text) < 256 and not text.startswith(b"{"):
                seeds.add("control", bytes([0, len(text)]) + text + bytes([7]))
    lines = [b"1 list", b"2 stats", b"3 help", b"4 vm.pause vm-1", b"5 vm.set vm-3 weight=7 cap=30", b"6 vm.stop vm-1"]
    whole = b"".join(bytes([0, len(line)]) + line + bytes([7]) for line in lines)
    seeds.add("control", whole)
    seeds.add("control", bytes([3, 9]) + whole + bytes([5, 4, 5, 0x80, 3, 200, 4]) + whole)
    seeds.add("control", whole[:-1] + bytes([6, 2, 5, 9, 6, 0, 6, 1]) + whole)
    on, read, stop, off = (bytes([0, len(line)]) + line + bytes([7]) for line in
                           (b"1 trace.on", b"2 trace.read", b"3 trace.stop", b"4 trace.off"))
    seeds.add("control", on + bytes([9, 5, 8, 90]) + read + bytes([9, 255]) * 6 + read + read + stop + read * 40 + off + on)
    seeds.add("control", on + bytes([9, 9, 3, 200]) + read + bytes([5, 9, 3, 99, 4]) + whole + bytes([3, 50]) + read + bytes([6, 2]) + on)


def kernels(seeds):
    """Inputs of fuzz_loader.c: flags, six numbers of one byte, and the kernel's first bytes."""
    header = struct.pack("<IIQQQIIQQ4sI", 0x6F, 0, 0x200000, 0x400000, 0, 2, 0, 0, 0, b"RSC\x05", 0)
    others = [b"\x7fELF\x02\x01\x01" + bytes(50), b"\x1f\x8b\x08" + bytes(60), b"BZh9" + bytes(60), bytes(56) + b"ARM\x64" + bytes(8)]
    for start in [header, *others, KERNEL]:
        for flags in (0x20, 0x28, 0x38, 0x5E):
            for load in (b"\x00", b"\x0c\x1f", b"\x84"):
                seeds.add("loader", bytes([flags, 0x04, 0x05, 0x04]) + load + b"\x00" + start)
    # Whole ones: a size of 1 takes all of the rest of the input.
    image, lines = header.ljust(1500, b"\x13"), bytes(range(64)) * 20
    ram = 0x80200000
    files = [elf_file for entry in (ram, ram + 64) for elf_file in (
        elf([(ram, ram, image, 5000)], entry), elf([(packed.KERNEL_LINK, 0, lines, 1 << 20), (ram, 1 << 21, lines, 4096)], entry),
        elf([(ram, ram, lines, 1280)] * 2, entry), elf([(ram, ram, lines, 1280)], entry, machine=62))]
    files += [packed.vmlinux(image.ljust((4 << 20) + 64, b"\0"))[:1024]]
    whole = [pack(file) for file in (image, lines, files[0]) for pack in (packed.by_gzip, packed.lz4_plain)]
    whole += [b"\x02\x21\x4c\x18\x09\0\0\0\x5f\x13\x12\x11\x10\x0f\x05\0\xff\x20", packed.zboot(whole[0])[:0x1000] + whole[0],
              packed.zboot(whole[1], b"lz4")[:0x1000] + whole[1]]
    whole += [whole[0][:-8] + bytes(8), whole[0][:-20], whole[1] + b"x"]
    for data in [*files, *whole]:
        for flags in (0x20, 0x68, 0xA8):
            seeds.add("loader", bytes([flags, 0x00, 0x00, 0x04, 0x00, 0x00]) + data)


class Virtio:
    """An input of fuzz_virtio.c. A ring is 0 (the entropy device) or 2, 3 (the one that copies); its size is 16."""

    def __init__(self, scattered=0):
        self.data = bytes([scattered])

    def op(self, what, ring, how, *rest):
        self.data += bytes([what | ring << 3 | how << 5, *rest])
        return self

    def begin(self, ring, features):
        return self.op(0, ring, features, 4)

    def buffer(self, ring, i, number, length, flags, following=0, table=0):
        """Buffer @number, 1000 bytes behind the one before, or the table (flags 4)."""
        return self.op(1, ring, table, i, number << 3, 7, *struct.pack("<Q", length), flags, following)

    def offer(self, ring, head, how=0, ahead=1):
        return self.op(2, ring, how, 4, ahead, head).op(3, ring, 0)

    def misc(self, ring, how, number):
        return self.op(7, ring, how, number)


def virtio(seeds):
    for scattered in (0, 1):
        for features in range(8):
            v = Virtio(scattered).begin(0, features)
            for i in range(3):
                v.buffer(0, i, i, 64, 2).offer(0, i)
            seeds.add("virtio", v.data)
            v = Virtio(scattered).begin(2, features)
            v.buffer(2, 0, 0, 900, 1, 1).buffer(2, 1, 4, 900, 2).offer(2, 0)
            v.buffer(2, 2, 0, 32, 4).buffer(2, 0, 1, 100, 1, 1, table=1).buffer(2, 1, 5, 100, 2, table=1).offer(2, 2)
            v.buffer(3, 0, 0, 200000, 1, 1).buffer(3, 1, 1, 200000, 2).offer(3, 0)
            seeds.add("virtio", v.data)
        # A page of a buffer goes in the middle of a chain; a pause; a life ends; the driver's errors.
        long = Virtio(scattered).begin(2, 6).buffer(2, 0, 0, 200000, 1, 1).buffer(2, 1, 1, 200000, 2)
        for misc in ((1, 20), (1, 2), (0, 1), (3, 0), (4, 1), (4, 2), (4, 4), (6, 0)):
            v = Virtio()
            v.data = long.data
            seeds.add("virtio", v.misc(2, *misc).offer(2, 0).misc(2, 0, 0).misc(2, 4, 0).op(3, 2, 0).data)
        for page in (2, 8):  # that of the ring, or of the buffers: it goes before the notification
            v = Virtio(scattered).begin(2, 2).buffer(2, 0, 0, 900, 1, 1).buffer(2, 1, 1, 900, 2).offer(2, 0)
            seeds.add("virtio", v.op(2, 2, 0, 4, 1, 0).misc(2, 1, page).op(3, 2, 0).op(3, 2, 0).data)
        for buffers in ([(0, 64, 2, 0), (0, 64, 1, 0)], [(0, 64, 1, 0)], [(0, 0, 1, 0)], [(0, 64, 1, 99)], [(0, 24, 4, 0)], [(0, 0, 4, 0)], [(0, 32, 5, 1)]):
            v = Virtio(scattered).begin(2, 6)
            for i, (number, length, flags, following) in enumerate(buffers):
                v.buffer(2, i, number, length, flags, following)
            seeds.add("virtio", v.offer(2, 0).offer(2, 0, 2, 40).data)
    v = Virtio()
    for reg in range(64):  # each register of each device: written with small numbers and with all ones
        v.op(4, 0, 0, reg, 1 << 3).op(4, 2, 0, reg, 6).op(5, 2, 2, 2, 4 * reg)
    seeds.add("virtio", v.data)


class Vdevs:
    """An input of fuzz_vdevs.c. Queues 0 and 1 are the disk's; 2, 3: the first port's, 4, 5: control, 6, 7: the second one's."""

    def __init__(self, scattered=0, features=0, ports=1):
        self.data = bytes([scattered])
        self.op(0, 0, features, 3).op(0, 2, features, ports, 3)

    def op(self, what, queue, how, *rest):
        self.data += bytes([what | queue << 3 | how << 6, *rest])
        return self

    def disk(self, queue, kind, sector, sectors, flags=0):
        """@kind: the type's index in fuzz_vdevs.c."""
        return self.op(3, queue, 1, 3, kind + flags, sectors, sector << 3)

    def message(self, port, event, value=1):
        return self.op(3, 5, 2 | value, 3, event, port << 3)

    def other(self, what, number):
        return self.op(7, 0, 0, what, number)


def vdevs(seeds):
    for scattered in (0, 1):
        for features in range(4):
            v = Vdevs(scattered, features)
            for kind in (1, 0, 2, 3, 4, 5, 0):  # write, read, flush, name, discard, zeroes
                v.disk(0, kind, 0, 8).disk(1, kind, 3, 17)
            seeds.add("vdevs", v.disk(0, 1, 30, 9).disk(0, 5, 5, 20, flags=0x84).disk(1, 1, 0, 63).disk(1, 0, 0, 63).data)
            v = Vdevs(scattered, features)
            for _ in range(4):
                v.op(3, 4, 1, 3, 0)  # a buffer for messages
            v.message(0, 0).message(0, 3).message(1, 3).message(0, 6).message(1, 6)
            v.op(3, 2, 1, 3, 0).other(2, 40).op(3, 6, 1, 3, 0).other(2, 41)  # buffers for input, and input
            seeds.add("vdevs", v.op(3, 3, 2, 3, 0, 0).other(3, 0).op(3, 7, 2, 3, 0, 0).other(3, 100).other(0, 1).other(0, 0).data)
        # Beyond the end and the bound; a life ends in between; a driver without ports.
        v = Vdevs(scattered).disk(0, 1, 0, 63).disk(0, 1, 31, 63).disk(0, 1, 31, 63).disk(1, 0, 31, 63)
        seeds.add("vdevs", v.other(1, 0).op(0, 0, 0, 3).disk(0, 0, 0, 20).data)
        v = Vdevs(scattered, ports=0).op(3, 3, 2, 3, 0, 0).op(3, 2, 1, 3, 0).other(2, 8).message(0, 0)
        seeds.add("vdevs", v.op(3, 7, 2, 3, 0, 0).data)
    v = Vdevs()
    for reg in range(0, 128):
        v.op(5, 0, 0, reg, 1 << 3).op(5, 2, 0, reg, 6)
    seeds.add("vdevs", v.data)


def partitions(seeds):
    """Inputs of fuzz_partition.c: a number, flags, and the first sectors of a disk."""
    for block, flag in ((512, 0), (4096, 1)):
        disk = bytearray(8 * block)
        disk[510:512] = b"\x55\xaa"
        disk[450] = 0xEE
        struct.pack_into("<8s", disk, block, b"EFI PART")
        struct.pack_into("<I", disk, block + 12, 92)
        struct.pack_into("<QII", disk, block + 72, 2, 4, 128)
        for i, (first, last) in enumerate([(7, 7), (8, 15), (16, 1 << 40)]):
            struct.pack_into("<16s16xQQ", disk, 2 * block + 128 * i, b"\x11" * 16, first, last)
        for number in range(4):
            for flags in (2, 4, 6, 0):
                seeds.add("partition", bytes([number, flags | flag]) + disk)
    disk = bytearray(2048)
    for at, entries in ((0, [(0x83, 1, 1), (0x0F, 2, 9), (0x83, 1 << 31, 1 << 31)]), (1024, [(0x83, 1, 2), (0x05, 1, 2)]),
                        (1536, [(0x83, 1, 1), (0x05, 0, 1)])):
        for i, (kind, first, nr) in enumerate(entries):
            struct.pack_into("<4xB3xII", disk, at + 446 + 16 * i, kind, first, nr)
        disk[at + 510:at + 512] = b"\x55\xaa"
    for number in (0, 1, 2, 4, 5, 6, 127):
        for flags in (0, 0x38, 0xF8):
            seeds.add("partition", bytes([number, flags]) + disk)


class Net:
    """An input of fuzz_switch.c. Queues of its first pair are 0 and 1; without MQ the control queue is 2."""

    def __init__(self):
        self.data = b""

    def op(self, what, device, queue, how=0, *rest):
        self.data += bytes([what | device << 3 | how << 4, queue, *rest])
        return self

    def begin(self, device, features):
        return self.op(0, device, 0, 0, *struct.pack("<H", features))

    def buffer(self, device, queue, i, number, length, flags, following=0, table=0):
        """Packet @number, or the table (flags 4)."""
        return self.op(1, device, queue, table, i, number << 3, 7, *struct.pack("<Q", length), flags, following)

    def offer(self, device, queue, head, ahead=1):
        return self.op(2, device, queue, 0, head, ahead)

    def notify(self, device, queue):
        return self.op(3, device, queue)

    def packet(self, device, number, to, how=0, *header):
        return self.op(4, device, 0, how, number, to, *header)

    def command(self, device, *words):
        return self.op(5, device, 0, 0, *words, *bytes(24 - len(words)), 1)

    def misc(self, device, how, number):
        return self.op(7, device, 0, how, number)


def switches(seeds):
    for features in (0, 0x3F, 0x7F, 0x40, 0x800, 0xFFFF & ~0x200, 0xFFFF):
        for how in range(4):
            for length in (14, 60, 1514, 6000):
                n = Net().begin(0, features).begin(1, features)
                for i in range(4):
                    n.buffer(1, 0, i, 8 + i, 1526 if length < 6000 else 4096, 2).offer(1, 0, i)
                n.packet(0, 1, 2 << 1, how).buffer(0, 1, 0, 1, 12 + length, 0).offer(0, 1, 0).notify(0, 1)
                n.packet(0, 1, 1, how).offer(0, 1, 0).notify(0, 1)
                seeds.add("switch", n.data)
        n = Net().begin(0, features)
        for words in ((0, 0, 1), (0, 1, 0), (1, 0), (1, 1, 2, 0, 0, 0, 0, 9), (4, 0, 2), (1, 0, 255, 255, 255, 255)):
            queue = 4 if features & 0x200 else 2
            n.command(0, *words).buffer(0, queue, 0, 1, len(words), 1, 1).buffer(0, queue, 1, 2, 1, 2).offer(0, queue, 0)
            n.notify(0, queue)
        seeds.add("switch", n.data)
        for misc in ((0, 1), (1, 255), (2, 0), (3, 3), (3, 1)):
            n = Net().begin(0, features).begin(1, features).buffer(1, 0, 0, 8, 1526, 2).offer(1, 0, 0).misc(1, *misc)
            n.packet(0, 1, 2 << 1).buffer(0, 1, 0, 1, 100, 0).offer(0, 1, 0).notify(0, 1).misc(0, 0, 0).notify(0, 1)
            seeds.add("switch", n.data)


def main():
    seeds = Seeds(pathlib.Path(sys.argv[1]))
    bundles(seeds)
    machines(seeds)
    words(seeds)
    terminal(seeds)
    control(seeds)
    kernels(seeds)
    virtio(seeds)
    vdevs(seeds)
    switches(seeds)
    partitions(seeds)
    for source in OVERLAYS:
        tree = compile_tree(source)
        if tree:
            seeds.add("overlay", tree)


if __name__ == "__main__":
    main()
