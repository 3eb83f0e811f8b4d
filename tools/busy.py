# SPDX-License-Identifier: BSD-2-Clause
"""Keeps this machine's processors busy, so that it preempts QEMU's threads at any moment."""

import contextlib
import os
import subprocess
import sys

# It ends with its parent, however that ends.
LOOP = """
import os
while os.getppid() == {parent}:
    for _ in range(1000000):
        pass
"""


@contextlib.contextmanager
def busy_host():
    """A loop at normal priority for each processor."""
    command = [sys.executable, "-c", LOOP.format(parent=os.getpid())]
    loops = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
