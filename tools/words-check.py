#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check comments, messages and documents for words that docs/style.md forbids: those that make persons of code.

usage: words-check.py [--write]

Looked at are the comments of C, assembler and Python, the strings of C in hyp and platform, and .md files. A file may have
as many lines with such words as tools/words-left.txt says, and no more; when it has fewer the list has to follow. So the
list only shrinks. --write makes it follow; it never adds to it.
"""

import importlib.util
import pathlib
import re
import sys

FORBIDDEN = re.compile(r"\b(who|whom|whoever|somebody|nobody|everybody|anybody|someone|anyone|everyone|he|him|his|himself)\b",
                       re.IGNORECASE)
LEFT = pathlib.Path("tools/words-left.txt")
# What people do is told of people: the rules of this project, and its documents for them.
PEOPLE = {"CONTRIBUTING.md", "SECURITY.md", "docs/style.md", "tools/words-check.py"}
STRING = re.compile(r'"(?:\\.|[^"\\\n])*"')


def docs_check():
    spec = importlib.util.spec_from_file_location("docs_check", pathlib.Path(__file__).with_name("docs-check.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def without_comment(match):
    """A string stays; of a comment its lines do, so that numbers stay right."""
    word = match.group(0)
    return word if word.startswith('"') else "\n" * word.count("\n")


def pieces(path, check):
    """(line, text) of all that is language."""
    text = path.read_text()
    if path.suffix in (".c", ".h", ".S"):
        comments, _ = check.split_c(text)
        yield from comments
        if path.parts[0] in ("hyp", "platform"):
            without = check.C_COMMENT_OR_STRING.sub(without_comment, text)
            for number, line in enumerate(without.split("\n"), 1):
                for string in STRING.findall(line):
                    yield number, string
    elif path.suffix == ".py":
        comments, _ = check.split_python(text)
        yield from comments
    elif path.suffix == ".md":
        yield 1, text


def found_in(path, check):
    """[(line, text)] of the lines with such words."""
    lines = []
    for first, text in pieces(path, check):
        lines += [(first + i, line.strip()) for i, line in enumerate(text.split("\n")) if FORBIDDEN.search(line)]
    return lines


def read_left():
    rows = (line.split() for line in LEFT.read_text().splitlines() if line and not line.startswith("#"))
    return {path: int(count) for count, path in rows}


def write_left(counts):
    head = [line for line in LEFT.read_text().splitlines() if line.startswith("#")]
    rows = [f"{count} {path}" for path, count in sorted(counts.items()) if count]
    LEFT.write_text("\n".join(head + rows) + "\n")


def main():
    check = docs_check()
    left = read_left()
    wrong = False
    now = {}
    for path in check.all_files():
        if str(path) in PEOPLE or path.suffix not in (".c", ".h", ".S", ".py", ".md"):
            continue
        lines = found_in(path, check)
        allowed = left.get(str(path), 0)
        now[str(path)] = min(len(lines), allowed)
        if len(lines) > allowed:
            wrong = True
            for number, line in lines:
                print(f"{path}:{number}: {FORBIDDEN.search(line).group(0)}: {line[:100]}")
            print(f"{path}: {len(lines)} such lines, {allowed} allowed (tools/words-left.txt): code is \"it\" (docs/style.md)")
    shrunk = {path: count for path, count in left.items() if now.get(path, 0) < count}
    if "--write" in sys.argv[1:]:
        write_left(now)
    elif shrunk:
        wrong = True
        for path, count in shrunk.items():
            print(f"{path}: {now.get(path, 0)} such lines are left, tools/words-left.txt says {count}: tools/words-check.py --write")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
