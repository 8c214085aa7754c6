"""Telling whether a file is still the one that was written, without reading all of it.

Two looks, for two questions. A *version* (size, time of change, inode) is of one file on this disk: any write
and any replacement shows. A *mark* (size, and a digest of both ends) is of what a file holds: it is the same
for a copy, so a backup that was put back is known again. Both can be taken of a file that waits under its
temporary name, and hold when it has been renamed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

#: [size in bytes, nanoseconds of its last change, inode]
Version = list[int]
#: [size in bytes, SHA-256 in hex of both ends]
Mark = list[int | str]

#: Bytes at each end that a mark covers: of a Parquet file the footer, of a tar its end.
EDGE = 64 * 1024


def version(path: Path) -> Version | None:
    """None where there is no such file."""
    try:
        about = path.stat()
    except OSError:
        return None
    return [about.st_size, about.st_mtime_ns, about.st_ino]


def versions(paths: Iterable[Path]) -> list[Version | None]:
    """Those of several files, in order."""
    return [version(path) for path in paths]


def touched(paths: Iterable[Path]) -> list[list[int]]:
    """Of each file when anything about it last changed, which cannot be set back, and how many names it has.

    A new name, such as a result that is a hard link, changes both. Raises OSError.
    """
    return [[about.st_ctime_ns, about.st_nlink] for about in (path.stat() for path in paths)]


def mark(path: Path) -> Mark | None:
    """None where there is no such file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            digest = hashlib.sha256(file.read(EDGE))
            file.seek(max(0, size - EDGE))
            digest.update(file.read(EDGE))
    except OSError:
        return None
    return [size, digest.hexdigest()]
