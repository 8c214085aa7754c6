"""Apply a verified list to copies of a dataset: the rows it names go, everything else stays as it is.

1. Open the sources (layout.py). A source that cannot be opened is an error of the run, never passed over.
2. Refuse a folder for the result where an original could be touched (originals.py).
3. Several processes deal with one shard each (run.py, deal.py): scan it for rows that the list names
   (scan.py; on img2dataset shards the sidecar is enough), and write it anew without them.
4. `plan` only counts. Rows to be quarantined go to the ledger first (ledger.py, quarantine.py).
5. Put the files of the shard in place together, unless the shard changed meanwhile.
6. `restore` puts back what a newer list no longer names (restore.py).

With `out` originals are never touched; in place each is replaced by one rename. Killed at any moment, every
file is old or new, and running the same command again finishes the work (journal.py). Of a shard that fails
nothing stays in a result, from earlier runs neither, since that may hold what the list names (result.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from takedown.apply import removed as table
from takedown.apply import result
from takedown.apply.batches import filter_batch
from takedown.apply.forecast import Announce, announced
from takedown.apply.inventory import Inventory
from takedown.apply.layout import Layout, lay_out
from takedown.apply.ledger import Ledger
from takedown.apply.listed import Listing
from takedown.apply.originals import check_in_place, check_ledger, check_out
from takedown.apply.outcome import Failure, Outcome
from takedown.apply.restore import Restored, restore
from takedown.apply.run import Progress, Run
from takedown.apply.scan import Removals, Scanner
from takedown.apply.terms import Terms
from takedown.errors import UsageError

__all__ = [
    "Failure",
    "Listing",
    "Outcome",
    "Progress",
    "Removals",
    "Restored",
    "Scanner",
    "apply",
    "filter_batch",
    "plan",
    "restore",
]


def plan(
    listing: Listing,
    sources: Sequence[str | Path],
    *,
    out: Path | None = None,
    in_place: bool = False,
    inventory: Inventory | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    announce: Announce | None = None,
) -> Outcome:
    """Count what `apply` would do, without writing anything. Tars that have a sidecar are not opened.

    Args:
        listing: the verified list.
        sources: files and folders of a copy.
        out, in_place: as for `apply`, to hear whether it would.
        inventory: of the copy, to open only the shards that the list names.
        workers: most processes; one a core when None.
        progress: told about rows as they are read.
        announce: told before anything is read how much will be.

    Raises:
        UsageError: no source, or `out` could touch an original.
    """
    layout = lay_out(sources)
    _check(layout, sources, out, in_place)
    terms = Terms.of(
        listing, out=None if in_place else out or Path(), ledger=None, planning=True, inventory=inventory
    )
    announced(announce, terms, layout)
    outcome = Outcome.of(listing, layout.failures)
    Run(terms, layout.jobs, outcome, workers, progress).work()
    return outcome


def apply(
    listing: Listing,
    sources: Sequence[str | Path],
    out: Path | None = None,
    *,
    workers: int | None = None,
    in_place: bool = False,
    ledger: Path | None = None,
    removed: Path | None = None,
    inventory: Inventory | None = None,
    progress: Progress | None = None,
    waiting: Callable[[], None] | None = None,
    announce: Announce | None = None,
) -> Outcome:
    """Take the rows that the list names out of a copy.

    Args:
        listing, sources, inventory, workers, progress, announce: as for `plan`.
        out: folder of the result; the sources stay as they are. Only one run at a time writes there.
        in_place: replace the sources instead, each by one rename; files without a hit are not touched.
        ledger: folder for rows that are kept aside. Needed in place, where the list's disposition is
            quarantine, and where it names rows by MD5.
        removed: write a table of the removed rows here, readable by its owner alone.
        waiting: called when another run is at work there, before waiting for its end.

    Raises:
        UsageError: no source, both or neither of `out` and `in_place`, `out` could touch an original, the
            ledger lies in a source, or a folder cannot be written.
        VerificationFailed: the list on this disk was altered.
    """
    if (out is None) is not in_place:
        raise UsageError(
            "Say either where the result goes, with --out, or --in-place.", slug="out-or-in-place"
        )
    with ExitStack() as held:
        if ledger is not None and in_place:
            check_ledger(ledger, sources)
            Ledger(ledger).make()
            keep = held.enter_context(result.alone(ledger, waiting))
            Ledger(ledger).recover([Path(source) for source in sources])
        layout = lay_out(sources)
        _check(layout, sources, out, in_place)
        parts = None if removed is None else table.parts_of(removed)
        terms = Terms.of(listing, out=out, ledger=ledger, removed=parts, inventory=inventory)
        if terms.ledger is not None:
            check_ledger(terms.ledger, sources)
        announced(announce, terms, layout)
        outcome = Outcome.of(listing, layout.failures)
        if out is not None:
            keep = held.enter_context(result.alone(out, waiting))
            outcome.errors += result.clear(out, layout.absent)
        done = Run(terms, layout.jobs, outcome, workers, progress, keep=[keep]).work()
        if removed is not None:
            table.collect(terms, done, removed)
    return outcome


def _check(layout: Layout, sources: Sequence[str | Path], out: Path | None, in_place: bool) -> None:
    if in_place:
        check_in_place(layout)
    elif out is not None:
        check_out(out, sources, layout)
