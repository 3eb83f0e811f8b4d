# SPDX-License-Identifier: BSD-2-Clause
"""Images in other forms: compressed, within an EFI zboot image, as an ELF file."""

import functools
import gzip
import pathlib
import struct
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "tests"
LZ4 = ROOT / "build" / "lz4-src" / "lib"

# Version 1, independent blocks of 64 KiB at most, no checksums; and the header's own one.
LZ4_HEADER = b"\x04\x22\x4d\x18\x60\x40\x82"


@functools.cache
def lz4pack() -> pathlib.Path:
    """lz4's compressor, of the sources that hartvisor has its decoder from."""
    WORK.mkdir(parents=True, exist_ok=True)
    program = WORK / "lz4pack"
    made = program.with_suffix(".new")
    subprocess.run(["gcc", "-O2", f"-I{LZ4}", ROOT / "tests" / "system" / "lz4pack.c",
                    *(LZ4 / f"{name}.c" for name in ("lz4", "lz4hc", "lz4frame", "xxhash")), "-o", made], check=True)
    made.rename(program)
    return program


def by_lz4(data: bytes, block: int = 7, linked: bool = False, checksums: bool = True, size: bool = False) -> bytes:
    words = ["frame", str(block), *(str(int(flag)) for flag in (linked, checksums, size))]
    return subprocess.run([lz4pack(), *words], input=data, capture_output=True, check=True).stdout


def by_lz4_legacy(data: bytes) -> bytes:
    return subprocess.run([lz4pack(), "legacy"], input=data, capture_output=True, check=True).stdout


def lz4_plain(data: bytes) -> bytes:
    """A frame of blocks that are not compressed, without lz4."""
    blocks = (data[at:at + 65536] for at in range(0, len(data), 65536))
    return LZ4_HEADER + b"".join(struct.pack("<I", len(b) | 1 << 31) + b for b in blocks) + bytes(4)


def by_gzip(data: bytes, level: int = 6) -> bytes:
    return gzip.compress(data, level, mtime=0)


def zboot(payload: bytes, kind: bytes = b"gzip") -> bytes:
    """As such an image of Linux's begins; of the EFI program itself there is only room."""
    offset = 0x1000
    header = struct.pack("<4s4sIIII32s", b"MZ", b"zimg", offset, len(payload), 0, 0, kind)
    return header.ljust(offset, b"\0") + payload + bytes(512)


def elf(segments, entry: int, size: int = 0, machine: int = 243, kind: int = 2) -> bytes:
    """A file of (virtual address, physical address, bytes, size in memory) each."""
    offset, headers, body = 0x1000, b"", b""
    for vaddr, paddr, data, in_memory in segments:
        headers += struct.pack("<IIQQQQQQ", 1, 7, offset + len(body), vaddr, paddr, len(data), in_memory, 0x1000)
        body += data
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    start = ident + struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, entry, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
    return (start + headers).ljust(offset, b"\0") + body + bytes(size)


# Where Linux's vmlinux has its virtual addresses from.
KERNEL_LINK = 0xffffffff80000000


def vmlinux(image: bytes) -> bytes:
    """The ELF file that @image, Linux's Image, was made of: virtual addresses at the top, physical ones from 0 on, and .bss
    in memory only. In two segments, of which the second stands first."""
    occupies = struct.unpack_from("<Q", image, 16)[0]
    middle = 0x400000
    return elf([(KERNEL_LINK + middle, middle, image[middle:], occupies - middle),
                (KERNEL_LINK, 0, image[:middle], middle)], KERNEL_LINK)


def write(name: str, data: bytes) -> pathlib.Path:
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / name
    path.write_bytes(data)
    return path
