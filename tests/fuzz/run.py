#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Replay the corpora of the fuzzers, and look for new inputs that break something.

usage: run.py [--target NAME] [--seconds N] [--replay] [--corpus]

Each tests/fuzz/fuzz_*.c is a target; its corpus is in the folder of its name below tests/fuzz/corpus. Each target is one
test: all inputs of its corpus are run, then new ones for its part of --seconds, all processors together. Without
libFuzzer, or with --replay, programs built by gcc run the corpora, and no new input is tried.

What fuzzing finds new ways with is kept in build/fuzz/found/NAME; the next run begins there. An input that crashes,
hangs, leaks or breaks a property is kept in build/fuzz/broken, and is run once more by gcc's program, whose report has
the lines of the sources. --corpus writes the corpora anew: seeds (tests/fuzz/seeds.py) and found inputs, minimised.
The last line has the totals.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

TESTS = pathlib.Path("tests/fuzz")
OUT = pathlib.Path("build/fuzz")
# An input takes a millisecond or less. This many seconds are a hang, on a busy machine, too.
HANG = 25
REPLAY_LIMIT = 600
MAX_LEN = 4096
MAX_LEN_OF = {"bundle": 8192, "host": 8192, "machine": 8192, "overlay": 8192, "tree": 8192, "platform": 8192}

ENVIRONMENT = {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1",
               "UBSAN_OPTIONS": "print_stacktrace=1"}


def environment():
    env = dict(os.environ)
    for key, value in ENVIRONMENT.items():
        env.setdefault(key, value)
    return env


def has_libfuzzer(clang):
    """Does it compile and link a fuzzer? Its runtime is a package of its own."""
    if not shutil.which(clang):
        return False
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "x.c"
        source.write_text("int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return !p + !n; }\n")
        command = [clang, "-fsanitize=fuzzer,address,undefined", str(source), "-o", f"{folder}/x"]
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


class Target:
    def __init__(self, name, kind):
        self.name, self.kind = name, kind
        self.program = OUT / kind / f"fuzz_{name}"
        self.corpus = TESTS / "corpus" / name
        self.found = OUT / "found" / name
        self.seeds = OUT / "seeds" / name
        self.said = ""

    def run(self, arguments, limit):
        """Whether it ended well; what it said is kept."""
        command = [str(self.program), *map(str, arguments)]
        try:
            result = subprocess.run(command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, timeout=limit)
        except subprocess.TimeoutExpired as error:
            self.said = (error.stdout or b"").decode(errors="replace") + f"\nno end after {limit} s\n"
            return False
        self.said = result.stdout.decode(errors="replace")
        return result.returncode == 0

    def fuzzer_options(self):
        broken = OUT / "broken"
        broken.mkdir(parents=True, exist_ok=True)
        return [f"-artifact_prefix={broken}/{self.name}-", f"-timeout={HANG}", "-rss_limit_mb=2048",
                f"-max_len={MAX_LEN_OF.get(self.name, MAX_LEN)}", "-print_final_stats=1"]

    def replay(self):
        files = len(list(self.corpus.glob("*")))
        if not files:
            self.said = f"no corpus in {self.corpus}\n"
            return False
        options = [*self.fuzzer_options(), "-runs=0"] if self.kind == "clang" else []
        return self.run([*options, self.corpus], REPLAY_LIMIT)

    def fuzz(self, seconds):
        self.found.mkdir(parents=True, exist_ok=True)
        folders = [self.found] + [f for f in (self.corpus, self.seeds) if f.is_dir()]
        return self.run([*self.fuzzer_options(), f"-max_total_time={seconds}", *folders], seconds + REPLAY_LIMIT)

    def minimise(self):
        """The corpus becomes the fewest and smallest inputs that reach all that the known ones do."""
        merged = OUT / "merged" / self.name
        shutil.rmtree(merged, ignore_errors=True)
        merged.mkdir(parents=True)
        folders = [f for f in (self.corpus, self.seeds, self.found) if f.is_dir()]
        if not self.run([*self.fuzzer_options(), "-set_cover_merge=1", "-use_counters=0", merged, *folders], 3600):
            return False
        shutil.rmtree(self.corpus, ignore_errors=True)
        self.corpus.mkdir(parents=True)
        for path in merged.iterdir():
            shutil.copyfile(path, self.corpus / path.name[:16])
        return True

    def new_inputs(self):
        match = re.search(r"number_of_executed_units: (\d+)", self.said)
        return int(match.group(1)) if match else 0


