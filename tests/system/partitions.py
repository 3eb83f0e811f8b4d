# SPDX-License-Identifier: BSD-2-Clause
"""Tables of partitions, as bytearrays of whole disks."""

from __future__ import annotations

import binascii
import struct
import uuid
from typing import Sequence, Tuple

SECTOR = 512
LINUX = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4").bytes_le
ENTRIES = 128


def mbr(disk: bytearray, entries: Sequence[Tuple[int, int, int]], sector: int = 0) -> None:
    """@entries: (type, first sector, sectors)."""
    at = sector * SECTOR
    for i, (kind, first, sectors) in enumerate(entries):
        struct.pack_into("<8xII", disk, at + 446 + 16 * i, first, sectors)
        disk[at + 446 + 16 * i + 4] = kind
    disk[at + 510:at + 512] = b"\x55\xaa"


def logical(disk: bytearray, base: int, parts: Sequence[Tuple[int, int]]) -> None:
    """The list in the extended partition that begins at @base: (first sector, sectors) each, in their order, with a
    free sector before each."""
    here = base
    for i, (first, sectors) in enumerate(parts):
        entries = [(0x83, first - here, sectors)]
        if i + 1 < len(parts):
            entries.append((0x05, parts[i + 1][0] - 1 - base, parts[i + 1][1] + 1))
        mbr(disk, entries, here)
        here = parts[i + 1][0] - 1 if i + 1 < len(parts) else 0


def gpt(disk: bytearray, parts: Sequence[Tuple[int, int]]) -> None:
    """@parts: (first sector, last sector) each; None: an entry that is free."""
    blocks = len(disk) // SECTOR
    table = bytearray(ENTRIES * 128)
    for i, part in enumerate(parts):
        if part:
            struct.pack_into("<16s16sQQ", table, 128 * i, LINUX, uuid.UUID(int=i + 1).bytes, *part)
    mbr(disk, [(0xEE, 1, blocks - 1)])
    for here, other, at in ((1, blocks - 1, 2), (blocks - 1, 1, blocks - 33)):
        disk[at * SECTOR:at * SECTOR + len(table)] = table
        header = bytearray(struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, here, other, 34,
                                       blocks - 34, uuid.UUID(int=99).bytes, at, ENTRIES, 128, binascii.crc32(table)))
        struct.pack_into("<I", header, 16, binascii.crc32(header))
        disk[here * SECTOR:here * SECTOR + 92] = header
