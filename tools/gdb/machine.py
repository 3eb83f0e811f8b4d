# SPDX-License-Identifier: BSD-2-Clause
"""hartvisor's memory, as gdb reads it from a QEMU or from a core that QEMU's monitor has written; see hartvisor.py.

gdb reads what the selected hart sees, and a hart in a guest sees nothing of hartvisor. So everything is read by
host-physical address: QEMU's gdb stub has a mode for that, and its cores are addressed so anyway. The image is found by its
code, which is that of the ELF file, and by image_load_base, where it says itself where it was loaded. The page tables
are in it, and tell where the rest is.

Each object is read once and in one piece. The machine stands still meanwhile, but what a lock guards may be half changed.
"""

import contextlib
import os
import pathlib
import re

import gdb

IMAGE_START, TEXT_END, LOAD_BASE, SATP = "__image_start", "__text_end", "image_load_base", "secondary_satp"
ANY_TYPE = "struct vcpu"  # an ELF file without it is not hartvisor's
SOURCES = pathlib.Path(__file__).resolve().parents[2]

IMAGE_ALIGN = 2 << 20  # of the load address (arch/boot_map.c)
IMAGE_HEADER = 64  # bytes of Linux's image header; firmware/mkfw.py writes into it
LONGEST = 10000  # of a list or a tree: more than there are vcpus and timers
ALL_ONES = (1 << 64) - 1


class Unreadable(Exception):
    """Memory: it costs one row of a table."""


def give_up(what):
    """The end of a command, with a line that says why."""
    raise gdb.GdbError(f"hv: {what}")


# --- what the ELF file tells ------------------------------------------------------------------------------------------


def type_named(name):
    try:
        return gdb.lookup_type(name)
    except gdb.error:
        give_up(f"no {name} in {gdb.current_progspace().filename or 'what is loaded'}: load hartvisor's ELF file, which has "
                "its symbols (file build/hartvisor.elf)")


def member(kind, name):
    try:
        return kind.strip_typedefs()[name]
    except KeyError:
        give_up(f"{kind} has no member {name}: the ELF file and the script are of different versions")


def offset_of(kind, path):
    """In bytes; @path as in Object.part."""
    name, _, rest = path.partition(".")
    field = member(kind, name)
    return field.bitpos // 8 + (offset_of(field.type, rest) if rest else 0)


def variable(name):
    """(address, type) of one that is no function's own."""
    symbol = gdb.lookup_global_symbol(name) or gdb.lookup_static_symbol(name)
    try:
        value = symbol.value() if symbol else gdb.parse_and_eval(name)
        return int(value.address), value.type
    except gdb.error as error:
        give_up(f"no variable {name} in {gdb.current_progspace().filename} ({error}): is the script of the same version?")


def enumerators(name):
    """Value to name, without what all names begin with."""
    fields = type_named(name).fields()
    common = os.path.commonprefix([field.name for field in fields]).rpartition("_")
    return {field.enumval: field.name[len(common[0] + common[1]):] for field in fields}


def macros(file, prefix):
    """Value to name, without @prefix; nothing where there are no sources."""
    try:
        text = (SOURCES / file).read_text(encoding="utf-8")
    except OSError:
        return {}
    return {int(value): name for name, value in re.findall(rf"#define {prefix}(\w+)\s+(\d+)\b", text)}


def symbol_at(address):
    """The number, where there is none."""
    name, section, _ = gdb.execute(f"info symbol {address:#x}", to_string=True).partition(" in section")
    return name if section else f"{address:#x}"


def one(names, value):
    return names.get(value, f"{value}?")


def some(names, bits):
    """The names of the @bits that are set; @names: number of a bit to name."""
    return ",".join(one(names, bit) for bit in range(bits.bit_length()) if bits >> bit & 1) or "-"


# --- the harts ------------------------------------------------------------------------------------------------------


class Hart:
    """What gdb is told of the one that is selected; None: nothing, as by a core."""

    def __init__(self):
        self.frame = gdb.newest_frame()
        self.hartid, self.pc = self.register("mhartid"), self.register("pc")
        # Bit 2 of QEMU's `priv` is the virtualization mode, from QEMU 9.2 on.
        self.in_guest = bool((self.register("priv") or 0) & 4)
        self.time = self.register("time")
        if self.in_guest and self.time is not None:
            self.time = (self.time - self.register("htimedelta")) & ALL_ONES

    def register(self, name):
        try:
            return int(self.frame.read_register(name)) & ALL_ONES
        except (ValueError, gdb.error):
            return None


