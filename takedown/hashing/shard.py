"""One shard -> one fingerprint table.

1. the shard's stamp; a table of that stamp by the same rules is done already;
2. its rows: the exact address becomes its SHA-256, digests of the file as downloaded are taken as they are;
3. its pictures, in sandboxes;
4. the stamp again, for a shard that changed meanwhile gives no table;
5. the table, by one rename: a line for every row that has a picture or a digest, in the order of the rows.

sha256 and md5 are those of the file behind the address. An img2dataset tar holds re-encoded pictures, whose
own digests nobody else knows: there the sidecar's count, or none. In a folder of pictures the files are the
rows, and their own count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from takedown.dataset import RowBatch, Shard
from takedown.dataset.fingerprints import MIN_QUALITY, SCHEMA, finished, write_fingerprints
from takedown.errors import BadDataset, UsageError
from takedown.hashing.pictures import Picture, PictureReader, may_be_padded, sizes_of

#: Told how many pictures more are done.
Tell = Callable[[int], None]
Counts = dict[str, int]
Cell = bytes | None

_FROM_ROWS = ("url", "sha256", "md5", "width", "height")


def hash_shard(shard: Shard, table: Path, reader: PictureReader, tell: Tell) -> tuple[Counts, bool]:
    """Make the table of one shard.

    Args:
        shard: with pictures.
        table: where it goes.
        reader: fingerprints the pictures.
        tell: called with pictures as they are done.

    Returns:
        What was counted, and whether the table was there already.

    Raises:
        BadDataset: the shard is damaged or changed while it was read.
        UsageError: the table cannot be written.
        MissingExtra, SandboxFailed: pictures cannot be read on this machine.
    """
    stamp = shard.stamp()
    if (counts := finished(table, stamp)) is not None:
        tell(counts.get("pictures", 0))
        return counts, True
    lines = _Lines(shard)
    for picture in reader.read(shard, sizes=lines.sizes):
        lines.add(picture)
        tell(1)
    if shard.stamp() != stamp:
        raise BadDataset(
            f"{shard.path} changed while it was read; run the same command again when it is complete.",
            slug="dataset-changed",
        )
    columns, counts = lines.finish()
    try:
        write_fingerprints(table, columns, stamp, counts)
    except OSError as error:
        raise UsageError(
            f"{table} cannot be written ({error.strerror}); make room or give another folder, and run the "
            "same command again.",
            slug="out-not-writable",
        ) from None
    return counts, False


class _Seen(NamedTuple):
    """What a line says of a picture."""

    readable: bool
    pdq: Cell = None
    quality: int | None = None
    phash: Cell = None
    size: tuple[int | None, int | None] = (None, None)
    digests: tuple[Cell, Cell] = (None, None)


class _Lines:
    """The lines of one table: what the rows say first, then what is seen of their pictures."""

    def __init__(self, shard: Shard) -> None:
        self._files_are_rows = shard.kind == "images"
        self.sizes: dict[int, tuple[int, int]] = {}
        self._known: list[tuple[Cell, Cell, Cell]] = []
        for batch in shard.rows(columns=_FROM_ROWS):
            self._known += _known(batch)
            if may_be_padded(shard):
                self.sizes |= sizes_of(batch)
        self._seen: dict[int, _Seen] = {}

    def add(self, picture: Picture) -> None:
        """Take a picture; of two for one row the first counts."""
        if picture.row not in self._seen:
            self._seen[picture.row] = _seen(picture, self._files_are_rows)

    def finish(self) -> tuple[dict[str, list[Any]], Counts]:
        """The columns, and what was counted."""
        lines = [
            self._line(row, *known)
            for row, known in enumerate(self._known)
            if row in self._seen or any(known[1:])
        ]
        columns = [list(cells) for cells in zip(*lines, strict=True)] or [[] for _ in SCHEMA.names]
        return dict(zip(SCHEMA.names, columns, strict=True)), self._counts(len(lines))

    def _line(self, row: int, url_sha256: Cell, sha256: Cell, md5: Cell) -> tuple[Any, ...]:
        """The cells of one line in the order of SCHEMA."""
        seen = self._seen.get(row, _Seen(readable=False))
        digests = sha256 or seen.digests[0], md5 or seen.digests[1]
        return (url_sha256, *digests, seen.pdq, seen.quality, seen.phash, *self._size(row, seen))

    def _size(self, row: int, seen: _Seen) -> tuple[int | None, int | None]:
        """As the row says, unless it says that what lost its padding is square: that is the size with it."""
        width, height = self.sizes.get(row, seen.size)
        return seen.size if width == height and seen.size[0] != seen.size[1] else (width, height)

    def _counts(self, lines: int) -> Counts:
        readable = sum(seen.readable for seen in self._seen.values())
        good = sum(seen.pdq is not None for seen in self._seen.values())
        return {
            "lines": lines,
            "pictures": len(self._seen),
            "readable": readable,
            "unreadable": len(self._seen) - readable,
            "low_quality": readable - good,
        }


def _seen(picture: Picture, files_are_rows: bool) -> _Seen:
    """Perceptual hashes of too little detail are left out: they would be near everything flat."""
    digests = (picture.sha256, picture.md5) if files_are_rows else (None, None)
    found = picture.fingerprint
    if found is None:
        return _Seen(readable=False, digests=digests)
    good = found.pdq_quality >= MIN_QUALITY
    return _Seen(
        readable=True,
        pdq=bytes.fromhex(found.pdq) if good else None,
        quality=found.pdq_quality,
        phash=bytes.fromhex(found.phash) if good else None,
        size=(found.width, found.height),
        digests=digests,
    )


def _known(batch: RowBatch) -> list[tuple[Cell, Cell, Cell]]:
    """(url_sha256, sha256, md5) of every row."""
    urls, sha256, md5 = (
        [None] * batch.num_rows if column is None else column.to_pylist()
        for column in (batch.url_bytes, batch.sha256, batch.md5)
    )
    addresses = [hashlib.sha256(url).digest() if url else None for url in urls]
    return list(zip(addresses, sha256, md5, strict=True))
