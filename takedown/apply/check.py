"""Whether a copy still holds anything that the list names: for gates and for auditors.

1. Every shard is scanned as `plan` does it, and tars of img2dataset shards are compared with their sidecars:
   a sample that its sidecar does not list could be anything.
2. With an inventory, shards that no entry names are not opened.
3. The copy is described by one digest, so that a statement can say which copy it is about.

A file that cannot be read means that nobody knows, and so the copy is not clean.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from takedown.apply.inventory import Inventory
from takedown.apply.layout import Job, Layout, lay_out
from takedown.apply.listed import Listing
from takedown.apply.outcome import Outcome
from takedown.apply.run import Progress, Run
from takedown.apply.terms import Terms
from takedown.errors import TakedownError


@dataclass(frozen=True)
class Copy:
    """What was checked.

    Attributes:
        shards, bytes: of the copy.
        sha256: over the sorted lines ``name TAB bytes TAB digest LF`` of its shards, each digest that of the
            shard's footers (Parquet) or of the ends of its tar: it changes with any rewrite, and does not
            name any file.
    """

    shards: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Checked:
    """What a check found; `outcome.removed` are the listed rows that are still there."""

    outcome: Outcome
    copy: Copy

    @property
    def clean(self) -> bool:
        """True when every file was read and no row is listed."""
        return not self.outcome.removed and not self.outcome.errors


def check(
    listing: Listing,
    sources: Sequence[str | Path],
    *,
    inventory: Inventory | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Checked:
    """Look for listed rows in a copy. Nothing is written.

    Args:
        listing: the verified list.
        sources: files and folders of the copy.
        inventory: of the copy, where there is one.
        workers: most processes; one a core when None.
        progress: told about rows as they are read.

    Raises:
        UsageError: no source.
        VerificationFailed: the list on this disk was altered.
    """
    layout = lay_out(sources)
    terms = Terms.of(listing, out=Path(), ledger=None, planning=True, thorough=True, inventory=inventory)
    outcome = Outcome.of(listing, layout.failures)
    Run(terms, layout.jobs, outcome, workers, progress).work()
    return Checked(outcome, describe(layout))


def describe(layout: Layout) -> Copy:
    """The digest of a copy; a shard that cannot be read counts by its name alone."""
    lines = sorted(_line(job) for job in layout.jobs)
    size = sum(int(line.rsplit(b"\t", 2)[1]) for line in lines)
    return Copy(len(lines), size, hashlib.sha256(b"".join(lines)).hexdigest())


def _line(job: Job) -> bytes:
    name = (job.folder / job.shard.path.name).as_posix().encode("utf-8", "surrogateescape")
    try:
        stamp = job.shard.stamp()
    except (TakedownError, OSError):
        return name + b"\t0\tunreadable\n"
    return name + f"\t{stamp.size}\t{stamp.digest}\n".encode()
