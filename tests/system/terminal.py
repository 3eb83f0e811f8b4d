# SPDX-License-Identifier: BSD-2-Clause
"""A machine whose console is a terminal: what comes is drawn by an emulator (pyte), which also answers
the questions that it is asked, as any terminal does."""

from __future__ import annotations

import time
from typing import Callable

import pexpect
import pyte
from hv import PANIC, TIMEOUT, Machine


class Emulator(pyte.Screen):
    """A pyte screen that sends its answers to the program that asked."""

    def __init__(self, columns: int, lines: int, send: Callable[[str], None]):
        super().__init__(columns, lines)
        self.send = send
        self.answers = 0

    def write_process_input(self, data: str) -> None:
        self.answers += 1
        self.send(data)

    # pyte passes on that a question was a private one, and then cannot answer it.
    def report_device_status(self, mode: int = 0, private: bool = False) -> None:
        super().report_device_status(mode)

    def changed(self) -> list:
        """What is not as it was at the start, and would stay: modes, character sets, margins, title."""
        fresh = pyte.Screen(self.columns, self.lines)
        return [name for name in ("mode", "charset", "g0_charset", "g1_charset", "margins", "title", "icon_name")
                if getattr(self, name) != getattr(fresh, name)]


class Recorder:
    """Writes the log and feeds the emulator."""

    def __init__(self, log, stream: pyte.Stream):
        self.log, self.stream = log, stream

    def write(self, text: str) -> None:
        self.log.write(text)
        self.stream.feed(text)

    def flush(self) -> None:
        self.log.flush()


class Terminal(Machine):
    """The rows that have scrolled off the screen are not kept: make it high enough."""

    def __init__(self, *args, columns: int = 80, lines: int = 1000, **more):
        super().__init__(*args, **{"append": "hartvisor.colour=1", **more})
        self.screen = Emulator(columns, lines, self.child.send)
        self.child.logfile_read = Recorder(self.log_file, pyte.Stream(self.screen))

    def expect(self, *patterns: str, timeout: int = TIMEOUT) -> int:
        """Prefixes have colours here."""
        return super().expect(*(pattern.replace(r"\] ", r"\](?:\x1b\[0m)? ") for pattern in patterns), timeout=timeout)

    def rows(self) -> list:
        """All rows down to the cursor's, without the spaces at their ends."""
        # Not pyte's display, which takes no narrow character over the first half of a wide one.
        return ["".join(self.screen.buffer[y][x].data for x in range(self.screen.columns)).rstrip()
                for y in range(self.screen.cursor.y + 1)]

    def row(self) -> str:
        """The row that the cursor is in."""
        return self.rows()[-1]

    def until(self, condition: Callable[[], bool], what: str, timeout: int = TIMEOUT) -> None:
        """Wait until the screen is as @condition wants it; @what says how in words."""
        end = time.monotonic() + timeout
        while not condition():
            shown = "\n".join(self.rows()[-20:])
            assert time.monotonic() < end, f"{self.name}: not {what}; the last rows are:\n{shown}\n{self.states()}"
            try:
                found = self.child.expect([PANIC, pexpect.EOF], timeout=0.1)
                assert found, self.child.match.group(0)
                assert condition(), f"{self.name}: QEMU ended, not {what}"
            except pexpect.TIMEOUT:
                pass

    def until_row(self, text: str) -> None:
        """Wait until the cursor's row is @text."""
        self.until(lambda: self.row() == text, f"the row {text!r}")
