# SPDX-License-Identifier: BSD-2-Clause
"""tools/bench*.py: what is read out of a run, what is called moved and worse, and the document's tables. No machine is
started."""

import collections
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

import bench  # noqa: E402
import bench_build  # noqa: E402
import bench_cells  # noqa: E402
import bench_doc  # noqa: E402
import bench_run  # noqa: E402
import bench_rows  # noqa: E402
import bench_show  # noqa: E402
import bench_split  # noqa: E402
import exit_counts  # noqa: E402


def changes(now, before, noted=frozenset()):
    moved, worse = bench_show.compare(now, before, noted)
    return [row for row, *_ in moved], [row for row, *_ in worse]


@pytest.mark.parametrize("value, moved, worse", [
    (1000, False, False), (1020, False, False), (1021, True, False), (1050, True, False),
    (1051, True, True), (980, False, False), (979, True, False), (10, True, False)])
def test_limits_are_2_and_5_percent(value, moved, worse):
    assert changes({"row": value}, {"row": 1000}) == (["row"] * moved, ["row"] * worse)


def test_half_an_instruction_is_no_difference():
    assert changes({"row": 1.5}, {"row": 1.0}) == ([], [])
    assert changes({"row": 1.6}, {"row": 1.0}) == (["row"], ["row"])


def test_a_row_that_is_measured_no_more_is_worse():
    assert changes({}, {"row": 5.0}) == ([], ["row"])


def test_a_new_row_has_moved_and_is_not_worse():
    assert changes({"row": 5.0}, {}) == (["row"], [])


def test_one_row_says_nothing_of_another():
    assert changes({"a": 100, "b": 200}, {"a": 100, "b": 100}) == (["b"], ["b"])


def test_what_is_only_noted_is_not_compared():
    assert changes({"turns": 900}, {"turns": 100}, {"turns"}) == ([], [])


def test_another_compiler_decides_nothing():
    baseline = {"build": {"compiler": "12.2.0"}}
    assert bench_show.decides(baseline, "12.2.0") and not bench_show.decides(baseline, "14.2.0")
    worse = [("row", 100, 110), ("gone", 5, None)]
    assert bench_show.totals(10, worse, True) == "9 passed, 2 failed"
    assert bench_show.totals(10, worse, False) == "9 passed, 0 failed, 2 skipped"


@pytest.mark.parametrize("name", bench_doc.FILES)
def test_each_results_file_says_what_build_it_is_of(name):
    build = bench_doc.read_results()[name]["build"]
    assert set(bench_doc.BUILD) <= set(build)
    assert build["compiler"][0].isdigit()


def test_a_change_is_said_with_both_figures():
    assert bench_show.say_change("row", 1000, 1100) == "  row: 1,000 -> 1,100, +10.0 %"
    assert "not measured" in bench_show.say_change("row", 1000, None)
    assert "new" in bench_show.say_change("row", None, 3.5)


def test_lines_of_guests_are_told_apart():
    text = "[vm0] BENCH sbi-nop 4080\r\n[vm1] BENCH sbi-nop 15\r\nBENCH sbi-nop 3120\nBENCH-END\n"
    assert bench_run.parse(text) == {"vm0": {"sbi-nop": 408.0}, "vm1": {"sbi-nop": 1.5}, "": {"sbi-nop": 312.0}}


def test_switches_are_what_is_left_of_the_time():
    # Two VMs take turns of 98 each; a switch takes 2: ten stays of each in 2000.
    vm = {"window": 2000.0, "window-run": 980.0, "window-stays": 10.0}
    assert bench_run.switch_cost([vm, vm]) == 2.0


def test_every_baseline_row_is_one_that_is_measured():
    names = {row.name for row in bench_rows.ROWS}
    assert set(bench.load_baseline(quick=False)) <= names
    assert len(names) == len(bench_rows.ROWS)


def test_the_picture_has_a_bar_for_each_row_with_a_goal():
    picture = bench_show.svg({"sbi-nop": 140.0, "uart-read": 200.0}, {"sbi-nop": 280.0})
    assert picture.count("<rect") == 1 + 3  # the ground; to goal twice, to native once
    assert ">2.00<" in picture and ">0.50<" in picture and ">1.00<" in picture


