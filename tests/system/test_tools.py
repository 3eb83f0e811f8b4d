# SPDX-License-Identifier: BSD-2-Clause
"""The tools for those that work on hartvisor: what editors are told, and the words that lint finds."""

import importlib.util
import json
import re
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


@pytest.mark.parametrize("words, smp, mem", [([], "2", "1G"), (["SMP=3", "MEM=4G"], "3", "4G")])
def test_what_a_bundle_needs_of_qemu_stands_beside_it(words, smp, mem):
    """dts/pv-linux.qemu; what the user says wins. QEMU takes the last of options that stand twice."""
    said = subprocess.run(["make", "-n", "SETUP=no", "run", "CONFIG=pv-linux", *words], cwd=ROOT, check=True,
                          capture_output=True, text=True).stdout
    command = next(line for line in said.splitlines() if "-initrd build/pv-linux.itb" in line)
    assert re.findall(r"-smp (\S+)", command)[-1] == smp and re.findall(r"-m (\S+)", command)[-1] == mem


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
    """A tree of one file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hyp").mkdir()
    subprocess.run(["git", "init", "-q"], check=True)
    (tmp_path / "hyp" / "it.c").write_text('/* It looks. */\nint the_mutex, whole;\n')
    return tmp_path


@pytest.mark.parametrize("file, text, line, word", [
    ("hyp/it.c", "/* It looks.\n * He looks, too. */\n", 2, "He"),
    ("hyp/it.c", '// a\nconst char *text = "nobody";\n', 2, "nobody"),
    ("hyp/it.c", "void wake_whoever_waits(void);\n", 1, "whoever"),
    ("tools/it.py", 'FORMAT = "%s: somebody\'s"\n', 1, "somebody"),
    ("NOTES.md", "One line.\n\nWhoever reads.\n", 3, "Whoever"),
])
def test_no_word_makes_a_person_of_code(tree, capsys, file, text, line, word):
    words = tool("words-check")
    assert words.main() == 0
    (tree / file).parent.mkdir(exist_ok=True)
    (tree / file).write_text(text)
    assert words.main() == 1
    assert f'{file}:{line}: "{word}" is for people' in capsys.readouterr().out


INVERTED = ["Blocks it before anything else has happened, there is nothing to be put right.", "Has it not, the next one does.",
            "Is the queue empty, it sleeps.", "Should the VM have given it back, there is nowhere to write.",
            "It is late: had it come in time, it would run.", "Were @v elsewhere, nothing happened.",
            "Is any request set, or\n * a kick on its way, the vcpu stays."]
PLAIN = ["Is any request set, or a kick on its way?", "Does not wait, and takes no lock.", "Is called once, at boot.",
         "Has the lock, and keeps it.", "Returns the entry, for later changes.", "Keys that are typed, which wait for the end."]


@pytest.mark.parametrize("sentence", INVERTED)
@pytest.mark.parametrize("file, form", [("hyp/it.c", "/*\n * One more.\n *\n * {}\n */\n"), ("it.sh", "set -eu\n\n\n# {}\n"),
                                        ("NOTES.md", "One\nmore.\n\n- {}\n")])
def test_no_sentence_begins_with_its_verb_to_mean_if(tree, capsys, file, form, sentence):
    (tree / file).write_text(form.format(sentence.replace("\n * ", "\n# ") if file == "it.sh" else sentence))
    assert tool("words-check").main() == 1
    assert f'{file}:4: begins with its verb to mean "if"' in capsys.readouterr().out


def test_questions_and_sentences_without_a_subject_are_plain(tree):
    (tree / "hyp" / "it.c").write_text("".join(f"/* {sentence} */\n" for sentence in PLAIN))
    assert tool("words-check").main() == 0
