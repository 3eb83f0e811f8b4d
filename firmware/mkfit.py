#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Make one FIT image of hartvisor and a bundle, for U-Boot's bootm.

Its kernel is hartvisor.bin, its ramdisk the bundle, each with a SHA-256 hash that U-Boot verifies. U-Boot starts the
kernel where it lies in the FIT ("kernel_noload"), so that the file names no address and serves every board. hartvisor
has to start at a multiple of 2 MiB: data lies outside the tree, at multiples of 2 MiB from the FIT's first byte, and
the FIT itself has to be loaded at a multiple of 2 MiB. The kernel is filled up with zeros to its image_size, because
that much memory is its own from its first instruction on.

The source, OUTPUT.its, stays beside the output, so that a signature can be added.
"""

import argparse
import pathlib
import struct
import subprocess
import sys

from mkfw import IMAGE_SIZE_AT, MAGIC, MAGIC_AT, MIB, check_bundle, fail, read

ALIGNMENT = 2 * MIB

ITS = """/dts-v1/;
/ {{
    description = "hartvisor with {bundle.name}";
    #address-cells = <1>;
    images {{
        hartvisor {{
            description = "hartvisor";
            data = /incbin/("{kernel}");
            type = "kernel_noload"; arch = "riscv"; os = "linux"; compression = "none";
            load = <0>; entry = <0>; /* as an offset from its first byte */
            hash-1 {{ algo = "sha256"; }};
        }};
        bundle {{
            description = "{bundle.name}";
            data = /incbin/("{bundle}");
            type = "ramdisk"; arch = "riscv"; os = "linux"; compression = "none";
            hash-1 {{ algo = "sha256"; }};
        }};
    }};
    configurations {{
        default = "hartvisor";
        hartvisor {{ description = "hartvisor"; kernel = "hartvisor"; ramdisk = "bundle"; }};
    }};
}};
"""


def padded(path):
    """hartvisor.bin, filled up to its image_size."""
    image = read(path)
    if len(image) < 64 or image[MAGIC_AT:MAGIC_AT + 4] != MAGIC:
        fail(f"{path} has no RISC-V Image header")
    return image.ljust(struct.unpack_from("<Q", image, IMAGE_SIZE_AT)[0], b"\0")


def main():
    parser = argparse.ArgumentParser(description="Make one FIT image of hartvisor and a bundle, for U-Boot's bootm.")
    parser.add_argument("--hartvisor", required=True, help="build/hartvisor.bin")
    parser.add_argument("--bundle", required=True, help="a bundle (FIT image)", type=pathlib.Path)
    parser.add_argument("-o", "--output", required=True, type=pathlib.Path)
    args = parser.parse_args()

    check_bundle(read(args.bundle), args.bundle)
    kernel, its, part = (args.output.with_name(args.output.name + end) for end in (".kernel", ".its", ".part"))
    kernel.write_bytes(padded(args.hartvisor))
    its.write_text(ITS.format(kernel=kernel.resolve(), bundle=args.bundle.resolve()), encoding="utf-8")
    made = subprocess.run(["mkimage", "-E", "-B", hex(ALIGNMENT), "-f", its, part], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if made.returncode:
        sys.exit(made.stdout)
    part.replace(args.output)


if __name__ == "__main__":
    main()
