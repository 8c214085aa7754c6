"""Put whole files in place: a reader sees the old file or the new one, never a part.

1. Write under a temporary name in the same folder. 2. fsync it. 3. Rename. 4. fsync the folder.

The temporary name is fixed, so that a rerun after a kill writes over what was left.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from takedown import disk


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `target` when the block ends well, and vanishes otherwise."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = disk.part_of(target)
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            disk.sync_file(file.fileno())
        disk.rename(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def link_or_copy(source: Path, target: Path) -> int:
    """Make `target` the same file as `source`, or a copy where the file systems differ.

    Returns:
        Bytes written: 0 for a link.
    """
    real = source.resolve()
    if target.exists() and os.path.samefile(real, target):
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    part = disk.part_of(target)
    part.unlink(missing_ok=True)
    try:
        os.link(real, part)
    except OSError:
        with real.open("rb") as original, replacing(target) as copy:
            shutil.copyfileobj(original, copy, 1 << 20)
        return real.stat().st_size
    disk.rename(part, target)
    return 0