MAP = """
Discarded input sections
 .text.br_unused
                0x0000000000000000       0x50 build/obj/bearssl/mac/hmac.o
Linker script and memory map
 .text.hv       0xffffffff80000000      0x100 build/obj/hyp/main.o
 .text.br_hmac_init
                0xffffffff80000100       0x10 build/obj/bearssl/mac/hmac.o
 .rodata.K      0xffffffff80001000      0x200 build/obj/bearssl/hash/sha2small.o
 .debug_info    0x0000000000000000     0x4000 build/obj/bearssl/mac/hmac.o
"""


def test_cryptography_is_counted_as_the_linker_took_it():
    assert bench_run.size_in_map(MAP, "bearssl") == 0x210
    assert bench_run.size_in_map(MAP, "hyp") == 0x100


# --- the document's tables --------------------------------------------------------------------------

RESULTS = {
    "operations": {"build": {"hartvisor": "0123", "commit": "abcd"}, "native": {"sbi-nop": 304.0},
                   "hartvisor": {"sbi-nop": 140.0, "sbi-probe": 156.0, "image": 1000},
                   "splits": {"sbi-nop": {"vector": 52.0, "run": 80.0, "guest": 8.0}}},
    "scheduling": {"build": {"hartvisor": "0123"}, "locks": {"1": {"spin": 2272728}, "2": {"spin": 20776}},
                   "switch": {"plain": {"slice": 947, "ipi": 1487, "wrs": 2002}, "sta": {"slice": 1, "ipi": 2, "wrs": 3}},
                   "latency": {"fifo": {"mean": 1317, "worst": 1400}, "fair": {"mean": 11124, "worst": 324800}},
                   "busy": {"exits": 0}, "idle": {"debian": 14.0}},
    "overcommit": {"build": {"hartvisor": "0123"}, "native": dict.fromkeys(bench_doc.WORKS, 1000.0), "rows": [
        {"vcpus": 2, "locks": "z", "pv": "none", "work": "fork", "rate": 988.0},
        {"vcpus": 2, "locks": "z", "pv": "none", "work": "spin_lock", "rate": 3210000.0},
        {"vcpus": 2, "locks": "z", "pv": "both", "work": "spin_lock", "rate": 3070000.0, "trouble": ["soft lockup"]}]},
}
DOCUMENT = "".join(f"Text of {name}.\n\n<!-- table: {name} -->\nold\n<!-- end -->\n" for name in bench_doc.TABLES)


def test_the_text_around_the_tables_stays():
    text = bench_doc.generated(DOCUMENT, RESULTS)
    assert [line for line in text.splitlines() if line.startswith("Text")] == \
        [f"Text of {name}." for name in bench_doc.TABLES]
    assert "\nold\n" not in text
    assert bench_doc.generated(text, RESULTS) == text


def test_tables_have_the_figures_of_the_results():
    text = bench_doc.generated(DOCUMENT, RESULTS)
    for line in ("| sbi-nop | SBI call that does nothing | 140 | 304 | 0.46 | 70 | 2.00 |", "| sbi-nop | 140 | 70 | 2.00 |",
                 "| sbi-nop | 140 | 52 | 80 |  |  |  |  |  | 8 |", "| 2 | 20,776 |", "mean 1,317, at worst 1,400",
                 "| 2 | z | 3.21 M | 3.197 M |  | 2.7 M |  | 2.8 M | 98.8 % | 96.7 % |",
                 "| 2 | z | spin_lock | 3.21 M |  |  | 3.07 M (soft lockup) |  | 3.197 M |", "All figures are of one build."):
        assert line in text
    assert "sbi-probe | 156 |" not in text  # it has no goal to be above


def test_figures_of_several_builds_are_told():
    other = {**RESULTS, "overcommit": {**RESULTS["overcommit"], "build": {"hartvisor": "4567"}}}
    assert "Not all figures are of one build." in bench_doc.table_build(other)


@pytest.mark.parametrize("text", [
    DOCUMENT.replace("table: pv", "table: vp"), DOCUMENT.replace("<!-- end -->\n", "", 1),
    DOCUMENT + "<!-- table: pv -->\n<!-- end -->\n", "", DOCUMENT + "<!-- table: pv -->\n"])