def harts():
    """gdb's threads, in a core, too. Not to be called while addresses are physical: gdb keeps what it finds of frames."""
    thread, level, found = gdb.selected_thread(), gdb.selected_frame().level(), []
    for each in gdb.selected_inferior().threads():
        each.switch()
        found.append(Hart())
    thread.switch()
    gdb.execute(f"frame {level}", to_string=True)
    return found


# --- the machine ------------------------------------------------------------------------------------------------------


def is_core():
    return gdb.selected_inferior().connection.type == "core"


def ask_stub(packet):
    said = gdb.execute(f"maintenance packet {packet}", to_string=True)
    return re.search(r'received: "(.*)"', said)[1]


@contextlib.contextmanager
def the_machine():
    """While it is used, addresses of gdb's are host-physical."""
    type_named(ANY_TYPE)
    connection = gdb.selected_inferior().connection
    if not connection or not gdb.selected_thread():
        give_up("no machine: `target remote` the gdb stub of QEMU (its option -s: port 1234), or `core-file` what its "
                "monitor's dump-guest-memory wrote")
    found = harts()
    if is_core():
        yield Machine(found)
        return
    before = ask_stub("qqemu.PhyMemMode") if connection.type in ("remote", "extended-remote") else ""
    if before not in ("0", "1"):
        give_up("what gdb is connected to does not read by physical address, as QEMU's gdb stub does")
    ask_stub("Qqemu.PhyMemMode:1")
    try:
        yield Machine(found)
    finally:
        ask_stub(f"Qqemu.PhyMemMode:{before}")


def ram():
    """[(first, last)] of the machine's RAM, as QEMU or the core has it."""
    if is_core():
        # The end of a section is the first byte behind it.
        found = re.findall(r"0x(\w+) - 0x(\w+) is load", gdb.execute("info files", to_string=True))
        return sorted((int(first, 16), int(end, 16) - 1) for first, end in found)
    found = re.findall(r"(\w+)-(\w+) \(prio -?\d+, ram\)", gdb.execute("monitor info mtree -f", to_string=True))
    return sorted({(int(first, 16), int(last, 16)) for first, last in found})


