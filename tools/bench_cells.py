# SPDX-License-Identifier: BSD-2-Clause
"""Which boots the overcommit tables of docs/benchmarks.md have, and what other hypervisors reach. Starts nothing."""

from __future__ import annotations

import json

from bench_build import RESULTS

SECONDS = 3  # guest seconds of a boot
PEERS = json.loads((RESULTS / "peers.json").read_text())


def cells() -> list:
    """(vcpus, locks, pv, work) of each."""
    found = []
    for vcpus in (2, 4, 8):
        for locks in "tqyz":
            works = {"q": ["spin_lock", "mutex_lock", "fork"], "z": ["spin_lock", "mutex_lock", "rwsem_lock", "fork"]}
            found += [(vcpus, locks, "none", work) for work in works.get(locks, ["spin_lock", "fork"])]
    found += [(1, "z", pv, work) for work in ("spin_lock", "mutex_lock", "fork") for pv in ("none", "both")]
    for vcpus in (2, 4, 8):
        found += [(vcpus, "z", pv, work) for work in ("spin_lock", "mutex_lock", "fork")
                  for pv in ("preempted", "kick", "both", "tas")]
    for vcpus in (2, 4):
        found += [(vcpus, "q", pv, work) for work in ("spin_lock", "fork") for pv in ("preempted", "kick", "both", "tas")]
    return found


CELLS = cells()


def human(value: float) -> str:
    """Three digits and more, and a unit."""
    for limit, unit in ((1e6, "M"), (1e4, "k")):
        if value >= limit:
            return f"{value / (1e6 if unit == 'M' else 1e3):.4g} {unit}"
    return f"{value:,.0f}"


def peer_rates(name: str, vcpus: int, locks: str, work: str) -> list:
    """What @name ("kvm", "xvisor") reaches, or from where to where; [] where nothing is known."""
    for row in PEERS["rows"]:
        if (row["vcpus"], row["locks"], row["work"]) == (vcpus, locks, work):
            return row.get(name, [])
    return []


def peer(name: str, vcpus: int, locks: str, work: str) -> str:
    return " to ".join(human(rate) for rate in peer_rates(name, vcpus, locks, work))
