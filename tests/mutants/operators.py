# SPDX-License-Identifier: BSD-2-Clause
"""Ways to break a C source by one small change each.

mutants_of(text) finds the bodies of functions and the tables of a source and yields a Mutant for each change
that one of the operators makes there. It knows tokens, not C's grammar: the caller discards what does not
compile. A change is found again by its function, operator, and the line as it was, so a table of explanations
outlives changes elsewhere in the file.
"""

import re
from dataclasses import dataclass

TOKEN = re.compile(r"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/)
  | (?P<directive>(?<![^\n])\#(?:\\\n|[^\n])*)
  | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
  | (?P<number>0[xX][0-9a-fA-F]+[uUlL]*|\d+[uUlL]*)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<mark>->|\+\+|--|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|\.\.\.|[^\w\s])
""", re.VERBOSE | re.DOTALL)

DECLARES = {"const", "static", "struct", "enum", "union", "unsigned", "signed", "int", "char", "void", "bool", "long",
            "short", "register", "volatile", "extern", "typedef", "_Noreturn", "static_assert"}
CONTROLS = {"if", "for", "while", "switch"}
KEYWORDS = DECLARES | CONTROLS | {"else", "do", "case", "default", "return", "break", "continue", "goto", "sizeof"}

# The order of their first two arguments does not matter.
SYMMETRIC = {"strcmp", "strncmp", "memcmp", "min_u64", "max_u64"}

# One token for another.
SWAPS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&",
         "<<": ">>", ">>": "<<", "|": "&", "|=": "&=", "&=": "|=", "+=": "-=", "-=": "+="}
WORDS = {"true": "false", "false": "true", "min_u64": "max_u64", "max_u64": "min_u64"}


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Mutant:
    function: str
    operator: str
    line: int
    start: int
    end: int
    old: str
    new: str
    context: str  # the source line, as it was

    @property
    def name(self):
        return f"{self.function}: {self.operator}: {squeeze(self.old)} -> {squeeze(self.new) or 'nothing'}"


def squeeze(text):
    return " ".join(text.split())


def tokens_of(text):
    found = []
    for match in TOKEN.finditer(text):
        if match.lastgroup not in ("space", "directive"):
            found.append(Token(match.lastgroup, match.group(), match.start(), match.end()))
    return found


def partners(tokens):
    """Index of the bracket that closes or opens each bracket."""
    open_of = {")": "(", "]": "[", "}": "{"}
    pairs, stack = {}, []
    for i, t in enumerate(tokens):
        if t.kind != "mark":
            continue
        if t.text in "([{":
            stack.append(i)
        elif t.text in open_of and stack:
            j = stack.pop()
            pairs[i], pairs[j] = j, i
    return pairs


def bodies(tokens, pairs):
    """(name, first, last) of each function's body and each table, outermost braces only."""
    i, header = 0, 0
    while i < len(tokens):
        t = tokens[i]
        if t.text == ";":
            header = i + 1
        elif t.text == "{" and i in pairs:
            name = owner(tokens, pairs, header, i)
            if name:
                yield name, i, pairs[i]
            i = pairs[i]
            header = i + 1
        elif t.text in "([" and i in pairs:
            i = pairs[i]
        i += 1


def owner(tokens, pairs, header, brace):
    """Whose braces these are: a function's, or those of an initialised variable. None: a type's."""
    before = tokens[header:brace]
    texts = [t.text for t in before]
    if texts and texts[-1] == "=":
        names = [t.text for t in before if t.kind == "name" and t.text not in KEYWORDS]
        return names[-1] if names else None
    if not texts or texts[0] in ("enum", "union", "typedef") or "(" not in texts:
        return None
    i = header
    while i < brace:
        if tokens[i].text == "(" and i in pairs:
            previous = tokens[i - 1]
            if previous.kind == "name" and previous.text not in ("__attribute__",):
                return previous.text
            i = pairs[i]
        i += 1
    return None


class Body:
    """One function or table, and what can be changed in it."""

    def __init__(self, text, tokens, pairs, name, first, last):
        self.text, self.tokens, self.pairs = text, tokens, pairs
        self.name, self.first, self.last = name, first, last

    def change(self, operator, i, j, new):
        """Tokens @i to @j, both included, become @new."""
        start, end = self.tokens[i].start, self.tokens[j].end
        line_start = self.text.rfind("\n", 0, start) + 1
        line_end = self.text.find("\n", start)
        context = squeeze(self.text[line_start:line_end])
        if len(context) < 12:  # "break;" is in many places
            context = squeeze(self.text[self.text.rfind("\n", 0, line_start - 1) + 1:line_end])
        return Mutant(self.name, operator, self.text.count("\n", 0, start) + 1, start, end, self.text[start:end], new, context)

    def mutants(self):
        yield from self.statements()
        yield from self.conditions()
        yield from self.operands()
        yield from self.arguments()
        yield from self.fields()

    def starts(self):
        """Where statements begin."""
        at, i = [], self.first + 1
        fresh = True
        while i < self.last:
            t = self.tokens[i]
            if fresh:
                at.append(i)
            fresh = t.text in ("{", "}", ";", "else", "do") and t.kind in ("mark", "name")
            if t.text in CONTROLS and self.tokens[i + 1].text == "(" and i + 1 in self.pairs:
                i = self.pairs[i + 1]
                fresh = True
            elif t.text == ":" and self.is_label(i):
                fresh = True
            elif t.text in "([" and i in self.pairs:
                i = self.pairs[i]
            elif t.text == "=" and self.tokens[i + 1].text == "{":
                i = self.pairs[i + 1]
            i += 1
        return at

    def is_label(self, colon):
        i = colon - 1
        while i > self.first and self.tokens[i].text not in (";", "{", "}", "?", ":"):
            i -= 1
        return self.tokens[i + 1].text in ("case", "default") and self.tokens[i].text != "?"

    def end_of(self, i):
        """The semicolon that ends the statement at @i."""
        while i < self.last and self.tokens[i].text != ";":
            i = self.pairs[i] if self.tokens[i].text in "([{" and i in self.pairs else i
            i += 1
        return i

    def declares(self, i):
        """Is the statement at @i a declaration: two names, perhaps with stars between them?"""
        t = self.tokens[i]
        if t.kind != "name":
            return False
        if t.text in DECLARES:
            return True
        j = i + 1
        while self.tokens[j].text == "*":
            j += 1
        return self.tokens[j].kind == "name" and self.tokens[j].text not in KEYWORDS

    def statements(self):
        for i in self.starts():
            t = self.tokens[i]
            if t.text in ("break", "continue") or (t.text == "return" and self.tokens[i + 1].text == ";"):
                yield self.change("statement deleted", i, self.end_of(i), ";")
                continue
            if (t.kind == "name" and t.text in KEYWORDS) or t.text in ("{", "}", ";", "#") or self.declares(i):
                continue
            end = self.end_of(i)
            if end < self.last and self.tokens[i + 1].text != ":":
                yield self.change("statement deleted", i, end, ";")

    def conditions(self):
        for i in range(self.first, self.last):
            t = self.tokens[i]
            if t.text == "if" and self.tokens[i + 1].text == "(":
                j = self.pairs[i + 1]
                inside = self.text[self.tokens[i + 2].start:self.tokens[j - 1].end]
                yield self.change("condition flipped", i + 2, j - 1, f"!({inside})")
                yield self.change("check removed", i + 2, j - 1, "0")
            elif t.text == "while" and self.tokens[i + 1].text == "(" and self.tokens[self.pairs[i + 1] + 1].text != ";":
                yield self.change("loop not entered", i + 2, self.pairs[i + 1] - 1, "0")
            elif t.text == "?":
                yield from self.choice(i)

    def choice(self, question):
        """`c ? a : b` where a and b are short: the other one."""
        depth, j = 0, question + 1
        while j < self.last and (depth or self.tokens[j].text != ":"):
            if self.tokens[j].text in "([" and j in self.pairs:
                j = self.pairs[j]
            depth += (self.tokens[j].text == "?") - (depth > 0 and self.tokens[j].text == ":")
            j += 1
        if j < self.last:
            yield self.change("choice", question, question, "&& 0 ?")

    def lengths(self):
        """Numbers that are an array's length where it is declared: one more element changes nothing that a test sees."""
        found = set()
        for i in self.starts():
            if self.declares(i):
                j = i
                while j < self.last and self.tokens[j].text not in (";", "="):
                    if self.tokens[j].text == "[":
                        found |= set(range(j + 1, self.pairs.get(j, j + 1)))
                    j += 1
        return found

    def operands(self):
        lengths = self.lengths()
        for i in range(self.first, self.last):
            t, before, after = self.tokens[i], self.tokens[i - 1], self.tokens[i + 1]
            binary = before.kind in ("name", "number") and before.text not in KEYWORDS or before.text in (")", "]")
            if t.kind == "mark" and t.text in SWAPS and binary:
                yield self.change("operator", i, i, SWAPS[t.text])
            elif t.kind == "mark" and t.text in "+-" and binary and after.text != "=":
                yield self.change("operator", i, i, "-" if t.text == "+" else "+")
                if after.text == "1":
                    yield self.change("off by one", i, i + 1, "")
            elif t.kind == "mark" and t.text == "&" and binary:
                yield self.change("operator", i, i, "|")
            elif t.kind == "mark" and t.text == "!" and after.text != "=":
                yield self.change("not", i, i, "")
            elif t.kind == "name" and t.text in WORDS:
                yield self.change("word", i, i, WORDS[t.text])
            elif t.kind == "number" and i not in lengths and before.text not in ("+", "-", "case") and after.text != ".":
                yield self.change("off by one", i, i, f"({t.text} + 1)")

    def arguments(self):
        """f(a, b) becomes f(b, a); the compiler refuses what has two types."""
        for i in range(self.first, self.last):
            if self.tokens[i].kind != "name" or self.tokens[i].text in KEYWORDS or self.tokens[i + 1].text != "(":
                continue
            parts = self.parts(i + 1)[1 if self.tokens[i].text in SYMMETRIC else 0:]
            for (a, b), (c, d) in zip(parts, parts[1:]):
                one, two = (self.text[self.tokens[x].start:self.tokens[y].end] for x, y in ((a, b), (c, d)))
                if one != two:
                    yield self.change("arguments swapped", a, d, f"{two}, {one}")

    def parts(self, bracket):
        """(first, last) of each part between commas."""
        parts, start, i, end = [], bracket + 1, bracket + 1, self.pairs[bracket]
        while i < end:
            if self.tokens[i].text in "([{" and i in self.pairs:
                i = self.pairs[i]
            elif self.tokens[i].text == ",":
                parts.append((start, i - 1))
                start = i + 1
            i += 1
        if start < end:
            parts.append((start, end - 1))
        return [p for p in parts if p[0] <= p[1]]

    def fields(self):
        """`.field = value` of an initialiser goes."""
        for i in range(self.first, self.last):
            if self.tokens[i].text != "{" or i not in self.pairs:
                continue
            for a, b in self.parts(i):
                if self.tokens[a].text == "." and self.tokens[a + 2].text == "=":
                    comma = b + 1 if self.tokens[b + 1].text == "," else b
                    yield self.change("field dropped", a, comma, "")


def mutants_of(text):
    """All mutants of a source, in the order of the text."""
    tokens = tokens_of(text)
    pairs = partners(tokens)
    found, seen = [], set()
    for name, first, last in bodies(tokens, pairs):
        for m in Body(text, tokens, pairs, name, first, last).mutants():
            key = (m.start, m.end, m.new)
            if key not in seen:
                seen.add(key)
                found.append(m)
    return sorted(found, key=lambda m: (m.start, m.end, m.operator))


def apply(text, mutant):
    return text[:mutant.start] + mutant.new + text[mutant.end:]
