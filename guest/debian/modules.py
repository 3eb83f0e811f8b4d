#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Take modules from a Debian package of a kernel, for an initramfs.

usage: modules.py PACKAGE FOLDER NAME...

They become FOLDER/lib/m/NAME.ko, unpacked; FOLDER/lib/m/order has the names in the order given, in which an init loads them.
A module that the package does not have is taken as built in.
"""

import lzma
import pathlib
import re
import subprocess
import sys
import tarfile


def main(package, folder, *names):
    folder = pathlib.Path(folder) / "lib/m"
    folder.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                match = re.search(r"/([A-Za-z0-9_-]+)\.ko(\.xz)?$", member.name)
                name = match and match[1].replace("-", "_")
                if name in names:
                    data = archive.extractfile(member).read()
                    (folder / f"{name}.ko").write_bytes(lzma.decompress(data) if match[2] else data)
    if process.returncode != 0:
        sys.exit(f"modules: dpkg-deb could not unpack {package}")
    (folder / "order").write_text("\n".join(names) + "\n")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
