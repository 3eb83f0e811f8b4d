# SPDX-License-Identifier: BSD-2-Clause
"""QEMU's monitor: what a machine that answers nothing any more is asked, and how it is kept for a look."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import socket
import tempfile

PROMPT = b"(qemu) "
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\r")


class Monitor:
    """A unix socket in a folder of its own, as the path of one must be short."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hartvisor-"))
        self.path, self.gdb = self.folder / "monitor", self.folder / "gdb"

    def arguments(self) -> list:
        """Beside the monitor that -nographic has on the console."""
        return ["-serial", "mon:stdio", "-monitor", f"unix:{self.path},server=on,wait=off"]

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, *commands: str, timeout: float = 30) -> str:
        """What the monitor says to @commands. OSError: it does not answer within @timeout s each."""
        said = []
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(timeout)
            s.connect(str(self.path))
            until_prompt(s)
            for command in commands:
                s.sendall(command.encode() + b"\n")
                # The first line is the command, as the monitor's line editor echoes it.
                said.append(ESCAPES.sub("", until_prompt(s)).partition("\n")[2])
        return "".join(said)

    def serve_gdb(self) -> None:
        """QEMU's gdb stub listens at self.gdb. The machine goes on until a gdb connects, and when it has gone."""
        self.ask(f"gdbserver unix:{self.gdb},server=on,wait=off")

    def registers(self, timeout: float = 30) -> str:
        """Of all harts, while they stand still: the integer registers and CSRs."""
        text = self.ask("stop", "info registers -a", "cont", timeout=timeout)
        return "\n".join(line for line in text.splitlines() if line.strip() and not re.match(r" f\d+/", line))


def until_prompt(s: socket.socket) -> str:
    text = b""
    while not text.endswith(PROMPT):
        more = s.recv(65536)
        if not more:
            raise OSError("QEMU ended")
        text += more
    return text.removesuffix(PROMPT).decode(errors="replace")


def hold_terminal(fd: int, log: pathlib.Path) -> int:
    """A process that reads the terminal @fd until its other side is gone, into @log; QEMU would end with the
    terminal. Returns its id."""
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(null, standard)
        # A program that waits for the end of a pipe of ours waits for all copies of it.
        os.closerange(3, fd)
        os.closerange(fd + 1, os.sysconf("SC_OPEN_MAX"))
        os.set_blocking(fd, True)
        with open(log, "ab", buffering=0) as file:
            while True:
                file.write(os.read(fd, 65536))
    finally:
        os._exit(0)
