"""Putting rows back that a newer list no longer names.

1. Find what the ledger keeps of the shards asked about, and hold the rows aside against the list.
2. A row goes back when the list is at least as new as the one that removed it, is the same edition, and names
   it by no kind. All others stay aside.
3. Write the shard with those rows at their old places, and the ledger without them; rename as `apply` does.

Nothing is put back for want of a list: without a verified one this never begins.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from takedown.apply import marks, quarantine
from takedown.apply.deal import like
from takedown.apply.generation import Generation
from takedown.apply.ledger import Ledger, not_fitting
from takedown.apply.listed import Listing
from takedown.apply.outcome import Failure
from takedown.apply.quarantine import Kept
from takedown.apply.result import LOCK, alone, holding
from takedown.apply.scan import Scanner
from takedown.dataset import Shard, open_source
from takedown.dataset.atomic import Pending
from takedown.errors import BadDataset, TakedownError, UsageError


@dataclass
class Restored:
    """What a restore did.

    Attributes:
        edition, seq, state_sha256: the list that the rows were held against.
        files: shards that got rows back.
        rows_restored, rows_kept: rows put back, and those that stay aside.
        errors: shards that failed; their rows stay aside.
    """

    edition: str
    seq: int
    state_sha256: str
    files: int = 0
    rows_restored: int = 0
    rows_kept: int = 0
    errors: list[Failure] = field(default_factory=list)


def restore(
    listing: Listing,
    sources: Sequence[str | Path] = (),
    *,
    out: Path | None = None,
    ledger: Path,
    progress: Callable[[int, int], None] | None = None,
    waiting: Callable[[], None] | None = None,
) -> Restored:
    """Put back the rows kept aside that the list no longer names.

    Args:
        listing: the verified list.
        sources: files and folders to which `apply` was done in place.
        out: a folder that `apply` wrote.
        ledger: where the rows are kept.
        progress: told about rows kept aside as they are held against the list.
        waiting: called when another run is at work there, before waiting for its end.

    Raises:
        UsageError: neither sources nor `out`, or no such folder.
        VerificationFailed: the list on this disk was altered.
    """
    roots = [Path(os.path.abspath(source)) for source in (*sources, *([out] if out else []))]
    if not roots:
        raise UsageError(
            "Name what to restore: the folder of --out, or the files that were changed in place."
        )
    _need(roots)
    restored = Restored(listing.edition, listing.seq, listing.state_sha256)
    if not ledger.is_dir():
        return restored
    scanner = Scanner(listing)
    with ExitStack() as held:
        held.enter_context(alone(ledger, waiting))
        if out is not None and (out / LOCK).exists():
            held.enter_context(alone(out, waiting))
        found = list(Ledger(ledger).all(roots))
        for number, (path, kept) in enumerate(found):
            try:
                if isinstance(kept, BadDataset):
                    raise kept
                with holding(path):
                    if not kept.is_true():  # another run has replaced it just now
                        raise not_fitting(path)
                    _one(Ledger(ledger), kept, listing, scanner, restored)
            except (TakedownError, OSError) as error:
                known = error if isinstance(error, TakedownError) else _io_error(path, error)
                restored.errors.append(Failure.of(path, known))
            if progress:
                progress(number + 1, len(found))
    return restored


def _need(roots: Sequence[Path]) -> None:
    for root in roots:
        if not root.exists():
            raise UsageError(f"{root} does not exist; check the path.", slug="dataset-not-found")


def _one(
    ledger: Ledger, generation: Generation, listing: Listing, scanner: Scanner, restored: Restored
) -> None:
    kept = quarantine.read(generation)
    if kept.shard is None:
        return
    back = _free(kept, listing, scanner)
    if back.any():
        _put_back(ledger, generation, kept, kept.shard, back)
        restored.files += 1
    restored.rows_restored += int(back.sum())
    restored.rows_kept += int((~back).sum())


def _free(kept: Kept, listing: Listing, scanner: Scanner) -> NDArray[np.bool_]:
    """Step 2: which rows go back."""
    assert kept.shard is not None  # noqa: S101 - the caller has looked: for the type checker
    named = scanner.scan(kept.shard, lambda _: None)
    ours = np.asarray(kept.rows["edition"].to_numpy(zero_copy_only=False) == listing.edition, dtype=bool)
    free = ours & (kept.rows["seq"].to_numpy() <= listing.seq)
    free[named.rows] = False
    return np.asarray(free, dtype=bool)


def _put_back(
    ledger: Ledger, generation: Generation, kept: Kept, aside: Shard, back: NDArray[np.bool_]
) -> None:
    """Step 3."""
    shard = open_source(generation.path).shards[0]
    before = marks.versions(shard.main_files())
    targets = [generation.path.parent / file.name for file in shard.main_files()]
    part = ledger.begin(generation.path)
    chosen, stay = np.flatnonzero(back), np.flatnonzero(~back)
    going = quarantine.without(aside, stay, part / "going") if len(stay) else aside
    if len(stay):
        quarantine.without(aside, chosen, part / "aside")
    places = kept.places[chosen] - np.searchsorted(kept.places[stay], kept.places[chosen])
    with Pending() as pending:
        shard.put_back(going, places, generation.path.parent, pending)
        for target in targets:
            like(target)
        quarantine.drop(part / "going")
        left = kept.rows.take(pa.array(stay))
        new = ledger.commit(part, targets, pending.after, left, generation.origin)
        if marks.versions(shard.main_files()) != before:
            raise not_fitting(generation.path)
        pending.place()
    ledger.settle(generation.path, new, generation.origin)


def _io_error(path: Path, error: OSError) -> BadDataset:
    return BadDataset(
        f"Rows could not be put back into {path} ({error.strerror or error}); see to it and run the same "
        "command again.",
        slug="io-error",
    )
