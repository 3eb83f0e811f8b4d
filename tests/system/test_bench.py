# SPDX-License-Identifier: BSD-2-Clause
"""tools/bench.py: what it reads out of a run, and what it calls moved and worse. No machine is started."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

import bench  # noqa: E402


def changes(now, before, noted=frozenset()):
    moved, worse = bench.compare(now, before, noted)
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
    baseline = {"compiler": "12.2.0"}
    assert bench.decides(baseline, "12.2.0") and not bench.decides(baseline, "14.2.0")
    worse = [("row", 100, 110), ("gone", 5, None)]
    assert bench.totals(10, worse, True) == "9 passed, 2 failed"
    assert bench.totals(10, worse, False) == "9 passed, 0 failed, 2 skipped"


def test_the_baseline_says_what_compiler_it_is_of():
    assert bench.read_baseline()["compiler"][0].isdigit()


def test_a_change_is_said_with_both_figures():
    assert bench.say_change("row", 1000, 1100) == "  row: 1,000 -> 1,100, +10.0 %"
    assert "not measured" in bench.say_change("row", 1000, None)
    assert "new" in bench.say_change("row", None, 3.5)


def test_lines_of_guests_are_told_apart():
    text = "[vm0] BENCH sbi-nop 4080\r\n[vm1] BENCH sbi-nop 15\r\nBENCH sbi-nop 3120\nBENCH-END\n"
    assert bench.parse(text) == {"vm0": {"sbi-nop": 408.0}, "vm1": {"sbi-nop": 1.5}, "": {"sbi-nop": 312.0}}


def test_switches_are_what_is_left_of_the_time():
    # Two VMs take turns of 98 each; a switch takes 2: ten stays of each in 2000.
    vm = {"window": 2000.0, "window-run": 980.0, "window-stays": 10.0}
    assert bench.switch_cost([vm, vm]) == 2.0


def test_every_baseline_row_is_one_that_is_measured():
    names = {row.name for row in bench.ROWS}
    assert set(bench.load_baseline(quick=False)) <= names
    assert len(names) == len(bench.ROWS)


def test_the_picture_has_a_bar_for_each_row_with_a_goal():
    picture = bench.svg({"sbi-nop": 160.0, "uart-read": 350.0}, {"sbi-nop": 320.0})
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
    assert bench.size_in_map(MAP, "bearssl") == 0x210
    assert bench.size_in_map(MAP, "hyp") == 0x100
