"""Putting rows back into shards in an object store.

1. Only shards of which the ledger keeps rows are fetched, to the place that the ledger knows them by.
2. A note is left there before anything changes: from then on that folder may be the only place that has the
   rows, so it is not cleared before it was put back, however often that fails.
3. Restore as on this disk, and put the files back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from takedown import apply as local
from takedown import disk
from takedown.apply.ledger import Ledger
from takedown.apply.listed import Listing
from takedown.apply.outcome import Outcome
from takedown.apply.remote import failure_of, shards_at
from takedown.apply.remote_finish import PENDING, REPLACING, begin, finish, working
from takedown.apply.restore import Restored
from takedown.dataset.remote import RemoteShard
from takedown.errors import TakedownError


def restore(
    listing: Listing,
    addresses: Sequence[str],
    *,
    work: Path,
    ledger: Path,
    progress: Callable[[int, int], None] | None = None,
) -> Restored:
    """Put back, in a store, the rows kept aside that the list no longer names.

    Args:
        listing, work, ledger, progress: as for ``remote.run``.
        addresses: of shards or folders of them, where ``remote.run`` put them.

    Raises:
        UsageError, MissingExtra: an address makes no sense.
    """
    restored = Restored(listing.edition, listing.seq, listing.state_sha256)
    outcome = Outcome.of(listing, [])
    shards = list(shards_at(addresses, outcome))
    restored.errors += outcome.errors
    work.mkdir(parents=True, exist_ok=True, mode=0o700)
    with disk.locked(work / ".lock"):
        for number, shard in enumerate(shards):
            try:
                _one(listing, shard, work, ledger, restored)
            except (TakedownError, OSError) as error:
                restored.errors.append(failure_of(shard, error))
            if progress:
                progress(number + 1, len(shards))
    return restored


def _one(listing: Listing, shard: RemoteShard, work: Path, ledger: Path, restored: Restored) -> None:
    with working(work, shard.address, unfinished=True) as places:
        note = places[0].parent / PENDING
        finish(shard, places[0].parent / REPLACING)
        finish(shard, note)
        for folder in places:
            if not any(True for _ in Ledger(ledger).all([folder])):
                continue
            version = shard.version()
            main = shard.fetch(folder)
            begin(note, folder, version)
            done = local.restore(listing, [main], ledger=ledger)
            finish(shard, note)
            restored.files += done.files
            restored.rows_restored += done.rows_restored
            restored.rows_kept += done.rows_kept
            restored.errors += done.errors
