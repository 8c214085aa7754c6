"""Put the files of one shard in place, each whole: a reader sees the old file or the new one, never a part.

1. Write each under a temporary name in the folder where it goes, and fsync it. A linked file likewise.
2. Only when all of them are there, take away files that are to go, then rename one after the other in the
   order of writing; fsync the folder.
3. What has not been renamed vanishes with the block.

Temporary names are fixed, so that a rerun after a kill removes what was left. It never opens what was left:
that may be a hard link to an original.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from takedown import disk


class Pending:
    """Files that wait to be put in place together. Use it in a `with` block."""

    def __init__(self) -> None:
        self._parts: dict[Path, Path] = {}
        self._gone: list[Path] = []

    def __enter__(self) -> Pending:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _t: TracebackType | None) -> None:
        # Also after a rename: renaming one hard link over another of the same file leaves both names.
        for part in self._parts.values():
            part.unlink(missing_ok=True)

    @contextmanager
    def writing(self, target: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
        """Open the file that will take the place of `target`, with these permission bits less the umask."""
        part = self._part(target, disk.part_of(target))
        with open(part, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            yield file
            file.flush()
            disk.sync_file(file.fileno())

    def link_or_copy(self, source: Path, target: Path) -> int:
        """Make `target` the same file as `source`, or a copy where the file systems differ.

        Returns:
            Bytes written: 0 for a link.
        """
        real = source.resolve()
        if target.exists() and os.path.samefile(real, target):
            return 0
        try:
            os.link(real, self._part(target, _link_of(target)))
        except OSError:
            with real.open("rb") as original, self.writing(target) as copy:
                shutil.copyfileobj(original, copy, 1 << 20)
            return real.stat().st_size
        return 0

    def remove(self, target: Path) -> None:
        """Have `target`, if it is there, taken away before anything is put in place."""
        self._gone.append(target)

    @property
    def after(self) -> dict[Path, Path | None]:
        """Of each file that `place` changes, where its content waits; None for one that it takes away."""
        return {**dict.fromkeys(self._gone), **self._parts}

    def place(self) -> None:
        """Take away what is to go, and rename everything to where it belongs."""
        for target in self._gone:
            target.unlink(missing_ok=True)
        for folder in {target.parent for target in self._gone}:
            if folder.is_dir():
                disk.sync_folder(folder)
        for target, part in self._parts.items():
            disk.rename(part, target)

    def _part(self, target: Path, part: Path) -> Path:
        """Note the temporary name, with nothing left under it or the other one."""
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in (disk.part_of(target), _link_of(target)):
            left.unlink(missing_ok=True)
        self._parts[target] = part
        return part


def waiting(target: Path) -> Path:
    """Where what is to go to `target` stands: under a temporary name until `place`, then in its place."""
    parts = (disk.part_of(target), _link_of(target))
    return next((part for part in parts if os.path.lexists(part)), target)


def _link_of(target: Path) -> Path:
    return target.with_name(f".{target.name}.link.part")