class Machine:
    """Its memory, by hartvisor's addresses."""

    def __init__(self, harts_of_it):
        self.harts, self.ram = harts_of_it, ram()
        self.entries = {}
        self.base = self.find_image()
        satp = self.image_word(SATP)
        if self.image_word(LOAD_BASE) != self.base or not satp:
            give_up(f"hartvisor is in memory at {self.base:#x}, but not up yet: let it go on (continue, then Ctrl-C)")
        # Sv39, Sv48 and Sv57 are modes 8, 9 and 10, of 3, 4 and 5 levels (privileged specification, "satp").
        self.root, self.levels = (satp & ((1 << 44) - 1)) << 12, (satp >> 60) - 5

    def physical(self, at, size):
        """QEMU reads what is no memory as zeroes, and a device's registers with all that this does to it."""
        if not any(first <= at and at + size - 1 <= last for first, last in self.ram):
            raise Unreadable(f"no RAM at host-physical {at:#x}")
        return bytes(gdb.selected_inferior().read_memory(at, size))

    def find_image(self):
        """Where it runs; or, before it does, where it has been brought to."""
        loaded = None
        for at in self.images():
            if self.image_word(LOAD_BASE, at) == at:
                return at
            loaded = loaded or at
        if not loaded:
            give_up(f"nowhere in this machine's RAM is the code of {gdb.current_progspace().filename}: another build runs there, "
                    "or hartvisor has not been loaded yet")
        return loaded

    def images(self):
        start, end = variable(IMAGE_START)[0], variable(TEXT_END)[0]
        code = code_of_elf(start + IMAGE_HEADER, end)
        for first, last in self.ram:
            for at in range(-(-first // IMAGE_ALIGN) * IMAGE_ALIGN, last + 1 - (end - start), IMAGE_ALIGN):
                # All of it takes a while, so a little first.
                if all(self.physical(at + IMAGE_HEADER, n) == code[:n] for n in (IMAGE_HEADER, len(code))):
                    yield at

    def image_word(self, name, base=None):
        at = variable(name)[0] - variable(IMAGE_START)[0] + (self.base if base is None else base)
        return int.from_bytes(self.physical(at, 8), "little")

    def entry(self, at):
        """Of a page table."""
        if at not in self.entries:
            self.entries[at] = int.from_bytes(self.physical(at, 8), "little")
        return self.entries[at]

    def translate(self, address):
        """(host-physical address, bytes from there on that are mapped in one piece)."""
        table, top = self.root, 12 + 9 * self.levels
        if address >> (top - 1) not in (0, (1 << (65 - top)) - 1):
            raise Unreadable(f"{address:#x} is no address")
        for shift in range(top - 9, 11, -9):
            entry = self.entry(table + (address >> shift) % 512 * 8)
            table = (entry >> 10 & ((1 << 44) - 1)) << 12
            if not entry & 1:  # V
                break
            if entry & 0xe:  # R, W or X: a leaf
                offset = address % (1 << shift)
                return table + offset, (1 << shift) - offset
        raise Unreadable(f"nothing is mapped at {address:#x}")

    def read(self, address, size):
        data = b""
        while len(data) < size:
            at, mapped = self.translate(address + len(data))
            data += self.physical(at, min(mapped, size - len(data)))
        return data

    def object(self, kind, address):
        return Object(self, type_named(kind) if isinstance(kind, str) else kind, address)

    def variable(self, name):
        return self.object(variable(name)[1], variable(name)[0])


def code_of_elf(start, end):
    """What gdb takes from the file, whatever the harts see there."""
    before = gdb.parameter("trust-readonly-sections")
    gdb.execute("set trust-readonly-sections on")
    try:
        return bytes(gdb.selected_inferior().read_memory(start, end - start))
    finally:
        gdb.execute(f"set trust-readonly-sections {'on' if before else 'off'}")


class Object:
    """A variable or structure of hartvisor's as it was when it was read, and where it is."""

    def __init__(self, machine, kind, address, value=None):
        self.machine, self.type, self.address = machine, kind, address
        self.value = value if value is not None else gdb.Value(machine.read(address, kind.sizeof), kind)

    def part(self, path):
        """The member by that name, or names with dots between."""
        name, _, rest = path.partition(".")
        field = member(self.type, name)
        part = Object(self.machine, field.type, self.address + field.bitpos // 8, self.value[field])
        return part.part(rest) if rest else part

    def number(self, path=""):
        return int((self.part(path) if path else self).value)

    def text(self, path):
        return self.part(path).value.string(errors="replace")

    def elements(self):
        """Of an array."""
        first, last = self.type.range()
        kind = self.type.target()
        return [Object(self.machine, kind, self.address + i * kind.sizeof, self.value[i]) for i in range(first, last + 1)]


# --- many of a kind: objects, and a line of text in the place of one that cannot be read --------------------------------


def read_each(machine, kind, addresses):
    for at in addresses:
        try:
            yield machine.object(kind, at)
        except Unreadable as error:
            yield f"{kind} at {at:#x}: {error}"


def gather(machine, kind, first, following, end=0):
    """What hangs together, from @first on. @following: an object to the addresses behind it; @end is the address of none."""
    found, wrong, ahead = {}, [], [first]
    while ahead:
        at = ahead.pop()
        if at == end:
            continue
        if at in found or len(found) == LONGEST:
            why = "is linked twice" if at in found else f"is number {LONGEST + 1}"
            wrong.append(f"{kind} at {at:#x}: {why}: the links are corrupt")
            break
        found[at] = next(read_each(machine, kind, [at]))
        if not isinstance(found[at], str):
            ahead += following(found[at])
    return [*found.values(), *wrong]


def tree(machine, kind, root, links):
    return gather(machine, kind, root, lambda node: [node.number(link) for link in links])


def chain(head, kind, path):
    """The objects on a struct list, which are linked by their member at @path."""
    offset = offset_of(type_named(kind), path)
    return gather(head.machine, kind, head.number("next") - offset,
                  lambda node: [node.part(path).number("next") - offset], head.address - offset)
