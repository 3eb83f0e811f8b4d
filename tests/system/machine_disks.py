# SPDX-License-Identifier: BSD-2-Clause
"""Disks of the machine: options of QEMU's, and nodes of a bundle's configuration."""

from __future__ import annotations

MODERN = ["-global", "virtio-mmio.force-legacy=false"]


def drive(path, number: int = 0, more: str = "") -> list:
    """QEMU's options for the machine's virtio disk @number, which is in its slot of this number."""
    return ["-drive", f"file={path},if=none,format=raw,id=drive{number}", "-device",
            f"virtio-blk-device,drive=drive{number},bus=virtio-mmio-bus.{number}{more}"]


def slot(number: int) -> str:
    return f"/soc/virtio_mmio@{0x10001000 + 0x1000 * number:x}"


def source(name: str, number: int = 0, more: str = "") -> str:
    return f'{name} {{ compatible = "hartvisor,disk"; host = "{slot(number)}"; {more} }};'


def logged_drive(path, log, number: int = 0) -> list:
    """The same; what the disk is asked to write and to flush is also written to the file @log, in its order."""
    return ["-blockdev", f"driver=file,node-name=image{number},filename={path}",
            "-blockdev", f"driver=file,node-name=log{number},filename={log}",
            "-blockdev", f"driver=blklogwrites,node-name=drive{number},file=image{number},log=log{number},log-sector-size=512",
            "-device", f"virtio-blk-device,drive=drive{number},bus=virtio-mmio-bus.{number}"]
