#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Litmus tests of the vcpu protocol and of virtqueues, with the instructions as the compiler emitted them.

usage: extract_litmus.py [--elf ELF] [--out DIR] [--objdump OBJDUMP]

Each test of litmus_tests.py pairs a piece of one hart's code with a piece of another's: all paths through the
named functions of hartvisor.elf from one access of a shared word to another, callees followed where they
are named in INLINE. Of a path there remain the accesses to shared words, every AMO, LR and SC with its
aq and rl, and every fence. What is not understood is left out: a call that is not followed, an address
that is not a vcpu's, a dependency. That makes a test only weaker, so that "never" stays true. Where a
path is not found, or ends in an indirect jump, the extraction fails.

DIR gets a NAME-n.litmus for each different pair of paths and the same again for each mutant: a fence
removed, every order removed, two accesses swapped. Offsets come from the ELF's debug information.
run_models.py has herd7 judge them.
"""

import argparse
import itertools
import pathlib
import re
import subprocess
import sys

from litmus_tests import INLINE, R, TESTS, W, Written
from litmus_text import Event, Failure, Thread, litmus, mutate

# --- reading the ELF ------------------------------------------------------------------------------

def member_offsets(objdump, elf, structures):
    """{structure: {member: offset}} from the debug information."""
    text = subprocess.run([objdump, "--dwarf=info", elf], capture_output=True, text=True).stdout
    found, current, level, member = {}, None, 0, None
    for line in text.splitlines():
        die = re.match(r"\s*<(\d+)><[0-9a-f]+>: Abbrev Number: \d+(?: \((DW_TAG_\w+)\))?", line)
        if die:
            depth, tag, member = int(die.group(1)), die.group(2), None
            if tag == "DW_TAG_structure_type":
                current, level = {}, depth
            elif current is not None and tag == "DW_TAG_member" and depth == level + 1:
                member = {}
            elif depth <= level:
                current = None
            continue
        attribute = re.match(r"\s*<[0-9a-f]+>\s+(DW_AT_\w+)\s*: (.*)", line)
        if not attribute or current is None:
            continue
        name, value = attribute.groups()
        if name == "DW_AT_name":
            value = value.rsplit(": ", 1)[-1].strip()
            if member is None:
                if value in structures:
                    found.setdefault(value, []).append(current)
            else:
                member["name"] = value
        elif name == "DW_AT_data_member_location" and member:
            current[member["name"]] = int(value.split()[0], 0)
    # A mere declaration has no members.
    found = {name: next(filter(None, dies), None) for name, dies in found.items()}
    for structure in structures:
        if not found.get(structure):
            raise Failure(f"no struct {structure} in the debug information of {elf}")
    return found


def vcpu_words(objdump, elf):
    """{offset in struct vcpu: name} of the shared words."""
    members = member_offsets(objdump, elf, ("vcpu", "vcpu_irq", "vcpu_halt", "vcpu_place"))
    vcpu = members["vcpu"]
    words = {vcpu[name]: name
             for name in ("mode", "requests", "guest_seq")}
    for part, names in (("irq", ("inject", "levels")), ("halt", ("blocked", "kicked")), ("place", ("pcpu",))):
        words.update({vcpu[part] + members[f"vcpu_{part}"][name]: name for name in names})
    return words


# Words of a virtqueue, by (part, offset); EVENT: behind the part's ring, whose size is the driver's. Whether the driver wants an
# interrupt says used_event or, without EVENT_IDX, avail.flags: both may be one load, and here are one word.
EVENT = "event"
RING_WORDS = {("avail", 0): "used_event", ("avail", 2): "avail_idx", ("avail", EVENT): "used_event",
              ("used", 0): "used_flags", ("used", 2): "used_idx", ("used", EVENT): "avail_event"}


def ring_pointers(objdump, elf):
    """{offset in struct virtq: part} of where the ring's parts are in host memory (enum virtq_part)."""
    members = member_offsets(objdump, elf, ("virtq", "virtq_ring"))
    host = members["virtq"]["ring"] + members["virtq_ring"]["host"]
    return {host + 8: "avail", host + 16: "used"}


