# SPDX-License-Identifier: BSD-2-Clause
"""The table in docs/design.md of which net sees which sleep and reason to wake, held against the nets themselves.

Each net says somewhere what it goes through: the explorer by its cells, the threads by what must have ended each sleep
before they are done, the models in a comment, the litmus tests by their names, the system's tests by their guest.
"""

import pathlib
import re

DESIGN = pathlib.Path("docs/design.md")
REASONS = ["request", "kick", "IPI", "line", "timer (Sstc)", "timer (host timer)"]
WAYS = ["rests", "is polled for", "on loan"]
HEADER = ["sleep"] + REASONS

BIT = {"request": "WAKE_REQUEST", "kick": "WAKE_KICK", "IPI": "WAKE_IRQ", "line": "WAKE_IRQ",
       "timer (Sstc)": "WAKE_TIMER", "timer (host timer)": "WAKE_TIMER"}

# The reason by which nets know a column: of the explorer and the guest, of the threads, of the litmus tests.
EXPLORER = {"kick": ["kick"], "ipi": ["IPI"], "level": ["line"], "destroy": ["request"], "start": ["request"]}
THREADS = {"BY_KICK": ["kick"], "BY_IPI": ["IPI"], "BY_LEVEL": ["line"], "BY_START": ["request"],
           "BY_TIMER": ["timer (Sstc)", "timer (host timer)"]}
LITMUS = {"kick": "request", "broadcast": "request", "start": "request", "inject": "IPI", "level": "line",
          "unhalt": "kick"}


def read(path):
    return pathlib.Path(path).read_text()


def sleeps():
    """{row: what ends it}; a way into a sleep is a row of its own, for a halt as by WFI."""
    text = read("hyp/vcpu/sleep.h")
    rows = {name: set(ends.replace(" ", "").split("|"))
            for name, ends in re.findall(r'X\(\w+, "([a-z-]+)",\s*([A-Z_| ]+)\)', text)}
    return {**rows, **{way: rows["wfi"] for way in WAYS}}


def kinds():
    """{name in C: row}"""
    return dict(re.findall(r'X\((\w+), "([a-z-]+)",', read("hyp/vcpu/sleep.h")))


def explorer():
    text = read("tests/unit/explorer/cells.c")
    ways = re.findall(r'\.name = "([^"]*)",\s*\.sstc = (true|false)([^}]*)', text)
    reasons = re.findall(r'\.name = "([^"]+)",\s*\.bit = (\w+)', text)
    programs = read("tests/unit/explorer/test_sleeps.c"), read(
        "tests/unit/explorer/test_sleeps_more.c")
    rows = {kinds()[kind]: ways for kind in re.findall(r"^EACH_REASON\((\w+)\)", programs[0], re.M)}
    rows["rests"] = [w for w in ways if "rests" in w[2]]
    rows["is polled for"] = [w for w in ways if "polls" in w[2]]
    if ", paused" in programs[1]:
        rows["paused"] = ways
    if ", on loan" in programs[1]:
        rows["on loan"] = ways
    found = set()
    for row, some in rows.items():
        sstc = {way[1] for way in some}
        for reason, _ in reasons:
            columns = EXPLORER.get(reason, [])
            if reason == "timer":
                columns = [c for c, has in (("timer (Sstc)", "true"), ("timer (host timer)", "false")) if has in sstc]
            found |= {(row, column) for column in columns}
    return found


def threads():
    by = re.search(r"enum ended_by \{([^}]*)\}", read("tests/unit/threads/machine.h")).group(1)
    columns = [c for name in by.split(",") for c in THREADS.get(name.strip(), [])]
    found = {(row, column) for row in kinds().values() for column in columns
             if BIT[column] in sleeps()[row] and (column != "request" or row == "stopped")}
    if "did.pauses" in read("tests/unit/threads/test_protocol.c"):
        found.add(("paused", "request"))
    return found


def spin():
    """` * Wake-ups: ROW: REASON, REASON; ROW: ...` in the models."""
    found = set()
    for model in pathlib.Path("tests/model").glob("*.pml"):
        said = re.search(r"\* Wake-ups: (.*?)\.\n", model.read_text(), re.S)
        for part in re.sub(r"\n \*", "", said.group(1)).split(";") if said else []:
            row, reasons = part.split(":")
            found |= {(row.strip(), reason.strip()) for reason in reasons.split(",")}
    return found


def litmus():
    names = re.findall(r'^    "(block|rest)_(\w+)":', read("tests/model/litmus_tests.py"), re.M)
    found = set()
    for way, reason in names:
        # Every sleep but a rest goes by vcpu_block().
        rows = ["rests"] if way == "rest" else [row for row in sleeps() if row not in WAYS]
        found |= {(row, LITMUS[reason]) for row in rows if BIT[LITMUS[reason]] in sleeps()[row]}
    return found


def system():
    guest, test = read("guest/tests/wake.c"), read("tests/system/test_wake.py")
    words = {name: re.findall(r'"([^"]+)"', re.search(rf"{name}\[\] = \{{(.*?)\}}", guest, re.S).group(1))
             for name in ("sleep_names", "cause_names")}
    columns = {"request": ["request"], **EXPLORER,
               "timer": ["timer (Sstc)"] + (["timer (host timer)"] if "sstc=off" in test else [])}
    rows = words["sleep_names"] + ["rests", "is polled for"]
    found = {(row, column) for row in rows for cause in words["cause_names"] for column in columns.get(cause, [])}
    if "pause_until_verdict" in test:
        found.add(("paused", "request"))
    return found


def expected():
    nets = {"E": explorer(), "T": threads(), "S": spin(), "L": litmus(), "Y": system()}
    ends = sleeps()
    table = [HEADER]
    for row in ends:
        cells = [row]
        for column in REASONS:
            if row == "rests" and column == "timer (host timer)":
                cells.append("-")  # what has no timer of its own does not rest
                continue
            marks = " ".join(net for net, pairs in nets.items() if (row, column) in pairs)
            cells.append(marks if BIT[column] in ends[row] else f"not: {marks}" if marks else "not")
        table.append(cells)
    return table


def check(problems):
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in read(DESIGN).splitlines()
            if line.startswith("|")]
    table = expected()
    for row in table:
        if row not in rows:
            problems.append(f"{DESIGN}: the table of wake-ups lacks: | {' | '.join(row)} |")
        elif row is not HEADER and not all(row[1:]):
            problems.append(f"{DESIGN}: {row[0]}: a reason that no net sees")


if __name__ == "__main__":
    for line in expected():
        print(f"| {' | '.join(line)} |")
