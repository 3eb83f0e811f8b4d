#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Find subscripts whose bound rests on a branch alone, in the code that answers guests.

A guest chooses hart ids, function numbers, register offsets. Where one becomes a subscript, the bound must be kept
by arithmetic (hyp/lib/index.h says why). A subscript is good when it is

- a constant: numbers and names in capitals, and sums, products, shifts of them;
- the variable of a for loop of the same function;
- masked or reduced on the spot, as a whole: `x & CONSTANT`, `x % CONSTANT`;
- a call of a helper whose result is bounded by construction (HELPERS).

Everything else needs an entry in EXCEPTIONS, with its reason. An entry that fits nothing any more is an error, so
the list only shrinks. `index-check.py --list` shows all subscripts that were looked at.
"""

import pathlib
import re
import subprocess
import sys

ROOMS = ["hyp/sbi", "hyp/irqchip", "hyp/dev", "hyp/run", "hyp/vcpu"]
FILES = ["hyp/arch/guest.c", "hyp/arch/guest_state.h", "hyp/arch/insn.c", "hyp/mm/pgtable.c"]

# index_below() has lib/index.h's mask; the others end in a shift or mask that leaves no more bits than the array has
# entries: bit_first() 6 (lib/bits.h), SBI_SLOT() 5 (sbi/dispatch.h), pt_index() those of its level (mm/pgtable.c).
HELPERS = {"index_below", "bit_first", "SBI_SLOT", "pt_index"}

# (file, subscript): why no guest chooses it, or why it is bounded.
EXCEPTIONS = {
    ("hyp/dev/mmio.c", "at"): "mmio_add(), while the VM is made: no guest runs",
    ("hyp/dev/mmio.c", "i - 1"): "mmio_add(), while the VM is made: no guest runs",
    ("hyp/dev/vuart.c", "u->fcr >> FCR_TRIGGER_SHIFT"): "fcr has 8 bits, so 2 are left, and there are 4 levels",
    ("hyp/vcpu/request.c", "v->id"): "the vcpu's own, set when it is made",
}

CONSTANT = re.compile(r"^[A-Z0-9_()+*/<>\s\-ux]+$")
NAME = re.compile(r"^[a-z_][a-z0-9_]*$")
MASKED = re.compile(r"^(.*) ([&%]) (?:[A-Z0-9_]+|\([A-Z0-9_]+ - 1\))$")
CALL = re.compile(r"^([A-Za-z_][A-Za-z0-9_]*)\(")
FOR = re.compile(r"\bfor \((?:[a-z0-9_]+ )*\*?([a-z_][a-z0-9_]*) =")


def without_comments(text):
    """The same text, comments and strings blanked, line breaks kept."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'", blank, text, flags=re.S)


def closing(text, at, opens, closes):
    depth = 0
    for i in range(at, len(text)):
        depth += (text[i] == opens) - (text[i] == closes)
        if depth == 0:
            return i
    return len(text)


def functions(text):
    """Start and end of each function's body: braces in column one."""
    for match in re.finditer(r"^\{", text, flags=re.M):
        yield match.start(), closing(text, match.start(), "{", "}")


def subscripts(text):
    """Offset and text of what is between brackets, in function bodies: no declarations, no designators."""
    bodies = list(functions(text))
    for match in re.finditer(r"\[", text):
        at = match.start()
        body = next((b for b in bodies if b[0] < at < b[1]), None)
        if body is None or not re.match(r"[\w)\]]", text[at - 1]):
            continue
        inner = " ".join(text[at + 1:closing(text, at, "[", "]")].split())
        line = text[text.rfind("\n", 0, at) + 1:at]
        if inner == "" or re.match(r"^\s*(?:static |const |struct |enum )*[a-z_][a-z0-9_]*[ *]+(?:[a-z_]\w*(?:\[[^]]*\])?, )*"
                                   r"\*?[a-z_]\w*$", line) and CONSTANT.match(inner):
            continue
        yield at, inner, body


def whole_call(text):
    match = CALL.match(text)
    return match and closing(text, match.end() - 1, "(", ")") == len(text) - 1 and match.group(1) in HELPERS


def masked(text):
    """Is the last operator, outside of parentheses, a mask or a remainder by a constant, applied to all before it?"""
    match = MASKED.match(text)
    if not match:
        return False
    left, operator = match.group(1), match.group(2)
    binds_less = "+-<>&|^?" if operator == "%" else "|^?"
    depth = 0
    for i, char in enumerate(left):
        depth += (char in "([") - (char in ")]")
        if depth == 0 and char in binds_less and left[i - 1:i + 1] != "++" and left[i:i + 2] != "++" and "->" not in (left[i:i + 2], left[i - 1:i + 1]):
            return False
    return depth == 0


def is_good(inner, text, body):
    if CONSTANT.match(inner) or whole_call(inner) or masked(inner):
        return True
    if NAME.match(inner):
        return inner in FOR.findall(text[body[0]:body[1]])
    return False


def main():
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *[f"{room}/*.[ch]" for room in ROOMS]],
                             check=True, capture_output=True, text=True).stdout.split()
    problems, used = [], set()
    for name in sorted(set(listing) | set(FILES)):
        path = pathlib.Path(name)
        if not path.is_file():
            problems.append(f"tools/index-check.py: FILES has {name}, which is not there")
            continue
        text = without_comments(path.read_text())
        for at, inner, body in subscripts(text):
            where = f"{name}:{text.count(chr(10), 0, at) + 1}"
            if "--list" in sys.argv:
                print(f"{where}: [{inner}]")
            if is_good(inner, text, body):
                continue
            if (name, inner) in EXCEPTIONS:
                used.add((name, inner))
                continue
            problems.append(f"{where}: [{inner}]: bound it by index_below() (hyp/lib/index.h) or a mask on the spot")
    for name, inner in sorted(set(EXCEPTIONS) - used):
        problems.append(f"tools/index-check.py: the exception for [{inner}] in {name} fits nothing: take it out")
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
