#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write hartvisor's function names as an assembler file, for the backtrace of a panic.

usage: mksyms.py NM ELF >symbols.S

The table goes to the end of .rodata, behind all text, so the second link moves no function.
"""

import subprocess
import sys

HEAD = """/* SPDX-License-Identifier: BSD-2-Clause */
/* Made by tools/mksyms.py. Offsets from the image's start, ascending; then names in the same order. */
	.section .rodata.symbols, "a"
	.balign 8
	.globl symbols_count, symbols_offsets, symbols_names
symbols_count:
	.word {count}
symbols_offsets:
"""


def functions(nm, elf):
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


def main():
    nm, elf = sys.argv[1:3]
    table = functions(nm, elf)
    out = [HEAD.format(count=len(table))]
    out += [f"\t.word {offset:#x}\n" for offset, _ in table]
    out.append("symbols_names:\n")
    out += [f'\t.asciz "{name}"\n' for _, name in table]
    sys.stdout.write("".join(out))


if __name__ == "__main__":
    main()