class Instruction:
    __slots__ = ("pc", "op", "args", "target", "symbol")

    def __init__(self, pc, op, args, target, symbol):
        self.pc, self.op, self.args = pc, op, args
        self.target, self.symbol = target, symbol  # of a branch or call: its address, and name if any


class Program:
    def __init__(self, objdump, elf):
        text = subprocess.run([objdump, "-d", "--no-show-raw-insn", elf], capture_output=True, text=True,
                              check=True).stdout
        self.code, self.next, self.functions, self.function_of = {}, {}, {}, {}
        last, function = None, None
        for line in text.splitlines():
            label = re.match(r"([0-9a-f]+) <(.+)>:$", line)
            if label:
                function = label.group(2)
                self.functions[function] = int(label.group(1), 16)
                last = None
                continue
            match = re.match(r"\s*([0-9a-f]+):\s+(\S+)\s*(.*)$", line)
            if not match:
                continue
            pc, op, rest = int(match.group(1), 16), match.group(2), match.group(3)
            where = re.search(r"\b(?:0x)?([0-9a-f]{8,16}) <([^>+]+)(\+0x[0-9a-f]+)?>", rest)
            target = int(where.group(1), 16) if where else None
            symbol = where.group(2) if where and not where.group(3) else None
            args = [a.strip() for a in rest.split("#")[0].split("<")[0].split(",")] if rest else []
            self.code[pc] = Instruction(pc, op, args, target, symbol)
            self.function_of[pc] = function
            if last is not None:
                self.next[last] = pc
            last = pc


# --- paths ----------------------------------------------------------------------------------------

BRANCHES = {"beq", "bne", "blt", "bge", "bltu", "bgeu", "beqz", "bnez", "blez", "bgez", "bltz", "bgtz",
            "bgt", "ble", "bgtu", "bleu"}
LOADS = {"ld", "lw", "lwu", "lh", "lhu", "lb", "lbu"}
STORES = {"sd", "sw", "sh", "sb"}
CALLER_SAVED = ["ra"] + [f"a{i}" for i in range(8)] + [f"t{i}" for i in range(7)]
MAX_STEPS = 400000
OFFSET_MAX = 4096  # more than a struct vcpu has
ANY = ("pointer", 0)  # what a register is when nothing is known of it


def matches(event, pattern):
    kind, word, value = pattern
    if event.word != word:
        return False
    if kind == R:
        return event.kind in ("R", "LR")
    if kind == W:
        stores = event.kind == "W" or (event.kind == "X" and event.op == "amoswap")
        return stores and (value is None or event.value == value)
    return event.kind == "X"


def own(events, relevant):
    return tuple(e.same() for e in events if e.word in relevant)


def is_within(few, many):
    """Is `few` what is left of `many` when some of it is left out?"""
    rest = iter(many)
    return all(any(e.same() == other.same() for other in rest) for e in few)


