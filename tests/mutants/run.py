#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Break hartvisor in many small ways, and say of each room how many of them its tests notice.

usage: run.py [--file PATH] [--room ROOM] [--sample N] [--seed N] [--jobs N] [--system] [--all]

Without --file or --room: a sample of N mutants of each room (20), drawn by a seed that changes with the week.
--file: every mutant of that file. --system: what the unit tests let pass is run against the system tests, too.
A mutant counts when it changes the code that the compiler makes; two that make the same code count once.
Results are kept in build/verify/mutants/results.json under a digest of what they depend on, so that a run that
was interrupted goes on. Survivors are explained in tests/mutants/explained.txt, or are failures: a room passes
with 90 % caught, and at most 5 % explained. The last line has the totals.
"""

import argparse
import concurrent.futures
import datetime
import hashlib
import json
import os
import pathlib
import random
import sys
from dataclasses import dataclass, field

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import nets  # noqa: E402
import operators  # noqa: E402

RESULTS = nets.OUT / "results.json"
EXPLAINED = pathlib.Path("tests/mutants/explained.txt")
CAUGHT_PERCENT, EXPLAINED_PERCENT = 90, 5
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
        parts = [p.strip() for p in line.split(" | ")]
        if len(parts) != 4 or not parts[3].startswith(REASONS):
            sys.exit(f"{EXPLAINED}:{number}: must be: file | mutant | line | {' or '.join(REASONS)}: why")
        found[tuple(parts[:3])] = parts[3]
    return found


@dataclass
class Score:
    caught: int = 0
    explained: int = 0
    missed: int = 0
    lines: list = field(default_factory=list)

    @property
    def total(self):
        return self.caught + self.explained + self.missed

    def passes(self):
        return 100 * self.caught >= CAUGHT_PERCENT * self.total and 100 * self.explained <= EXPLAINED_PERCENT * self.total


class Runner:
    def __init__(self, options):
        self.options = options
        self.build = nets.Build()
        self.pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
        self.programs = [nets.UnitProgram(p, self.build) for p in sorted(nets.UNIT.glob("test_*.c"))]
        self.system = nets.SystemTests()
        self.explained = load_explained()
        self.results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        self.tests_digest = self.digest_of_tests()

    def digest_of_tests(self):
        digest = hashlib.sha256()
        for path in sorted(pathlib.Path("tests/unit").rglob("*.[ch]")):
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def folder_of(self, file, index):
        return nets.OUT / "work" / f"{file.replace('/', '_')}-{index}"

    def programs_for(self, file):
        """Those that the file goes into, the quickest first. What does not pass unbroken is left out, with a word."""
        likely = [p for p in self.programs if file in p.sources or file.endswith(".h")]
        for p in likely:
            if p.seconds is None and not p.prepare(self.pool):
                print(f"{p.name}: does not pass unbroken ({getattr(p, 'why', 'does not build')}): left out", flush=True)
        return sorted((p for p in likely if p.seconds and any(file in n for n in p.needs.values())), key=lambda p: p.seconds)

    def key(self, file, mutant):
        text = pathlib.Path(file).read_text()
        parts = (file, text, mutant.name, str(mutant.start), self.tests_digest, str(self.options.system))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]

    def compiled(self, file, index, mutant):
        """The folder with the mutated file and the digest of its code; None: no mutant, as nothing compiles it."""
        folder = self.folder_of(file, index)
        folder.mkdir(parents=True, exist_ok=True)
        mutated = folder / ("shadow/" + file if file.endswith(".h") else pathlib.Path(file).name)
        mutated.parent.mkdir(parents=True, exist_ok=True)
        mutated.write_text(operators.apply(pathlib.Path(file).read_text(), mutant) if mutant else pathlib.Path(file).read_text())
        if file.endswith(".h"):
            return mutated, None
        return mutated, self.build.code_of(file, mutated, folder)

    def judge(self, file, index, mutant):
        """(caught, by what)"""
        folder = self.folder_of(file, index)
        mutated = folder / ("shadow/" + file if file.endswith(".h") else pathlib.Path(file).name)
        for program in self.programs_of[file]:
            result = program.try_mutant(file, mutated, folder)
            if result and result[0]:
                return True, f"{program.name}: {result[1]}"
        return False, ""

    def candidates(self, file):
        return operators.mutants_of(pathlib.Path(file).read_text())

    def chosen(self):
        """[(file, index, mutant)]"""
        files = [self.options.file] if self.options.file else all_files()
        if self.options.room:
            files = [f for f in files if room_of(f) == self.options.room]
        everything = {}
        for file in files:
            everything.setdefault(room_of(file), []).extend((file, i, m) for i, m in enumerate(self.candidates(file)))
        if self.options.file or self.options.all:
            return [x for some in everything.values() for x in some]
        chance = random.Random(self.options.seed)
        return [x for room in sorted(everything)
                for x in sorted(chance.sample(everything[room], min(self.options.sample, len(everything[room]))), key=lambda x: (x[0], x[1]))]

    def distinct(self, chosen):
        """Without those that do not compile, change nothing, or make the code of another one."""
        jobs = [self.pool.submit(self.compiled, *x) for x in chosen]
        plain, seen, kept = {}, set(), []
        for (file, index, mutant), job in zip(chosen, jobs):
            _, code = job.result()
            if file.endswith(".h"):
                kept.append((file, index, mutant))
                continue
            if file not in plain:
                plain[file] = self.compiled(file, "plain", None)[1]
            if code is None or code == plain[file] or (file, code) in seen:
                continue
            seen.add((file, code))
            kept.append((file, index, mutant))
        return kept

    def run(self):
        chosen = self.distinct(self.chosen())
        self.programs_of = {file: self.programs_for(file) for file in sorted({c[0] for c in chosen})}
        scores = {}
        jobs = []
        for file, index, mutant in chosen:
            old = self.results.get(self.key(file, mutant))
            jobs.append((file, index, mutant, old or self.pool.submit(self.judge, file, index, mutant)))
        for file, index, mutant, job in jobs:
            caught, why = job if isinstance(job, list) else job.result()
            if not caught and not isinstance(job, list) and self.options.system:
                text = operators.apply(pathlib.Path(file).read_text(), mutant)
                caught, why = self.system.try_mutant(file, text)
            self.results[self.key(file, mutant)] = [caught, why]
            RESULTS.write_text(json.dumps(self.results))
            self.count(scores.setdefault(room_of(file), Score()), file, mutant, caught, why)
        return self.report(scores)

    def count(self, score, file, mutant, caught, why):
        explained = self.explained.get((file, mutant.name, mutant.context))
        word = "caught" if caught else "explained" if explained else "SURVIVES"
        score.caught += caught
        score.explained += bool(not caught and explained)
        score.missed += not caught and not explained
        if not caught or self.options.verbose:
            print(f"{word}: {file}:{mutant.line}: {mutant.name}{'   by ' + why if caught else ''}", flush=True)
            if not caught and not explained:
                print(f"    {mutant.context}", flush=True)

    def report(self, scores):
        passed = failed = 0
        print(f"\nseed {self.options.seed}\n{'room':16}{'mutants':>9}{'caught':>9}{'explained':>11}{'missed':>8}{'caught %':>10}")
        for room, s in sorted(scores.items()):
            print(f"{room:16}{s.total:9}{s.caught:9}{s.explained:11}{s.missed:8}{100 * s.caught / s.total:10.1f}"
                  + ("" if s.passes() else "   too few"))
            passed += s.passes()
            failed += not s.passes()
        print(f"{passed} passed, {failed} failed")
        return 1 if failed else 0


def main():
    week = datetime.date.today().isocalendar()
    parser = argparse.ArgumentParser(description="Break hartvisor in small ways; its tests must notice.")
    parser.add_argument("--file", help="every mutant of this file")
    parser.add_argument("--room", help="only files of this room, as hyp/vcpu")
    parser.add_argument("--sample", type=int, default=20, help="mutants of each room")
    parser.add_argument("--all", action="store_true", help="no sample: every mutant")
    parser.add_argument("--seed", type=int, default=100 * week[0] + week[1])
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--system", action="store_true", help="survivors meet the system tests, too")
    parser.add_argument("--verbose", action="store_true", help="name those that were caught, and by what")
    options = parser.parse_args()
    if options.file and not pathlib.Path(options.file).exists():
        sys.exit(f"no such file: {options.file}")
    nets.OUT.mkdir(parents=True, exist_ok=True)
    return Runner(options).run()


if __name__ == "__main__":
    sys.exit(main())
