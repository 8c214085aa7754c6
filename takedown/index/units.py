"""The units of a build: pieces of shards, each read once, by whichever process is free.

A unit is done when its folder has its final name, which is made of everything that decides what is in it:
the file, its stamp, the rows, and the versions of the rules. So a build that was killed finds what it had
done by name, takes nothing from a shard that changed meanwhile, and needs no journal.

In a unit's folder (little-endian; absent where there is nothing):

* ``<kind>.rows``    uint32[n]: rows of the unit, counted from its first, ascending;
* ``<kind>.keys``    uint64[n]: 64-bit keys of addresses (addresses.py);
* ``<kind>.values``  uint8[n, W]: digests, perceptual hashes, PDQ quality;
* ``skipped.json``   pictures that gave no perceptual hash.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from takedown import disk
from takedown.dataset import Piece, RowBatch, Shard, open_source
from takedown.errors import BadDataset
from takedown.fingerprint import PIPELINE
from takedown.hashing.pictures import Picture, PictureReader
from takedown.index import addresses, files
from takedown.index.files import Spool
from takedown.index.interface import MIN_PDQ_QUALITY
from takedown.keys import WIDTHS
from takedown.urls import CANONICAL_VERSION
from takedown.variants import VARIANTS_VERSION

#: Rows of a unit where the layout of the shard leaves the choice.
UNIT_ROWS = 1_000_000

DIGESTS = ("sha256", "md5", "sha1")
NEAR = ("pdq", "phash")
#: PDQ of parts of a picture (variants.index_codes): a row may have several, and only variants ask for them.
MORE = "pdq_more"
#: What is stored as values -> bytes of one. The quality is kept to be shown with rows.
VALUES = {kind: WIDTHS[kind] for kind in (*DIGESTS, *NEAR)} | {"pdq_quality": 1, MORE: WIDTHS["pdq"]}

SKIPPED = ("unreadable_pictures", "low_quality_pictures")
SKIPPED_FILE = "skipped.json"

#: Raise it when the content of a unit's folder changes for the same input.
_VERSION = 1
_NEEDED = ("url", *DIGESTS, *NEAR, "pdq_quality")
WITH_PICTURES = ("img2dataset", "files", "images")

#: Told how many steps more are done: a row is one, and so is a picture.
Tell = Callable[[int], None]


@dataclass(frozen=True)
class Unit:
    """Some rows of one shard.

    Attributes:
        path: absolute path of the shard's main file or folder.
        kind: how the shard is laid out.
        first, stop: rows of the shard, ``first`` to ``stop - 1``.
        stamp: size in bytes and digest of the shard, as when the build began.
    """

    path: str
    kind: str
    first: int
    stop: int
    stamp: tuple[int, str]

    @property
    def rows(self) -> int:
        return self.stop - self.first

    @property
    def steps(self) -> int:
        """Rows, and where the shard has pictures as many pictures."""
        return self.rows * (2 if self.kind in WITH_PICTURES else 1)

    @property
    def name(self) -> str:
        """32 hex digits that only this unit, read by these rules, has."""
        rules = [_VERSION, CANONICAL_VERSION, PIPELINE, VARIANTS_VERSION, MIN_PDQ_QUALITY]
        return hashlib.sha256(json.dumps([asdict(self), rules], sort_keys=True).encode()).hexdigest()[:32]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Unit:
        return cls(**content | {"stamp": tuple(content["stamp"])})


def units_of(shard: Shard) -> list[Unit]:
    """Cut a shard into units.

    Raises:
        BadDataset: the shard cannot be read.
    """
    path, (size, digest) = os.path.abspath(shard.path), shard.stamp()
    return [Unit(path, shard.kind, first, stop, (size, digest)) for first, stop in shard.pieces(UNIT_ROWS)]


def extract(unit: Unit, folder: Path, reader: PictureReader, tell: Tell) -> None:
    """Read a unit into ``folder/NAME``; nothing is done where that exists.

    Raises:
        BadDataset: the shard is damaged, or is not what it was when the build began.
        MissingExtra, SandboxFailed: its pictures cannot be read on this machine.
    """
    target = folder / unit.name
    if target.is_dir():
        tell(unit.steps)
        return
    part = folder / f".{unit.name}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    with _Extraction(unit, part, reader, tell) as extraction:
        extraction.run()
    disk.rename_tree(part, target)


class _Extraction:
    """Reads one unit, and writes its arrays as it goes on: a row group may have any number of rows."""

    def __init__(self, unit: Unit, folder: Path, reader: PictureReader, tell: Tell) -> None:
        self._unit, self._folder, self._reader, self._tell = unit, folder, reader, tell
        self._spools: dict[str, tuple[Spool, Spool]] = {}
        self._skipped = dict.fromkeys(SKIPPED, 0)
        self._piece = Piece(unit.first, unit.stop)

    def __enter__(self) -> _Extraction:
        return self

    def __exit__(self, *_error: object) -> None:
        for spool in itertools.chain.from_iterable(self._spools.values()):
            spool.abandon()

    def run(self) -> None:
        """1. the stamp; 2. rows; 3. pictures; 4. the stamp again; 5. everything is on disk."""
        shard = self._open()
        has_pictures = shard.kind in WITH_PICTURES
        for batch in shard.rows(columns=_NEEDED, piece=self._piece):
            self._add_rows(batch, has_pictures)
            self._tell(batch.num_rows)
        if has_pictures:
            self._add_pictures(shard)
        if tuple(shard.stamp()) != self._unit.stamp:
            raise _changed(self._unit.path)
        for spool in itertools.chain.from_iterable(self._spools.values()):
            spool.close()
        files.write_json(self._folder / SKIPPED_FILE, self._skipped)

    def _open(self) -> Shard:
        (shard,) = open_source(self._unit.path).shards
        if tuple(shard.stamp()) != self._unit.stamp:
            raise _changed(self._unit.path)
        return shard

    def _add_rows(self, batch: RowBatch, has_pictures: bool) -> None:
        offset = batch.first - self._unit.first
        if batch.url_bytes is not None:
            for kind, (rows, keys) in addresses.keys_of(batch.url_bytes).items():
                self._add(kind, rows + offset, keys)
        for kind in DIGESTS:
            self._add_column(kind, offset, getattr(batch, kind), None)
        if not has_pictures:
            self._add_stored_hashes(offset, batch)

    def _add_stored_hashes(self, offset: int, batch: RowBatch) -> None:
        """Perceptual hashes that the source itself lists; one of unknown quality is taken to be good."""
        good = None
        if batch.pdq_quality is not None:
            quality = batch.pdq_quality.fill_null(MIN_PDQ_QUALITY).to_numpy(zero_copy_only=False)
            good = quality >= MIN_PDQ_QUALITY
        for kind in NEAR:
            self._add_column(kind, offset, getattr(batch, kind), good)

    def _add_column(
        self, kind: str, offset: int, column: pa.Array | None, wanted: NDArray[np.bool_] | None
    ) -> None:
        if column is None or column.null_count == len(column):
            return
        known = column.is_valid().to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(known if wanted is None else known & wanted)
        self._add(kind, rows + offset, fixed_bytes(column.take(pa.array(rows)), VALUES[kind]))

    def _add_pictures(self, shard: Shard) -> None:
        pictures: dict[int, Picture] = {}
        seen = 0
        for picture in self._reader.read(shard, self._piece):
            pictures.setdefault(picture.row, picture)  # of two for one row the first counts
            seen += 1
            self._tell(1)
        self._tell(max(self._unit.rows - seen, 0))  # rows whose download failed have no picture
        ordered = [pictures[row] for row in sorted(pictures)]
        if shard.kind == "images":
            # img2dataset's tars hold shrunk copies of what was downloaded: their digests are not the rows'.
            self._add_values("sha256", ordered, [picture.sha256 for picture in ordered])
            self._add_values("md5", ordered, [picture.md5 for picture in ordered])
        self._add_fingerprints(ordered)

    def _add_fingerprints(self, pictures: Sequence[Picture]) -> None:
        readable = [(picture, f) for picture in pictures if (f := picture.fingerprint) is not None]
        good = [(picture, f) for picture, f in readable if f.pdq_quality >= MIN_PDQ_QUALITY]
        self._skipped["unreadable_pictures"] += len(pictures) - len(readable)
        self._skipped["low_quality_pictures"] += len(readable) - len(good)
        owners = [picture for picture, _ in good]
        self._add_values("pdq", owners, [bytes.fromhex(f.pdq) for _, f in good])
        more = [(picture, code) for picture, f in good for code in f.more]
        self._add_values(MORE, [picture for picture, _ in more], [bytes.fromhex(code) for _, code in more])
        self._add_values("phash", owners, [bytes.fromhex(f.phash) for _, f in good])
        self._add_values("pdq_quality", owners, [bytes([f.pdq_quality]) for _, f in good])

    def _add_values(self, kind: str, owners: Sequence[Picture], values: Sequence[bytes]) -> None:
        rows = np.array([picture.row - self._unit.first for picture in owners], dtype=np.int64)
        packed = np.frombuffer(b"".join(values), dtype=np.uint8).reshape(-1, VALUES[kind])
        self._add(kind, rows, packed)

    def _add(self, kind: str, rows: NDArray[Any], data: NDArray[Any]) -> None:
        if not len(rows):
            return
        if kind not in self._spools:
            name, dtype = (f"{kind}.values", "|u1") if kind in VALUES else (f"{kind}.keys", "<u8")
            numbers = Spool(self._folder / f"{kind}.rows", "<u4")
            self._spools[kind] = (numbers, Spool(self._folder / name, dtype))
        for spool, array in zip(self._spools[kind], (rows, data), strict=True):
            spool.append(array)


class UnitArrays:
    """What a finished unit, or anything laid out like one, holds.

    Args:
        folder: its own.
        total: rows it speaks of.
    """

    def __init__(self, folder: Path, total: int) -> None:
        self._folder, self.total = folder, total

    def count(self, kind: str) -> int:
        path = self._folder / f"{kind}.rows"
        return path.stat().st_size // 4 if path.exists() else 0

    def rows(self, kind: str) -> NDArray[Any]:
        """Row numbers in the unit."""
        return files.map_array(self._folder / f"{kind}.rows", "<u4", self.count(kind))

    def data(self, kind: str) -> NDArray[Any]:
        """Keys, or values as uint8[n, W]."""
        count = self.count(kind)
        if kind in VALUES:
            return files.map_array(self._folder / f"{kind}.values", "|u1", count, VALUES[kind])
        return files.map_array(self._folder / f"{kind}.keys", "<u8", count)

    def skipped(self) -> dict[str, int]:
        return {str(k): int(v) for k, v in json.loads((self._folder / SKIPPED_FILE).read_text()).items()}


def fixed_bytes(column: pa.FixedSizeBinaryArray, width: int) -> NDArray[np.uint8]:
    """The bytes of a column without nulls as uint8[n, width]."""
    data = np.frombuffer(column.buffers()[1], dtype=np.uint8)
    return data[column.offset * width : (column.offset + len(column)) * width].reshape(-1, width)


def _changed(path: str) -> BadDataset:
    return BadDataset(
        f"{path} changed while it was read; run the same command again when it is complete.",
        slug="dataset-changed",
    )
