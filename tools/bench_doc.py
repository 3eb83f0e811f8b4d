#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The tables of docs/benchmarks.md, from the results files in tests/bench. Starts no machine.

    tools/bench_doc.py            writes what lies between "<!-- table: NAME -->" and "<!-- end -->" anew: make bench-doc
    tools/bench_doc.py --check    fails when that would change anything: make lint

The text around the tables is written by hand and has no figures that a build decides.
"""

from __future__ import annotations

import json
import re
import sys

from bench_build import RESULTS, ROOT
from bench_cells import PEERS, human, peer, peer_rates
from bench_rows import GROUPS, ROWS, SPLITS
from bench_show import goal_of, number, ratio

DOCUMENT = ROOT / "docs" / "benchmarks.md"
FILES = {"operations": "baseline.json", "scheduling": "sched.json", "overcommit": "overcommit.json"}
BLOCK = re.compile(r"<!-- table: ([\w-]+) -->\n(.*?)<!-- end -->", re.S)
PV = ("none", "preempted", "kick", "both", "tas")


def grid(heads, rows) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


# --- the build ------------------------------------------------------------------------------------

BUILD = {"hartvisor": "hartvisor.bin, sha256", "commit": "commit", "compiler": "gcc", "qemu": "QEMU",
         "opensbi": "OpenSBI", "linux": "Linux, the guest"}


def table_build(results: dict) -> str:
    rows = [[name, f"`tests/bench/{FILES[name]}`", *(found["build"].get(key, "") for key in BUILD)]
            for name, found in results.items()]
    images = {found["build"]["hartvisor"] for found in results.values()}
    verdict = "All figures are of one build." if len(images) == 1 else \
        "**Not all figures are of one build.** Those of different images are not to be compared."
    return grid(["figures", "in", *BUILD.values()], rows) + f"\n{verdict}\n"


# --- operations -----------------------------------------------------------------------------------

def table_operations(results: dict) -> str:
    ours, bare = results["operations"]["hartvisor"], results["operations"]["native"]
    rows = []
    for row in ROWS:
        value, native = ours.get(row.name), bare.get(row.name)
        if value is None:
            continue
        goal = goal_of(row, bare)
        unit = "" if row.unit == "instructions" else f", {row.unit}"
        rows.append([row.name, row.what + unit, number(value), number(native), ratio(value, native), number(goal),
                     ratio(value, goal)])
    return grid(["row", "what", "hartvisor", "native", "of native", "goal", "of goal"], rows)


def table_above(results: dict) -> str:
    ours, bare = results["operations"]["hartvisor"], results["operations"]["native"]
    rows = []
    for row in ROWS:
        value, goal = ours.get(row.name), goal_of(row, bare)
        if value and goal and value > goal:
            rows.append([row.name, number(value), number(goal), ratio(value, goal)])
    return grid(["row", "now", "goal", "of goal"], rows)


def table_splits(results: dict) -> str:
    found = results["operations"]["splits"]
    columns = [group for group, *_ in GROUPS] + ["guest"]
    rows = [[row, number(results["operations"]["hartvisor"][row]),
             *(f"{found[row][group]:,.0f}" if round(found[row].get(group, 0)) else "" for group in columns)]
            for row in SPLITS if row in found]
    return grid(["row", "all", *columns], rows)


def table_groups(results: dict) -> str:
    rows = [[name, what] for name, what, _ in GROUPS]
    rows.append(["guest", "what is left of the row: its own instructions, and those of its handler"])
    return grid(["group", "functions of"], rows)


# --- overcommit -----------------------------------------------------------------------------------

WORKS = ("spin_lock", "mutex_lock", "rwsem_lock", "fork")


def rates(results: dict) -> dict:
    return {(row["vcpus"], row["locks"], row["pv"], row["work"]): row for row in results["overcommit"]["rows"]}


def rate(found: dict, *key) -> str:
    row = found.get(key)
    if not row:
        return ""
    return human(row["rate"]) + (f" ({', '.join(row['trouble'])})" if row.get("trouble") else "")


def share(some: list, native: float) -> str:
    return " to ".join(f"{100 * each / native:.3g}" for each in some) + " %" if some else ""


def table_native(results: dict) -> str:
    native = results["overcommit"]["native"]
    return grid(["", *WORKS], [["native, per second", *(human(native[work]) for work in WORKS)]])


def table_overcommit(results: dict) -> str:
    found, native = rates(results), results["overcommit"]["native"]
    rows = []
    for vcpus in sorted({key[0] for key in found if key[0] > 1}):
        for locks in "zyqt":
            line = [vcpus, locks]
            for work in WORKS[:3]:
                line += [rate(found, vcpus, locks, "none", work), peer("kvm", vcpus, locks, work)]
            forks = found.get((vcpus, locks, "none", "fork"))
            line += [share([forks["rate"]], native["fork"]) if forks else "",
                     share(peer_rates("kvm", vcpus, locks, "fork"), PEERS["native"]["fork"])]
            rows.append(line)
    heads = [f"{work}/s, KVM".split(", ") for work in WORKS[:3]]
    return grid(["vcpus", "locks", *sum(heads, []), "fork, of native", "KVM"], rows)


def table_pv(results: dict) -> str:
    found = rates(results)
    keys = {(vcpus, locks, WORKS.index(work)) for vcpus, locks, pv, work in found if pv != "none"}
    def kvm(vcpus: int, locks: str, work: str) -> str:
        """Loops are another busybox's, so of those the share."""
        loops = share(peer_rates("kvm", vcpus, locks, work), PEERS["native"]["fork"])
        return peer("kvm", vcpus, locks, work) if work != "fork" else loops and f"{loops} of native"

    rows = [[vcpus, locks, WORKS[work], *(rate(found, vcpus, locks, pv, WORKS[work]) for pv in PV),
             kvm(vcpus, locks, WORKS[work])]
            for vcpus, locks, work in sorted(keys, key=lambda key: (-ord(key[1]), key[0], key[2]))]
    return grid(["vcpus", "locks", "work", *PV, "KVM, none"], rows)