def test_a_table_that_is_unknown_missing_or_there_twice_is_refused(text):
    with pytest.raises(ValueError):
        bench_doc.generated(text, RESULTS)


def test_a_figure_that_moved_makes_the_document_stale(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench_doc, "RESULTS", tmp_path)
    monkeypatch.setattr(bench_doc, "DOCUMENT", tmp_path / "benchmarks.md")
    monkeypatch.setattr(sys, "argv", ["bench_doc.py", "--check"])
    (tmp_path / "benchmarks.md").write_text(DOCUMENT)
    for name, file in bench_doc.FILES.items():
        (tmp_path / file).write_text(json.dumps(RESULTS[name]))
    bench_doc.write()
    assert bench_doc.main() == 0
    moved = json.loads(json.dumps(RESULTS["operations"]).replace("140.0", "141.0"))
    (tmp_path / "baseline.json").write_text(json.dumps(moved))
    assert bench_doc.main() == 1
    assert "stale (tables operations, splits, above): run make bench-doc" in capsys.readouterr().err


def test_the_document_is_what_the_results_make():
    text = bench_doc.DOCUMENT.read_text()
    assert bench_doc.generated(text, bench_doc.read_results()) == text


def test_the_overcommit_results_are_of_cells_that_are_measured():
    found = [(row["vcpus"], row["locks"], row["pv"], row["work"]) for row in bench_doc.read_results()["overcommit"]["rows"]]
    assert set(found) <= set(bench_cells.CELLS) and len(set(found)) == len(found)


# --- where the instructions go ----------------------------------------------------------------------

TABLE = [(0x100, "trap_vector", ""), (0x200, "handle", ""), (0x300, "trap_vector_end", "")]


def trace(*pcs):
    return [f"Trace 0: 0x7f00 [0000000000000000/{pc:016x}/00000000/ff000000] " for pc in pcs]


def test_exits_begin_at_the_vector_and_marks_count_behind_the_first():
    lines = trace(0x8000, 0x100, 0x104, 0x200, 0x100, 0x8000, 0x100, 0x200, 0x204)
    found = list(exit_counts.exits(lines, TABLE, {0x8000: "row"}))
    assert found == [{"trap_vector": 2, "handle": 1}, {"trap_vector": 1}, "row", {"trap_vector": 1, "handle": 2}]


def test_a_row_is_its_operations_less_the_loop_and_the_setting_up():
    group = {"trap_vector": "vector", "handle": "run"}
    call = collections.Counter(trap_vector=50, handle=30)
    loop = collections.Counter(trap_vector=20)
    rare = collections.Counter(handle=9000)
    events = [rare, *[call, loop] * 100, "batches", *[loop] * 100, "batches", "row", "row", *[call] * 7, "batches", "row"]
    rows = bench_split.rows_of_trace(events, [100, 1, 0], group)
    assert rows == [{"vector": 50, "run": 30}, {}, {"vector": 50, "run": 30}]


def test_a_function_counts_where_its_file_is():
    assert bench_split.group_of("/somewhere/hyp/arch/switch.S") == "vector"
    assert bench_split.group_of("/somewhere/hyp/arch/guest.c") == "other"
    assert bench_split.group_of("hyp/irqchip/vplic.c") == "devices"
    assert bench_split.group_of("") == "other"


def test_splits_add_up_to_their_rows():
    found = bench_doc.read_results()["operations"]
    assert set(found["splits"]) == set(bench_rows.SPLITS)
    for row, split in found["splits"].items():
        assert sum(split.values()) == pytest.approx(found["hartvisor"][row], abs=1)
        assert 0 <= split["guest"] < 100


def test_the_digest_names_the_image(tmp_path):
    image = tmp_path / "hartvisor.bin"
    image.write_bytes(b"x")
    build = bench_build.build_of(image, sys.executable, "OpenSBI v1.5.1\r\n")
    assert build["hartvisor"] == "2d711642b726b044" and build["opensbi"] == "1.5.1" and build["qemu"] == "unknown"
