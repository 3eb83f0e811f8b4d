# SPDX-License-Identifier: BSD-2-Clause
"""The control channel of a machine, and tools/hartctl as a user has it."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

from hv import ROOT, TIMEOUT
from machine_disks import MODERN

HARTCTL = ROOT / "tools" / "hartctl"


class Channel:
    """The socket of one machine's channel. Its path is short, as a socket's has to be."""

    def __init__(self, folder):
        self.path = str(pathlib.Path(folder) / "ctl.sock")

    def arguments(self, before=()):
        """QEMU's. @before: ports that come before ours."""
        return [*MODERN, "-device", "virtio-serial-device", *before,
                "-chardev", f"socket,id=ctl,path={self.path},server=on,wait=off",
                "-device", "virtserialport,chardev=ctl,name=org.hartvisor.ctl"]

    def command(self, *words):
        return [sys.executable, str(HARTCTL), "-s", self.path, *map(str, words)]

    def run(self, *words, status=0, timeout=TIMEOUT):
        """What hartctl says: to its output, or for another @status than 0 to its errors."""
        result = subprocess.run(self.command("--timeout", str(timeout), *words), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, timeout=TIMEOUT + 60)
        assert result.returncode == status, f"hartctl {words}: {result.returncode}\n{result.stdout}{result.stderr}"
        return result.stderr if status else result.stdout

    def json(self, *words):
        return json.loads(self.run("--json", *words))

    def vm(self, name):
        return next(vm for vm in self.json("list")["vms"] if vm["name"] == name)

    def wait(self, condition):
        end = time.monotonic() + TIMEOUT
        while not condition():
            assert time.monotonic() < end, f"what is waited for does not come: {self.run('list')}"
            time.sleep(0.1)

    def wait_for(self, name, state):
        self.wait(lambda: self.vm(name)["state"] == state)

    @contextlib.contextmanager
    def connection(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(TIMEOUT)
            s.connect(self.path)
            yield s


@contextlib.contextmanager
def channel():
    with tempfile.TemporaryDirectory(prefix="hv-") as folder:
        yield Channel(folder)


def says_nothing(connection, seconds=2):
    """Nothing comes by @connection for some time."""
    connection.settimeout(seconds)
    try:
        return connection.recv(1) == b""
    except socket.timeout:
        return True


def environment(**more):
    return {**os.environ, **more}