class Runner:
    def __init__(self, options):
        self.options = options
        self.kind = "gcc" if options.replay or not has_libfuzzer(options.clang) else "clang"
        names = sorted(p.stem[len("fuzz_"):] for p in TESTS.glob("fuzz_*.c"))
        if options.target and options.target not in names:
            sys.exit(f"fuzz: no target {options.target}; there are {', '.join(names)}")
        names = [options.target] if options.target else names
        self.targets = [Target(name, self.kind) for name in names]
        self.seconds = 0 if self.kind == "gcc" else max(1, options.seconds * options.jobs // len(names))
        self.passed = self.failed = 0

    def make(self, programs):
        command = shlex.split(self.options.make) + ["--no-print-directory", "-k", *map(str, programs)]
        return subprocess.run(command, close_fds=False).returncode == 0

    def report_by_gcc(self, target):
        """The sources' lines of what broke: clang's report lacks them without a symboliser."""
        match = re.search(r"Test unit written to (\S+)", target.said)
        if not match or self.kind == "gcc":
            return
        again = Target(target.name, "gcc")
        print(f"fuzz: {target.name}: the input is {match.group(1)}", flush=True)
        if self.make([again.program]) and not again.run([match.group(1)], 2 * HANG):
            print(again.said[-6000:], flush=True)

    def test(self, target):
        """(passed, the line about it)"""
        if not target.program.exists():
            return False, "does not build"
        begun = time.monotonic()
        if not target.replay():
            return False, "its corpus fails"
        text = f"{len(list(target.corpus.glob('*')))} inputs replayed"
        if self.seconds and not target.fuzz(self.seconds):
            return False, text + ", then a new input FAILED"
        if self.seconds:
            text += f", {target.new_inputs()} new ones tried"
        return True, f"{text} ({time.monotonic() - begun:.1f} s)"

    def run(self):
        if self.kind == "gcc" and not self.options.replay:
            print("fuzz: no libFuzzer here (clang and its runtime; make setup-fuzz gets them): the corpora are replayed, "
                  "no new fuzzing is done", flush=True)
        for target in self.targets:
            target.program.unlink(missing_ok=True)
        self.make([t.program for t in self.targets])
        if self.kind == "clang":
            self.make_seeds()
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            for target, (good, text) in zip(self.targets, pool.map(self.test, self.targets)):
                self.passed += good
                self.failed += not good
                print(f"fuzz: {target.name}: {text}", flush=True)
                if not good:
                    print(target.said[-6000:], flush=True)
                    self.report_by_gcc(target)
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0

    def make_seeds(self):
        subprocess.run([sys.executable, str(TESTS / "seeds.py"), str(OUT / "seeds")], check=True)

    def write_corpora(self):
        if self.kind != "clang":
            sys.exit("fuzz: corpora are minimised by libFuzzer, which is not here")
        if not self.make([t.program for t in self.targets]):
            return 1
        self.make_seeds()
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            results = list(pool.map(Target.minimise, self.targets))
        for target, good in zip(self.targets, results):
            files = list(target.corpus.glob("*"))
            size = sum(p.stat().st_size for p in files)
            print(f"fuzz: {target.name}: " + (f"{len(files)} inputs, {size} bytes" if good else target.said[-3000:]))
        return 0 if all(results) else 1


def main():
    parser = argparse.ArgumentParser(description="Run the fuzzers.")
    parser.add_argument("--make", default="make")
    parser.add_argument("--clang", default="clang")
    parser.add_argument("--target", default="", help="this one alone")
    parser.add_argument("--seconds", type=int, default=120, help="of new fuzzing, for all targets together")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="targets at once")
    parser.add_argument("--replay", action="store_true", help="the corpora alone, by gcc's programs")
    parser.add_argument("--corpus", action="store_true", help="write the corpora anew")
    runner = Runner(parser.parse_args())
    return runner.write_corpora() if runner.options.corpus else runner.run()


if __name__ == "__main__":
    sys.exit(main())
