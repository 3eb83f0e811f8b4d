# SPDX-License-Identifier: BSD-2-Clause
"""Results that are kept, so that what has passed is not run again until something that it depends on changes.

A result is kept under a digest of its inputs: the program or the sources, the test, the settings. `make verify`
keeps what passed (below build/verify/kept, named by $HV_KEEP), so that a run which was interrupted goes on where
it was. `make test` keeps nothing: $HV_KEEP is not set there. Failures are never kept.
"""

import functools
import hashlib
import json
import os
import pathlib
import tempfile


@functools.lru_cache(maxsize=None)
def _digest_at(path, size, time_ns):
    del size, time_ns  # they are part of the cache's key: a file that was written again is read again
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def digest_file(path):
    """Of a file's content; of a file that is not there, a word that no digest is."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return "missing"
    return _digest_at(str(path), status.st_size, status.st_mtime_ns)


def digest(*parts):
    """Of texts and of files' contents (pathlib.Path), in this order. A file's place counts, too."""
    total = hashlib.sha256()
    for part in parts:
        text = f"{part} {digest_file(part)}" if isinstance(part, pathlib.PurePath) else f"= {part}"
        total.update(text.encode() + b"\0")
    return total.hexdigest()[:32]


def folder():
    """Where results are kept; None: they are not."""
    return pathlib.Path(os.environ["HV_KEEP"]) if os.environ.get("HV_KEEP") else None


def find(key):
    """What add() kept under @key; None: nothing, or nothing that can be read."""
    if not folder():
        return None
    try:
        return json.loads((folder() / key[:2] / f"{key}.json").read_text())
    except (FileNotFoundError, ValueError):
        return None


def add(key, value):
    """Keep @value. Whole or not at all, whatever ends this process."""
    if not folder():
        return
    path = folder() / key[:2] / f"{key}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".new", delete=False, encoding="utf-8") as new:
        json.dump(value, new)
    os.replace(new.name, path)
