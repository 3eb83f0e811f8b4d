#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write compile_commands.json, by which editors and clang's tools know how each file of hartvisor is compiled.

usage: compile-commands.py OUTPUT TARGET...   what make would do for TARGET if nothing were built
"""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

COMPILES = re.compile(r"^\S*gcc .* -[cS] (\S+\.[cS]) -o (\S+)$")


def commands(make, targets):
    """What a dry run prints, but for what it says in words."""
    result = subprocess.run([*make, "--no-print-directory", "-Bn", "SETUP=no", *targets], check=True, text=True,
                            capture_output=True, env={k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS")})
    return result.stdout.replace("\\\n", " ").splitlines()


def main():
    output, *targets = sys.argv[1:]
    here = os.getcwd()
    rows = []
    for line in commands(shlex.split(os.environ.get("MAKE", "make")), targets):
        found = COMPILES.match(line.strip())
        if found:
            rows.append({"directory": here, "command": line.strip(), "file": found.group(1), "output": found.group(2)})
    if not rows:
        sys.exit("compile-commands: make prints no command that compiles")
    pathlib.Path(output).write_text(json.dumps(rows, indent=1) + "\n")
    print(f"{output}: {len(rows)} files")


if __name__ == "__main__":
    main()
