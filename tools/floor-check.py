#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check the layout of the sources: which floor includes which, licences, sizes.

- A file includes only headers of its own floor or of lower ones (the table below is docs/design.md's),
  and every folder with sources has a floor.
- Single devices and interrupt controllers of guests are named by their own rooms only.
- Headers do not include each other in a circle.
- Every file begins with an SPDX line.
- No file has more than 500 lines, but for tools/hartctl, which users copy as one file.
"""

import pathlib
import re
import subprocess
import sys

FLOORS = [
    ["guest/include/hartvisor", "hyp/lib"],
    ["hyp/arch"],
    ["platform"],
    ["hyp/mm"],
    ["hyp/sched", "hyp/term"],
    ["hyp/vcpu", "hyp/net"],
    ["hyp/sbi", "hyp/irqchip", "hyp/dev"],
    ["hyp/vm", "hyp/pv"],
    ["hyp/run"],
    ["hyp/console", "hyp/control", "hyp/main"],
]

# What the seams hide (vcpu/vm_part.h, irqchip/virqchip.h): only their own rooms name single devices and controllers.
BEHIND_SEAMS = {"hyp/dev/vdev.h", "hyp/irqchip/vplic.h"}

# Where "name" and <name> of an include are looked for, as the Makefile has it.
INCLUDE_ROOTS = ["hyp", ".", "guest/include"]

LICENSED = {".c", ".h", ".S", ".lds", ".py", ".sh", ".mk", ".its", ".dts", ".dtso", ".yaml", ".yml",
            ".pml", ".litmus"}
LICENSED_NAMES = {"Makefile", ".gitignore", ".clang-format", ".clang-tidy", "run", "init"}
MAX_LINES = 500
ONE_FILE = {"tools/hartctl": 2200}

INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]')


def all_files():
    # A tree that belongs to another user (a container's) is no danger here: its scripts are being run already.
    command = ["git", "-c", f"safe.directory={pathlib.Path.cwd()}", "ls-files", "-co", "--exclude-standard"]
    try:
        listing = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        sys.exit("floor-check: no git, which names the files to look at")
    if listing.returncode != 0 or not listing.stdout:
        sys.exit(f"floor-check: git names no files to look at: {listing.stderr.strip()}")
    return [path for line in listing.stdout.splitlines() if (path := pathlib.Path(line)).is_file()]


def floor_of(path):
    """The floor's number and name; None for what is not hartvisor's own."""
    text = path.as_posix()
    for number, rooms in enumerate(FLOORS):
        for room in rooms:
            if text.startswith(room + "/") or text in (room + ".c", room + ".h"):
                return number, room
    return None


def includes(path):
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1)


def resolve(path, name):
    for root in [path.parent.as_posix(), *INCLUDE_ROOTS]:
        candidate = pathlib.Path(root) / name
        if candidate.is_file():
            return pathlib.Path(*candidate.parts)
    return None


def check_floors(files, problems):
    for path in files:
        if path.suffix not in (".c", ".h", ".S"):
            continue
        if path.parts[0] not in ("hyp", "platform") and not path.is_relative_to("guest/include"):
            continue
        own = floor_of(path)
        if own is None:
            problems.append(f"{path}: this folder has no floor (see FLOORS in tools/floor-check.py)")
            continue
        for line, name in includes(path):
            target = resolve(path, name)
            if target is None:
                continue
            other = floor_of(target)
            if other is None:
                problems.append(f"{path}:{line}: '{name}' is not hartvisor's own")
            elif other[0] > own[0]:
                problems.append(f"{path}:{line}: {own[1]} (floor {own[0]}) includes '{name}' of "
                                f"{other[1]} (floor {other[0]})")
            if target.as_posix() in BEHIND_SEAMS and other is not None and other[1] != own[1]:
                problems.append(f"{path}:{line}: only {other[1]} may include '{name}': others know parts of a VM "
                                "(vcpu/vm_part.h) and virqs")


def check_circles(files, problems):
    headers = {path: [target for _, name in includes(path)
                      if (target := resolve(path, name)) and target.suffix == ".h"]
               for path in files if path.suffix == ".h" and path.parts[0] in ("hyp", "platform", "guest")}
    done = set()

    def visit(path, trail):
        if path in trail:
            circle = trail[trail.index(path):] + [path]
            problems.append("headers in a circle: " + " -> ".join(str(step) for step in circle))
            return
        if path in done:
            return
        for target in headers.get(path, []):
            visit(target, trail + [path])
        done.add(path)

    for path in headers:
        visit(path, [])


def check_licence_and_size(files, problems):
    for path in files:
        if path.suffix not in LICENSED and path.name not in LICENSED_NAMES:
            continue
        lines = path.read_text(errors="replace").splitlines()
        if lines and not any("SPDX-License-Identifier:" in line for line in lines[:4]):
            problems.append(f"{path}: no SPDX-License-Identifier in its first lines")
        most = ONE_FILE.get(path.as_posix(), MAX_LINES)
        if len(lines) > most:
            problems.append(f"{path}: {len(lines)} lines (at most {most})")


def main():
    problems = []
    files = all_files()
    check_floors(files, problems)
    check_circles(files, problems)
    check_licence_and_size(files, problems)
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
