# SPDX-License-Identifier: BSD-2-Clause
"""Modules of the kernel that the guests run, Debian's, for an initramfs."""

from __future__ import annotations

import fcntl
import io
import lzma
import pathlib
import re
import subprocess
import tarfile

from hv import ROOT, WORK, setting

EXT4 = ["crc16", "crc32c_generic", "mbcache", "jbd2", "ext4"]
PMEM = ["libnvdimm", "nd_btt", "nd_pmem", "of_pmem"]
VIRTIO = ["virtio_mmio", "virtio_blk", "rng_core", "virtio_rng", "virtio_balloon"]
NET = ["failover", "net_failover", "virtio_net"]
KNOWN = EXT4 + PMEM + VIRTIO + NET

FOLDER = WORK / "modules"


def unpack(package: pathlib.Path, folder: pathlib.Path) -> None:
    packed = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            match = re.search(r"/([A-Za-z0-9_-]+)\.ko(\.xz)?$", member.name)
            name = match and match[1].replace("-", "_")
            if name in KNOWN:
                data = archive.extractfile(member).read()
                (folder / f"{name}.ko").write_bytes(lzma.decompress(data) if match[2] else data)


def modules(*wanted: str) -> dict:
    """{path in the initramfs: file here} of @wanted, which load() loads in this order. Some kernels have some built in."""
    package = ROOT / setting("KERNEL_DEB", "")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = FOLDER / "of"
        if not done.exists() or done.read_text() != f"{package.name} {KNOWN}":
            unpack(package, FOLDER)
            done.write_text(f"{package.name} {KNOWN}")
    return {f"lib/m/{name}.ko": FOLDER / f"{name}.ko" for name in wanted if (FOLDER / f"{name}.ko").exists()}


def load(machine, vm: str, *wanted: str) -> None:
    """insmod in the shell of @vm, which has the focus."""
    files = " ".join(f"/lib/m/{name}.ko" for name in wanted)
    machine.shell(vm, f"for m in {files}; do [ ! -e $m ] || insmod $m || echo bad $m; done; echo loa''ded", "loaded")
