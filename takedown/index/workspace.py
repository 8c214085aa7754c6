"""Where an index is made or changed: one process at a time, and nothing half done shows."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from takedown import disk
from takedown.errors import UsageError
from takedown.index.manifest import MANIFEST

#: In an index that is being made or changed: units, temporary files and the lock.
WORK = ".work"
UNITS = "units"


def refuse_existing(target: Path) -> None:
    """Raise UsageError when an index, or anything else, stands where one is to be made."""
    if (target / MANIFEST).exists():
        raise UsageError(
            f"{target} already holds an index, and an index is never overwritten; give another folder, "
            "add rows to it with: takedown index add, or delete it first.",
            slug="index-exists",
        )
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UsageError(f"{target} exists and is not empty; give a new folder.", slug="out-exists")


@contextmanager
def sibling(target: Path) -> Iterator[Path]:
    """The hidden folder of a build, on the same disk; it stays for the next try if anything is done in it."""
    folder = target.parent / f".{target.name}.building"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{target.parent} cannot be written ({error.strerror}); give another folder.",
            slug="out-not-writable",
        ) from None
    with held(folder):
        try:
            yield folder
        finally:
            if folder.exists() and not (folder / MANIFEST).exists() and not _done(folder / WORK / UNITS):
                shutil.rmtree(folder, ignore_errors=True)


def _done(units: Path) -> bool:
    """Whether a unit is finished: one that is not has a name with a dot."""
    return units.exists() and any(not path.name.startswith(".") for path in units.iterdir())


@contextmanager
def held(index: Path) -> Iterator[None]:
    """Keep other processes from changing this index meanwhile.

    Raises:
        UsageError: one does already, or the folder cannot be written.
    """
    work = index / WORK
    try:
        work.mkdir(exist_ok=True)
        lock = (work / "lock").open("ab")
    except OSError as error:
        raise UsageError(
            f"{index} cannot be written ({error.strerror}); check its permissions.", slug="index-not-writable"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                f"Another process is changing {index}; wait until it is done.", slug="index-in-use"
            ) from None
        # Whoever had it may have just removed it with its folder: then it guards nothing any more.
        if not _is_same(lock.fileno(), work / "lock"):
            raise UsageError(f"Another process has just changed {index}; try again.", slug="index-in-use")
        try:
            yield
        finally:
            if not _done(work / UNITS):
                shutil.rmtree(work, ignore_errors=True)


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def put_in_place(folder: Path, target: Path) -> None:
    """The one step that makes the index visible."""
    try:
        disk.rename_tree(folder, target)
    except OSError:
        if folder.exists():
            refuse_existing(target)
        raise


def keep_only(folder: Path, names: set[str]) -> None:
    """Units of other sources, or of a shard that changed since, are of no use any more."""
    if folder.is_dir():
        for path in folder.iterdir():
            if path.name not in names:
                shutil.rmtree(path, ignore_errors=True)
