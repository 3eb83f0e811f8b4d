# SPDX-License-Identifier: BSD-2-Clause
"""What a mutant is run against: the unit programs that are linked with its file, and system tests.

A unit program is built once, object by object; for a mutant only the objects that its file goes into are
compiled again. tests/unit/*/test_*.c say in comment lines what they are made of (mk/test.mk).
"""

import functools
import hashlib
import itertools
import os
import pathlib
import queue
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

import keep  # noqa: E402 (needs the path above)

UNIT = pathlib.Path("tests/unit")
OUT = pathlib.Path("build/verify/mutants")
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"]
# Warnings are no errors for a mutant, but what no compiler should take is no mutant.
# (-w would take these for warnings, too, and let them pass.)
FLAGS = ["-std=gnu11", "-O1", "-g", "-Werror=int-conversion", "-Werror=incompatible-pointer-types",
         "-DHARTVISOR_UNIT_TEST"]
# UNIT_ALWAYS of mk/test.mk.
ALWAYS = ["tests/unit/fake/log.c", "tests/unit/fake/lock_rank.c", "hyp/lib/lock_rank.c"]
INCLUDES = ["tests/unit/fake", "tests/unit", "hyp", ".", "guest/include"]

# Processor time: that of the unbroken program times this, and some seconds, so that no load catches a mutant.
PATIENCE, PATIENCE_MORE = 10, 10

TESTS_FAILED = 1  # pytest's exit status; what is higher says that no test has run (something is not built, say)

# The system tests that look at a file, as pytest's -k; the longest prefix of the file's name decides.
SYSTEM = {
    "hyp/arch/": "test_guests or test_machine",
    "hyp/arch/panic.c": "test_panic",
    "hyp/arch/trap.c": "test_panic",
    "hyp/console/": "test_console",
    "hyp/control/": "test_control",
    "hyp/dev/": "test_guests or test_console",
    "hyp/irqchip/": "test_guests or test_isolation",
    "hyp/lib/": "test_guests",
    "hyp/main.c": "test_machine or test_broken",
    "hyp/mm/": "test_guests or test_isolation",
    "hyp/run/": "test_guests or test_protocol",
    "hyp/sbi/": "test_guests or test_fast_path",
    "hyp/sched/": "test_sched or test_neighbours",
    "hyp/term/": "test_console or test_terminal",
    "hyp/vcpu/": "test_guests or test_wake or test_isolation",
    "hyp/vm/": "test_guests or test_broken or test_isolation",
    "platform/": "test_machine or test_console",
    "platform/virtio/console": "test_control",
}


class CannotRun(Exception):
    """The tests themselves cannot run, which says nothing about the mutant."""


def run_make(goal):
    return subprocess.run(["make", "--no-print-directory", "-s", goal], env=outside_make(), stdout=subprocess.PIPE,
                          check=True, text=True).stdout


def outside_make():
    """The environment without what a make hands down, whose job server is not for other makes."""
    return {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}


def said(key, path):
    """What the comment lines of a unit test say of @key, those of files that it is LIKE included."""
    words = []
    for line in path.read_text().splitlines():
        match = re.match(r"[/ ]*[/*] *(\w+): *(.*)", line)
        if match and match.group(1) == key:
            words += match.group(2).split()
        elif match and match.group(1) == "LIKE" and key != "LIKE":
            for other in match.group(2).split():
                words += said(key, pathlib.Path(other))
    return words


@functools.lru_cache(maxsize=None)
def with_fakes(path):
    """The text of @path, and of those of tests/unit/fake that it includes: some of them include a source."""
    text = path.read_text()
    fakes = re.findall(r'^#include "(fake/\S+\.h)"', text, re.M)
    return [text] + [more for fake in fakes for more in with_fakes(UNIT / fake)]


