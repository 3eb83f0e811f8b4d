# SPDX-License-Identifier: BSD-2-Clause
"""What all system tests share: where things are, the markers, and that what they run has been built."""

import os
import pathlib
import resource
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import hv  # noqa: E402 (needs the path above)
import kept  # noqa: E402


def pytest_configure(config):
    if kept.keep.folder():
        config.pluginmanager.register(kept.Kept())
    config.addinivalue_line("markers", "xdist_group: tests of one group run in one process, in their order")
    config.addinivalue_line("markers", "long: belongs to make verify, not to make test")
    config.addinivalue_line("markers", "concurrent: waits for wake-ups, kicks, other harts; make busy runs it again "
                                       "on a busy host")
    config.addinivalue_line("markers", "clock: compares a guest's time or pace with the host's, or its guest calls "
                                       "a slow host a stall: runs alone, not on a busy host")


# Before xdist looks at the groups.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A test's name is that of its bundle and log, and several tests run at once. Those that share a machine do not."""
    seen = {}
    for item in items:
        if "two_linux" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("two_linux"))
        if seen.setdefault(item.name.split("@")[0], item.path) != item.path:
            raise pytest.UsageError(f"two tests are called {item.name}: in {seen[item.name]} and {item.path}")


@pytest.fixture(autouse=True)
def limited(request):
    """No test hangs for ever."""
    with hv.time_limit(request.node.name, hv.LONG_TEST_LIMIT if request.node.get_closest_marker("long") else hv.TEST_LIMIT):
        yield


@pytest.fixture(autouse=True)
def processor_time(record_property):
    """In the report: what the test and its machines took of the processors, in seconds, on however busy a host."""
    before = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    yield
    after = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    used = sum(b.ru_utime + b.ru_stime - a.ru_utime - a.ru_stime for a, b in zip(before, after))
    record_property("processor_seconds", round(used, 2))


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
