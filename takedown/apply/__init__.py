"""Apply a verified list to copies of a dataset: the rows it names go, everything else stays as it is.

1. Open the sources (layout.py). A source that cannot be opened is an error of the run, never passed over.
2. Refuse a folder for the result where an original could be touched (originals.py).
3. Scan each shard for rows that the list names (scan.py); on img2dataset shards the sidecar is enough.
4. `plan` stops here and counts. `apply` writes each shard with a removal anew; one without is compared with
   its sidecar, and linked (or copied) as it is.
5. Put the files of the shard in place together, unless the shard changed meanwhile.

Originals are never touched. Killed at any moment, every file in the result is old or new, and running the
same command again finishes the work. Of a shard that fails nothing stays in the result, from earlier runs
neither, since that may hold what the list names (result.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from takedown.apply.layout import Job, lay_out
from takedown.apply.listed import Blocklist
from takedown.apply.originals import check_out
from takedown.apply.outcome import Failure, Outcome
from takedown.apply.result import Result, alone
from takedown.apply.scan import Removals, Scanner
from takedown.errors import BadDataset, TakedownError

__all__ = ["Blocklist", "Failure", "Outcome", "Progress", "apply", "plan"]

#: Called with (rows done, rows in all) as a run goes on.
Progress = Callable[[int, int], None]

#: Deals with a scanned shard, calls the check that it did not change, and returns bytes written.
Finish = Callable[[Job, Removals, Callable[[], None]], int]
Clear = Callable[[Sequence[Path]], list[Failure]]


def plan(
    blocklist: Blocklist,
    sources: Sequence[str | Path],
    *,
    out: Path | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Count what `apply` would do, without writing anything. Tars that have a sidecar are not opened.

    Args:
        blocklist: the verified list.
        sources: files and folders of a copy.
        out: where `apply` is to write, to hear whether it would.
        progress: told about rows as they are read.

    Raises:
        UsageError: no source, or `out` could touch an original.
    """
    layout = lay_out(sources)
    if out is not None:
        check_out(out, sources, layout)
    outcome = Outcome.of(blocklist, layout.failures)
    _run(blocklist, layout.jobs, outcome, _estimate, progress)
    return outcome


def apply(
    blocklist: Blocklist,
    sources: Sequence[str | Path],
    out: Path,
    *,
    progress: Progress | None = None,
    waiting: Callable[[], None] | None = None,
) -> Outcome:
    """Write the sources to `out` without the rows that the list names.

    Args:
        blocklist, sources, progress: as for `plan`.
        out: folder of the result. Only one run at a time writes there.
        waiting: called when another run is at work there, before waiting for its end.

    Raises:
        UsageError: no source, or `out` could touch an original or cannot be written.
    """
    layout = lay_out(sources)
    check_out(out, sources, layout)
    outcome = Outcome.of(blocklist, layout.failures)
    result = Result(out)
    with alone(out, waiting):
        outcome.errors += result.clear(layout.absent)
        _run(blocklist, layout.jobs, outcome, result.finish, progress, result.clear)
    return outcome


def _run(
    blocklist: Blocklist,
    jobs: Sequence[Job],
    outcome: Outcome,
    finish: Finish,
    progress: Progress | None,
    clear: Clear | None = None,
) -> None:
    """Deal with every shard and count it in `outcome`; `clear` takes away the names of one that failed."""
    scanner = Scanner(blocklist)
    ticker = _Ticker(jobs, progress)
    for job in jobs:
        try:
            before = _versions(job)
            removals = scanner.scan(job.shard, ticker)
            written = finish(job, removals, partial(_refuse_changed, job, before))
            outcome.add(removals, _bytes_read(job, removals, scanner), written)
        except (TakedownError, OSError) as error:
            known = error if isinstance(error, TakedownError) else _io_error(job, error)
            outcome.errors.append(Failure.of(job.shard.path, known))
            outcome.errors += clear(job.names()) if clear else []


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
    """The scan's columns, the key that a tar is compared by, and with removals all of the shard's files."""
    key = ("key",) if job.shard.kind == "img2dataset" else ()
    scan = job.shard.scan_bytes((*scanner.columns, *key))
    return scan + (_size(job) if len(removals.rows) else 0)


def _estimate(job: Job, removals: Removals, check: Callable[[], None]) -> int:
    """Bytes that the rewritten shard will have, by its share of rows."""
    check()
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
