"""Files on disk that are whole or absent: temporary file, fsync, rename, fsync of the folder.

Everything a publisher or a reader keeps is written through here, so that one test can stop the world at
every write and every rename.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from takedown.errors import VerificationFailed

#: From a path of the repository to the file on this disk.
Locate = Callable[[str], Path]

_BLOCK = 1 << 20


def write(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a small file whole: a reader sees the old content or the new.

    Args:
        path: where; missing folders are made.
        data: the content.
        mode: permission bits of the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    part.unlink(missing_ok=True)  # what a killed run left, with whatever permissions
    with open(part, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(data)
        sync_file(file.fileno())
    rename(part, path)


def copy(source: Path, target: Path, size: int, sha256: str) -> None:
    """Copy a file whole and check what was copied. Nothing is done where the target is already right.

    Raises:
        VerificationFailed: the source is missing, or not of this size and SHA-256.
    """
    if matches(target, size, sha256):
        return
    check(source, size, sha256)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(target)
    with open(source, "rb") as reader, open(part, "wb") as writer:
        shutil.copyfileobj(reader, writer, _BLOCK)
        writer.flush()
        sync_file(writer.fileno())
    check(part, size, sha256)
    rename(part, target)


def rename(part: Path, path: Path) -> None:
    """Put a finished file in its place, and make that survive a power cut."""
    os.replace(part, path)
    sync_folder(path.parent)


def rename_tree(part: Path, path: Path) -> None:
    """Put a finished folder in its place, and make that survive a power cut with everything in it.

    The files were synced when they were written; the names they have, and those of the folders, are synced
    here from the bottom up, so that no folder is ever in place before what it holds.
    """
    for folder, _, _ in os.walk(part, topdown=False):
        sync_folder(Path(folder))
    rename(part, path)


def sync_folder(folder: Path) -> None:
    """Make the names of the files and folders in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(descriptor: int) -> None:
    """Make the content of an open file survive a power cut."""
    os.fsync(descriptor)


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's content in lowercase hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def matches(path: Path, size: int, sha256: str) -> bool:
    """True when the file is there with this size in bytes and this SHA-256."""
    return path.is_file() and path.stat().st_size == size and sha256_file(path) == sha256


def check(path: Path, size: int, sha256: str, *, name: str | None = None) -> None:
    """Nothing when the file is there with this size in bytes and this SHA-256.

    Args:
        name: what to call the file in a sentence, where its own name would tell a person nothing.

    Raises:
        VerificationFailed: slug ``file-missing``, ``file-length`` or ``file-hash``.
    """
    name = name or path.name
    if not path.is_file():
        raise VerificationFailed(f"The file {name} is missing; get the release again.", slug="file-missing")
    if path.stat().st_size != size:
        raise VerificationFailed(
            f"The file {name} is not as long as the manifest says; get the release again.",
            slug="file-length",
        )
    if sha256_file(path) != sha256:
        raise VerificationFailed(
            f"The file {name} is not what the manifest names (other SHA-256); get the release again.",
            slug="file-hash",
        )


def refusal(folder: Path) -> str | None:
    """Why no file can be made in a folder, or in what of its path is there; None where one can."""
    try:
        there = next(path for path in (folder, *folder.parents) if path.exists())
        with TemporaryFile(dir=there):
            return None
    except OSError as error:
        # A full disk has a sentence of its own, and may have room again when it matters.
        return None if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file for the length of the block; wait for whoever holds it. Ends with the process too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _open_lock(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _open_lock(path: Path) -> BinaryIO:
    """Another user's lock file can be held without being writable."""
    try:
        return open(path, "ab")
    except PermissionError:
        return open(path, "rb")


def part_of(path: Path) -> Path:
    """Same folder, so that the rename is atomic; fixed name, so that a killed run leaves one at most."""
    return path.with_name(f".{path.name}.part")
