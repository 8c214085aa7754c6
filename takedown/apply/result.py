"""The folder that a run writes to: one run at a time, and nothing in it that may hold what the list names."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from takedown import disk
from takedown.apply.outcome import Failure
from takedown.errors import UsageError

#: Held during a run; hidden, so that it is never taken for data.
LOCK = ".takedown.lock"


def clear(out: Path, names: Sequence[Path]) -> list[Failure]:
    """Take away what earlier runs left under these names of a result, and say what became of it."""
    return [failure for name in names if (failure := _clear(out / name)) is not None]


def _clear(path: Path) -> Failure | None:
    """A link goes. A file of its own is renamed: should the original be lost, it is the only copy."""
    if not path.is_file():
        return None
    aside = aside_of(path)
    try:
        if path.stat().st_nlink > 1:
            path.unlink()
            return None
        disk.rename(path, aside)
    except OSError as error:
        what = f"could not be set aside ({error.strerror}); delete it"
    else:
        what = f"is now {aside.name}; delete it, or run the command again when the source is in order"
    message = f"{path} came from an earlier run, may hold rows on the list, and {what}."
    return Failure(str(path), "result-stale", message)


def aside_of(path: Path) -> Path:
    """Hidden and with another ending, so that nothing takes it for data."""
    return path.with_name(f".{path.name}.stale")


@contextmanager
def alone(folder: Path, waiting: Callable[[], None] | None = None) -> Iterator[int]:
    """Hold a folder for this run; `waiting` is called before waiting for another.

    Yields:
        The descriptor that holds it. Processes that have it hold the folder too, so that the next run waits
        until none of a killed one can write any more.

    Raises:
        UsageError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _open(folder / LOCK)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written ({error.strerror}); give another folder.", slug="out-not-writable"
        ) from error
    try:
        _take(lock, waiting)
        yield lock
    finally:
        os.close(lock)


@contextmanager
def holding(path: Path) -> Iterator[None]:
    """Hold a file that is about to be replaced. Another run that replaces it is waited for, where there are
    locks; then the file is another one, which is held instead. Raises OSError."""
    while True:
        file = os.open(path, os.O_RDONLY)
        try:
            with suppress(OSError):  # not on every file system
                fcntl.flock(file, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(file), os.stat(path)):
                yield
                return
        finally:
            os.close(file)


def _open(path: Path) -> int:
    """Another user's lock file can be held without being writable."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except PermissionError:
        return os.open(path, os.O_RDONLY)


def _take(lock: int, waiting: Callable[[], None] | None) -> None:
    """Take the lock. The processes of a killed run let it go at once: only a longer wait is worth a word."""
    for _ in range(20):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return
    if waiting:
        waiting()
    fcntl.flock(lock, fcntl.LOCK_EX)
