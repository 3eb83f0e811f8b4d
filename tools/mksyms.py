#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write hartvisor's function names as an assembler file, for the backtrace of a panic.

usage: mksyms.py NM ELF >build/obj/NAME-symbols.S
       mksyms.py NM ELF --same FINAL     fails unless FINAL has the same functions at the same places

The table goes to the end of .rodata, behind all text, so the second link moves no function. Its format is
in hyp/arch/symbols.h; the codes are found by making one of the two that are neighbours most often, again
and again (byte pair encoding).
"""

import collections
import subprocess
import sys

CODES = 256     # SYMBOL_CODES, SYMBOL_DEPTH and SYMBOL_NAME_MAX of hyp/arch/symbols.h
DEPTH = 16
NAME_MAX = 64

HEAD = """/* SPDX-License-Identifier: BSD-2-Clause */
/* Made by tools/mksyms.py; the format is told in hyp/arch/symbols.h. */
\t.section .note.GNU-stack, "", %progbits
\t.section symbols_table, "a", %progbits
"""


def functions(nm, elf):
    """[(bytes behind the image's start, name)], ascending, one for each address."""
    found = {}
    base = None
    for line in subprocess.run([nm, "--defined-only", elf], check=True, capture_output=True, text=True).stdout.splitlines():
        address, kind, name = line.split()[:3]
        if name == "__image_start":
            base = int(address, 16)
        if kind in "tTwW" and not name.startswith((".", "$")):
            found.setdefault(int(address, 16), name)
    if base is None:
        sys.exit(f"mksyms: {elf} has no __image_start")
    return sorted((address - base, name) for address, name in found.items())


def most_frequent_pair(names):
    counts = collections.Counter()
    for name in names:
        counts.update(zip(name, name[1:]))
    # By the codes where the counts are equal: the same names make the same table.
    return max(counts.items(), key=lambda item: (item[1], item[0]), default=(None, 0))


def join(name, pair, code):
    out, i = [], 0
    while i < len(name):
        if tuple(name[i:i + 2]) == pair:
            out.append(code)
            i += 2
        else:
            out.append(name[i])
            i += 1
    return out


def pack(names):
    """([pair of each code], [the codes of each name])"""
    alphabet = sorted({0}.union(*(name.encode() for name in names)))
    pairs = [(0, character) for character in alphabet]
    depth = [1] * len(pairs)
    codes = [[alphabet.index(c) for c in name.encode() + b"\0"] for name in names]
    while len(pairs) < CODES:
        pair, count = most_frequent_pair(codes)
        if count < 3:
            break
        # Unfolding the left one leaves the right one waiting.
        depth.append(max(depth[pair[0]] + 1, depth[pair[1]]))
        if depth[-1] > DEPTH:
            sys.exit(f"mksyms: a name unfolds deeper than SYMBOL_DEPTH, {DEPTH}")
        codes = [join(name, pair, len(pairs)) for name in codes]
        pairs.append(pair)
    return pairs + [(0, 0)] * (CODES - len(pairs)), codes


def step(distance):
    if distance % 2:
        sys.exit("mksyms: a function at an odd address")
    halfwords, out = distance // 2, []
    while halfwords >= 0x80:
        out.append(halfwords & 0x7F | 0x80)
        halfwords >>= 7
    return out + [halfwords]


def table(found):
    for _, name in found:
        if len(name.encode()) >= NAME_MAX:
            sys.exit(f"mksyms: {name} is longer than SYMBOL_NAME_MAX, {NAME_MAX}, allows")
    pairs, codes = pack([name for _, name in found])
    out = [byte for pair in pairs for byte in pair]
    before = 0
    for (offset, _), name in zip(found, codes):
        out += step(offset - before) + name
        before = offset
    return out


def main():
    nm, elf = sys.argv[1:3]
    found = functions(nm, elf)
    if sys.argv[3:4] == ["--same"]:
        if functions(nm, sys.argv[4]) != found:
            sys.exit(f"mksyms: the table moved functions of {sys.argv[4]}: a backtrace would lie")
        return
    packed = table(found)
    sys.stdout.write(HEAD)
    for i in range(0, len(packed), 16):
        sys.stdout.write("\t.byte " + ",".join(map(str, packed[i:i + 16])) + "\n")


if __name__ == "__main__":
    main()
