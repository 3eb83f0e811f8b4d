#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check that a file of hyp/ or platform/ touches only the fields of its own room's structures.

OWNED lists, for each room, the members by which other rooms hold its structures. What stands behind such a member is
the room's alone; others call its functions, which are in line where a call would cost a hot path.
"""

import pathlib
import re
import sys

OWNED = {
    "hyp/sched": [r"\bse(?:\.|->)\w+", r"(?:->|\.)group\.\w+", r"\brunq->\w+"],
    "hyp/vcpu": [r"(?:->|\.)(?:hsm|halt|timer|place|fences|fp)\.\w+",
                 r"(?:->|\.)irq\.(?:inject|levels|shadow|hvip)\b"],
    "hyp/pv": [r"(?:->|\.)pv\.(?:steal|lock|magic)\.\w+", r"(?:->|\.)pv\.marked\b"],
    "hyp/mm": [r"(?:->|\.)gstage\.\w+", r"(?:->|\.)arena\.\w+", r"(?:->|\.)vmid\.\w+"],
}
NO_CODE = re.compile(r"/\*.*?(\*/|$)|//.*|\"[^\"]*\"")


def foreign_uses(path):
    """(line number, member, the room that owns it) of each use of a foreign field in @path."""
    foreign = {room: re.compile("|".join(members)) for room, members in OWNED.items()
               if not path.as_posix().startswith(room + "/")}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if line.lstrip().startswith(("*", "#")):
            continue
        code = NO_CODE.sub("", line)
        for room, members in foreign.items():
            for match in members.finditer(code):
                yield number, match.group(0).lstrip("->."), room


def main():
    problems = [f"{path}:{number}: {member} is a field of {room}: call a function of that room"
                for root in ("hyp", "platform") for path in sorted(pathlib.Path(root).rglob("*.[ch]"))
                for number, member, room in foreign_uses(path)]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
