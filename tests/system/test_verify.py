# SPDX-License-Identifier: BSD-2-Clause
"""What make verify goes by: results that are kept, and the gate of the mutants."""

import subprocess
import sys

import pytest
from hv import ROOT

sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests" / "mutants")]

import keep  # noqa: E402 (needs the path above)
import operators  # noqa: E402
import run as mutants  # noqa: E402


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setenv("HV_KEEP", str(tmp_path / "kept"))
    return tmp_path


def test_a_result_is_kept_until_an_input_changes(kept):
    source = kept / "source"
    source.write_text("one")
    key = keep.digest("test", source, None)
    assert keep.find(key) is None
    keep.add(key, {"passed": 3})
    assert keep.find(key) == {"passed": 3}
    assert keep.digest("test", source, None) == key
    source.write_text("two")
    assert keep.digest("test", source, None) != key
    source.unlink()
    assert keep.digest("test", source, None) != key
    assert keep.digest("test", source, "1") != keep.digest("test", source, None)


def test_what_a_run_left_half_written_is_no_result(kept):
    key = keep.digest("test")
    keep.add(key, {"passed": 3})
    for file in kept.rglob("*.json"):
        file.write_text('{"pass')
    assert keep.find(key) is None


def test_nothing_is_kept_where_nothing_is_to_be(kept, monkeypatch):
    monkeypatch.delenv("HV_KEEP")
    keep.add(keep.digest("test"), {"passed": 3})
    assert keep.find(keep.digest("test")) is None and not list(kept.rglob("*.json"))


SOURCE = """
static int reset(struct thing *t, int n)
{
	char text[16];

	if (n > 3)
		return copy(t, n);
	t->field = n + 1;
	*t = (struct thing){ .a = n, .b = true };
	return 0;
}
"""


@pytest.mark.parametrize("change, becomes", [
    ("statement deleted", "\t;\n\t*t ="),
    ("condition flipped", "if (!(n > 3))"),
    ("check removed", "if (0)"),
    ("operator", "if (n >= 3)"),
    ("off by one", "if (n > (3 + 1))"),
    ("off by one", "t->field = n ;"),
    ("arguments swapped", "copy(n, t)"),
    ("field dropped", "{  .b = true }"),
    ("word", ".b = false"),
])
def test_each_kind_of_change_is_made(change, becomes):
    made = [operators.apply(SOURCE, m) for m in operators.mutants_of(SOURCE) if m.operator == change]
    assert any(becomes in text for text in made), made


def test_an_arrays_length_is_left_alone():
    assert not any("text[" in operators.apply(SOURCE, m).replace("text[16]", "") for m in operators.mutants_of(SOURCE))


def gate(explained, caught=18, missed=1):
    """What the gate says of a room with two files like SOURCE."""
    runner = mutants.Runner.__new__(mutants.Runner)
    runner.mutants = {file: operators.mutants_of(SOURCE) for file in ("hyp/x/reset.c", "hyp/x/other.c")}
    runner.explained = dict.fromkeys(explained, "equivalent: a test's")
    runner.scores = {"hyp/x": mutants.Score(caught=caught, missed=missed)}
    runner.seen = {("hyp/x/reset.c", str(i)) for i in range(10)}
    runner.tried = 10
    runner.check_explained()
    return runner.scores["hyp/x"].faults()


def explanation(m):
    return "hyp/x/reset.c", m.name, m.context


def test_a_room_with_nine_of_ten_caught_passes():
    assert not gate([])
    assert not gate([], 9, 1)
    assert gate([], 89, 11) == ["less than 90 % caught"]


def test_more_than_one_explanation_in_twenty_fails():
    all_of_them = operators.mutants_of(SOURCE)
    assert 10 < len(all_of_them) < 20  # of each file: one of both files' is less than 5 %, two are more
    assert not gate([explanation(all_of_them[0])])
    assert gate([explanation(m) for m in all_of_them[:2]]) == ["more than 5 % explained"]


def test_an_explanation_of_a_line_that_has_gone_fails(capsys):
    assert gate([("hyp/x/reset.c", "reset: check removed: n > 4 -> 0", "if (n > 4)")]) == \
        ["1 explanations of what is no longer there"]
    assert 'hyp/x/reset.c has no longer the mutant "reset: check removed: n > 4 -> 0" in a line "if (n > 4)"' in \
        capsys.readouterr().out


def test_a_part_that_there_is_not_is_told():
    result = subprocess.run([sys.executable, "-B", ROOT / "tools/run-tests.py", "--verify", "everything"], cwd=ROOT,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode != 0 and "no part everything: there are unit, model, protocol-1," in result.stdout