class Explorer:
    """
    All paths of one Side, as lists of events, but for those that another one is the weaker of: with the
    same accesses to the test's words, and otherwise fewer fences and other AMOs.
    """

    def __init__(self, program, words, rings, side, relevant):
        self.program, self.words, self.side, self.relevant = program, words, side, relevant
        self.rings = rings if side.ring else {}
        self.found = []
        self.seen = {}
        self.steps = 0

    def paths(self):
        for function in self.side.functions:
            if function not in self.program.functions:
                raise Failure(f"no function {function} in the ELF")
        self.todo = []
        events = () if self.side.start == "entry" else None
        self.push(self.program.functions[self.side.functions[0]], {"sp": ("sp", 0), "tp": ("tp", 0)}, (),
                  events, 0)
        while self.todo:
            self.step(*self.todo.pop())
            self.steps += 1
            if self.steps > MAX_STEPS:
                raise Failure(f"too many paths through {self.side.functions}")
        found = self.found
        if self.side.through:
            found = [f for f in found if any(e.kind == "X" and e.word == self.side.through for e in f)]
        if not found:
            raise Failure(f"no path from {self.side.start} to {self.side.end} in "
                          f"{', '.join(self.side.functions)}")
        return found

    def push(self, pc, registers, frames, events, index):
        key = (pc, frozenset(registers.items()), frames, index,
               None if events is None else own(events, self.relevant))
        if self.weakest(self.seen.setdefault(key, []), events or ()):
            self.todo.append((pc, registers, frames, events, index))

    # Adds `events` to `known` unless one of them is as weak; drops those that it is weaker than.
    @staticmethod
    def weakest(known, events):
        if any(is_within(other, events) for other in known):
            return False
        known[:] = [other for other in known if not is_within(events, other)] + [events]
        return True

    def end(self, events):
        same = [f for f in self.found if own(f, self.relevant) == own(events, self.relevant)]
        rest = [f for f in self.found if own(f, self.relevant) != own(events, self.relevant)]
        self.weakest(same, list(events))
        self.found = rest + same

    # An event of the path: may begin it, goes into it, may end it. Returns (events, ended). What comes
    # after the last access that can be the first one orders all of them: it alone is kept.
    def add(self, events, event):
        start, end = self.side.start, self.side.end
        if isinstance(start, tuple) and matches(event, start):
            if events is None or not (isinstance(end, tuple) and matches(event, end)):
                return (event,), False
        if events is None:
            return None, False
        if sum(e.pc == event.pc for e in events) >= 2:
            return events, True
        events = events + (event,)
        if isinstance(end, tuple) and matches(event, end):
            self.end(events)
            return events, True
        return events, False

    def step(self, pc, registers, frames, events, index):
        program = self.program
        i = program.code.get(pc)
        if i is None:
            raise Failure(f"ran off the code at {pc:#x}")
        op, args = i.op, i.args
        after = program.next.get(pc)

        event = self.memory(i, registers)
        if event is not None:
            events, ended = self.add(events, event)
            registers = self.result(i, registers)
            if not ended:
                self.push(after, registers, frames, events, index)
            return
        if i.target is not None and self.is_save(i.target):
            # The beginning of a function built for size: libgcc's __riscv_save_N keeps all but t0.
            kept = {r: v for r, v in registers.items() if r != "t0"}
            self.push(after, kept, frames, events, index)
        elif i.target is not None and self.is_restore(i.target):
            self.leave(registers, frames, events, index)
        elif op in BRANCHES:
            self.push(i.target, registers, frames, events, index)
            self.push(after, registers, frames, events, index)
        elif op == "j":
            self.push(i.target, registers, frames, events, index)
        elif op in ("jal", "jalr"):
            self.call(i, registers, frames, events, index, after)
        elif op == "jr" and args[0] != "ra":
            if i.symbol is None:
                raise Failure(f"an indirect jump at {pc:#x} in {program.function_of[pc]}")
            self.call(i, registers, frames, events, index, None)
        elif op == "ret" or op == "jr":
            self.leave(registers, frames, events, index)
        elif op in ("unimp", "ebreak"):
            pass  # a panic: no path
        else:
            self.push(after, self.result(i, registers), frames, events, index)

    # Several names stand at one address, and the disassembler gives one of them: a prefix of all.
    def is_save(self, target):
        return self.program.function_of.get(target, "").startswith("__riscv_save_")

    def is_restore(self, target):
        return self.program.function_of.get(target, "").startswith("__riscv_restore_")

    # A call that is followed, or not: then it clobbers registers. after = None: a tail call.
    def call(self, i, registers, frames, events, index, after):
        name = i.symbol
        mark = f"call {name}"
        if self.side.end == mark and events is not None:
            self.end(events)
            return
        if name in INLINE and len(frames) < 6:
            self.push(i.target, registers, frames if after is None else frames + (after,), events, index)
            return
        if self.side.start == mark:
            events = ()
        if name == "guest_switch":  # gives the vcpu back in another register
            registers = {"a1" if r == "a0" else r: v for r, v in registers.items() if r in ("a0", "sp", "tp")}
        else:
            registers = {r: v for r, v in registers.items() if r not in CALLER_SAVED}
        if after is None:
            self.leave(registers, frames, events, index)
        else:
            self.push(after, registers, frames, events, index)

    def leave(self, registers, frames, events, index):
        if frames:
            registers = {r: v for r, v in registers.items() if r not in CALLER_SAVED}
            self.push(frames[-1], registers, frames[:-1], events, index)
        elif index + 1 < len(self.side.functions):
            function = self.side.functions[index + 1]
            self.push(self.program.functions[function], {"sp": ("sp", 0), "tp": ("tp", 0)}, (), events,
                      index + 1)
        elif self.side.end == "return" and events is not None:
            self.end(events)

    # The shared word at offset(register), or None.
    def word(self, registers, register, offset):
        base, known = registers.get(register, ANY)
        if base in ("sp", "tp", "const"):
            return None
        if base in self.rings.values():
            return RING_WORDS.get((base, known if known == EVENT else known + offset))
        return self.words.get(known + offset)

    def memory(self, i, registers):
        op, args = i.op, i.args
        if op == "fence":
            sets = args if len(args) == 2 else ["rw", "rw"]
            before, behind = ("".join(c for c in "rw" if c in s) for s in sets)
            return Event(("F", "fence", "", f"{before},{behind}", None, i.pc)) if before and behind else None
        if op == "fence.tso":
            return Event(("F", "fence.tso", "", "", None, i.pc))
        if op in LOADS or op in STORES:
            offset, register = re.match(r"(-?\d+)\((\w+)\)$", args[1]).groups()
            word = self.word(registers, register, int(offset))
            if word not in self.relevant:
                return None
            if op in LOADS:
                return Event(("R", "lw", "", word, None, i.pc))
            return Event(("W", "sw", "", word, self.constant(registers, args[0]), i.pc))
        match = re.match(r"(amo\w+|lr|sc)\.[wd](?:\.(aqrl|aq|rl))?$", op)
        if not match:
            return None
        name, annotation = match.group(1), match.group(2) or ""
        offset, register = re.match(r"(-?\d*)\((\w+)\)$", args[-1]).groups()
        word = self.word(registers, register, int(offset or 0))
        if word is None:
            base, known = registers.get(register, ANY)
            word = f"other_{known}" if base != "sp" else "stack"
        value = self.constant(registers, args[1]) if name != "lr" else None
        kind = {"lr": "LR", "sc": "SC"}.get(name, "X")
        return Event((kind, name, annotation, word, value, i.pc))

    @staticmethod
    def constant(registers, register):
        if register == "zero":
            return 0
        base, value = registers.get(register, ANY)
        return value if base == "const" else None

    # A pointer to a part of a virtqueue's ring, or into it, if the instruction makes one.
    def ring(self, op, args, registers):
        if not self.rings:
            return None
        if op == "ld":
            offset, register = re.match(r"(-?\d+)\((\w+)\)$", args[1]).groups()
            base, known = registers.get(register, ANY)
            part = self.rings.get(known + int(offset)) if base == "pointer" else None
            return (part, 0) if part else None
        if op == "add" and re.match(r"[a-z]", args[2]):
            parts = [registers.get(r, ANY)[0] for r in args[1:3] if registers.get(r, ANY)[0] in self.rings.values()]
            return (parts[0], EVENT) if parts else None
        return None

    # What the instruction leaves in its destination: a constant, or a pointer + offset. Whose pointer does
    # not matter, since a word is known by its offset; without one it is not kept, so that paths meet again.
    def result(self, i, registers):
        op, args = i.op, i.args
        if not args or op in STORES or op.startswith("fence") or args[0] in ("zero", "sp"):
            return registers
        rd, value = args[0], ANY
        known = registers.get(args[1], ANY) if len(args) > 1 else None
        ring = self.ring(op, args, registers)
        if ring:
            return {**registers, rd: ring}
        if op == "li":
            value = ("const", int(args[1], 0))
        elif op == "mv":
            value = ("const", 0) if args[1] == "zero" else known
        elif op in ("add", "addi") and re.match(r"-?\d+$", args[2]):
            value = (known[0], known[1] + int(args[2])) if args[1] != "zero" else ("const", int(args[2]))
        elif op == "sext.w" and known[0] == "const":
            value = known
        # Before the beginning, by container_of(), or far behind it, in a loop: a pointer like any other.
        if value[0] == "pointer" and not 0 < value[1] < OFFSET_MAX:
            return {r: v for r, v in registers.items() if r != rd}
        return {**registers, rd: value}


