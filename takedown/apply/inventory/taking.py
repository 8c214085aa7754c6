"""Taking the keys of one shard, and reading them back.

A file of keys is a row of blocks, one for each kind of each million rows or so:

    place of the kind in PUBLISHED_KINDS (1 byte), length (8 bytes, little-endian), keys (keys.py)
"""

from __future__ import annotations

import hashlib
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from takedown import disk
from takedown.apply import marks
from takedown.apply.digests import COLUMNS_OF_KIND, compared
from takedown.apply.inventory.keys import Heads, Keys
from takedown.dataset import RowBatch, Shard, identity
from takedown.errors import BadDataset
from takedown.keys import PUBLISHED_KINDS

#: Rows whose keys are sorted at a time.
BLOCK_ROWS = 1 << 20

_HEADER = struct.Struct("<BQ")
_COLUMNS = tuple(dict.fromkeys(name for names in COLUMNS_OF_KIND.values() for name in names))


@dataclass(frozen=True)
class ShardKeys:
    """What an inventory knows of one shard.

    Attributes:
        versions: of each of its files (marks.py).
        touched: likewise, for those whose times were set back.
        stamp: of the shard, for those that only got or lost a name.
        rows, null_urls: counted.
        unknown: kind -> reason -> rows that have no key of this kind; every kind that was taken is there.
        file: name of the file of keys.
        bytes, sha256: of that file.
    """

    versions: list[marks.Version | None]
    touched: list[list[int]]
    stamp: str
    rows: int
    null_urls: int
    unknown: dict[str, dict[str, int]]
    file: str
    bytes: int
    sha256: str


@dataclass
class _Taking:
    """Keys as they come in."""

    heads: dict[str, list[Heads]] = field(default_factory=dict)
    unknown: dict[str, Counter[str]] = field(default_factory=dict)
    rows: int = 0
    waiting: int = 0
    null_urls: int = 0

    def add(self, batch: RowBatch) -> None:
        self.rows += batch.num_rows
        self.waiting += batch.num_rows
        self.null_urls += batch.num_rows if batch.url_bytes is None else batch.url_bytes.null_count
        for kind in PUBLISHED_KINDS:
            unknown = self.unknown.setdefault(kind, Counter())
            found = compared(kind, batch)
            if isinstance(found, str):
                unknown[found] += batch.num_rows
                continue
            heads = found.heads if found.known is None else found.heads[found.known]
            self.heads.setdefault(kind, []).append(heads)
            if missing := batch.num_rows - len(heads):
                unknown[found.reason] += missing

    def blocks(self) -> Iterator[bytes]:
        """What waits, as blocks; nothing waits any more."""
        for place, kind in enumerate(PUBLISHED_KINDS):
            if found := self.heads.pop(kind, []):
                data = Keys.of(np.concatenate(found)).to_bytes()
                yield _HEADER.pack(place, len(data)) + data
        self.waiting = 0


def take(shard: Shard, folder: Path, tell: Callable[[int], None]) -> ShardKeys:
    """Read a shard and write its keys into the folder of an inventory.

    Args:
        shard: what is read.
        folder: of the inventory.
        tell: called with rows as they are read.

    Raises:
        BadDataset: the shard is damaged, or changed while it was read.
    """
    versions, touched, stamp = marks.versions(shard.files()), marks.touched(shard.files()), shard.stamp()
    shard.verify()
    taking = _Taking()
    name = hashlib.sha256(identity(shard.path).encode("utf-8", "surrogateescape")).hexdigest()[:24]
    target = folder / f"{name}.keys"
    part = disk.part_of(target)
    with open(part, "wb") as out:
        for batch in shard.rows(columns=_COLUMNS):
            taking.add(batch)
            if taking.waiting >= BLOCK_ROWS:
                out.writelines(taking.blocks())
            tell(batch.num_rows)
        out.writelines(taking.blocks())
        out.flush()
        disk.sync_file(out.fileno())
    disk.rename(part, target)
    unknown = {kind: dict(sorted(reasons.items())) for kind, reasons in taking.unknown.items()}
    if marks.versions(shard.files()) != versions:
        raise BadDataset(
            f"{shard.path} changed while it was read; run the command again.", slug="dataset-changed"
        )
    return ShardKeys(
        versions,
        touched,
        stamp.digest,
        taking.rows,
        taking.null_urls,
        unknown,
        target.name,
        target.stat().st_size,
        disk.sha256_file(target),
    )


def is_true(known: ShardKeys, shard: Shard) -> bool:
    """Whether the shard is still the one whose keys these are. Raises OSError, BadDataset."""
    files = shard.files()
    if known.versions != marks.versions(files):
        return False
    now = marks.touched(files)
    if now == known.touched:
        return True
    # Somebody changed it and set its time back, unless it was given another name or lost one.
    same = all(a == b or a[1] != b[1] for a, b in zip(now, known.touched, strict=True))
    return same and shard.stamp().digest == known.stamp


def read(folder: Path, known: ShardKeys) -> Iterator[tuple[str, Keys]]:
    """(kind, keys) of each block.

    Raises:
        BadDataset: the file is not as it was written.
    """
    path = folder / known.file
    try:
        data = path.read_bytes()
        if len(data) != known.bytes or hashlib.sha256(data).hexdigest() != known.sha256:
            raise ValueError("altered")
        yield from _blocks(memoryview(data))
    except (OSError, ValueError, IndexError, struct.error) as error:
        raise BadDataset(
            f"The inventory file {path} is damaged or missing; run 'takedown inventory' again.",
            slug="inventory-damaged",
        ) from error


def _blocks(data: memoryview) -> Iterator[tuple[str, Keys]]:
    at = 0
    while at < len(data):
        place, length = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        yield PUBLISHED_KINDS[place], Keys.from_bytes(bytes(data[at : at + length]))
        at += length
