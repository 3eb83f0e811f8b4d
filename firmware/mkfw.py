#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Pack OpenSBI (fw_jump), hartvisor and a bundle into one image, to be started as firmware.

    0          OpenSBI's fw_jump.bin; the image may be loaded wherever that may
    2 MiB      hartvisor.bin, where fw_jump jumps to; zeros up to its image_size
    then       at the next page the bundle's size (u64) and the bundle, when it ends below 34 MiB;
               else at 36 MiB
    34 MiB     nothing: fw_jump copies the device tree there (FW_JUMP_FDT_OFFSET of OpenSBI's
               generic platform), and would copy it over whatever lay there

hartvisor finds the bundle by its own header: the u64 at offset 40 of the Linux Image header, reserved
there, is here the offset from hartvisor's first byte to the bundle. Zero, as in build/hartvisor.bin,
says that none is appended. The size right before the bundle is there because a FIT with data outside
of its tree (mkimage -E) does not tell it; it lies on the bundle's first page, so that code which keeps
the bundle keeps it, too.
"""

import argparse
import os
import struct
import sys

MIB = 1 << 20
PAGE = 4096

HARTVISOR_OFFSET = 2 * MIB
FDT_OFFSET = 34 * MIB
FDT_ROOM = 2 * MIB

IMAGE_SIZE_AT = 16
BUNDLE_OFFSET_AT = 40
MAGIC_AT = 56
MAGIC = b"RSC\x05"
FDT_MAGIC = 0xD00DFEED
SIZE_WORD = struct.Struct("<Q")


def fail(message):
    sys.exit(f"mkfw: {message}")


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror}")


def align_up(value, alignment):
    return (value + alignment - 1) // alignment * alignment


def check_bundle(bundle, path):
    # Data outside of the tree (mkimage -E) follows it in the file, so the file may be the longer one.
    if len(bundle) < 40 or struct.unpack_from(">I", bundle, 0)[0] != FDT_MAGIC:
        fail(f"{path} is no FIT image (no device tree magic at its start)")
    total = struct.unpack_from(">I", bundle, 4)[0]
    if total > len(bundle):
        fail(f"{path} is truncated: its header says {total} bytes, the file has {len(bundle)}")


def place_bundle(image_size, size):
    start = align_up(HARTVISOR_OFFSET + image_size, PAGE) + SIZE_WORD.size
    if start > FDT_OFFSET:
        fail(f"hartvisor's image of {image_size} bytes reaches to where fw_jump puts the device tree")
    if start + size <= FDT_OFFSET:
        return start
    return FDT_OFFSET + FDT_ROOM + SIZE_WORD.size


def main():
    parser = argparse.ArgumentParser(description="Pack OpenSBI, hartvisor and a bundle into one image.")
    parser.add_argument("--opensbi", required=True, help="OpenSBI's fw_jump.bin")
    parser.add_argument("--hartvisor", required=True, help="build/hartvisor.bin")
    parser.add_argument("--bundle", required=True, help="a bundle (FIT image)")
    parser.add_argument("-o", "--output", required=True)
    args = parser.parse_args()

    opensbi = read(args.opensbi)
    hartvisor = bytearray(read(args.hartvisor))
    bundle = read(args.bundle)

    if len(opensbi) > HARTVISOR_OFFSET:
        fail(f"{args.opensbi} has {len(opensbi)} bytes; fw_jump has to fit below 2 MiB")
    if len(hartvisor) < 64 or hartvisor[MAGIC_AT:MAGIC_AT + 4] != MAGIC:
        fail(f"{args.hartvisor} has no RISC-V Image header")
    image_size = struct.unpack_from("<Q", hartvisor, IMAGE_SIZE_AT)[0]
    if image_size < len(hartvisor):
        fail(f"{args.hartvisor} says image_size {image_size}, and has {len(hartvisor)} bytes itself")
    check_bundle(bundle, args.bundle)

    at = place_bundle(image_size, len(bundle))
    struct.pack_into("<Q", hartvisor, BUNDLE_OFFSET_AT, at - HARTVISOR_OFFSET)

    with open(args.output + ".part", "wb") as file:
        for offset, data in ((0, opensbi), (HARTVISOR_OFFSET, hartvisor),
                             (at - SIZE_WORD.size, SIZE_WORD.pack(len(bundle))), (at, bundle)):
            file.seek(offset)
            file.write(data)
    os.replace(args.output + ".part", args.output)


if __name__ == "__main__":
    main()
