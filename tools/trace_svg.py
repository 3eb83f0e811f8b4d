#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A picture of timelines that hartctl trace wrote: a panel for each, one below the other, for a document.

    tools/trace_svg.py OUT.svg [--begin MS] [--length MS] [--text LINE] "TITLE=a.json" "TITLE=b.json"

Each panel has a row for each hart, with the vcpu that it runs, and one for each vcpu: what it does, its exits, and an arrow for each
kick, from the vcpu that kicks to the one that is kicked. The colours are those of the reader's scheme, light or dark.
"""

import argparse
import collections
import json
import pathlib
import sys
from xml.sax.saxutils import escape

LEFT, WIDTH, ROW, GAP = 96, 800, 18, 6
COLOURS = {  # of each class: what is set, in a light scheme, in a dark one
    "ground": ("fill", "#ffffff", "#0d1117"), "ready": ("fill", "#f2b8b5", "#7d3b3b"), "halted": ("fill", "#8c959f", "#8b949e"),
    "exit": ("fill", "#1f2328", "#e6edf3"), "lost": ("fill", "#8c959f", "#6e7681"), "kick": ("stroke", "#1f2328", "#e6edf3"),
    "head": ("fill", "#1f2328", "#e6edf3"), "axis": ("stroke", "#c8ced4", "#3d444d"), "vm0": ("fill", "#2f6fd0", "#5b9bff"),
    "vm1": ("fill", "#c77700", "#e3a03a"), "vm2": ("fill", "#2a8a57", "#4cc38a"), "vm3": ("fill", "#8250df", "#b38bff"),
    "small": ("fill", "#59636e", "#9198a1"), "text": ("fill", "#1f2328", "#e6edf3")}


def style():
    """Plain rules, as not every reader of SVG knows CSS's variables."""
    def rules(n):
        return " ".join(f".{name} {{ {colours[0]}: {colours[n]}; }}" for name, colours in COLOURS.items())
    return (f"<style>text {{ font: 11px sans-serif; }} .title {{ font-weight: bold; font-size: 12px; }} .small {{ font-size: 10px; }} "
            f".exit {{ opacity: .55; }} .kick {{ stroke-width: .8; fill: none; }} .axis {{ stroke-width: .5; }}\n{rules(1)}\n"
            f"@media (prefers-color-scheme: dark) {{ {rules(2)} }}</style>")


STATES = ("running", "ready", "halted")


class Timeline:
    """What one file has, from @begin on, for @length; times in microseconds."""

    def __init__(self, path, begin, length):
        events = json.loads(pathlib.Path(path).read_text())["traceEvents"]
        self.first = min(e["ts"] for e in events if "ts" in e) + begin
        self.length = length
        named = {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"}
        ran = {(e["pid"], e["tid"]) for e in events if e["ph"] == "X" and e["name"] == "running" and not self.outside(e["ts"], e["dur"])}
        ran = sorted(ran, key=lambda track: named[track])
        self.vms = {pid: n for n, pid in enumerate(dict.fromkeys(pid for pid, _ in ran))}
        harts = sorted(track for track in named if track[0] == 1)
        self.rows = {track: n for n, track in enumerate([*harts, *ran])}
        self.names = {track: named[track] for track in self.rows}
        self.vm_of = {named[track]: self.vms[track[0]] for track in ran}
        self.slices = [e for e in events if e["ph"] == "X" and (e["pid"], e["tid"]) in self.rows and not self.outside(e["ts"], e["dur"])]
        ends = {e["id"]: e for e in events if e["ph"] == "f"}
        self.kicks = [(e, ends[e["id"]]) for e in events if e["ph"] == "s" and e["id"] in ends and not self.outside(e["ts"], 0)
                      and (e["pid"], e["tid"]) in self.rows and (ends[e["id"]]["pid"], ends[e["id"]]["tid"]) in self.rows]

    def outside(self, ts, dur):
        return ts + dur < self.first or ts > self.first + self.length

    def x(self, ts):
        return LEFT + WIDTH * min(max(ts - self.first, 0), self.length) / self.length

    def shares(self):
        """Of the vcpus' time, by what they did."""
        spent = collections.Counter()
        for e in self.slices:
            if e["name"] in STATES:
                spent[e["name"]] += min(e["ts"] + e["dur"], self.first + self.length) - max(e["ts"], self.first)
        total = sum(spent.values()) or 1
        return {state: spent[state] / total for state in STATES}


def box(x, y, width, height, kind, what=""):
    shape = f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.3):.1f}" height="{height}" class="{kind}"'
    return f"{shape}><title>{escape(what)}</title></rect>" if what else f"{shape}/>"


