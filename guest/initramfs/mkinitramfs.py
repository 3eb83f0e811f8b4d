#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Pack directory trees and busybox into a guest's initramfs, needing no root and no cpio.

usage: mkinitramfs.py OUTPUT BUSYBOX TREE...

A later tree's file replaces an earlier one's of the same name; a tree that is not there is passed
over. Owners, times and order are fixed, so the same input gives the same archive.
"""

import gzip
import os
import stat
import sys


class Archive:
    """The kernel's "newc" format: a header of 8-digit hex fields, the name, the data, padded to 4."""

    def __init__(self):
        self.entries = {}

    def add(self, name, mode, data=b"", device=(0, 0)):
        parent = os.path.dirname(name)
        if parent and parent not in self.entries:
            self.add(parent, stat.S_IFDIR | 0o755)
        self.entries[name] = (mode, data, device)

    def add_tree(self, tree):
        for folder, folders, files in os.walk(tree):
            for entry in folders + files:
                path = os.path.join(folder, entry)
                name = os.path.relpath(path, tree)
                mode = os.lstat(path).st_mode
                if stat.S_ISLNK(mode):
                    self.add(name, stat.S_IFLNK | 0o777, os.readlink(path).encode())
                elif stat.S_ISDIR(mode):
                    self.add(name, stat.S_IFDIR | 0o755)
                else:
                    with open(path, "rb") as file:
                        executable = 0o755 if mode & 0o111 else 0o644
                        self.add(name, stat.S_IFREG | executable, file.read())

    def to_bytes(self):
        out = bytearray()
        records = list(self.entries.items()) + [("TRAILER!!!", (0, b"", (0, 0)))]
        for inode, (name, (mode, data, device)) in enumerate(records, start=1):
            links = 2 if stat.S_ISDIR(mode) else 1
            fields = (inode, mode, 0, 0, links, 0, len(data), 0, 0, *device, len(name) + 1, 0)
            out += b"070701" + b"".join(b"%08x" % field for field in fields)
            out += name.encode() + b"\0"
            out += bytes(-len(out) % 4)
            out += data
            out += bytes(-len(out) % 4)
        out += bytes(-len(out) % 512)
        return bytes(out)


def without_cursor_query(busybox):
    """Take from busybox's shell the question where the cursor is.

    It asks the terminal before each prompt, and the terminal's answer comes as typed input. Here
    guests share a terminal: the answer would be typed into whichever guest is in front.
    """
    return busybox.replace(b"\0\x1b[6n\0", bytes(6))


def main(output, busybox, *trees):
    archive = Archive()
    for folder in ("bin", "dev", "etc", "proc", "root", "sbin", "sys", "tmp", "usr/bin", "usr/sbin"):
        archive.add(folder, stat.S_IFDIR | 0o755)
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.add("dev/null", stat.S_IFCHR | 0o666, device=(1, 3))
    with open(busybox, "rb") as file:
        archive.add("bin/busybox", stat.S_IFREG | 0o755, without_cursor_query(file.read()))
    for tree in trees:
        archive.add_tree(tree)
    if "init" not in archive.entries:
        sys.exit("mkinitramfs: none of the trees has an init")
    with open(output + ".part", "wb") as file:
        file.write(gzip.compress(archive.to_bytes(), 6, mtime=0))
    os.replace(output + ".part", output)


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
