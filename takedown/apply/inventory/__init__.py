"""The inventory of a copy: the keys of its rows, taken once, so that a later list opens only what it names.

    inventory/
      inventory.json       the shards: where they lie, their sizes and times, and what was counted in them
      000017-3f2a....keys  the keys of one shard (taking.py)

1. ``build`` reads every shard once, one process a core; a shard that has not changed since is not read again.
2. ``Inventory.none`` says of a shard that no entry names a row of it, which is certain, or that one may.
3. A shard that the inventory does not know, or that changed, may always hold a listed row.

The keys of all kinds together take at most 16 bytes a row. They are of use to nobody who does not know the
addresses already; keep them where the copy is all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from takedown import disk, farm
from takedown.apply.inventory.taking import ShardKeys, is_true, read
from takedown.apply.layout import lay_out
from takedown.apply.outcome import Failure
from takedown.apply.scan import Removals
from takedown.blocklist import canonical
from takedown.blocklist.table import Table
from takedown.dataset import Shard, identity
from takedown.errors import BadDataset, TakedownError, UsageError
from takedown.keys import PUBLISHED_KINDS

FORMAT = 2
INDEX = "inventory.json"
LOCK = ".lock"

#: Most bytes of the keys of one row, all kinds together.
MOST_BYTES_A_ROW = 16

#: A killed run loses at most what was read in so many seconds.
_SECONDS_BETWEEN = 5

_MODULE = "takedown.apply.inventory.worker"
_FIELDS = tuple(ShardKeys.__dataclass_fields__)

#: Called with (rows done, rows in all).
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Built:
    """What an inventory holds now.

    Attributes:
        shards, rows: in it.
        read: shards that were read for it this time.
        bytes: of the keys.
        failures: what could not be read; such shards are always opened later on.
    """

    shards: int
    rows: int
    read: int
    bytes: int
    failures: tuple[Failure, ...]


class Inventory:
    """An inventory that was opened; reads the keys of a shard when asked about it.

    Args:
        folder: of the inventory.
        shards: by where they lie.
    """

    def __init__(self, folder: Path, shards: Mapping[str, ShardKeys]) -> None:
        self.folder = folder
        self.shards = shards

    @classmethod
    def open(cls, folder: Path) -> Inventory:
        """Raises UsageError when the folder is no inventory, BadDataset when it is damaged."""
        if not (folder / INDEX).is_file():
            raise UsageError(
                f"{folder} is not an inventory; make one with 'takedown inventory SOURCE --out {folder}'.",
                slug="inventory-missing",
            )
        return cls(folder, _read(folder))

    def none(self, shard: Shard, tables: Sequence[Table]) -> Removals | None:
        """What a scan would give where it is certain that no entry names a row; else None.

        Args:
            shard: of the copy.
            tables: the list, a table for each kind that it has entries of.

        Raises:
            BadDataset: the keys of the shard are damaged.
        """
        known = self.shards.get(identity(shard.path))
        if known is None or not is_true(known, shard):
            return None
        if any(not _complete(known, table.kind) for table in tables) or self._named(known, tables):
            return None
        reasons: dict[str, int] = {}
        for table in tables:
            reasons |= known.unknown[table.kind]
        return Removals(
            np.empty(0, np.int64),
            known.rows,
            known.null_urls,
            by_kind=dict.fromkeys(PUBLISHED_KINDS, 0),
            uncheckable=dict(sorted(reasons.items())),
        )

    def _named(self, known: ShardKeys, tables: Sequence[Table]) -> bool:
        asked = {table.kind: table for table in tables}
        for kind, keys in read(self.folder, known):
            if kind in asked and keys.any_of(asked[kind].heads, asked[kind].bits):
                return True
        return False


def build(
    folder: Path,
    sources: Sequence[str | Path],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Built:
    """Make an inventory, or bring one up to date.

    Args:
        folder: of the inventory; made when absent.
        sources: files and folders of the copy. Shards of other sources stay in the inventory.
        workers: most processes; one a core when None.
        progress: told about rows as they are read.

    Raises:
        UsageError: no source, or the folder cannot be written.
        BadDataset: the folder holds a damaged inventory; delete it and begin again.
    """
    layout = lay_out(sources)
    _make(folder)
    with disk.locked(folder / LOCK):
        kept = _read(folder) if (folder / INDEX).is_file() else {}
        shards = {identity(job.shard.path): job.shard for job in layout.jobs}
        todo = [place for place, shard in shards.items() if _stale(kept.get(place), shard)]
        failures = list(layout.failures)
        ticker = _Ticker([shards[place] for place in todo], progress)
        tasks = [{"path": str(shards[place].path), "folder": str(folder)} for place in todo]
        saved = time.monotonic()
        results = farm.run(_MODULE, tasks, workers or farm.default_workers(), ticker)
        with closing(results):
            for number, result in results:
                place = todo[number]
                if isinstance(result, TakedownError):
                    failures.append(Failure.of(shards[place].path, result))
                    kept.pop(place, None)
                else:
                    kept[place] = ShardKeys(**result)
                    if time.monotonic() - saved > _SECONDS_BETWEEN:
                        _save(folder, kept)
                        saved = time.monotonic()
        kept = {place: found for place, found in kept.items() if Path(place).exists()}
        _save(folder, kept)
        _tidy(folder, kept)
    size = sum(found.bytes for found in kept.values())
    return Built(len(kept), sum(found.rows for found in kept.values()), len(todo), size, tuple(failures))


def _stale(known: ShardKeys | None, shard: Shard) -> bool:
    return known is None or not is_true(known, shard)


def _complete(known: ShardKeys, kind: str) -> bool:
    return kind in known.unknown


class _Ticker:
    def __init__(self, shards: Sequence[Shard], progress: Progress | None) -> None:
        self._progress, self._done = progress, 0
        self._total = sum(shard.known_rows or 0 for shard in shards)

    def __call__(self, rows: int) -> None:
        self._done += rows
        if self._progress:
            self._progress(self._done, max(self._total, self._done))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be made ({error.strerror}); give another folder with --out.",
            slug="out-not-writable",
        ) from error


def _read(folder: Path) -> dict[str, ShardKeys]:
    try:
        value = canonical.from_bytes((folder / INDEX).read_bytes(), "inventory")
        fields = canonical.Fields(value, ("format", "shards"), "inventory")
        if fields.count("format") != FORMAT or not isinstance(shards := fields.raw("shards"), dict):
            fields.fail("is of another version")
        return {place: _shard(found) for place, found in shards.items()}
    except (TakedownError, OSError, TypeError) as error:
        raise BadDataset(
            f"The inventory in {folder} is damaged; delete the folder and make it again.",
            slug="inventory-damaged",
        ) from error


def _shard(value: object) -> ShardKeys:
    fields = canonical.Fields(value, _FIELDS, "inventory")
    return ShardKeys(**{name: fields.raw(name) for name in _FIELDS})  # type: ignore[arg-type]


def _save(folder: Path, shards: Mapping[str, ShardKeys]) -> None:
    value = {"format": FORMAT, "shards": {place: asdict(found) for place, found in shards.items()}}
    disk.write(folder / INDEX, canonical.to_bytes(value), mode=0o600)


def _tidy(folder: Path, shards: Mapping[str, ShardKeys]) -> None:
    """Remove keys that nothing refers to any more."""
    needed = {found.file for found in shards.values()}
    for file in folder.glob("*.keys"):
        if file.name not in needed:
            file.unlink(missing_ok=True)
