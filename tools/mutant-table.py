#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Print which net notices which way of breaking the vcpu protocol.

Reads build/verify/models.json (Spin, litmus: tests/model/run_models.py) and build/verify/sources.json
(unit, explorer, threads: tests/model/mutate_sources.py), as `make verify` leaves them.
"""

import json
import pathlib
import sys

VERIFY = pathlib.Path("build/verify")
NETS = ("spin", "litmus", "unit", "sim", "explorer", "threads")


def load(name):
    path = VERIFY / name
    if not path.exists():
        sys.exit(f"mutant-table: {path} is not there: run make verify")
    return json.loads(path.read_text())


def cell(found, net):
    seen = found.get(net)
    return {True: "caught", False: "-", None: "", "covered": "-"}.get(seen, str(seen))


def main():
    models = load("models.json")
    rows = [(m["title"], m) for m in models["mutants"].values()]
    rows += list(load("sources.json").items())
    print(f"{'mutant':64}" + "".join(f"{net:>10}" for net in NETS))
    missed = 0
    for title, found in rows:
        caught = any(found.get(net) is True for net in NETS)
        missed += not caught
        print(f"{title:64}" + "".join(f"{cell(found, net):>10}" for net in NETS) + ("" if caught else "   MISSED"))
    print(f"{len(rows)} mutants, {missed} missed; Spin explored {models['states']} states")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