def draw_slice(timeline, e, y):
    begin, end = timeline.x(e["ts"]), timeline.x(e["ts"] + e["dur"])
    what = f"{e['name']}, {e['dur'] / 1000:.3f} ms"
    if e["name"] == "lost":
        return box(begin, y, end - begin, ROW - GAP, "lost", what)
    if e["pid"] == 1:
        return box(begin, y, end - begin, ROW - GAP, f"vm{timeline.vm_of.get(e['name'], 3) % 4}", what)
    if e["name"] == "running":
        return box(begin, y, end - begin, ROW - GAP, f"vm{timeline.vms[e['pid']] % 4}", what)
    if e["name"] == "ready":
        return box(begin, y, end - begin, ROW - GAP, "ready", what)
    if e["name"] == "halted":
        return box(begin, y + (ROW - GAP) / 2 - 0.5, end - begin, 1, "halted")
    return box(begin, y + ROW - GAP - 3, end - begin, 3, "exit")


def draw_kick(timeline, begin, end, top):
    x1, y1 = timeline.x(begin["ts"]), top + ROW * timeline.rows[begin["pid"], begin["tid"]] + (ROW - GAP) / 2
    x2, y2 = timeline.x(end["ts"]), top + ROW * timeline.rows[end["pid"], end["tid"]] + (ROW - GAP) / 2
    tip = 5 if y2 > y1 else -5
    return (f'<path class="kick" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'
            f'<path class="head" d="M{x2:.1f} {y2:.1f}l-2.5 {-tip}h5z"/>')


def panel(timeline, title, top):
    """Its lines, and where the next one begins."""
    shares = ", ".join(f"{share:.0%} {state}" for state, share in timeline.shares().items())
    out = [f'<text class="text title" x="8" y="{top + 12}">{escape(title)}</text>',
           f'<text class="small" x="{LEFT + WIDTH}" y="{top + 12}" text-anchor="end">vcpus: {shares}</text>']
    top += 22
    for track, row in timeline.rows.items():
        out.append(f'<text class="text" x="8" y="{top + ROW * row + 10}">{escape(timeline.names[track])}</text>')
    # Exits lie on what the vcpu does.
    for e in sorted(timeline.slices, key=lambda e: (e["name"] not in STATES and e["pid"] != 1, e["ts"])):
        out.append(draw_slice(timeline, e, top + ROW * timeline.rows[e["pid"], e["tid"]]))
    out += [draw_kick(timeline, begin, end, top) for begin, end in timeline.kicks]
    bottom = top + ROW * len(timeline.rows)
    step = next(step for step in (100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 10**9) if timeline.length / step <= 10)
    for n in range(int(timeline.length / step) + 1):
        x = LEFT + WIDTH * n * step / timeline.length
        out += [f'<path class="axis" d="M{x:.1f} {top - 2}V{bottom}"/>',
                f'<text class="small" x="{x:.1f}" y="{bottom + 10}" text-anchor="middle">{n * step / 1000:g} ms</text>']
    return out, bottom + 28


def legend(top):
    items = [("vm0", "runs, first VM"), ("vm1", "runs, second VM"), ("ready", "ready: waits for a hart"), ("halted", "halted"), ("exit", "exit")]
    out, x = [], LEFT
    for kind, text in items:
        height = {"halted": 1, "exit": 3}.get(kind, ROW - GAP)
        out += [box(x, top + (ROW - GAP - height) / 2, 16, height, kind), f'<text class="text" x="{x + 22}" y="{top + 10}">{text}</text>']
        x += 34 + 6.2 * len(text)
    out.append(f'<path class="kick" d="M{x} {top + 6}h16"/><path class="head" d="M{x + 18} {top + 6}l-5 -2.5v5z"/><text class="text" x="{x + 24}" y="{top + 10}">kick</text>')
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("panel", nargs="+", metavar="TITLE=FILE")
    parser.add_argument("--begin", type=float, default=0, metavar="MS", help="from here on (0)")
    parser.add_argument("--length", type=float, default=20, metavar="MS", help="for so long (20)")
    parser.add_argument("--text", action="append", default=[], help="a line below it")
    args = parser.parse_args()
    lines, top = legend(8), 34
    for title, _, path in (text.rpartition("=") for text in args.panel):
        more, top = panel(Timeline(path, args.begin * 1000, args.length * 1000), title, top)
        lines += more
    for text in args.text:
        lines.append(f'<text class="text" x="8" y="{top}">{escape(text)}</text>')
        top += 16
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 16} {top}" role="img">'
    pathlib.Path(args.out).write_text("\n".join([head, style(), box(0, 0, LEFT + WIDTH + 16, top, "ground"), *lines, "</svg>", ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
