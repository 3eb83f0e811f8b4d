#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check bindings and device trees by dt-schema (Debian: dt-schema).

usage: schema-check.py FOLDER    FOLDER: what is made on the way; *.dtb in it are the trees of guests

- Each dts/bindings/*.yaml is a binding as dt-schema wants it, and its examples comply with our bindings.
- Each dts/*.its complies with our bindings, without the data of its images. A FIT image's own nodes have none.
- Each tree of a guest complies with our bindings and with those that dt-schema brings. What has no binding there
  is named in NO_BINDING.

The version of Debian 12 decides (tools/lint.sh says why). Where it is missing, or another one finds something, a
line that begins with "lint: NOT DECIDED" says so, and the exit status is 0.
"""

import ast
import pathlib
import re
import shutil
import subprocess
import sys

DECIDES = "2022.08"
TOOLS = ("dt-doc-validate", "dt-extract-example", "dt-mk-schema", "dt-validate", "dtc")
BINDINGS = "dts/bindings"
SHOWN = 12

# Compatibles in a guest's tree without a binding in dt-schema or here. Linux's own tree has bindings of these.
# /reserved-memory, which has no compatible, has none either.
NO_BINDING = {
    "sifive,plic-1.0.0", "riscv,plic0", "google,goldfish-rtc", "sifive,test1", "sifive,test0", "syscon", "ns16550a",
    "syscon-poweroff", "syscon-reboot",
}

# What dt-schema finds in a guest's tree though it is right: the end of the line, and why.
EXPECTED = {
    r": chosen: linux,initrd-(start|end):0: \[\d+, \d+\] is too long":
        "dt-schema wants one cell; Linux takes two, and QEMU writes two",
}

UNBOUND = re.compile(r"(\S+?):\d+:\d+: (\S+): failed to match any schema with compatible: (\[.*\])")
MATCHED = re.compile(r"\S+: (/\S*): matched on schema\(s\)")


def said(*command):
    """What @command says: findings, of one line and perhaps indented ones. The tools' exit statuses tell nothing."""
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    findings = []
    for line in result.stdout.replace(f"{pathlib.Path.cwd()}/", "").splitlines():
        if line.startswith("\t") and findings:
            findings[-1] += "\n" + line
        elif line:
            findings.append(line)
    if result.returncode != 0 and not findings:
        findings.append(f"{command[0]} ended with status {result.returncode}")
    return findings


def check_bindings(bindings, schema):
    problems = said("dt-doc-validate", "-u", BINDINGS, *bindings)
    # A binding with an error is left out of the schema.
    return problems or said("dt-mk-schema", "-j", "-o", schema, BINDINGS)


def compile_tree(text, dtb, name):
    result = subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", dtb, "-"], input=text, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return [f"{name}: {result.stdout.strip()}"] if result.returncode else []


def validate_by_ours(dtb, schema, name):
    """The nodes that one of our bindings matches, and what is wrong with them."""
    matched, problems = [], []
    for finding in said("dt-validate", "-M", "-l", "hartvisor,", "-s", schema, dtb):
        match = MATCHED.match(finding)
        if match:
            matched.append(match[1])
        else:
            problems.append(finding.replace(str(dtb), name, 1))
    return matched, problems


def check_examples(binding, schema, folder):
    text = subprocess.run(["dt-extract-example", binding], check=True, stdout=subprocess.PIPE, text=True).stdout
    if "example-0" not in text:
        return []
    name, dtb = f"{binding}, an example", folder / "made/example.dtb"
    problems = compile_tree(text, dtb, name)
    if not problems:
        matched, problems = validate_by_ours(dtb, schema, name)
        problems += [] if matched else [f"{name}: no binding of ours matches it"]
    return problems


def check_bundle(its, schema, folder):
    # The images need not have been built.
    text, dtb = re.sub(r'/incbin/\s*\("[^"]*"[^)]*\)', "[00]", its.read_text()), folder / "made/bundle.dtb"
    problems = compile_tree(text, dtb, its)
    if problems:
        return problems
    matched, problems = validate_by_ours(dtb, schema, str(its))
    for node in subprocess.run(["fdtget", "-l", dtb, "/configurations"], check=True, stdout=subprocess.PIPE,
                               text=True).stdout.split():
        if f"/configurations/{node}" not in matched:
            problems.append(f'{its}: /configurations/{node}: compatible is not "hartvisor,config"')
    return problems


def check_guest(dtb, schema, unbound, expected):
    """@unbound, @expected: what of NO_BINDING and EXPECTED has occurred."""
    problems = []
    for finding in said("dt-validate", "-m", "-s", schema, dtb):
        match = UNBOUND.match(finding)
        if match:
            words = ast.literal_eval(match[3])
            unbound |= NO_BINDING & set(words)
            for word in set(words) - NO_BINDING:
                problems.append(f"{dtb}: {match[2]}: no binding has compatible '{word}': write one in {BINDINGS}, "
                                "or name it in tools/schema-check.py")
            continue
        reasons = [pattern for pattern in EXPECTED if re.search(f"{pattern}$", finding.splitlines()[0])]
        expected.update(reasons)
        if not reasons:
            problems.append(finding)
    return problems


def check_guests(trees, schema):
    unbound, expected = set(), set()
    problems = [problem for dtb in trees for problem in check_guest(dtb, schema, unbound, expected)]
    problems += [f"tools/schema-check.py: no guest's tree has {word}, which NO_BINDING names"
                 for word in sorted(NO_BINDING - unbound)]
    problems += [f"tools/schema-check.py: no finding is like '{pattern}', which EXPECTED names"
                 for pattern in EXPECTED if pattern not in expected]
    return problems


def check_all(folder):
    (folder / "made").mkdir(exist_ok=True)
    schema, bindings = folder / "made/schema.json", sorted(pathlib.Path(BINDINGS).glob("*.yaml"))
    bundles, trees = sorted(pathlib.Path("dts").glob("*.its")), sorted(folder.glob("*.dtb"))
    if not bindings or not bundles or not trees:
        return [f"{len(bindings)} bindings, {len(bundles)} bundles, {len(trees)} trees of guests: none may be missing"]
    problems = check_bindings(bindings, schema)
    if problems:
        return problems
    for binding in bindings:
        problems += check_examples(binding, schema, folder)
    for its in bundles:
        problems += check_bundle(its, schema, folder)
    problems += check_guests(trees, schema)
    print(f"lint: {len(bindings)} bindings, {len(bundles)} bundles, {len(trees)} trees of guests; of a guest's nodes "
          f"these have no binding: {', '.join(sorted(NO_BINDING))}, /reserved-memory")
    return problems


def main():
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        print(f"lint: NOT DECIDED: no {missing[0]}: dt-schema {DECIDES} of Debian 12 decides (make setup-lint gets it "
              "where the release has it)")
        return 0
    problems = list(dict.fromkeys(check_all(pathlib.Path(sys.argv[1]))))
    for problem in problems[:SHOWN]:
        print(f"lint: {problem}")
    if len(problems) > SHOWN:
        print(f"lint: and {len(problems) - SHOWN} more")
    if not problems:
        return 0
    version = subprocess.run(["dt-validate", "-V"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    if version.startswith(f"{DECIDES}."):
        return 1
    print(f"lint: NOT DECIDED: dt-schema {version} found the above; {DECIDES} of Debian 12 decides")
    return 0


if __name__ == "__main__":
    sys.exit(main())