# --- scheduling -----------------------------------------------------------------------------------

def table_locks(results: dict) -> str:
    found = results["scheduling"]["locks"]
    kinds = list(found["1"])
    return grid(["VCPUs", *kinds], [[cpus, *(number(found[cpus][kind]) for kind in kinds)] for cpus in found])


def table_sched(results: dict) -> str:
    found = results["scheduling"]
    plain, sta = found["switch"]["plain"], found["switch"]["sta"]
    rows = [(what, f"{number(plain[key])}; STA {number(sta[key])}") for what, key in (
        ("switch: from one VCPU's last instruction to the next one's first, at the end of a slice", "slice"),
        ("to the other VCPU and back, one hart: by WRS.NTO", "wrs"),
        ("to the other VCPU and back, one hart: by IPI out of WFI", "ipi"))]
    rows += [(f"a VCPU of class `{kind}` wakes by its timer beside three that spin, until it reads its clock",
              f"mean {number(found['latency'][kind]['mean'])}, at worst {number(found['latency'][kind]['worst'])}")
             for kind in ("fifo", "fair")]
    rows.append(("a busy VCPU alone on its hart, in a second after it has started", f"exits: {found['busy']['exits']}"))
    idle = [f"{found['idle'][key]} exits a second with {kernel}"
            for key, kernel in (("debian", "Debian's kernel"), ("own", "`build/linux/Image`")) if key in found["idle"]]
    rows.append(("an idle Linux with 4 VCPUs, and the shell that measures it", ", ".join(idle)))
    return grid(["", "instructions, or exits"], rows)


# --- the document ---------------------------------------------------------------------------------

TABLES = {"build": table_build, "operations": table_operations, "splits": table_splits, "groups": table_groups,
          "above": table_above, "native": table_native, "overcommit": table_overcommit, "pv": table_pv,
          "locks": table_locks, "sched": table_sched}


def read_results() -> dict:
    return {name: json.loads((RESULTS / file).read_text()) for name, file in FILES.items()}


def generated(text: str, results: dict) -> str:
    """@text with its tables as @results have them. Each table is in it once, and none that is not known."""
    names = [name for name, _ in BLOCK.findall(text)]
    wrong = sorted(set(names) ^ set(TABLES)) or [name for name in names if names.count(name) > 1]
    if wrong or text.count("<!-- table:") != len(names):
        raise ValueError(f"tables that are missing, unknown, there twice or without an end: {', '.join(wrong) or '?'}")
    return BLOCK.sub(lambda block: f"<!-- table: {block[1]} -->\n{TABLES[block[1]](results)}<!-- end -->", text)


def write() -> None:
    DOCUMENT.write_text(generated(DOCUMENT.read_text(), read_results()))


def main() -> int:
    try:
        if sys.argv[1:] != ["--check"]:
            write()
            return 0
        text = DOCUMENT.read_text()
        new = generated(text, read_results())
    except KeyError as error:
        print(f"docs/benchmarks.md: no {error} in the results: run make bench-results", file=sys.stderr)
        return 1
    except (ValueError, FileNotFoundError) as error:
        print(f"docs/benchmarks.md: {error}", file=sys.stderr)
        return 1
    stale = [name for (name, was), (_, now) in zip(BLOCK.findall(text), BLOCK.findall(new)) if was != now]
    if stale:
        print(f"docs/benchmarks.md is stale (tables {', '.join(stale)}): run make bench-doc", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
