# SPDX-License-Identifier: BSD-2-Clause
"""System tests that passed before with the same inputs are not run again (make verify; tools/keep.py).

The inputs of a test are its module and those that all modules use, everything that `make test-builds` made,
the tools that the tests call, and QEMU. Tests of one machine that build on one another (mark xdist_group) are
kept together or not at all.
"""

import os
import pathlib
import subprocess
import sys

import hv
import pytest

sys.path.insert(0, str(hv.ROOT / "tools"))

import keep  # noqa: E402 (needs the path above)

HERE = pathlib.Path(__file__).resolve().parent
SHARED = ("conftest.py", "hv.py", "terminal.py", "broken_configs.py", "kept.py")
BUILT = ("*.bin", "*.itb", "guest/*", "guest-tests/*.bin", "linux/Image", "linux/overcommit.cpio.gz")
TOOLS = ("tools/*", "firmware/*.py", "guest/initramfs/**/*", "guest/user/*.c")


# Made anew each time, with a time stamp, from others of these files.
DERIVED = ("boot.itb",)


def files(folder, patterns):
    return sorted(path for pattern in patterns for path in folder.glob(pattern)
                  if path.is_file() and path.name not in DERIVED)


class Kept:
    """A plugin of pytest: leaves out what passed before, and keeps what passes now."""

    def __init__(self):
        version = subprocess.run([hv.QEMU, "--version"], stdout=subprocess.PIPE, text=True).stdout
        self.inputs = keep.digest(version, *(hv.OPENSBI / f for f in ("fw_jump.bin", "fw_dynamic.bin")), hv.UBOOT,
                                  hv.HARTVISOR, *files(hv.BUILD, BUILT), *files(hv.ROOT, TOOLS),
                                  *(HERE / name for name in SHARED))
        self.failed = set()

    def key(self, item):
        name = item.nodeid.split("@")[0]
        return keep.digest("system", os.environ.get("HV_LABEL"), os.environ.get("HV_LONG"), name, item.path, self.inputs)

    @staticmethod
    def group(item):
        mark = item.get_closest_marker("xdist_group")
        return mark.args[0] if mark else item.nodeid

    # After pytest has left out what -m and -k do not name.
    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        passed = {item: keep.find(self.key(item)) is not None for item in items}
        again = {self.group(item) for item in items if not passed[item]}
        left_out = [item for item in items if self.group(item) not in again]
        items[:] = [item for item in items if self.group(item) in again]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
        # Each worker has the same items; one of them says how many were left out.
        count = os.environ.get("HV_KEPT_COUNT")
        if count and os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":
            pathlib.Path(count).write_text(str(len(left_out)))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = (yield).get_result()
        if not report.passed:
            self.failed.add(item.nodeid)
        elif report.when == "teardown" and item.nodeid not in self.failed:
            keep.add(self.key(item), {"test": item.nodeid})
