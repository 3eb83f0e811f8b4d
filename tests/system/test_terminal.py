# SPDX-License-Identifier: BSD-2-Clause
"""The operator's terminal, as an emulator draws it: no guest forges a row, draws outside its own rows, changes
the terminal or makes it answer, in focus or not; and the shell in focus edits its line as ever."""

import re
import unicodedata

import pytest
from hv import ROOT, Vm, bundle, guest, linux
from terminal import Terminal
from wcwidth import wcwidth

OWNERS = r"\[(?:good|evil)\](?:[ +]|$)|\[hartvisor\][ +](?!error: forged)"


def check_screen(m, begin):
    """From row @begin on each row begins with a prefix, and nothing forged with another than its guest's."""
    rows = m.rows()[begin:]
    assert m.row() == "" and m.screen.cursor.x == 0
    for row in rows[:-1]:
        assert re.match(OWNERS, row), f"whose is the row {row!r}?"
        assert "forged" not in row or row.startswith("[evil]"), row
    assert any("forged" in row for row in rows)
    assert m.screen.changed() == []


def wait_for_width(m):
    """Until what is printed was composed for the terminal's width: some rounds after its answers, since a few are on
    their way. Returns the row from which on that holds."""
    m.until(lambda: m.screen.answers == 2, "asked whether it is a terminal, and for its width")
    for _ in range(6):
        m.expect_line("evil", "CONSOLE round")
    return m.screen.cursor.y


def end_evil(m):
    """Destroy VM 2, which attacks without end."""
    m.focus(2, "evil")
    m.menu("k")
    m.expect_line("hartvisor", "evil: destroyed")
    m.until(lambda: m.row() == "", "at the start of a row")


@pytest.mark.parametrize("columns", [60, 80, 133])
def test_a_guest_out_of_focus(name, columns):
    vms = [Vm("good", guest("hello")), Vm("evil", guest("console"), bootargs=f"n=1000000 columns={columns}")]
    with Terminal(name, bundle(name, vms), columns=columns, lines=3000) as m:
        m.expect_lines({"evil": "CONSOLE round 1", "good": "HELLO"})
        begin = wait_for_width(m)
        answers = m.screen.answers
        # Answers that are typed into the VM in focus land within this word.
        m.send("wo")
        for _ in range(4):
            m.expect_line("evil", "CONSOLE round")
        m.send("rd\r")
        m.expect_line("good", "echo: word[\r\n]")
        assert m.screen.answers == answers
        end_evil(m)
        check_screen(m, begin)
        m.focus(1, "good")
        m.ping("good", "after all")


@pytest.mark.parametrize("columns", [60, 80, 133])
def test_a_guest_in_focus(name, columns):
    with Terminal(name, bundle(name, [Vm("evil", guest("console"), bootargs=f"n=30 columns={columns}")]),
                  columns=columns, lines=3000) as m:
        begin = wait_for_width(m)
        m.expect_passed("evil", "console")
        m.expect_end()
        check_screen(m, begin)


def test_the_window_gets_narrower(name):
    """hartvisor asks again when ^] is typed."""
    vms = [Vm("good", guest("hello")), Vm("evil", guest("console"), bootargs="n=1000000 columns=60")]
    with Terminal(name, bundle(name, vms), columns=100, lines=3000) as m:
        m.expect_line("evil", "CONSOLE round 1")
        m.screen.resize(columns=60)
        m.menu("1")
        m.focus(2, "evil")
        begin = m.screen.cursor.y
        # What was on its way before the answer came is as wide as before. This row begins where 60 columns end.
        m.until(lambda: any(row.startswith("[evil]+[hartvisor]") for row in m.rows()[begin:]), "a row of the new width")
        begin += next(i for i, row in enumerate(m.rows()[begin:]) if row.startswith("[evil]+[hartvisor]"))
        for _ in range(4):
            m.expect_line("evil", "CONSOLE round")
        end_evil(m)
        check_screen(m, begin)