class UnitProgram:
    """A tests/unit/*/test_*.c."""

    def __init__(self, path, build):
        self.path, self.name, self.build = path, f"{path.parent.name}/{path.stem}", build
        sources = set(said("SOURCES", path)) | set(ALWAYS)
        self.sources = [str(path)] + sorted(sources)
        kind = said("SANITIZE", path)
        self.kind = kind[0] if kind else ""
        sanitize = SANITIZE if not kind else [] if self.kind == "none" else [f"-fsanitize={self.kind}"]
        self.includes = said("INCLUDE", path) + INCLUDES
        self.flags = sanitize + FLAGS + said("CFLAGS", path)
        self.folder = OUT / "unit" / self.name
        self.seconds = None
        self.why = "does not build"
        self.needs = {}  # source: all files that it includes
        self.inputs = ""  # a digest of these

    def may_have(self, file):
        """Is it worth building to see whether @file goes into it? A source may be included by a test."""
        return file.endswith(".h") or file in self.sources or any(
            f'/{pathlib.Path(file).name}"' in text for source in self.sources for text in with_fakes(pathlib.Path(source)))

    def object_of(self, source, folder=None):
        return (folder or self.folder) / (source.replace("/", "_") + ".o")

    def compile(self, source, obj, shadow=None, text=None):
        """@shadow: a folder whose files come before those of hyp. @text: compile that instead of @source's."""
        obj.parent.mkdir(parents=True, exist_ok=True)
        folders = []
        for folder in self.includes:
            if shadow and folder in ("hyp", "."):
                folders.append(shadow / folder)
            folders.append(folder)
        command = ["gcc", *self.flags, *[f"-I{f}" for f in folders], "-isystem", self.build.libfdt, "-isystem",
                   self.build.bearssl, *self.build.unpack, "-MMD", "-c", str(text or source), "-o", str(obj)]
        if text:
            command.insert(1, f"-iquote{pathlib.Path(source).parent}")
        if shadow:  # what a mutated file includes from its own folder
            command[1:1] = [f"-iquote{f.parent.relative_to(shadow)}" for f in shadow.rglob("*.c")]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).returncode == 0

    def compile_once(self, source):
        """The object of @source as it is, unless it is there. False: it does not compile."""
        obj, stamp = self.object_of(source), self.object_of(source).with_suffix(".stamp")
        if stamp.exists() and stamp.read_text() == self.digest_of(source):
            return True
        stamp.unlink(missing_ok=True)
        if not self.compile(source, obj):
            return False
        stamp.write_text(self.digest_of(source))
        return True

    def digest_of(self, source):
        """Of all that the object of @source is made from."""
        words = self.object_of(source).with_suffix(".d").read_text().replace("\\\n", " ").split()
        self.needs[source] = {w for w in words if not w.endswith(":")}
        return keep.digest(self.flags, self.includes, *map(pathlib.Path, sorted(self.needs[source])))

    def prepare(self, pool, results):
        """Build it as it is. False: it does not build, or does not pass."""
        if self.seconds is not None:
            return self.seconds > 0
        self.seconds = 0
        jobs = [pool.submit(self.compile_once, s) for s in self.sources]
        if not all([j.result() for j in jobs]):
            return False
        self.inputs = keep.digest(self.name, *[self.digest_of(s) for s in self.sources])
        passed_before = results.find("unbroken " + self.inputs)
        if passed_before:
            self.seconds = passed_before
            return True
        program = self.link(self.folder, {})
        if not program:
            return False
        begun = resource.getrusage(resource.RUSAGE_CHILDREN)
        caught, self.why = self.judge(program, 600)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        if not caught:
            self.seconds = max(ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime, 0.01)
            results.add("unbroken " + self.inputs, self.seconds)
        return not caught

    def link(self, folder, replaced):
        folder.mkdir(parents=True, exist_ok=True)
        out = folder / "program"
        objects = [str(replaced.get(s, self.object_of(s))) for s in self.sources]
        result = subprocess.run(["gcc", *self.flags, *objects, self.build.unit_libfdt, "build/unit/libunpack.a",
                                 self.build.unit_bearssl(self.kind), "-lcmocka", "-lpthread", "-o", str(out)], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)
        return out.resolve() if result.returncode == 0 else None

    def judge(self, program, limit=None):
        """(caught, the first words of why)"""
        limit = limit or int(self.seconds * PATIENCE + PATIENCE_MORE)
        environment = {k: v for k, v in os.environ.items() if k != "HV_LONG"}
        environment.update({"HV_FAIL_FAST": "1", "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1"})
        environment.setdefault("HV_ROUNDS", "20")
        environment.setdefault("HV_WATCHDOG", "8")
        try:
            result = subprocess.run(["prlimit", f"--cpu={limit}", program], env=environment, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=20 * limit)
        except subprocess.TimeoutExpired:
            return True, "no end"
        if result.returncode == 0:
            return False, ""
        if result.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return True, "no end"
        failed = re.search(rb"\[ *(?:FAILED|ERROR) *\] (\w+)", result.stdout)
        return True, failed.group(1).decode() if failed else f"exit status {result.returncode}"

    def try_mutant(self, file, mutated, folder):
        """None: the program does not contain the change, or cannot. (caught, why) otherwise."""
        affected = [s for s in self.sources if file in self.needs[s]]
        if not affected:
            return None
        replaced = {}
        for source in affected:
            obj = self.object_of(source, folder)
            if source == file:
                done = self.compile(source, obj, text=mutated)
            else:  # it includes the file, also when that is a .c
                shadow = folder / "shadow"
                if mutated != shadow / file:
                    (shadow / file).parent.mkdir(parents=True, exist_ok=True)
                    (shadow / file).write_text(mutated.read_text())
                done = self.compile(source, obj, shadow=shadow)
            if not done:
                return None
            replaced[source] = obj
        program = self.link(folder, replaced)
        return self.judge(program) if program else None


