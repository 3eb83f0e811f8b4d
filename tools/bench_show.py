# SPDX-License-Identifier: BSD-2-Clause
"""What the benchmark's figures are compared with, and how they are shown."""

from __future__ import annotations

import math

from bench_rows import RATIO_GOALS, ROWS

MOVED, WORSE = 0.02, 0.05


# --- comparing ------------------------------------------------------------------------------------

def compare(now: dict, before: dict, noted: set = frozenset()) -> tuple:
    """
    What moved by more than 2 %, as (row, before, now), and of these what got worse by more than 5 %; less is
    better. A row of the baseline that was measured no more is worse; a new row has moved (before: None).
    Half an instruction is never a difference.
    """
    moved, worse = [], []
    for row in [*before, *(row for row in now if row not in before)]:
        was, value = before.get(row), now.get(row)
        if row in noted:
            continue
        if was is None:
            moved.append((row, None, value))
        elif value is None:
            worse.append((row, was, None))
        elif abs(value - was) > max(MOVED * abs(was), 0.5):
            moved.append((row, was, value))
            if value - was > max(WORSE * abs(was), 0.5):
                worse.append((row, was, value))
    return moved, worse


def decides(baseline: dict, version: str) -> bool:
    """Can a row that is worse than @baseline be the fault of the tree? Not with another compiler."""
    return baseline.get("build", {}).get("compiler", version) == version


def totals(measured: int, worse: list, decided: bool) -> str:
    """The last line of a check. What does not count is skipped."""
    passed = measured - sum(value is not None for _, _, value in worse)
    return f"{passed} passed, {len(worse)} failed" if decided else f"{passed} passed, 0 failed, {len(worse)} skipped"


def say_change(row: str, was, value) -> str:
    if was is None or value is None:
        return f"  {row}: {'new: ' + number(value) if was is None else 'was ' + number(was) + ', not measured now'}"
    share = f", {100 * (value - was) / was:+.1f} %" if was else ""
    return f"  {row}: {number(was)} -> {number(value)}{share}"


# --- showing --------------------------------------------------------------------------------------

def number(value) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.1f}"


def ratio(value, other) -> str:
    return f"{value / other:.2f}" if value is not None and other else "-"


def goal_of(row, native: dict):
    """What hartvisor is to reach; None: nothing is said."""
    bare = native.get(row.name)
    return RATIO_GOALS[row.name] * bare if row.name in RATIO_GOALS and bare else row.goal


def table(results: dict, native: dict) -> str:
    lines = [f"| {'row':25} | {'what':50} | {'hartvisor':>13} | {'native':>13} | {'goal':>9} | {'/native':>8} | {'/goal':>6} |",
             "|---|---|---|---|---|---|---|"]
    for row in ROWS:
        value, bare = results.get(row.name), native.get(row.name)
        if value is None and bare is None:
            continue
        goal = goal_of(row, native)
        unit = "" if row.unit == "instructions" else f", {row.unit}"
        lines.append(f"| {row.name:25} | {row.what + unit:50} | {number(value):>13} | {number(bare):>13} | "
                     f"{number(goal):>9} | {ratio(value, bare):>8} | {ratio(value, goal):>6} |")
    return "\n".join(lines)


def svg(results: dict, native: dict) -> str:
    """Bars of hartvisor / goal and hartvisor / native on a logarithmic scale; 1 is the line in the middle."""
    bars = []
    for row in ROWS:
        value, bare = results.get(row.name), native.get(row.name)
        goal = goal_of(row, native)
        if value and not row.noted and (bare or goal):
            bars.append((row.name, value / goal if goal else None, value / bare if bare else None))
    left, width, step, reach = 190, 560, 30, 3.0  # reach: decades to each side
    middle = left + width / 2

    def x(share: float) -> float:
        return middle + max(-reach, min(reach, math.log10(share))) * width / 2 / reach

    height = 60 + step * len(bars)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 70}" height="{height}" '
           'font-family="sans-serif" font-size="11">',
           f'<rect width="100%" height="100%" fill="white"/>',
           f'<text x="{left}" y="16">hartvisor / goal (blue), hartvisor / native (grey); less is better</text>']
    for decade in range(-3, 4):
        at = x(10.0 ** decade)
        out.append(f'<line x1="{at:.1f}" y1="36" x2="{at:.1f}" y2="{height - 10}" stroke="{"black" if not decade else "#ddd"}"/>'
                   f'<text x="{at:.1f}" y="32" text-anchor="middle">{10.0 ** decade:g}</text>')
    for i, (name, to_goal, to_native) in enumerate(bars):
        y = 42 + step * i
        out.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end">{name}</text>')
        for share, colour, offset in ((to_goal, "#3070c0", 0), (to_native, "#999999", 11)):
            if share is None:
                continue
            begin, end = sorted((middle, x(share)))
            out.append(f'<rect x="{begin:.1f}" y="{y + offset}" width="{max(end - begin, 1):.1f}" height="10" fill="{colour}"/>'
                       f'<text x="{end + 3:.1f}" y="{y + offset + 9}" font-size="9">{share:.2f}</text>')
    return "\n".join([*out, "</svg>", ""])
