#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check the words of sources and documents: docs/style.md, "Words".

- No word makes a person of code (PERSONS). All of a file is looked at: comments, messages, and the parts of names.
- No sentence of a comment or a document begins with its verb to mean "if". A question is one only with its mark. Such are
  found by their first words (INVERTED), with a comma behind them:
    Were, Had, Should, ... and a subject            Should it be late, no timer is set.
    Is, Are, Does, Has, ... and a pronoun           Has it not, the next one does.
    any verb, and a pronoun behind the comma        Blocks it before that, there is nothing to do.
                                                    Is the queue empty, it sleeps.
  "Does not wait" and "Is called once, at boot" have only left out their subject; so have "Has the lock, and keeps it" and
  "Returns the entry, for later changes".
"""

import importlib.util
import pathlib
import re
import sys

PERSONS = re.compile(r"(?<![^\W_])(who|whom|whoever|somebody|nobody|everybody|anybody|someone|anyone|everyone|he|him|his|himself)"
                     r"(?![^\W_])", re.IGNORECASE)

PRONOUN = r"(?:it|they|this|that|these|those|there|one|we|any|all|both|none|nothing|neither|either|another)\b"
ARTICLE = r"(?:(?:the|a|an|each|every|some|no|its|our|two)\b|@\w)"
THEN = r".*,\ (?:it|they|there|this|we|one|nothing)\ \w+s?\b"
INVERTED = re.compile(rf"""
      (?:were|had|should|could|would|can|will|may|might)\ (?:{PRONOUN}|{ARTICLE}).*,
    | (?:is|are|was)\ {PRONOUN}.*,
    | (?:does|do|did|has|have)\ (?:it|they|this|these|there|we|nothing|neither|either|another)\b.*,
    | [a-z]+s\ (?:it|they|this|there|we|something|nothing|another|{ARTICLE}).*{THEN}
    """, re.IGNORECASE | re.VERBOSE)

COMMENT_SIGNS = re.compile(r"^[ \t]*(?:/\*+|\*/|\*|//|#+)|\*/|\"\"\"", re.MULTILINE)
# Sentences end here: at a mark, a blank line, a cell of a table, an item of a list, the dash behind a function's name.
END = re.compile(r"[.?!;:](?=[\s)\"`*]|$)|\n\s*\n|\||\n\s*(?:[-*]|\d+\.)\s| - ")

SUFFIXES = {".c", ".h", ".S", ".lds", ".py", ".sh", ".mk", ".md", ".txt", ".yaml", ".its", ".dts", ".dtso", ".pml", ".litmus"}
NAMES = {"Makefile", "init", "run"}
# These tell people what to do; those show what is wrong.
OF_PEOPLE = {"CONTRIBUTING.md", "SECURITY.md"}
EXAMPLES = {"docs/style.md", "tools/words-check.py", "tests/system/test_tools.py"}


def docs_check():
    spec = importlib.util.spec_from_file_location("docs_check", pathlib.Path(__file__).with_name("docs-check.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def joined(comments):
    """[line, text] of @comments, where those that begin with # on lines behind each other are one."""
    found = []
    for number, text in comments:
        if found and text.lstrip().startswith("#") and found[-1][0] + found[-1][1].count("\n") + 1 == number:
            found[-1][1] += "\n" + text
        else:
            found.append([number, text])
    return found


def sentences(text):
    """(offset, words, mark) of each sentence of a comment or a document."""
    text = COMMENT_SIGNS.sub(lambda signs: " " * len(signs.group(0)), text)
    start = 0
    for end in END.finditer(text):
        yield start, text[start:end.start()], end.group(0)
        start = end.end()
    yield start, text[start:], ""


def inverted_in(path, check):
    """(line, words) of sentences that begin with their verb to mean "if"."""
    comments, _ = check.split(path)
    for first, text in joined(comments):
        for offset, words, mark in sentences(text):
            flat = " ".join(words.split()).lstrip("-*(\"0123456789 ")
            if mark != "?" and INVERTED.match(flat):
                line = text.count("\n", 0, offset + len(words) - len(words.lstrip()))
                yield first + line, flat


def main():
    check = docs_check()
    wrong = False
    for path in check.all_files():
        if path.as_posix() in EXAMPLES or (path.suffix not in SUFFIXES and path.name not in NAMES):
            continue
        found = []
        if path.as_posix() not in OF_PEOPLE:
            lines = enumerate(path.read_text().split("\n"), 1)
            found += [(number, f'"{word.group(0)}" is for people, code is "it"') for number, line in lines
                      for word in PERSONS.finditer(line)]
        if path.suffix != ".txt":
            found += [(line, f'begins with its verb to mean "if": {words[:80]}') for line, words in inverted_in(path, check)]
        for number, what in sorted(found):
            wrong = True
            print(f"{path}:{number}: {what} (docs/style.md)")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
