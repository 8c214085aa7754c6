"""Apply a verified list to copies of a dataset: the rows it names go, everything else stays as it is.

1. Open the sources (layout.py). A source that cannot be opened is an error of the run, never passed over.
2. Scan each shard for rows that the list names (scan.py); on img2dataset shards the sidecar is enough.
3. `plan` stops here and counts. `apply` writes each shard with a removal anew, file by file, each under a
   temporary name, fsynced and renamed; a shard without one is linked (or copied) as it is.

Originals are never touched. Killed at any moment, every file in the result is old or new, and running the
same command again finishes the work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from takedown.apply.layout import Job, check_out, jobs
from takedown.apply.listed import Blocklist
from takedown.apply.outcome import Failure, Outcome
from takedown.apply.scan import Removals, Scanner
from takedown.dataset.atomic import link_or_copy
from takedown.errors import BadDataset, TakedownError, UsageError

__all__ = ["Blocklist", "Failure", "Outcome", "Progress", "apply", "check_out", "plan"]

#: Called with (rows done, rows in all) as a run goes on.
Progress = Callable[[int, int], None]

Finish = Callable[[Job, Removals], int]


def plan(blocklist: Blocklist, sources: Sequence[str | Path], *, progress: Progress | None = None) -> Outcome:
    """Count what `apply` would do, without writing anything.

    Args:
        blocklist: the verified list.
        sources: files and folders of a copy.
        progress: told about rows as they are read.

    Raises:
        UsageError: no source.
    """
    return _run(blocklist, sources, _estimate, progress)


def apply(
    blocklist: Blocklist, sources: Sequence[str | Path], out: Path, *, progress: Progress | None = None
) -> Outcome:
    """Write the sources to `out` without the rows that the list names.

    Raises:
        UsageError: no source, or `out` could touch an original.
    """
    check_out(out, sources)

    def finish(job: Job, removals: Removals) -> int:
        folder = out / job.folder
        if len(removals.rows):
            return job.shard.rewrite(removals.rows, folder)
        return sum(link_or_copy(file, folder / file.name) for file in job.shard.files())

    return _run(blocklist, sources, finish, progress)


def _run(
    blocklist: Blocklist, sources: Sequence[str | Path], finish: Finish, progress: Progress | None
) -> Outcome:
    outcome = Outcome(blocklist.edition, blocklist.seq, blocklist.state_sha256)
    todo, outcome.errors = jobs(sources)
    scanner = Scanner(blocklist)
    ticker = _Ticker(todo, progress)
    for job in todo:
        try:
            before = _versions(job)
            removals = scanner.scan(job.shard, ticker)
            written = finish(job, removals)
            _refuse_changed(job, before)
            outcome.add(removals, _bytes_read(job, removals, scanner), written)
        except UsageError:
            raise
        except TakedownError as error:
            outcome.errors.append(Failure.of(job.shard.path, error))
        except OSError as error:
            outcome.errors.append(Failure.of(job.shard.path, _io_error(job, error)))
    return outcome


class _Ticker:
    """Adds up rows for the progress callback."""

    def __init__(self, todo: Sequence[Job], progress: Progress | None) -> None:
        self._progress = progress
        self._done = 0
        # Only sidecars and Parquet know their rows for nothing; counting others would read whole tars.
        self._total = sum(job.shard.known_rows or 0 for job in todo)

    def __call__(self, rows: int) -> None:
        self._done += rows
        if self._progress:
            self._progress(self._done, max(self._total, self._done))


def _bytes_read(job: Job, removals: Removals, scanner: Scanner) -> int:
    """The scan's columns, and for a shard with removals all of its files."""
    scan = job.shard.scan_bytes(scanner.columns)
    return scan + (_size(job) if len(removals.rows) else 0)


def _estimate(job: Job, removals: Removals) -> int:
    """Bytes that the rewritten shard will have, by its share of rows."""
    if not len(removals.rows):
        return 0
    return _size(job) * (removals.rows_in - len(removals.rows)) // removals.rows_in


def _size(job: Job) -> int:
    return sum(file.stat().st_size for file in job.shard.files())


def _versions(job: Job) -> list[tuple[int, int]]:
    return [(about.st_size, about.st_mtime_ns) for about in (file.stat() for file in job.shard.files())]


def _refuse_changed(job: Job, before: list[tuple[int, int]]) -> None:
    """Row numbers of the scan mean nothing in a file that was replaced meanwhile. Raises BadDataset."""
    if _versions(job) != before:
        raise BadDataset(
            f"{job.shard.path} changed while it was read, so its result is wrong; run the command again.",
            slug="dataset-changed",
        )


def _io_error(job: Job, error: OSError) -> BadDataset:
    return BadDataset(
        f"{job.shard.path} could not be read or its result not be written ({error.strerror or error}); "
        "see to it and run the same command again.",
        slug="io-error",
    )
