# SPDX-License-Identifier: BSD-2-Clause
"""The tools for those that work on hartvisor: what editors are told, and the words that lint finds."""

import importlib.util
import json
import subprocess

import pytest
from hv import BUILD, ROOT, Machine


def tool(name):
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_editors_know_how_each_file_is_compiled(tmp_path):
    out = tmp_path / "compile_commands.json"
    subprocess.run([ROOT / "tools" / "compile-commands.py", out, "build/hartvisor.elf"], cwd=ROOT, check=True)
    rows = json.loads(out.read_text())
    files = {row["file"] for row in rows}
    assert {str(p.relative_to(ROOT)) for p in (ROOT / "hyp").rglob("*.[cS]")} <= files
    assert all((ROOT / row["file"]).is_file() for row in rows)
    small = [row for row in rows if row["file"] == "hyp/vm/loader.c"]
    assert len(small) == 1 and " -Os " in small[0]["command"]  # the flags of its own, too


def test_a_release_boots_and_is_what_it_says(name, tmp_path):
    make = ["make", "--no-print-directory", "SETUP=no", "VERSION=test", "release"]
    subprocess.run(make, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["tar", "-C", tmp_path, "-xzf", BUILD / "hartvisor-test.tar.gz"], check=True)
    top = tmp_path / "hartvisor-test"
    subprocess.run(["sha256sum", "--quiet", "-c", "sha256sums"], cwd=top, check=True)
    listed = {line.split("  ./")[1] for line in (top / "sha256sums").read_text().splitlines()}
    assert listed == {str(p.relative_to(top)) for p in top.rglob("*") if p.is_file()} - {"sha256sums"}
    assert {"hartvisor.bin", "hartvisor-fw.bin", "two-linux.itb", "versions.txt", "README.md"} <= listed
    with Machine(name, top / "two-linux.itb", kernel=top / "hartvisor.bin", mem="2G", smp=2) as m:
        m.expect(": started: ")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A tree of two files, and a list that allows the first one a line."""
    monkeypatch.chdir(tmp_path)
    for folder in ("hyp", "tools"):
        (tmp_path / folder).mkdir()
    subprocess.run(["git", "init", "-q"], check=True)
    (tmp_path / "hyp" / "old.c").write_text("/* Nobody looks. */\nint he;\n")
    (tmp_path / "hyp" / "new.c").write_text('/* It looks. */\nconst char *who = "it";\n')
    (tmp_path / "tools" / "words-left.txt").write_text("# which\n1 hyp/old.c\n")
    return tmp_path


def words(monkeypatch, *options):
    module = tool("words-check")
    monkeypatch.setattr("sys.argv", ["words-check.py", *options])
    return module.main()


def test_no_word_comes_to_those_that_are_left(tree, monkeypatch, capsys):
    assert words(monkeypatch) == 0
    (tree / "hyp" / "new.c").write_text("/* It looks.\n * He looks, too. */\n")
    assert words(monkeypatch) == 1
    assert "hyp/new.c:2: He: " in capsys.readouterr().out
    (tree / "hyp" / "new.c").write_text('// a\nconst char *text = "nobody";\n')
    assert words(monkeypatch) == 1
    assert "hyp/new.c:2: nobody: " in capsys.readouterr().out
    (tree / "hyp" / "new.c").write_text("int a;\n")
    (tree / "NOTES.md").write_text("One line.\n\nWhoever reads.\n")
    assert words(monkeypatch) == 1
    assert "NOTES.md:3: Whoever: " in capsys.readouterr().out


def test_the_list_of_words_that_are_left_only_shrinks(tree, monkeypatch):
    left = tree / "tools" / "words-left.txt"
    (tree / "hyp" / "old.c").write_text("/* It looks. */\n")
    assert words(monkeypatch) == 1
    assert words(monkeypatch, "--write") == 0
    assert left.read_text() == "# which\n"
    assert words(monkeypatch) == 0
    (tree / "hyp" / "old.c").write_text("/* Nobody looks. */\n")
    assert words(monkeypatch, "--write") == 1
    assert left.read_text() == "# which\n"