def test_the_shell_in_focus(name):
    with Terminal(name, bundle(name, [linux("linux", cpus=1)])) as m:
        prompt = "[linux] ~ #"
        m.expect_line("linux", "GUEST-UP")
        m.send("\r")
        m.until_row(prompt)
        answers = m.screen.answers
        # Inserted in the middle, erased at the end.
        m.send("echo ac")
        m.until_row(f"{prompt} echo ac")
        m.send("\x1b[Db")
        m.until_row(f"{prompt} echo abc")
        assert m.screen.cursor.x == len(f"{prompt} echo ab")
        m.send("\x1b[Fxy\x7f\x7f")
        m.until(lambda: m.screen.cursor.x == len(f"{prompt} echo abc") and m.row() == f"{prompt} echo abc",
                "the line as it was")
        m.send("\r")
        m.until_row(prompt)
        assert m.rows()[-2] == "[linux] abc"
        # Of the history, changed at its start.
        m.send("\x1b[A")
        m.until_row(f"{prompt} echo abc")
        m.send("\x1b[H\x1b[C\x1b[C\x1b[C\x1b[C\x1b[3~\x1b[3~,")
        m.until_row(f"{prompt} echo,bc")
        m.send("\x05\x15")
        m.until_row(prompt)
        assert m.screen.cursor.x == len(prompt) + 1
        # Backspaces do not go beyond the prompt, nor a long line beyond its row.
        m.send("\x7f\x7f\x7fls -d --color=always /proc\r")
        m.until(lambda: m.rows()[-2:] == ["[linux] /proc", prompt], "an answer and a prompt")
        line = len(m.rows()) - 2
        colours = [m.screen.buffer[line][x].fg for x in range(len("[linux] /proc"))]
        assert colours[len("[linux] "):] == ["blue"] * len("/proc")
        assert colours[len("[linux]")] == "default"
        # The shell has asked where the cursor is. It got no answer.
        assert m.screen.answers == answers
        assert "[6n" not in "".join(m.rows())
        m.send("poweroff -f\r")
        m.expect_end()


def test_an_editor_has_the_whole_screen_when_attached(name):
    with Terminal(name, bundle(name, [linux("linux", cpus=1), Vm("other", guest("hello"))]), lines=24) as m:
        m.expect_lines({"linux": "GUEST-UP", "other": "HELLO"})
        m.send("\r")
        m.until_row("[linux] ~ #")
        m.menu("a")
        m.until(lambda: any("attached to linux" in row for row in m.rows()), "attached")
        m.send("stty rows 24 cols 80; vi /tmp/new\r")
        m.until(lambda: m.rows()[0] == "" and m.screen.display[1].startswith("~"), "the editor's empty screen")
        m.send("ifirst\rsecond\x1b")
        m.until(lambda: [row.rstrip() for row in m.screen.display[:3]] == ["first", "second", "~"], "two lines of text")
        m.send(":wq\r")
        m.until(lambda: m.row().endswith("~ #"), "at the shell's prompt")
        m.menu("a")
        m.until(lambda: any("no longer attached" in row for row in m.rows()), "no longer attached")
        m.send("cat /tmp/new\r")
        m.until(lambda: "[linux] second" in m.rows(), "the file as it was written, with prefixes")
        assert m.screen.margins in (None, (0, 23))
        assert [what for what in m.screen.changed() if what != "margins"] == []


def test_the_characters_that_pass_have_a_width_and_one_direction():
    """hyp/term/term_filter.c's table: what is in it is drawn, to the right, in as many columns as it says."""
    source = (ROOT / "hyp" / "term" / "term_filter.c").read_text(encoding="utf-8")
    table = re.findall(r"\{ (0x[0-9a-f]+), (\d+), ([12]) \}", source)
    assert len(table) > 20
    for first, count, columns in table:
        for code in range(int(first, 16), int(first, 16) + int(count)):
            char = chr(code)
            assert unicodedata.category(char)[0] in "LNPSZ" and unicodedata.category(char) not in ("Zl", "Zp"), hex(code)
            assert unicodedata.bidirectional(char) not in ("R", "AL", "AN"), hex(code)
            assert int(columns) <= wcwidth(char) <= 2, hex(code)
