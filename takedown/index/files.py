"""Raw arrays on disk: written once, memory-mapped by every worker, checked before they are believed.

An array file is nothing but little-endian numbers; what they mean stands in a small JSON header beside
them, and how long each file is and what it hashes to stands in the index's manifest. So a file of another
version or of another length is refused when the index is opened (cheap: no array is read), and a single
flipped bit is found by a full check (reads everything once).

Nothing here is pickled: reading a file can fail, it can never run anything.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from takedown.errors import BadIndex

HEADER = "header.json"

#: Bytes hashed per read.
_CHUNK = 1 << 20

#: Files that are read and hashed at the same time.
_READERS = min(os.cpu_count() or 1, 8)

#: A header is a handful of numbers; a manifest lists every shard.
_MAX_JSON = 256 << 20


class FileRecord(NamedTuple):
    """Length in bytes and SHA-256 (hex) of one file of an index."""

    bytes: int
    sha256: str


class Spool:
    """An array file written piece by piece, so that the whole never has to be in memory.

    Args:
        path: the file, which must not exist yet.
        dtype: little-endian type of the numbers, such as ``<u8``.
        width: columns of a two-dimensional array; None for a plain list of numbers.
    """

    def __init__(self, path: Path, dtype: str, width: int | None = None) -> None:
        self.path, self.dtype, self.width = path, np.dtype(dtype), width
        self.count = 0
        self._file: BinaryIO = path.open("xb")

    def append(self, values: NDArray[Any]) -> None:
        """Write some more entries (first axis) behind those already there."""
        self._file.write(np.ascontiguousarray(values, dtype=self.dtype).data)
        self.count += len(values)

    def close(self) -> None:
        """Finish the file; what was appended is on disk afterwards. Calling it twice does no harm."""
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def read(self) -> NDArray[Any]:
        """Close, then map what was written."""
        self.close()
        return map_array(self.path, self.dtype, self.count, self.width)

    def __enter__(self) -> Spool:
        return self

    def abandon(self) -> None:
        """Close without caring for what was written."""
        self._file.close()

    def __exit__(self, kind: type[BaseException] | None, _e: object, _t: TracebackType | None) -> None:
        self.abandon() if kind else self.close()


def write_array(path: Path, array: NDArray[Any], dtype: str) -> None:
    """Write a whole array as raw little-endian numbers."""
    with Spool(path, dtype) as spool:
        spool.append(array)


def map_array(path: Path, dtype: str | np.dtype[Any], count: int, width: int | None = None) -> NDArray[Any]:
    """Map an array file read-only; nothing is read until it is used.

    Raises:
        BadIndex: the file is missing or does not hold exactly ``count`` entries.
    """
    kind = np.dtype(dtype)
    shape = (count,) if width is None else (count, width)
    wanted = count * (width or 1) * kind.itemsize
    if _length(path) != wanted:
        raise damaged(path.name)
    if wanted == 0:  # an empty file cannot be mapped
        return np.empty(shape, dtype=kind)
    return np.memmap(path, dtype=kind, mode="r", shape=shape)


def advise_random(array: NDArray[Any]) -> None:
    """Say that a mapped array is read here and there, so that a read brings in one page and not many.

    Without it the system reads ahead: 128 KiB for the 9 bytes of a look-up. Arrays that are not mapped from a
    file, and systems that take no such advice, are left as they are.
    """
    owner: Any = array
    while owner is not None and not isinstance(owner, mmap.mmap):
        owner = getattr(owner, "base", None)
    if owner is not None and hasattr(mmap, "MADV_RANDOM"):
        owner.madvise(mmap.MADV_RANDOM)


def write_header(folder: Path, structure: str, version: int, **facts: int | str) -> None:
    """Say beside the arrays of a folder what they are."""
    write_json(folder / HEADER, {"structure": structure, "version": version, **facts})


def read_header(folder: Path, structure: str, version: int) -> dict[str, Any]:
    """Read a header back.

    Raises:
        BadIndex: it is missing, is no header, or is of another structure or version.
    """
    header = read_json(folder / HEADER)
    if header.get("structure") != structure:
        raise damaged(folder.name)
    found = number(header, "version")
    if found != version:
        do = "update this program" if found > version else "build the index again"
        raise BadIndex(
            f"{folder.name} in this index has format {found}, this program reads {version}; {do}.",
            slug="index-version",
        )
    return header


def number(facts: dict[str, Any], name: str) -> int:
    """A number of a header or manifest that must be whole and not negative."""
    value = facts.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise damaged(HEADER)
    return value


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON in one fixed spelling, so that equal content has equal bytes, and sync it."""
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=True) + "\n"
    with path.open("xb") as file:
        file.write(text.encode("ascii"))
        file.flush()
        os.fsync(file.fileno())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        BadIndex: missing, too long, or not a JSON object.
    """
    if _length(path) > _MAX_JSON:
        raise damaged(path.name)
    return parse_json(path.read_bytes(), path.name)


def parse_json(data: bytes, name: str) -> dict[str, Any]:
    """Read a JSON object from the content of a file.

    Raises:
        BadIndex: it is none.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise damaged(name) from None
    if not isinstance(content, dict):
        raise damaged(name)
    return content


def describe(folder: Path, leave_out: str) -> dict[str, FileRecord]:
    """Length and SHA-256 of every file under a folder, by relative path with ``/``, sorted."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != leave_out)
    names = [path.relative_to(folder).as_posix() for path in paths]
    return dict(zip(names, _records(paths), strict=True))


def check_lengths(folder: Path, files: dict[str, FileRecord]) -> None:
    """Raise BadIndex unless every file is there with its length. Reads no content."""
    for name, record in files.items():
        if _length(folder / name) != record.bytes:
            raise damaged(name)


def check_sums(folder: Path, files: dict[str, FileRecord]) -> None:
    """Raise BadIndex unless every file has its length and SHA-256. Reads everything once."""
    check_lengths(folder, files)
    found = _records([folder / name for name in files])
    for (name, wanted), record in zip(files.items(), found, strict=True):
        if record != wanted:
            raise damaged(name)


def damaged(name: str) -> BadIndex:
    """The error for a file of an index that is missing, cut short or altered."""
    return BadIndex(
        f"{name} in this index is missing or damaged; build the index again or restore it from a copy.",
        slug="index-damaged",
    )


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        raise damaged(path.name) from None


def _records(paths: Sequence[Path]) -> list[FileRecord]:
    """Read files side by side, the longest first, so that none of the threads is left with it at the end."""
    order = sorted(range(len(paths)), key=lambda number: -_length(paths[number]))
    with ThreadPoolExecutor(_READERS) as pool:  # hashing leaves the interpreter's lock alone
        found = dict(zip(order, pool.map(_record, [paths[number] for number in order]), strict=True))
    return [found[number] for number in range(len(paths))]


def _record(path: Path) -> FileRecord:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return FileRecord(path.stat().st_size, digest.hexdigest())