class Build:
    """hartvisor as make builds it, and the libraries of the unit tests."""

    def __init__(self):
        variables = dict(line.split("=", 1) for line in run_make("print-mutants").splitlines() if "=" in line)
        self.cc, self.flags = variables["CC"], variables["FLAGS"].split()
        self.libfdt, self.bearssl = variables["LIBFDT"], variables["BEARSSL"] + "/inc"
        self.unpack = [word for folder in variables["UNPACK"].split() for word in ("-isystem", folder)]
        self.unit_libfdt = "build/unit/libfdt.a"
        self.small = set(variables["SMALL"].split())

    def unit_bearssl(self, kind):
        return f"build/unit/bearssl{'-' + kind if kind else ''}.a"

    def code_of(self, file, mutated, folder, shadow=None):
        """A digest of the code that hartvisor's compiler makes of @mutated in @file's place; None: it refuses.
        @shadow: a folder whose files come before those of the tree."""
        obj = folder / f"{file.replace('/', '_')}.target.o"
        small = ["-Os", "-msave-restore"] if f"build/obj/{file[:-2]}.o" in self.small else []
        before = [f"-I{shadow}/hyp", f"-I{shadow}"] if shadow else []
        command = [self.cc, *before, *self.flags, *small, "-Wno-error", "-Werror=int-conversion",
                   "-Werror=incompatible-pointer-types", "-g0", f"-iquote{pathlib.Path(file).parent}", "-c", "-o", str(obj),
                   str(mutated)]
        if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            return None
        return hashlib.sha256(obj.read_bytes()).hexdigest()

    def includers(self, header, function):
        """Sources of hartvisor that @header goes into: those that name @function first. Known once it is built."""
        found = []
        for dependencies in sorted(pathlib.Path("build/obj").glob("[hp]*/**/*.d")):
            words = dependencies.read_text().replace("\\\n", " ").split()
            found += [w for w in words if w.endswith(".c")] if header in words else []
        return sorted(set(found), key=lambda source: function not in pathlib.Path(source).read_text())


