# SPDX-License-Identifier: BSD-2-Clause
"""What all system tests share: where things are, the markers, and that what they run has been built."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import hv  # noqa: E402 (needs the path above)


def pytest_configure(config):
    config.addinivalue_line("markers", "long: belongs to make verify, not to make test")
    config.addinivalue_line("markers", "concurrent: waits for wake-ups, kicks, other harts; make busy runs it again "
                                       "on a busy host")
    config.addinivalue_line("markers", "clock: compares a guest's time with the host's, or its guest calls a slow "
                                       "host a stall: not for a busy host")


@pytest.fixture(scope="session", autouse=True)
def built():
    try:
        for end in os.openpty():
            os.close(end)
    except OSError as error:
        pytest.exit(f"no pseudo-terminal to be had ({error}): mount devpts on /dev/pts", returncode=2)
    missing = [str(path) for path in (hv.HARTVISOR, hv.guest("hello"), hv.LINUX, hv.INITRAMFS)
               if not path.exists()]
    if missing:
        pytest.exit(f"not built: {', '.join(missing)}: run make all guest-tests", returncode=2)


@pytest.fixture
def name(request):
    """A name for this test's bundle and log: its own, with what it is parametrized by."""
    return request.node.name.replace("[", "-").replace("]", "").replace("/", "_").replace(" ", "_")


@pytest.fixture
def patience(request):
    """How long to wait for a guest's verdict, in seconds: the long forms of tests take hours on a slow machine."""
    return 14400 if request.node.get_closest_marker("long") else hv.TIMEOUT
