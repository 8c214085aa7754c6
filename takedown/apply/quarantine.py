"""Keeping removed rows of a shard aside, through any number of removals.

1. Number the removed rows by their places among the rows in the shard and those aside already.
2. Rows that go for good leave the numbering: the places behind them move down.
3. Write the new rows, and bring them together with those aside, in the order of their places.
4. Commit that as a generation of the ledger, before the shard is replaced.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from takedown.apply import marks
from takedown.apply.generation import SCHEMA, Generation, damaged
from takedown.apply.layout import Job
from takedown.apply.ledger import Ledger
from takedown.apply.scan import Removals
from takedown.apply.terms import MD5, Terms
from takedown.dataset import Shard, open_source
from takedown.dataset.atomic import Pending
from takedown.errors import BadDataset
from takedown.keys import PUBLISHED_KINDS

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Kept:
    """Rows aside: where they are, and what is noted of each."""

    shard: Shard | None
    rows: pa.Table

    @property
    def places(self) -> Rows:
        """Of each row, ascending."""
        return np.asarray(self.rows["place"].to_numpy(), dtype=np.int64)


def read(generation: Generation | None) -> Kept:
    """What a generation holds. Raises BadDataset."""
    if generation is None:
        return Kept(None, SCHEMA.empty_table())
    kept = Kept(generation.aside(), generation.rows())
    if (kept.shard.num_rows if kept.shard else 0) != kept.rows.num_rows or (np.diff(kept.places) <= 0).any():
        raise damaged(generation.folder)
    return kept


def aside_before(terms: Terms, job: Job) -> Generation | None:
    """What the ledger keeps of a source that is replaced, after mending what a kill left of it.

    Rows of another file of its name are retired. Raises BadDataset.
    """
    if terms.ledger is None or not terms.in_place:
        return None
    return _before(Ledger(terms.ledger), terms.targets(job)[0])


def keep_aside(
    terms: Terms,
    job: Job,
    removals: Removals,
    after: Mapping[Path, Path | None],
    before: Generation | None,
) -> Generation | None:
    """Write the generation that fits the shard as it is about to be.

    Args:
        after: where those of its files wait that change (`Pending.after`).
        before: what `aside_before` found.

    Returns:
        It, or None where there is nothing to note. Raises BadDataset, OSError.
    """
    if terms.ledger is None:
        return None
    ledger, targets = Ledger(terms.ledger), terms.targets(job)
    old = read(before)
    purged = _purged(terms, old)
    if not _needed(terms, removals, before, purged, targets):
        return None
    part = ledger.begin(targets[0])
    rows = _write(terms, job, removals, old, purged, part)
    origin = _origin(before) if terms.in_place else marks_of(job)
    return ledger.commit(part, targets, after, rows, origin)


def _needed(
    terms: Terms,
    removals: Removals,
    before: Generation | None,
    purged: NDArray[np.bool_],
    targets: Sequence[Path],
) -> bool:
    """Whether anything changes that a later restore, or a run after a kill, has to know."""
    if purged.any() or terms.kept_aside(removals.kinds).any():
        return True
    # In place, several files are replaced one after the other: noted, so that a kill in between is mended.
    return terms.in_place and len(removals.rows) > 0 and (before is not None or len(targets) > 1)


def marks_of(job: Job) -> list[marks.Mark | None]:
    """What tells the source of a result again."""
    return [marks.mark(file) for file in job.shard.main_files()]


def _before(ledger: Ledger, path: Path) -> Generation | None:
    try:
        return ledger.find(path)
    except BadDataset as error:
        if error.slug != "ledger-not-fitting":
            raise
        ledger.retire(path)
        return None


def _origin(before: Generation | None) -> list[marks.Mark | None]:
    return before.origin if before is not None else []


def _write(
    terms: Terms, job: Job, removals: Removals, old: Kept, purged: NDArray[np.bool_], part: Path
) -> pa.Table:
    """Steps 1 to 3: the rows as a shard in `part`, and what is noted of each."""
    aside = terms.kept_aside(removals.kinds)
    places = numbered(removals.rows, old.places)
    gone = np.sort(np.concatenate([places[~aside], old.places[purged]]))
    stays = np.flatnonzero(~purged)
    table = pa.concat_tables([old.rows.take(stays), _noted(terms, removals.kinds[aside], places[aside])])
    order = np.argsort(table["place"].to_numpy())
    table = table.take(order)
    _files(job.shard, removals.rows[aside], old, purged, np.argsort(order)[len(stays) :], part)
    merged = table["place"].to_numpy()
    shifted = pa.array(merged - np.searchsorted(gone, merged), pa.int64())
    return table.set_column(0, SCHEMA.field("place"), shifted)


def numbered(rows: Rows, aside: Rows) -> Rows:
    """Numbers in a shard -> places among its rows and those aside at these places."""
    return np.asarray(rows + np.searchsorted(aside - np.arange(len(aside)), rows, side="right"), np.int64)


def _purged(terms: Terms, old: Kept) -> NDArray[np.bool_]:
    """Which rows aside the list now wants gone for good."""
    gone = np.zeros(old.rows.num_rows, dtype=bool)
    if terms.purge and old.shard is not None:
        named = terms.scanner.scan(old.shard, lambda _: None)
        gone[named.rows[named.kinds != MD5]] = True
    return gone


def _noted(terms: Terms, kinds: NDArray[np.uint8], places: Rows) -> pa.Table:
    names = pa.array(PUBLISHED_KINDS).take(pa.array(kinds))
    editions = pa.array([terms.edition] * len(places), pa.string())
    seqs = pa.array(np.full(len(places), terms.seq), pa.int64())
    return pa.table([pa.array(places, pa.int64()), names, editions, seqs], schema=SCHEMA)


def _files(shard: Shard, new: Rows, old: Kept, purged: NDArray[np.bool_], between: Rows, part: Path) -> None:
    """Write to `part` the rows numbered `new`, at the numbers `between` among those aside that stay."""
    final, first, second = part / "aside", part / "old", part / "new"
    older = None if purged.all() else old.shard
    if older is not None and purged.any():
        older = without(older, np.flatnonzero(purged), first if len(new) else final)
    elif older is not None and not len(new):
        _copied(older, final)
    if len(new):
        with Pending() as pending:
            shard.set_aside(new, final if older is None else second, pending)
            pending.place()
    if len(new) and older is not None:
        newer = open_source(second / shard.path.name).shards[0]
        with Pending() as pending:
            older.put_back(newer, between, final, pending)
            pending.place()
    drop(first)
    drop(second)


def without(shard: Shard, rows: Rows, folder: Path) -> Shard:
    """The shard without some rows, in this folder."""
    with Pending() as pending:
        shard.rewrite(rows, folder, pending)
        pending.place()
    return open_source(folder / shard.path.name).shards[0]


def drop(folder: Path) -> None:
    """Delete a folder that was only needed on the way."""
    shutil.rmtree(folder, ignore_errors=True)


def _copied(shard: Shard, folder: Path) -> None:
    with Pending() as pending:
        for file, name in zip(shard.files(), shard.relative_files(), strict=True):
            pending.link_or_copy(file, folder / name)
        pending.place()