def bring_up_to_date(source, target):
    """Make @target what @source is. A file is written only when it differs, and then it is new: the objects that an
    earlier run has left there may be a mutant's, and make must not take them for newer than the file."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        names = {p.name for p in source.iterdir()}
        for gone in [p for p in target.iterdir() if p.name not in names]:
            shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
        for name in names:
            bring_up_to_date(source / name, target / name)
    elif not target.exists() or target.read_bytes() != source.read_bytes():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


class SystemTests:
    """Copies of the tree in which hartvisor is built with a mutant; the tests are this tree's own."""

    PARTS = ("Makefile", "mk", "hyp", "platform", "guest/include", "tools", "firmware")

    def __init__(self):
        self.free, self.numbers, self.one_at_a_time = queue.SimpleQueue(), itertools.count(), threading.Lock()
        self.passed = set()  # expressions of tests that pass unbroken
        self.tests = keep.digest(*sorted(p for p in pathlib.Path("tests/system").glob("*.py")),
                                 *sorted(p for p in pathlib.Path("build/guest-tests").glob("*.bin")))

    def prepare(self):
        """A tree of its own for a thread that has none."""
        tree = OUT / f"copy-{next(self.numbers)}"
        (tree / "build").mkdir(parents=True, exist_ok=True)
        for part in self.PARTS:
            bring_up_to_date(pathlib.Path(part), tree / part)
        for part in ("setup.mk", "libfdt-src", "bearssl-src", "zlib-src", "lz4-src"):
            link = tree / "build" / part
            if not link.exists():
                link.symlink_to((pathlib.Path("build") / part).resolve())
        return tree

    def make(self, tree):
        command = ["make", "-s", "--no-print-directory", "SETUP=no", "WARNINGS=-w", "build/hartvisor.bin"]
        return subprocess.run(command, cwd=tree, env=outside_make(), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0

    def try_mutant(self, file, text, results):
        """(caught, why)"""
        try:
            tree = self.free.get_nowait()
        except queue.Empty:
            tree = self.prepare()
        self.check_unbroken(file, tree, results)
        (tree / file).write_text(text)
        try:
            if not self.make(tree):
                return True, "does not build"
            return self.verdict(file, tree, results)
        finally:
            (tree / file).write_text(pathlib.Path(file).read_text())
            self.free.put(tree)

    def key(self, file, tree):
        """Of the verdict on what is built in @tree."""
        return keep.digest("system", keep.digest_file(tree / "build/hartvisor.bin"), self.expression(file), self.tests)

    def verdict(self, file, tree, results):
        """(caught, why) of what is built in @tree."""
        key = self.key(file, tree)
        if results.find(key) is None:
            results.add(key, self.judge(file, tree))
        return tuple(results.find(key))

    def check_unbroken(self, file, tree, results):
        """What the tests do not let pass as it is, they cannot say anything of. On a busy host they get another try."""
        with self.one_at_a_time:
            if self.expression(file) in self.passed:
                return
            if not self.make(tree):
                raise CannotRun(f"{tree}: hartvisor does not build unbroken")
            known = results.find(self.key(file, tree))
            verdict = known if known and not known[0] else self.judge(file, tree)
            if verdict[0]:
                verdict = self.judge(file, tree)
            if verdict[0]:
                raise CannotRun(f"system tests of {file}: hartvisor does not pass unbroken ({verdict[1]})")
            results.add(self.key(file, tree), verdict)
            self.passed.add(self.expression(file))

    @staticmethod
    def expression(file):
        return SYSTEM[max((p for p in SYSTEM if file.startswith(p)), key=len)]

    def judge(self, file, tree):
        environment = dict(os.environ, HARTVISOR=str((tree / "build/hartvisor.bin").resolve()), HV_LOGS="mutants",
                           HV_WORK=f"tests-{tree.name}", HV_TIMEOUT=os.environ.get("HV_TIMEOUT", "60"), HV_STATES_TIMEOUT="5")
        environment.pop("HV_KEEP", None)
        command = ["/usr/bin/python3", "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", "-m", "not long",
                   "-k", self.expression(file), "tests/system"]
        result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if result.returncode == 0:
            return False, ""
        if result.returncode != TESTS_FAILED:
            raise CannotRun(f"tests/system cannot run here (exit status {result.returncode}):\n"
                            + result.stdout.decode(errors="replace")[-500:])
        failed = re.search(rb"^FAILED (\S+)", result.stdout, re.MULTILINE)
        return True, failed.group(1).decode().split("::")[-1] if failed else "a failed test"
