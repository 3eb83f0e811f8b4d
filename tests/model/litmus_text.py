# SPDX-License-Identifier: BSD-2-Clause
"""Paths through the code as litmus tests in herd7's syntax (extract_litmus.py), unbroken and broken."""

import itertools

from litmus_tests import R


class Failure(Exception):
    pass


class Event(tuple):
    """(kind, op, annotation, word, value, pc): kind is F, R, W, X, LR or SC."""
    __slots__ = ()
    kind = property(lambda self: self[0])
    op = property(lambda self: self[1])
    annotation = property(lambda self: self[2])
    word = property(lambda self: self[3])
    value = property(lambda self: self[4])
    pc = property(lambda self: self[5])

    def same(self):
        return self[:5]


class Thread:
    """One side's events in herd7's syntax, with registers of its own."""

    def __init__(self, side, events):
        self.lines, self.init, self.reads = [], {}, {}
        self.address, self.register = {}, itertools.count(5)
        if side.before:
            self.access(*side.before)
        for e in events:
            self.event(e)
        if side.after:
            self.access(*side.after)

    def fresh(self):
        register = next(self.register)
        if register > 31:
            raise Failure("a path with more accesses than registers")
        return f"x{register}"

    def at(self, word):
        if word not in self.address:
            self.address[word] = self.fresh()
            self.init[self.address[word]] = word
        return self.address[word]

    def number(self, value):
        register = self.address.get(("const", value))
        if register is None:
            register = self.address[("const", value)] = self.fresh()
            self.init[register] = value
        return register

    def access(self, kind, word, value=None):
        self.event(Event(("R" if kind == R else "W", "lw" if kind == R else "sw", "", word, value, None)))

    def event(self, e):
        suffix = f".w.{e.annotation}" if e.annotation else ".w"
        value = 1 if e.value is None else e.value
        if e.kind == "F":
            self.lines.append(f"{e.op} {e.word}".strip())
        elif e.kind == "R":
            self.lines.append(f"lw {self.read(e.word)},0({self.at(e.word)})")
        elif e.kind == "W":
            self.lines.append(f"sw {self.number(value)},0({self.at(e.word)})")
        elif e.kind == "LR":
            self.lines.append(f"lr{suffix} {self.read(e.word)},({self.at(e.word)})")
        elif e.kind == "SC":
            self.lines.append(f"sc{suffix} {self.fresh()},{self.number(value)},({self.at(e.word)})")
        else:
            self.lines.append(f"{e.op}{suffix} {self.fresh()},{self.number(value)},({self.at(e.word)})")

    def read(self, word):
        register = self.fresh()
        self.reads.setdefault(word, []).append(register)
        return register


def litmus(name, threads, init, forbidden):
    state = [f"{word}={value};" for word, value in init.items()]
    state += [f"{n}:{register}={what};" for n, t in enumerate(threads) for register, what in t.init.items()]
    clauses = []
    for what, value in forbidden.items():
        n, word = what.split(":")
        word, _, which = word.partition("@")
        registers = threads[int(n)].reads.get(word)
        if not registers:
            raise Failure(f"{name}: side {n} does not read {word}")
        clauses.append(f"{n}:{registers[0 if which else -1]}={value}")
    rows = [" " + " | ".join(f"{line:<28}" for line in row) + " ;" for row in
            itertools.zip_longest(["P0"] + threads[0].lines, ["P1"] + threads[1].lines, fillvalue="")]
    return "\n".join([f"RISCV {name}", "{", *state, "}", *rows, "exists (" + " /\\ ".join(clauses) + ")", ""])


def mutate(events, how):
    """fences: without any; order: nor any aq or rl; swap: the first access comes last."""
    if how == "swap":
        first = events[0]
        return events[1:] + [first]
    out = [e for e in events if e.kind != "F"]
    if how == "order":
        out = [Event((e.kind, e.op, "", e.word, e.value, e.pc)) for e in out]
    return out
