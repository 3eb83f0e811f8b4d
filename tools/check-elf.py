#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Look through hartvisor's linked ELF for what must not be in it.

- Floating-point or vector instructions and CSRs, but in functions named arch_fp_* and arch_vector_*:
  those registers hold a guest's values.
- Thread-local variables, which live where tp points: that is hartvisor's pcpu.
- libfdt's own look-up of nodes by name, which takes "k@1" for "k" (hyp/lib/fdt_exact.c).
- gp as an operand, other than to save it and load it: it is a guest's or nothing.
"""

import argparse
import re
import subprocess
import sys

FP_OR_VECTOR_FUNCTION = re.compile(r"arch_(fp|vector)_")

FUNCTION = re.compile(r"^[0-9a-f]+ <([^>]+)>:$")

FP_MNEMONIC = re.compile(r"(c\.)?f(?!ence)[a-z0-9]+(\.[a-z0-9.]+)?$")
FP_NAMES = {"frcsr", "fscsr", "frrm", "fsrm", "frflags", "fsflags", "fsrmi", "fsflagsi"}
VECTOR_MNEMONIC = re.compile(r"v[a-z0-9]+(\.[a-z0-9.]+)?$")
# vlenb is a constant of the machine, and may be read.
FP_CSR = re.compile(r"\b(fcsr|frm|fflags|vcsr|vl|vtype|vstart|vxrm|vxsat)\b")
GP = re.compile(r"\bgp\b")
GP_SAVED_OR_LOADED = re.compile(r"gp,-?\d+\(\w+\)$")


def is_fp_or_vector(mnemonic, operands):
    if mnemonic in FP_NAMES or FP_MNEMONIC.match(mnemonic) or VECTOR_MNEMONIC.match(mnemonic):
        return True
    return mnemonic.startswith("csr") and FP_CSR.search(operands) is not None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objdump", default="riscv64-unknown-elf-objdump")
    parser.add_argument("--nm", default="riscv64-unknown-elf-nm")
    parser.add_argument("elf")
    args = parser.parse_args()

    problems = []

    symbols = subprocess.run([args.objdump, "-t", args.elf], check=True, capture_output=True, text=True)
    for line in symbols.stdout.splitlines():
        if re.search(r"\s\.t(bss|data)\s", line) and not re.search(r"\sd\s+\.t(bss|data)", line):
            name = line.split()[-1]
            problems.append(f"thread-local variable '{name}' is linked in (strtoul's or such's errno?): "
                            "it would lie inside the pcpu")

        if re.search(r"\bfdt_loose_\w+$", line):
            problems.append(f"'{line.split()[-1]}' is linked in: nodes are looked for by hyp/lib/fdt_exact.c only")

    function = "?"
    listing = subprocess.Popen([args.objdump, "-d", "--no-show-raw-insn", args.elf],
                               stdout=subprocess.PIPE, text=True)
    for line in listing.stdout:
        line = line.rstrip("\n")
        match = FUNCTION.match(line)
        if match:
            if not match.group(1).startswith(".L"):
                function = match.group(1)
            continue
        fields = line.split("\t")
        if len(fields) < 2 or not fields[0].rstrip().endswith(":"):
            continue
        mnemonic = fields[1].strip()
        operands = fields[2] if len(fields) > 2 else ""
        operands = operands.split("#")[0].split("<")[0]
        if is_fp_or_vector(mnemonic, operands) and not FP_OR_VECTOR_FUNCTION.match(function):
            problems.append(f"{function}: '{mnemonic} {operands.strip()}' uses FP or vector state, "
                            "which only arch_fp_* and arch_vector_* may")
        saved = mnemonic in ("ld", "sd") and GP_SAVED_OR_LOADED.match(operands.strip())
        if GP.search(operands) and not saved:
            problems.append(f"{function}: '{mnemonic} {operands.strip()}' uses gp")
    if listing.wait() != 0:
        sys.exit(f"check-elf: {args.objdump} failed on {args.elf}")

    for problem in problems[:20]:
        print(f"{args.elf}: {problem}", file=sys.stderr)
    if len(problems) > 20:
        print(f"{args.elf}: and {len(problems) - 20} more", file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
