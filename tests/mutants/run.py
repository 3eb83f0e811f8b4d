#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Break hartvisor in many small ways, and say of each room how many of them its tests notice.

usage: run.py [--file PATH] [--room ROOM] [--sample N] [--all] [--seed N] [--jobs N] [--system] [--verbose]

Without --file or --all: a sample of N changes of each room, drawn by a seed that changes with the week. A room of which
the sample catches too few gets up to three more samples, so that it is not chance that decides.
--file: every mutant of that file. The nets of a file are the unit programs that it is linked into; of a file that
no unit program has, the system tests that nets.py names. --system: what the unit programs of a file let pass meets
the system tests, too. Files in assembler have no mutants.

A mutant counts when it changes the code that the compiler makes; two that make the same code count once.
Results are kept in build/verify/mutants under a digest of what they depend on, so that a run that was interrupted
goes on. Survivors are explained in tests/mutants/explained.txt, or are missed: a room passes with 90 % caught, those that
are explained as equivalent left out, at most 5 % explained, and no explanation of a line that is no longer there. The last line has the totals.
"""

import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import random
import re
import shutil
import sys
import threading
from dataclasses import dataclass

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import nets  # noqa: E402
import operators  # noqa: E402

EXPLAINED = pathlib.Path("tests/mutants/explained.txt")
CAUGHT_PERCENT, EXPLAINED_PERCENT = 90, 5
SAMPLES = 4
HEADER_SOURCES = 12  # so many sources are compiled to see whether a change of a header changes code
REASONS = ("equivalent", "undetectable")


def room_of(file):
    """hyp/vcpu for hyp/vcpu/vm.c; hyp for hyp/main.c."""
    parts = file.split("/")
    return "/".join(parts[:2]) if len(parts) > 2 and parts[0] == "hyp" else parts[0]


def all_files():
    return sorted(str(p) for top in ("hyp", "platform") for p in pathlib.Path(top).rglob("*.[ch]"))


def load_explained():
    """{(file, name of the mutant, line as it was): reason}"""
    found = {}
    for number, line in enumerate(EXPLAINED.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        # A bar in a mutant's name, as in "operator: & -> |", is no end of it; nor is one in the line of code.
        head = re.split(r" \| (?!\| |-> )", line, maxsplit=2)
        parts = [p.strip() for p in head[:2] + (head[2].rsplit(" | ", 1) if len(head) == 3 else [])]
        if len(parts) != 4 or not parts[3].startswith(REASONS):
            sys.exit(f"{EXPLAINED}:{number}: must be: file | mutant | line | {' or '.join(REASONS)}: why")
        found[tuple(parts[:3])] = parts[3]
    return found


@dataclass
class Score:
    caught: int = 0
    explained: int = 0
    missed: int = 0
    explained_share: float = 0  # of all mutants of the room, in percent; the sample has some of them
    rotten: int = 0  # explanations of what is no longer there

    equivalent: int = 0  # of those explained: they are no mutants, as nothing differs

    @property
    def total(self):
        return self.caught + self.explained + self.missed

    def percent(self):
        return 100 * self.caught / max(self.total - self.equivalent, 1)

    def too_few(self):
        return self.percent() < CAUGHT_PERCENT

    def faults(self):
        """What keeps the room from passing, in words."""
        found = []
        if self.too_few():
            found.append(f"less than {CAUGHT_PERCENT} % caught")
        if self.explained_share > EXPLAINED_PERCENT:
            found.append(f"more than {EXPLAINED_PERCENT} % explained")
        if self.rotten:
            found.append(f"{self.rotten} explanations of what is no longer there")
        return found


class Results:
    """Verdicts by their keys, in a file that grows by a line each."""

    def __init__(self, path):
        self.path, self.lock, self.known = path, threading.Lock(), {}
        for line in path.read_text().splitlines() if path.exists() else []:
            try:
                self.known.update(json.loads(line))
            except ValueError:
                pass  # the run ended within this line

    def find(self, key):
        return self.known.get(key)

    def add(self, key, verdict):
        with self.lock, open(self.path, "a", encoding="utf-8") as file:
            self.known[key] = verdict
            file.write(json.dumps({key: verdict}) + "\n")


class Runner:
    def __init__(self, options):
        self.options = options
        self.build = nets.Build()
        self.pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
        self.programs = [nets.UnitProgram(p, self.build) for p in sorted(nets.UNIT.glob("*/test_*.c"))]
        self.system = nets.SystemTests()
        self.results = Results(nets.OUT / "results.jsonl")
        self.texts = {file: pathlib.Path(file).read_text() for file in all_files()}
        self.mutants = {file: operators.mutants_of(text) for file, text in self.texts.items()}
        self.explained = load_explained()
        self.programs_of, self.scores, self.seen, self.tried = {}, {}, set(), 0

    def folder_of(self, file, index):
        return nets.OUT / "work" / f"{file.replace('/', '_')}-{index}"

    def programs_for(self, file):
        """Those that the file goes into, the quickest first. What does not pass unbroken is left out, with a word."""
        likely = [p for p in self.programs if p.may_have(file)]
        for p in likely:
            if p.seconds is None and not p.prepare(self.pool, self.results):
                print(f"{p.name}: does not pass unbroken ({p.why}): left out", flush=True)
        return sorted((p for p in likely if p.seconds and any(file in n for n in p.needs.values())), key=lambda p: p.seconds)

    # --- which mutants ------------------------------------------------------------------------

    def samples(self):
        """{room: [sample, ...]}, a sample being a list of (file, index, mutant)."""
        files = [self.options.file] if self.options.file else all_files()
        if self.options.room:
            files = [f for f in files if room_of(f) == self.options.room]
        rooms = {}
        for file in files:
            rooms.setdefault(room_of(file), []).extend((file, i, m) for i, m in enumerate(self.mutants[file]))
        if self.options.file or self.options.all:
            return {room: [all_of_it] for room, all_of_it in rooms.items()}
        size = self.options.sample
        for room, all_of_it in rooms.items():
            random.Random(f"{self.options.seed} {room}").shuffle(all_of_it)
            rooms[room] = [sorted(all_of_it[i * size:(i + 1) * size], key=lambda x: x[:2]) for i in range(SAMPLES)]
        return rooms

    def write(self, file, index, mutant):
        mutated = self.folder_of(file, index) / "shadow" / file
        mutated.parent.mkdir(parents=True, exist_ok=True)
        mutated.write_text(operators.apply(self.texts[file], mutant) if mutant else self.texts[file])
        return mutated

    def code(self, file, index, mutant):
        """A digest of the code of the mutated file; None: there is no such mutant, as nothing compiles it, or it makes
        the code that was there."""
        mutated = self.write(file, index, mutant)
        if file.endswith(".h"):
            return self.code_of_header(file, index, mutant)
        code = self.build.code_of(file, mutated, self.folder_of(file, index))
        return code if code != self.plain(file, file) else None

    def plain(self, source, file):
        """The code of @source as it is. @file: for which this is asked; each has a folder of its own."""
        key = "plain " + nets.keep.digest(source, self.build.flags, *[pathlib.Path(f) for f in sorted(self.texts)])
        if self.results.find(key) is None:
            folder = self.folder_of(file, f"plain-{threading.get_ident()}")
            folder.mkdir(parents=True, exist_ok=True)
            self.results.add(key, self.build.code_of(source, source, folder))
        return self.results.find(key)

    def code_of_header(self, file, index, mutant):
        """Of the first source whose code the change reaches. One that reaches none of many is taken for a mutant."""
        folder, includers = self.folder_of(file, index), self.build.includers(file, mutant.function)
        for source in includers[:HEADER_SOURCES]:
            code = self.build.code_of(source, source, folder, folder / "shadow")
            if code is None:
                return None
            if code != self.plain(source, file):
                return source + code
        return f"{index}" if len(includers) > HEADER_SOURCES else None

    def distinct(self, chosen):
        """Without those that do not compile, change nothing, or make the code of another one."""
        jobs = [self.pool.submit(self.code, *x) for x in chosen]
        kept = []
        for (file, index, mutant), job in zip(chosen, jobs):
            code = job.result()
            if code is None or (file, code) in self.seen:
                continue
            self.seen.add((file, code))
            kept.append((file, index, mutant))
        return kept

    # --- what their nets say ------------------------------------------------------------------

    def judge(self, file, index, mutant):
        """(caught, by what)"""
        programs = self.programs_of[file]
        keys = {p: nets.keep.digest(file, mutant.name, mutant.start, p.inputs) for p in programs}
        known = {p: self.results.find(key) for p, key in keys.items()}
        for program, verdict in known.items():
            if verdict and verdict[0]:
                return verdict
        mutated = self.write(file, index, mutant)
        for program in programs:
            if known[program] is None:
                verdict = program.try_mutant(file, mutated, self.folder_of(file, index)) or (False, "")
                verdict = [verdict[0], f"{program.name}: {verdict[1]}"]
                self.results.add(keys[program], verdict)
                if verdict[0]:
                    return verdict
        if self.options.system or not programs:
            return self.system.try_mutant(file, mutated.read_text(), self.results)
        return False, ""

    def run(self):
        rooms = self.samples()
        for number in range(SAMPLES):
            again = [room for room in sorted(rooms) if number == 0 or
                     number < len(rooms[room]) and rooms[room][number] and self.scores[room].too_few()]
            if again and number:
                print(f"too few are caught: another sample of {', '.join(again)}", flush=True)
            self.run_sample([mutant for room in again for mutant in rooms[room][number]])
        self.check_explained()
        return self.report(self.scores)

    def run_sample(self, sample):
        self.tried += len(sample)
        chosen = self.distinct(sample)
        self.programs_of.update({file: self.programs_for(file) for file in sorted({c[0] for c in chosen})})
        for file in {c[0] for c in sample}:
            self.scores.setdefault(room_of(file), Score())
        jobs = [(*c, self.pool.submit(self.judge, *c)) for c in chosen]
        for file, index, mutant, job in jobs:
            caught, why = job.result()
            self.count(self.scores[room_of(file)], file, mutant, caught, why)
            shutil.rmtree(self.folder_of(file, index), ignore_errors=True)

    def count(self, score, file, mutant, caught, why):
        explained = self.explained.get((file, mutant.name, mutant.context))
        word = "caught" if caught else "explained" if explained else "SURVIVES"
        score.caught += bool(caught)
        score.explained += bool(not caught and explained)
        score.equivalent += bool(not caught and explained and explained.startswith("equivalent"))
        score.missed += not caught and not explained
        if not caught or self.options.verbose:
            print(f"{word}: {file}:{mutant.line}: {mutant.name}{'   by ' + why if caught else ''}", flush=True)
            if not caught and not explained:
                print(f"    {mutant.context}", flush=True)

    def check_explained(self):
        """Each explanation is of a mutant that there is, and the rooms have not too many."""
        # Which part of all changes are mutants that count.
        distinct = len(self.seen) / self.tried if self.seen else 1
        found, scores = {}, self.scores
        for file, mutants in self.mutants.items():
            for m in mutants:
                if (file, m.name, m.context) in self.explained:
                    found.setdefault((file, m.name, m.context), 0)
                    found[file, m.name, m.context] += 1
        for entry in self.explained:
            score = scores.get(room_of(entry[0]))
            if score and entry not in found:
                score.rotten += 1
                print(f"{EXPLAINED}: {entry[0]} has no longer the mutant \"{entry[1]}\" in a line \"{entry[2]}\": "
                      "take the explanation out, or look at the line again")
        for room, score in scores.items():
            all_of_room = sum(len(m) for file, m in self.mutants.items() if room_of(file) == room)
            explained = sum(n for entry, n in found.items() if room_of(entry[0]) == room)
            score.explained_share = 100 * explained / (all_of_room * distinct)

    def report(self, scores):
        passed = failed = 0
        print(f"\nseed {self.options.seed}\n{'room':16}{'mutants':>9}{'caught':>9}{'explained':>11}{'missed':>8}{'caught %':>10}"
              f"{'explained % of all':>20}")
        for room, s in sorted(scores.items()):
            print(f"{room:16}{s.total:9}{s.caught:9}{s.explained:11}{s.missed:8}{s.percent():10.1f}"
                  f"{s.explained_share:20.1f}   {', '.join(s.faults())}".rstrip())
            passed += not s.faults()
            failed += bool(s.faults())
        print(f"{passed} passed, {failed} failed")
        return 1 if failed else 0


def main():
    week = datetime.date.today().isocalendar()
    parser = argparse.ArgumentParser(description="Break hartvisor in small ways; its tests must notice.")
    parser.add_argument("--file", help="every mutant of this file")
    parser.add_argument("--room", help="only files of this room, as hyp/vcpu")
    parser.add_argument("--sample", type=int, default=30, help="changes of each room")
    parser.add_argument("--all", action="store_true", help="no sample: every mutant")
    parser.add_argument("--seed", type=int, default=100 * week[0] + week[1])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--system", action="store_true", help="survivors meet the system tests, whatever units they have")
    parser.add_argument("--verbose", action="store_true", help="name those that were caught, and by what")
    options = parser.parse_args()
    if options.file and not pathlib.Path(options.file).exists():
        sys.exit(f"no such file: {options.file}")
    nets.OUT.mkdir(parents=True, exist_ok=True)
    runner = Runner(options)
    try:
        return runner.run()
    except nets.CannotRun as why:
        runner.pool.shutdown(cancel_futures=True)
        sys.exit(str(why))


if __name__ == "__main__":
    sys.exit(main())
