"""One shard from beginning to end, by one process: it is written anew while it lies in the page cache.

1. Note which file it is, and scan it for rows that the list names.
2. Write it without them; one without a removal is compared with its sidecar, and linked (or copied) as it is.
   In place such a file is not touched.
3. Put what is to be kept aside into the ledger, and the part of the table of removed rows beside it.
4. See that the source did not change meanwhile, note in the journal that the shard is done, and rename.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from takedown.apply import journal, marks, quarantine, removed
from takedown.apply.generation import Generation
from takedown.apply.journal import Journal, Source
from takedown.apply.layout import Job
from takedown.apply.ledger import JOURNAL, Ledger
from takedown.apply.outcome import Counts
from takedown.apply.result import aside_of, holding
from takedown.apply.scan import Removals
from takedown.apply.terms import Terms
from takedown.dataset.atomic import Pending, waiting
from takedown.errors import BadDataset, TakedownError
from takedown.keys import PUBLISHED_KINDS

#: Told of rows as they are read.
Tell = Callable[[int], None]


def deal(terms: Terms, job: Job, tell: Tell, scanned: Scanned | None = None) -> Counts:
    """Plan or apply one shard.

    Args:
        tell: told of rows as they are read.
        scanned: what an earlier scan found.

    Raises:
        TakedownError: it cannot be dealt with, and nothing of it was put in place.
    """
    if not terms.planning:
        job.shard.keep_for_rewrite()
    try:
        found = scanned or scan(terms, job, tell)
        counts = _counts(terms, job, found)
        if terms.planning:
            if terms.thorough and not found.known:
                job.shard.verify()
            _refuse_changed(job, found.versions)
            return counts
        return _write(terms, job, found, counts)
    except OSError as error:
        raise _io_error(job, error) from error
    finally:
        job.shard.forget()


@dataclass(frozen=True)
class Scanned:
    """What goes from a shard, and which files that is about.

    Attributes:
        known: an inventory says so: the shard was compared with its sidecar then, and is not opened now.
    """

    removals: Removals
    versions: list[marks.Version | None]
    known: bool = False


def scan(terms: Terms, job: Job, tell: Tell) -> Scanned:
    """Step 1. Raises BadDataset, OSError."""
    versions = marks.versions(job.shard.files())
    return Scanned(terms.scanner.scan(job.shard, tell), versions)


def journal_of(terms: Terms) -> Journal:
    """Where this run notes finished shards."""
    if terms.out is not None:
        return Journal(terms.out / journal.NAME, terms.key)
    assert terms.ledger is not None  # noqa: S101 - Terms.of has seen to it: for the type checker
    return Journal(terms.ledger / JOURNAL, terms.key)


def _write(terms: Terms, job: Job, found: Scanned, counts: Counts) -> Counts:
    targets = terms.targets(job)
    # In place another run, with a ledger of its own, may be about to replace the same file.
    with holding(job.shard.path) if terms.in_place else nullcontext(), Pending() as pending:
        # Before anything waits beside the shard: what waits now is of a killed run.
        before = quarantine.aside_before(terms, job)
        _refuse_changed(job, found.versions)
        source = journal.source_of(job)
        written = _files(terms, job, found, pending)
        kept = quarantine.keep_aside(terms, job, found.removals, pending.after, before)
        removed.write_part(terms, job, found.removals)
        counts = _with(counts, written, _other_names(terms, job, found.removals))
        _refuse_changed(job, found.versions)
        journal_of(terms).add(job, source, terms.places(job), pending.after, counts)
        pending.place()
    if terms.ledger is not None and (kept is not None or not terms.in_place):
        _settle(terms, job, targets[0], kept)
    for target in targets if not terms.in_place else ():
        aside_of(target).unlink(missing_ok=True)
    return counts


def _files(terms: Terms, job: Job, found: Scanned, pending: Pending) -> int:
    """Step 2; bytes written."""
    folder = terms.folder(job)
    for stray in () if terms.in_place else job.shard.strays(folder):
        pending.remove(stray)
    if len(found.removals.rows):
        written = job.shard.rewrite(found.removals.rows, folder, pending)
        if terms.in_place:
            for target in terms.targets(job):
                like(target)
        return written
    if not found.known:
        job.shard.verify()
    if terms.in_place:
        return 0
    files = zip(job.shard.files(), job.shard.relative_files(), strict=True)
    return sum(pending.link_or_copy(file, folder / name) for file, name in files)


def _settle(terms: Terms, job: Job, main: Path, kept: Generation | None) -> None:
    assert terms.ledger is not None  # noqa: S101 - asked for by the caller: for the type checker
    origin = kept.origin if kept is not None else quarantine.marks_of(job)
    Ledger(terms.ledger).settle(main, kept, origin)


def like(target: Path) -> None:
    """Give what waits to replace a file the permissions and, where allowed, the owner of that file."""
    part = waiting(target)
    if part == target or not target.exists():
        return
    about = target.stat()
    os.chmod(part, about.st_mode & 0o7777)
    with suppress(PermissionError):
        os.chown(part, about.st_uid, about.st_gid)


def _counts(terms: Terms, job: Job, found: Scanned) -> Counts:
    removals = found.removals
    aside = terms.kept_aside(removals.kinds)
    by_kind = np.bincount(removals.kinds[aside], minlength=len(PUBLISHED_KINDS)).tolist()
    return Counts(
        rows_in=removals.rows_in,
        removed_by_kind=removals.by_kind,
        quarantined_by_kind=dict(zip(PUBLISHED_KINDS, by_kind, strict=True)),
        null_urls=removals.null_urls,
        uncheckable=removals.uncheckable,
        bytes_read=0 if found.known else bytes_read(terms, job, removals),
        bytes_written=_estimate(job, removals),
        other_names=_other_names(terms, job, removals),
    )


def _with(counts: Counts, written: int, other_names: int) -> Counts:
    return Counts(**(counts.to_json() | {"bytes_written": written, "other_names": other_names}))


def bytes_read(terms: Terms, job: Job, removals: Removals) -> int:
    """The scan's columns, the key that a tar is compared by, and with removals all of the shard's files."""
    return scan_bytes(terms, job) + (size(job) if len(removals.rows) else 0)


def scan_bytes(terms: Terms, job: Job) -> int:
    """What the scan alone reads."""
    key = ("key",) if job.shard.kind == "img2dataset" else ()
    return job.shard.scan_bytes((*terms.scanner.columns, *key))


def _estimate(job: Job, removals: Removals) -> int:
    """Bytes that the rewritten shard will have, by its share of rows."""
    if not len(removals.rows):
        return 0
    return size(job) * (removals.rows_in - len(removals.rows)) // removals.rows_in


def _other_names(terms: Terms, job: Job, removals: Removals) -> int:
    """Files that are replaced here and live on under another name."""
    if not terms.in_place or not len(removals.rows):
        return 0
    files = zip(job.shard.files(), job.shard.relative_files(), strict=True)
    # A file of one sample is not replaced; it goes or stays.
    return sum(file.stat().st_nlink > 1 for file, name in files if len(name.parts) == 1)


def size(job: Job) -> int:
    """Bytes of the shard's files."""
    return sum(file.stat().st_size for file in job.shard.files())


def _refuse_changed(job: Job, before: list[marks.Version | None]) -> None:
    """Row numbers of the scan mean nothing in a file that was replaced meanwhile. Raises BadDataset."""
    if marks.versions(job.shard.files()) != before:
        raise BadDataset(
            f"{job.shard.path} changed while it was read, so its result is wrong; run the command again.",
            slug="dataset-changed",
        )


def _io_error(job: Job, error: OSError) -> TakedownError:
    return BadDataset(
        f"{job.shard.path} could not be read or its result not be written ({error.strerror or error}); "
        "see to it and run the same command again.",
        slug="io-error",
    )


__all__ = [
    "Scanned",
    "Source",
    "Tell",
    "bytes_read",
    "deal",
    "journal_of",
    "like",
    "scan",
    "scan_bytes",
    "size",
]
