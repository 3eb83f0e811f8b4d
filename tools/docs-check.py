#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check documents and comments against the tree.

- Each table in a .md file has a header, a line of dashes, and rows with as many cells as the header; a blank line does
  not cut it in two.
- A file that a document or a comment names exists: `docs/design.md`, vm/config.c, sched.h. It may be named by its path
  from the top, by the end of that path, or relative to the file that names it. * and NAME stand for any characters.
- A function() that a document or a comment names occurs in the code of the tree or of a library that is built in.
- The table of wake-ups in docs/design.md is what the nets say (wake_table.py).
"""

import fnmatch
import io
import pathlib
import re
import subprocess
import sys
import tokenize

import wake_table

# Named, but not of this tree.
FOREIGN_FILES = {
    "errno.h": "the C library's",
    "cmocka.h": "the unit tests' library's",
    "qspinlock_paravirt.h": "Linux's",
    "c.sh": "an instruction",
}

LIBRARIES = ["build/libfdt-src/libfdt", "build/bearssl-src/src", "build/bearssl-src/inc", "build/zlib-src", "build/lz4-src/lib"]
CODE = {".c", ".h", ".S", ".py", ".sh", ".mk", ".pml", ".lds", ".its", ".yaml"}
FILE = re.compile(r"(?<![\w.,/<*-])((?:\.\./)*[\w*][\w.*-]*(?:[,/][\w.*-]+)*\.(?:c|h|S|md|py|sh|mk|pml|yaml|lds))(?![\w/-])")
FUNCTION = re.compile(r"(?<![\w.>-])([A-Za-z_]\w+)\(\)")
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
C_COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
SEPARATOR = re.compile(r"\|(\s*:?-+:?\s*\|)+$")


def all_files():
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], check=True,
                             capture_output=True, text=True).stdout
    return [pathlib.Path(line) for line in listing.splitlines() if pathlib.Path(line).is_file()]


def split_c(text):
    """The comments, as (line, text), and the code without comments and strings."""
    comments = []

    def take(match):
        word = match.group(0)
        if word.startswith("/"):
            comments.append((text.count("\n", 0, match.start()) + 1, word))
        return " "

    return comments, C_COMMENT_OR_STRING.sub(take, text)


def split_python(text):
    """Docstrings are comments; other strings are code, since tests name files and functions there."""
    comments, code = [], []
    previous = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            comments.append((token.start[0], token.string))
            continue
        if token.type == tokenize.STRING and previous in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
                                                          tokenize.NL):
            comments.append((token.start[0], token.string))
        else:
            code.append(token.string)
        if token.type != tokenize.NL:
            previous = token.type
    return comments, " ".join(code)


def split_lines(text):
    comments, code = [], []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("#"):
            comments.append((number, line))
        else:
            code.append(line)
    return comments, "\n".join(code)


def split(path):
    text = path.read_text(errors="replace")
    if path.suffix == ".py":
        return split_python(text)
    if path.suffix == ".yaml":
        return [(1, text)], ""
    if path.suffix in (".sh", ".mk") or path.name in ("Makefile", "init", "run"):
        return split_lines(text)
    if path.suffix == ".md":
        return [(1, text)], ""
    return split_c(text)


def cells(row):
    """How many cells a row has: | in `code` counts, as renderers have it, and \\| does not."""
    return len(re.sub(r"\\\|", "", row.strip()).strip("|").split("|"))


def check_tables(path, problems):
    lines = path.read_text().splitlines()
    fenced = False
    number = 0
    while number < len(lines):
        if lines[number].startswith("```"):
            fenced = not fenced
        if fenced or not lines[number].startswith("|"):
            number += 1
            continue
        first = number
        while number < len(lines) and lines[number].startswith("|"):
            number += 1
        table = lines[first:number]
        if len(table) < 3 or not SEPARATOR.match(table[1].strip()):
            problems.append(f"{path}:{first + 1}: a table without header and line of dashes: does a blank line cut it?")
            continue
        for offset, row in enumerate(table):
            if cells(row) != cells(table[0]):
                problems.append(f"{path}:{first + 1 + offset}: {cells(row)} cells, the header has {cells(table[0])}")


def file_exists(name, path, names):
    beside = (path.parent / name)
    if name in FOREIGN_FILES or beside.is_file():
        return True
    name = re.sub(r"\bNAME\b", "*", name.removeprefix("./"))
    if name.startswith("build/"):
        return True  # made, not kept
    if "*" in name:
        return any(fnmatch.fnmatch(known, name) or fnmatch.fnmatch(known, "*/" + name) for known in names)
    return any(known == name or known.endswith("/" + name) for known in names)


def main():
    problems = []
    files = all_files()
    names = [path.as_posix() for path in files]
    comments, known = {}, set()

    for library in LIBRARIES:
        for path in pathlib.Path(library).rglob("*.[ch]"):
            names.append(path.as_posix())
            known.update(IDENTIFIER.findall(split_c(path.read_text(errors="replace"))[1]))
    for path in files:
        if path.suffix in CODE or path.name in ("Makefile", "init") or path.suffix == ".md":
            comments[path], code = split(path)
            known.update(IDENTIFIER.findall(code))
        if path.suffix == ".md":
            check_tables(path, problems)
    for path, found in comments.items():
        for line, text in found:
            for match in FILE.finditer(text):
                if not file_exists(match.group(1), path, names):
                    at = line + text.count("\n", 0, match.start())
                    problems.append(f"{path}:{at}: there is no file {match.group(1)}")
            for match in FUNCTION.finditer(text):
                if match.group(1) not in known:
                    at = line + text.count("\n", 0, match.start())
                    problems.append(f"{path}:{at}: there is no function {match.group(1)}()")
    wake_table.check(problems)
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
