# SPDX-License-Identifier: BSD-2-Clause
"""The build that figures are of: each results file in tests/bench names it, and docs/benchmarks.md repeats it."""

from __future__ import annotations

import hashlib
import json
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "tests" / "bench"
# What hartvisor.bin is made of. A change here that is not committed is told by a + behind the commit.
SOURCES = ["hyp", "platform", "guest/include", "mk/hartvisor.mk", "mk/libc"]


def said(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def compiler() -> str:
    """The version of what builds hartvisor: another one emits other instructions, and other counts."""
    return said("riscv64-unknown-elf-gcc", "-dumpfullversion")


def commit() -> str:
    """The last one that changed hartvisor's sources. A commit of figures alone leaves it as it is."""
    git = ["git", "-c", f"safe.directory={ROOT}"]
    try:
        found = said(*git, "log", "-1", "--format=%h", "--abbrev=10", "--", *SOURCES)
        return found + ("+" if said(*git, "status", "--porcelain", "--", *SOURCES) else "")
    except (subprocess.CalledProcessError, FileNotFoundError):
        return "unknown"


def linux_version(image: pathlib.Path) -> str:
    found = re.search(rb"Linux version (\S+)", image.read_bytes())
    return found.group(1).decode() if found else "unknown"


def digest(image: pathlib.Path) -> str:
    return hashlib.sha256(image.read_bytes()).hexdigest()[:16]


def build_of(hartvisor: pathlib.Path, qemu: str, console: str) -> dict:
    """@console: what a machine of this run said; its first lines name OpenSBI."""
    version = re.search(r"version (\S+)", said(qemu, "--version"))
    firmware = re.search(r"OpenSBI v(\S+)", console)
    return {"hartvisor": digest(hartvisor), "commit": commit(),
            "compiler": compiler(), "qemu": version.group(1) if version else "unknown",
            "opensbi": firmware.group(1) if firmware else "unknown"}


def write_results(name: str, results: dict) -> pathlib.Path:
    """tests/bench/@name, whole or not at all."""
    path = RESULTS / name
    part = path.with_suffix(".part")
    part.write_text(json.dumps(results, indent=1) + "\n")
    part.replace(path)
    return path
