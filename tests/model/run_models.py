#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Run the models of the vcpu protocol: Spin's, and herd7's litmus tests of what the compiler emitted.

usage: run_models.py [--short] [--net spin|litmus] [--only TEXT] [--jobs N] [--elf ELF] [--out DIR]

The unmutated models must hold, and what a mutant breaks must be seen by each model that claims to see it.
Prints a line for each run, then the table mutant x net, then "N passed, N failed"; writes the same to
build/verify/models.json:

    {"mutants": {NAME: {"title": TEXT, "spin": VERDICT, "litmus": VERDICT}}, "runs": [...], ...}

VERDICT is true (caught), false (survived), null (this net has nothing to say of it), or "covered": the
fence is gone and the emitted code still has the order by itself, here by the aq of the AMO before it; the
litmus tests of that mutant then take this order away, too, and must see that.

--short: the smaller of the explorations, less than a minute of one processor.
--net litmus --elf ELF --out DIR: judges another ELF, of mutated sources say; exit status 1: it is seen.
"""

import argparse
import concurrent.futures
import inspect
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import time

import extract_litmus

MODELS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(MODELS.parents[1] / "tools"))

import keep  # noqa: E402 (needs the path above)

HERD = pathlib.Path("build/verify/herd7")
TIMEOUT = 1800
MEMORY_LIMIT = 3900  # MiB for a run of pan; more is a failure, not a smaller exploration

IK, IC, KC = (("WITH_INJECTOR", "WITH_KICKER"), ("WITH_INJECTOR", "WITH_CONSOLE"),
              ("WITH_KICKER", "WITH_CONSOLE"))

# model: explorations in the short run
SHORT = {
    "protocol": [("ROUNDS=1", "WALKS=0"), ("ROUNDS=1", "EXITS=0", "KICKS=0", "OUTS=0")],
    "block": [IK, IC],
    "check": [()],
    "inject": [("ROUNDS=1",)],
    "wait": [("ROUNDS=1",)],
    "timer": [(), ("SSTC",)],
    "virtq": [(), ("FLAGS",), ("STEPS",), ("STEPS", "FLAGS")],
}

# model: explorations in the long run. Each is gone through once more for cycles.
LONG = {
    "protocol": [("ROUNDS=1",), ("ROUNDS=2", "EXITS=0", "WALKS=0", "OUTS=0", "FREES=0")],
    "block": [IK, IC, KC, IC + ("ROUNDS=2",)],
    "check": [("ROUNDS=20",)],
    "inject": [("ROUNDS=2",), ("ROUNDS=3", "EXITS=2")],
    "wait": [("ROUNDS=1",), ("ROUNDS=2",)],
    "timer": [("ROUNDS=3", "TIME_MAX=8"), ("SSTC", "ROUNDS=3", "TIME_MAX=8")],
    "virtq": [("REQUESTS=5",), ("FLAGS", "REQUESTS=5"), ("STEPS", "REQUESTS=5"), ("STEPS", "FLAGS", "REQUESTS=5")],
}

# mutant: (title, {model: the exploration that sees it})
PROTOCOL, INJECT, WAIT, CHECK = ("ROUNDS=1",), ("ROUNDS=1",), ("ROUNDS=1",), ()
SPIN_MUTANTS = {
    "FENCE_A": {"protocol": PROTOCOL, "block": IK, "inject": INJECT, "wait": WAIT},
    "FENCE_B": {"protocol": PROTOCOL, "block": IC, "inject": INJECT, "wait": WAIT},
    "FENCE_C": {"block": IK},
    "FENCE_READING": {"protocol": PROTOCOL},
    "MODE_LATE": {"protocol": PROTOCOL},
    "FLUSH_EARLY": {"inject": INJECT},
    "NO_RECHECK": {"protocol": PROTOCOL},
    "KICK_EARLY": {"protocol": PROTOCOL, "inject": INJECT},
    "CHECK_NO_BARRIER": {"check": CHECK},
    "MAKE_NO_BARRIER": {"check": CHECK},
    "CLEAR_LATE": {"check": CHECK},
    "EXITING_IGNORED": {"protocol": PROTOCOL},
    "WAIT_IN_ONLY": {"protocol": PROTOCOL},
    "SEQ_NOT_COUNTED": {"protocol": PROTOCOL, "wait": WAIT},
    "SEQ_BEFORE_MODE": {"protocol": PROTOCOL, "wait": WAIT},
    "SEQ_READ_LATE": {"protocol": PROTOCOL},
    "WAITER_IN_GUEST_MODE": {"wait": WAIT},
    "WAITER_READING": {"wait": WAIT},
    "WAKE_FORGOTTEN": {"block": IK},
    "WAKE_NOT_CLAIMED": {"block": IK},
    "UNBLOCK_QUIETLY": {"block": IK},
    "KICK_FORGOTTEN": {"block": IK},
    "KICK_NOT_LOOKED_AT": {"block": IK},
    "NO_WAKEUP_IGNORED": {"block": IK},
    "SELF_BEFORE_WAKE": {"block": IC},
    "RESUME_WAKES_EARLY": {"block": IC},
    "RESUME_CLOCK_LATE": {"block": IC},
    "SYNC_OVERWRITES": {"inject": INJECT},
    "KVM_TWO_WORDS": {"inject": INJECT},
    "NO_SYNC": {"inject": INJECT},
    "STAND_IN_BELIEVED": {"timer": ()},
    "ARMED_ELSEWHERE": {"timer": ()},
    "FIRED_BELIEVED": {"timer": ("SSTC",)},
    "STAND_IN_NOT_ARMED": {"timer": ("SSTC",)},
    "TIMER_FIRE_QUIET": {"timer": ()},
    "TIMER_KICK_UNCLAIMED": {"timer": ()},
    "REARM_NO_FENCE": {"virtq": ()},
    "PUBLISH_NO_FENCE": {"virtq": ("STEPS",)},
    "DRIVER_NO_FENCE": {"virtq": ()},
    "DRIVER_LOOK_NO_FENCE": {"virtq": ()},
    "NO_SECOND_LOOK": {"virtq": ("FLAGS",)},
    "LOOK_BEFORE_EVENT": {"virtq": ()},
    "EVENT_BEFORE_IDX": {"virtq": ()},
    "QUIET_STAYS": {"virtq": ("FLAGS",)},
}

TITLES = {
    "FENCE_A": "fence A dropped (request | mode, blocked)",
    "FENCE_B": "fence B dropped (mode | requests, inject)",
    "FENCE_C": "fence C dropped (blocked | requests)",
    "FENCE_READING": "READING's fence dropped",
    "MODE_LATE": "mode set after the last check",
    "FLUSH_EARLY": "inject taken before the mode is set",
    "NO_RECHECK": "no last check",
    "KICK_EARLY": "kick before the bit",
    "CHECK_NO_BARRIER": "check without its barrier",
    "MAKE_NO_BARRIER": "make without its barrier",
    "CLEAR_LATE": "check clears after it has read",
    "EXITING_IGNORED": "EXITING ignored",
    "WAIT_IN_ONLY": "WAIT tests IN_GUEST_MODE only",
    "SEQ_NOT_COUNTED": "guest_seq not counted",
    "SEQ_BEFORE_MODE": "guest_seq counted before the mode",
    "SEQ_READ_LATE": "guest_seq read after the mode",
    "WAITER_IN_GUEST_MODE": "waits in guest mode",
    "WAITER_READING": "waits inside READING",
    "WAIT_NO_ACQUIRE": "WAIT returns without acquire",
    "LEAVE_NO_RELEASE": "mode left without release",
    "WAKE_FORGOTTEN": "a wake before the sleep forgotten",
    "WAKE_NOT_CLAIMED": "blocked cleared without an exchange",
    "UNBLOCK_QUIETLY": "block takes back what a waker has",
    "KICK_FORGOTTEN": "the kick before a halt forgotten",
    "KICK_NOT_LOOKED_AT": "block does not look at kicked",
    "NO_WAKEUP_IGNORED": "NO_WAKEUP ignored",
    "SELF_BEFORE_WAKE": "the loaded vcpu is not woken",
    "RESUME_WAKES_EARLY": "resume wakes before paused falls",
    "RESUME_CLOCK_LATE": "resume: paused falls before the bit",
    "SYNC_OVERWRITES": "inject overwritten at sync",
    "KVM_TWO_WORDS": "KVM's pending and mask (lost VSSIP)",
    "NO_SYNC": "what the guest cleared comes back",
    "STAND_IN_BELIEVED": "an armed host timer is not armed anew",
    "ARMED_ELSEWHERE": "a host timer armed on another pcpu will do",
    "FIRED_BELIEVED": "a host timer that has fired will do",
    "STAND_IN_NOT_ARMED": "the host timer is not armed for a sleep",
    "TIMER_FIRE_QUIET": "the host timer kicks no vcpu",
    "TIMER_KICK_UNCLAIMED": "the host timer clears blocked without an exchange",
    "REARM_NO_FENCE": "virtq_rearm's fence dropped",
    "PUBLISH_NO_FENCE": "virtq_publish's fence dropped",
    "DRIVER_NO_FENCE": "the driver's fence after avail.idx dropped",
    "DRIVER_LOOK_NO_FENCE": "the driver's fence after used_event dropped",
    "NO_SECOND_LOOK": "virtq_rearm does not look at avail.idx",
    "LOOK_BEFORE_EVENT": "avail.idx read before avail_event is written",
    "EVENT_BEFORE_IDX": "used_event read before used.idx is written",
    "QUIET_STAYS": "used.flags are not cleared",
    "LAST_PCPU_UNORDERED": "last_pcpu not ordered before mode",
}


class Results:
    def __init__(self):
        self.runs = []
        self.mutants = {name: {"title": title, "spin": None, "litmus": None}
                        for name, title in TITLES.items()}

    def add(self, net, name, good, text, **more):
        self.runs.append({"net": net, "name": name, "passed": good, **more})
        print(f"{'ok  ' if good else 'FAIL'} {net:<6} {name:<52} {text}", flush=True)

    def verdict(self, mutant, net, caught):
        if self.mutants[mutant][net] in (None, True):
            self.mutants[mutant][net] = caught

    def counts(self):
        return sum(r["passed"] for r in self.runs), sum(not r["passed"] for r in self.runs)

    def print_table(self):
        shown = {None: "-", True: "caught", False: "SURVIVED"}
        print(f"\n{'mutant':<46}{'spin':<10}litmus")
        for mutant in self.mutants.values():
            print(f"{mutant['title']:<46}{shown.get(mutant['spin'], mutant['spin']):<10}"
                  f"{shown.get(mutant['litmus'], mutant['litmus'])}")


# --- Spin -----------------------------------------------------------------------------------------

class Spin:
    """One exploration: generate, compile, run."""

    def __init__(self, model, definitions, mutant=None, cycles=False):
        self.model, self.mutant, self.cycles = model, mutant, cycles
        self.definitions = definitions + ((mutant,) if mutant else ())
        self.name = " ".join((model,) + self.definitions + (("(cycles)",) if cycles else ()))

    def outcome(self, out):
        """That of run(), which may be kept from a run before this one (make verify)."""
        key = keep.digest("spin", self.name, inspect.getsource(Spin), MEMORY_LIMIT, MODELS / f"{self.model}.pml",
                          *sorted(MODELS.glob("*.h")))
        kept = keep.find(key)
        if kept:
            return dict(kept, text=f"{kept['text']} (before)")
        result = self.run(out)
        if result["passed"]:
            keep.add(key, result)
        return dict(result)

    def run(self, out):
        folder = out / "spin" / re.sub(r"\W+", "-", self.name).strip("-")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for source in [MODELS / f"{self.model}.pml", *MODELS.glob("*.h")]:
            shutil.copy(source, folder)
        # A mutant is found at once; what has to be gone through is worth an optimising compiler.
        compiler = ["gcc", "-w", "-O0" if self.mutant else "-O2", "-DCOLLAPSE", "-DVECTORSZ=512",
                    f"-DMEMLIM={MEMORY_LIMIT}", "-DNP" if self.cycles else "-DSAFETY", "-o", "pan", "pan.c"]
        pan = ["./pan", "-n", "-m1000000", "-w22"] + (["-l"] if self.cycles else [])
        defines = [f"-D{definition}" for definition in self.definitions]
        self.started = time.monotonic()
        try:
            for command in (["spin", "-a", *defines, f"{self.model}.pml"], compiler):
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT)
                if done.returncode != 0:
                    return self.judge(None, done.stdout + done.stderr)
            done = subprocess.run(pan, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            return self.judge(None, f"no end after {TIMEOUT} s")
        output = done.stdout + done.stderr
        (folder / "out").write_text(output)
        result = self.judge(folder, output)
        if result["passed"]:
            for large in ("pan", "pan.c", "pan.t", "pan.b", "pan.m", "pan.p", "pan.h"):
                (folder / large).unlink(missing_ok=True)
        return result

    def judge(self, folder, output):
        errors = re.search(r"errors: (\d+)", output)
        states = re.search(r"(\S+) states, stored", output)
        memory = re.search(r"([\d.]+)\s+total actual memory", output)
        said = re.search(r"pan:1: (.*?) \(at depth", output)
        # An exploration that was cut off proves nothing.
        whole = "Search not completed" not in output and "max search depth too small" not in output
        seconds = time.monotonic() - self.started
        result = {"states": int(float(states.group(1))) if states else 0, "seconds": round(seconds, 1),
                  "memory_mib": float(memory.group(1)) if memory else 0, "mutant": self.mutant,
                  "model": self.model}
        if not errors:
            good, text = False, f"did not run: {' '.join(output.split())[-200:]}"
        elif self.mutant:
            good = errors.group(1) != "0"
            text = said.group(1) if said and good else "survived"
        else:
            good = errors.group(1) == "0" and whole
            text = (f"{result['states']} states, {result['memory_mib']:.0f} MiB, {seconds:.1f} s" if good
                    else said.group(1) if said else "not completed")
            if not good and folder:
                text += f" (trail in {folder})"
        result.update(passed=good, text=text)
        return result


def run_spin(options, results):
    runs = []
    for model, explorations in (SHORT if options.short else LONG).items():
        runs += [Spin(model, definitions) for definitions in explorations]
    for model, explorations in (SHORT if options.short else LONG).items():
        for definitions in explorations:
            if not options.short or model in ("check", "inject", "wait", "timer", "virtq"):
                runs.append(Spin(model, definitions, cycles=True))
    for mutant, models in SPIN_MUTANTS.items():
        runs += [Spin(model, definitions, mutant) for model, definitions in models.items()]
    runs = [run for run in runs if options.only in run.name]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for run, outcome in zip(runs, pool.map(lambda run: run.outcome(options.out), runs)):
            good, text = outcome.pop("passed"), outcome.pop("text")
            results.add("spin", run.name, good, text, **outcome)
            if run.mutant:
                results.verdict(run.mutant, "spin", good)


# --- herd7 ----------------------------------------------------------------------------------------

def observations(files):
    """{test: Never, Sometimes or Always}, and what herd7 said besides."""
    done = subprocess.run([HERD, *files], capture_output=True, text=True, timeout=TIMEOUT)
    return (dict(re.findall(r"^Observation (\S+) (\w+)", done.stdout, re.MULTILINE)),
            " ".join(done.stderr.split()))


def judge_litmus(name, files, seen, results):
    """One result for the test, one for each of its mutants."""
    missing = [path.stem for path, _, _ in files if path.stem not in seen]
    if missing:
        results.add("litmus", name, False, f"herd7 did not run {missing[0]}")
        return
    plain = [seen[path.stem] for path, mutant, _ in files if mutant is None]
    good = bool(plain) and all(verdict == "Never" for verdict in plain)
    results.add("litmus", name, good, f"{len(plain)} pair(s) of paths: {'never' if good else 'ALLOWED'}")
    for mutant in dict.fromkeys(m for _, m, _ in files if m):
        hows = {}
        for path, other, how in files:
            if other == mutant:
                hows.setdefault(how, []).append(seen[path.stem] != "Never")
        # Every pair of paths has to show it. Without its fences alone, the order may be covered.
        shown = {how: all(verdicts) for how, verdicts in hows.items()}
        covered = [how for how, all_see in shown.items() if how.startswith("fences") and not all_see and
                   shown.get(how.replace("fences", "order"))]
        caught = all(all_see for how, all_see in shown.items() if how not in covered)
        text = "covered by the AMO's own order; allowed without that, too" if covered else "allowed"
        results.add("litmus", f"{name} {mutant}", caught, text if caught else "survived", mutant=mutant)
        verdict = results.mutants[mutant]["litmus"]
        if not caught or verdict is False:
            results.mutants[mutant]["litmus"] = False
        elif covered or verdict == "covered":
            results.mutants[mutant]["litmus"] = "covered"
        else:
            results.mutants[mutant]["litmus"] = True


def run_litmus(options, results):
    try:
        made, failed = extract_litmus.generate_all(options.elf, options.out / "litmus", options.objdump)
    except (extract_litmus.Failure, OSError, subprocess.CalledProcessError) as failure:
        results.add("litmus", "extraction", False, str(failure))
        return
    files = [path for name, tests in made.items() for path, _, _ in tests]
    try:
        seen, said = observations(files)
    except (OSError, subprocess.TimeoutExpired) as failure:
        results.add("litmus", "herd7", False, f"{failure}; tools/setup-verify.sh gets it")
        return
    for name, tests in made.items():
        if options.only not in name:
            continue
        if name in failed:
            results.add("litmus", name, False, f"not found in {options.elf}: {failed[name]}")
        else:
            judge_litmus(name, tests, seen, results)
    if said:
        print(f"herd7: {said[:500]}")


def main():
    parser = argparse.ArgumentParser(description="Run the models of the vcpu protocol.")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--net", choices=("spin", "litmus"), help="that one only")
    parser.add_argument("--only", default="", help="runs whose name has this text")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--elf", default="build/hartvisor.elf")
    parser.add_argument("--out", default="build/verify", type=pathlib.Path)
    parser.add_argument("--objdump", default="riscv64-unknown-elf-objdump")
    options = parser.parse_args()

    started = time.monotonic()
    options.out.mkdir(parents=True, exist_ok=True)
    results = Results()
    if options.net != "spin":
        run_litmus(options, results)
    if options.net != "litmus":
        run_spin(options, results)
    results.print_table()
    passed, failed = results.counts()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    states = sum(run.get("states", 0) for run in results.runs if not run.get("mutant"))
    print(f"\n{states} states explored, {time.monotonic() - started:.0f} s, "
          f"{used.ru_utime + used.ru_stime:.0f} s of processor time")
    (options.out / "models.json").write_text(json.dumps(
        {"mode": "short" if options.short else "long", "passed": passed, "failed": failed,
         "states": states, "mutants": results.mutants, "runs": results.runs}, indent=1) + "\n")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