# --- litmus ---------------------------------------------------------------------------------------

def written(side):
    """The events of a Written."""
    return (Event(("W", "sw", "", side.start[1], side.start[2], None)), Event(("F", "fence", "", "rw,rw", None, None)),
            Event(("R", "lw", "", side.end[1], None, None)))


def generate(program, words, rings, name):
    """[(file name, text, mutant or None, how)] of one test."""
    sides, init, forbidden, mutants = TESTS[name][:2], *TESTS[name][2:]
    relevant = {what.split(":")[1].partition("@")[0] for what in forbidden}
    for side in sides:
        relevant |= {p[1] for p in (side.start, side.end) if isinstance(p, tuple)}
        relevant |= {side.through} if side.through else set()
    paths = [[written(side)] if isinstance(side, Written) else Explorer(program, words, rings, side, relevant).paths()
             for side in sides]
    out = []

    def emit(pair, mutant, how, n):
        label = f"{name}-{n}" + (f"-{mutant}-{how}" if mutant else "")
        threads = [Thread(side, events) for side, events in zip(sides, pair)]
        out.append((label, litmus(label, threads, init, forbidden), mutant, how))

    for n, pair in enumerate(itertools.product(*paths)):
        emit(pair, None, None, n)
        for mutant, thread, how in mutants:
            changed = list(pair)
            changed[thread] = mutate(changed[thread], how)
            emit(changed, mutant, f"{how}{thread}", n)
    return out


def generate_all(elf, out, objdump):
    """Writes all tests; returns ({test: [(path, mutant, how)]}, {test: why it could not be extracted})."""
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("*.litmus"):
        old.unlink()
    words, rings = vcpu_words(objdump, elf), ring_pointers(objdump, elf)
    program = Program(objdump, elf)
    made, failed = {}, {}
    for name in TESTS:
        try:
            made[name] = []
            for label, text, mutant, how in generate(program, words, rings, name):
                path = out / f"{label}.litmus"
                path.write_text(text)
                made[name].append((path, mutant, how))
        except Failure as failure:
            failed[name] = str(failure)
    return made, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--elf", default="build/hartvisor.elf")
    parser.add_argument("--out", default="build/verify/litmus", type=pathlib.Path)
    parser.add_argument("--objdump", default="riscv64-unknown-elf-objdump")
    options = parser.parse_args()
    try:
        made, failed = generate_all(options.elf, options.out, options.objdump)
    except (Failure, OSError, subprocess.CalledProcessError) as failure:
        print(f"extract_litmus: {failure}", file=sys.stderr)
        return 1
    for name, files in made.items():
        print(f"{name}: {failed.get(name) or sum(m is None for _, m, _ in files)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
