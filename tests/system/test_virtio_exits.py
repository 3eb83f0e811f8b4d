# SPDX-License-Identifier: BSD-2-Clause
"""How many exits a stock Linux takes for a read from a disk and for output on a second console (docs/devices.md)."""

import pytest
from hv import MIB
from test_sched import vcpu_table
from test_virtio_linux import booted, disk, guest_with, start

pytestmark = pytest.mark.long


def run(m, command):
    m.shell("one", f"{command} 2>/dev/null; echo DO''NE", "DONE")


def exits_of_one(m, command, few, many):
    """Exits of one more operation, by the columns of ^] s. @command: has {n} operations."""
    tables = [vcpu_table(m, "one", 1)[0]]
    for n in (few, many):
        run(m, command.format(n=n))
        tables.append(vcpu_table(m, "one", 1)[0])
    causes = ("ipi", "timer", "irq", "sbi", "wfi", "wrs", "csr", "mmio", "fault", "other")
    found = {cause: ((tables[2][cause] - tables[1][cause]) - (tables[1][cause] - tables[0][cause])) / (many - few)
             for cause in causes}
    print(command, {cause: round(each, 4) for cause, each in found.items()})
    return found


def test_a_read_from_a_disk_takes_few_exits(name):
    """A notification, an acknowledgement, a claim, a completion, and a claim that finds nothing."""
    image, _ = disk(name, 16 * MIB)
    with booted(name, [guest_with(name, 'disk@0 { image = "disk"; };')], [image], smp=1) as m:
        m.expect_line("one", "GUEST-UP")
        start(m)
        one = exits_of_one(m, "dd if=/dev/vda of=/dev/null bs=4k count={n} iflag=direct", 500, 3500)
        assert one["mmio"] <= 5.2  # what is typed takes some, too
        many = exits_of_one(m, "blkcheck /dev/vda 32 {n} read", 500, 3500)
        assert many["mmio"] <= 5.2


def test_output_on_a_second_console_takes_few_exits(name):
    """2 KiB are one notification. With OPOST, as it is at first, Linux writes each line and its end one after the other."""
    with booted(name, [guest_with(name, "console@0 { };")], [], smp=1) as m:
        m.expect_line("one", "GUEST-UP")
        start(m)
        m.shell("one", "seq 1000000 1020000 >/tmp/text; exec 3<>/dev/hvc0; stty -opost <&3; echo DO''NE", "DONE")
        one = exits_of_one(m, "dd if=/tmp/text of=/dev/hvc0 bs=2048 count={n}", 10, 70)
        assert one["mmio"] / 2048 <= 0.005
