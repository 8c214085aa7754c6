"""The folder that `apply` writes: one run at a time, each shard as a whole or not at all."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from takedown import disk
from takedown.apply.layout import Job
from takedown.apply.outcome import Failure
from takedown.apply.scan import Removals
from takedown.dataset.atomic import Pending
from takedown.errors import UsageError

#: Held during a run; hidden, so that it is never taken for data.
LOCK = ".takedown.lock"


class Result:
    """What goes below --out.

    Args:
        out: the folder.
    """

    def __init__(self, out: Path) -> None:
        self._out = out

    def finish(self, job: Job, removals: Removals, check: Callable[[], None]) -> int:
        """Write the files of a shard, and put them in place when `check` raises nothing.

        Returns:
            Bytes written. Raises BadDataset, OSError.
        """
        folder = self._out / job.folder
        with Pending() as pending:
            if len(removals.rows):
                written = job.shard.rewrite(removals.rows, folder, pending)
            else:
                job.shard.verify()
                written = sum(pending.link_or_copy(file, folder / file.name) for file in job.shard.files())
            check()
            pending.place()
        for name in job.names():
            _aside(self._out / name).unlink(missing_ok=True)
        return written

    def clear(self, names: Sequence[Path]) -> list[Failure]:
        """Take away what earlier runs left under these names, and say what became of it."""
        return [failure for name in names if (failure := _clear(self._out / name)) is not None]


def _clear(path: Path) -> Failure | None:
    """A link goes. A file of its own is renamed: should the original be lost, it is the only copy."""
    if not path.is_file():
        return None
    aside = _aside(path)
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


def _aside(path: Path) -> Path:
    """Hidden and with another ending, so that nothing takes it for data."""
    return path.with_name(f".{path.name}.stale")


@contextmanager
def alone(out: Path, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the folder for this run; `waiting` is called before waiting for another. Raises UsageError."""
    with ExitStack() as held:
        try:
            if _held(out / LOCK) and waiting:
                waiting()
            held.enter_context(disk.locked(out / LOCK))
        except OSError as error:
            raise UsageError(
                f"{out} cannot be written ({error.strerror}); give another folder with --out.",
                slug="out-not-writable",
            ) from error
        yield


def _held(path: Path) -> bool:
    """Whether another process holds the lock file at this moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
