"""Applying a list to shards in an object store: only shards with a listed row are fetched and written.

1. Scan each shard where it lies, reading the few columns that the list speaks about.
2. A shard with a listed row is fetched to a working folder, and dealt with there as any other copy is: the
   rules, the ledger and the checks are the same.
3. Put its files back, the tar before its sidecar, each as one object: over the old ones in place, or to
   another address, which then holds only what changed.

Killed at any moment, every object is old or new, and the same command again finishes the work: what is in
place has no listed row any more, and a journal tells what was put elsewhere. Tars of shards without a listed
row are not opened: their sidecars are trusted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from takedown import apply as local
from takedown import disk
from takedown.apply.listed import Listing
from takedown.apply.originals import check_ledger_place
from takedown.apply.outcome import Counts, Failure, Outcome, no_kinds
from takedown.apply.remote_finish import REPLACING, begin, finish, folder_of, name_of, working
from takedown.apply.scan import Removals
from takedown.apply.terms import Terms
from takedown.dataset.remote import RemoteShard, Store, look
from takedown.errors import BadDataset, TakedownError, UsageError
from takedown.keys import PUBLISHED_KINDS

#: Shards that are dealt with at a time: while one is fetched, another is scanned.
AT_ONCE = 4

Progress = Callable[[int, int], None]


def is_remote(place: object) -> bool:
    """Whether this is the address of a store, and no path."""
    return "://" in str(place)


@dataclass(frozen=True)
class RemoteRun:
    """What is done with every shard.

    Attributes:
        listing: the verified list.
        work: folder on this disk for shards on their way; the ledger knows them by their places there.
        out: where results go; None in place, and when planning.
        planning: nothing is fetched or written.
        ledger: folder for rows that are kept aside.
        terms: the list and the rules.
    """

    listing: Listing
    work: Path
    out: Store | None
    planning: bool
    ledger: Path | None
    terms: Terms

    def one(self, shard: RemoteShard) -> Counts:
        """Deal with one shard. Raises TakedownError, OSError."""
        if not self.planning and self.out is None:
            finish(shard, self._folder(shard) / REPLACING)
        version = shard.version()
        if (known := self._journal(shard, version)) is not None:
            return known
        counts, after = self._scan(shard), version
        if counts is None or (any(counts.removed_by_kind.values()) and not self.planning):
            counts, after = self._rewrite(shard, version)
        elif shard.version() != version:
            raise _changed(shard)
        if not self.planning:
            self._note(shard, counts, after)
        return counts

    def _scan(self, shard: RemoteShard) -> Counts | None:
        """None where the rows can only be had by fetching all of it."""
        if shard.table is None:
            return None
        scanner = self.terms.scanner
        removals = scanner.scan(shard, lambda rows: None)  # type: ignore[arg-type]
        read = shard.scan_bytes(scanner.columns)
        gone, size = len(removals.rows), shard.size()
        return Counts(
            rows_in=removals.rows_in,
            removed_by_kind=removals.by_kind,
            quarantined_by_kind=self._kept_aside(removals),
            null_urls=removals.null_urls,
            uncheckable=removals.uncheckable,
            bytes_read=read + (size if gone else 0),
            bytes_written=size * (removals.rows_in - gone) // removals.rows_in if gone else 0,
        )

    def _kept_aside(self, removals: Removals) -> dict[str, int]:
        aside = removals.kinds[self.terms.kept_aside(removals.kinds)]
        counts = np.bincount(aside, minlength=len(PUBLISHED_KINDS)).tolist()
        return dict(zip(PUBLISHED_KINDS, counts, strict=True))

    def _rewrite(self, shard: RemoteShard, version: list[str]) -> tuple[Counts, list[str]]:
        """What it gave, and the version of the source for which that is so."""
        after = version
        with working(self.work, self._place(shard)) as (source, result):
            main = shard.fetch(source)
            done = self._locally(main, result)
            if done.errors:
                failure = done.errors[0]
                raise BadDataset(failure.message.replace(str(main), shard.address), slug=failure.error)
            if shard.version() != version:
                raise _changed(shard)
            counts = _counts(done, read=done.bytes_read + shard.size(), written=0)
            if done.removed and not self.planning:
                counts = replace(counts, bytes_written=self._put(shard, source, result, version))
                after = version if self.out else shard.version()
        return counts, after

    def _locally(self, main: Path, result: Path) -> Outcome:
        if self.planning:
            return local.plan(self.listing, [main], workers=1)
        if self.out is None:
            return local.apply(self.listing, [main], in_place=True, ledger=self.ledger, workers=1)
        return local.apply(self.listing, [main], result, ledger=self.ledger, workers=1)

    def _target(self, shard: RemoteShard) -> str:
        return shard.address if self.out is None else f"{self.out.address}/{shard.name}"

    def _place(self, shard: RemoteShard) -> str:
        """What names the working folder; a plan must not meet what an interrupted run left."""
        return f"plan of {shard.address}" if self.planning else self._target(shard)

    def _folder(self, shard: RemoteShard) -> Path:
        return folder_of(self.work, self._place(shard))

    def _put(self, shard: RemoteShard, source: Path, result: Path, version: list[str]) -> int:
        """Put what was made there; its bytes."""
        names = [PurePosixPath(name).name for name in shard.names]
        if self.out is not None:
            files = zip(names, shard.names, strict=True)
            return sum(self.out.put(result / file, name) for file, name in files)
        note = self._folder(shard) / REPLACING
        begin(note, source, version)
        finish(shard, note)
        return sum((source / name).stat().st_size for name in names)

    def _journal(self, shard: RemoteShard, version: list[str]) -> Counts | None:
        """What an earlier run with this very list noted of this very shard."""
        try:
            line = json.loads(self._line(shard).read_bytes())
            if line["key"] == self._key() and line["version"] == version and not self.planning:
                return Counts(**line["counts"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return None

    def _note(self, shard: RemoteShard, counts: Counts, version: list[str]) -> None:
        line = {"key": self._key(), "version": version, "counts": counts.to_json()}
        disk.write(self._line(shard), json.dumps(line).encode(), mode=0o600)

    def _line(self, shard: RemoteShard) -> Path:
        return self.work / "done" / f"{name_of(self._target(shard))}.json"

    def _key(self) -> str:
        return f"{self.terms.key} {self.out.address if self.out else ''}"


def run(
    listing: Listing,
    addresses: Sequence[str],
    *,
    work: Path,
    out: str | None = None,
    planning: bool = False,
    ledger: Path | None = None,
    progress: Progress | None = None,
) -> Outcome:
    """Plan for or apply a list to shards in stores.

    Args:
        listing: the verified list.
        addresses: of shards or folders of them.
        work: folder on this disk for what is under way; the same for every run with the same ledger.
        out: another address for the results; None to replace them in place.
        planning: only count.
        ledger: folder for rows that are kept aside.
        progress: told about shards as they are done.

    Raises:
        UsageError, MissingExtra: an address makes no sense; ``ledger-needed``.
    """
    if not all(map(is_remote, addresses)):
        raise UsageError(
            "Addresses of a store and paths on this disk cannot be dealt with in one run; name them apart.",
            slug="sources-mixed",
        )
    store = Store.of(out) if out else None
    outcome = Outcome.of(listing, [])
    shards = list(shards_at(addresses, outcome))
    _refuse_same(shards, store)
    terms = Terms.of(listing, out=Path() if store else None, ledger=ledger, planning=planning)
    if terms.ledger is not None:
        check_ledger_place(terms.ledger)
    work.mkdir(parents=True, exist_ok=True, mode=0o700)
    every = RemoteRun(listing, work, store, planning, ledger, terms)
    with disk.locked(work / ".lock"), ThreadPoolExecutor(AT_ONCE) as pool:
        for number, found in enumerate(pool.map(lambda shard: _safe(every, shard), shards)):
            if isinstance(found, Failure):
                outcome.errors.append(found)
            else:
                outcome.add(found)
            if progress:
                progress(number + 1, len(shards))
    return outcome


def shards_at(addresses: Sequence[str], outcome: Outcome) -> Iterator[RemoteShard]:
    """Every shard once; what cannot be listed is an error of the outcome."""
    seen: set[str] = set()
    for address in addresses:
        try:
            found, unread = look(address)
        except BadDataset as error:
            outcome.errors.append(Failure.of(address, error))
            continue
        outcome.errors += [Failure.of(address, error) for error in unread]
        yield from (shard for shard in found if shard.address not in seen)
        seen.update(shard.address for shard in found)


def _refuse_same(shards: Sequence[RemoteShard], out: Store | None) -> None:
    """Raises UsageError where the result would go over, or among, the sources, or two would meet."""
    if out is None:
        return
    there = PurePosixPath(out.real)
    if any(shard.store.kind == out.kind and there.is_relative_to(shard.store.real) for shard in shards):
        raise UsageError(
            "The result would go where the sources are; give another address with --out, or say --in-place.",
            slug="out-is-source",
        )
    originals = {(shard.store.kind, f"{shard.store.real}/{name}") for shard in shards for name in shard.names}
    targets = [(out.kind, f"{out.real}/{name}") for shard in shards for name in shard.names]
    if len(set(targets)) != len(targets) or not originals.isdisjoint(targets):
        raise UsageError(
            "Two sources would go to the same place in the result, or one over another; apply them one by "
            "one, each to an address of its own.",
            slug="out-ambiguous",
        )


def _changed(shard: RemoteShard) -> BadDataset:
    return BadDataset(
        f"{shard.address} changed while it was dealt with; run the command again.", slug="dataset-changed"
    )


def _safe(every: RemoteRun, shard: RemoteShard) -> Counts | Failure:
    try:
        return every.one(shard)
    except (TakedownError, OSError) as error:
        return failure_of(shard, error)


def failure_of(shard: RemoteShard, error: TakedownError | OSError) -> Failure:
    if isinstance(error, TakedownError):
        return Failure.of(shard.address, error)
    sentence = f"{shard.address} could not be read or written ({error}); run the same command again."
    return Failure.of(shard.address, BadDataset(sentence, slug="io-error"))


def _counts(done: Outcome, *, read: int, written: int) -> Counts:
    return Counts(
        rows_in=done.rows_in,
        removed_by_kind=no_kinds() | done.removed_by_kind,
        quarantined_by_kind=no_kinds() | done.quarantined_by_kind,
        null_urls=done.null_urls,
        uncheckable=done.uncheckable,
        bytes_read=read,
        bytes_written=written,
    )
