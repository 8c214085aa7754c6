"""Fingerprint tables: what pictures are known by, without the pictures, their addresses or their captions.

A table is Parquet with the columns of SCHEMA, a line for each picture, made by `takedown hash` from one
shard. Its key-value metadata says by which rules (docs/fingerprint-tables.md lists the keys). Tables are made
by whoever has the pictures, and are read as what a stranger sends:

1. a file must be whole, of a known version, and within the limits of any Parquet file here;
2. a cell that cannot be what its column says is null: a digest of another length, a quality above 100;
3. a perceptual hash counts only when its quality is known to be good enough and the pipeline is ours.

Tables of others are read too, such as the `*-md5` collections of 2022: an address or its SHA-256 beside
digests, raw or as hex. Their perceptual hashes were made by unknown rules and are left out.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from takedown.borders import VERSION as BORDERS
from takedown.dataset import columns as cols
from takedown.dataset.atomic import Pending
from takedown.dataset.interface import BATCH_ROWS, Stamp
from takedown.dataset.names import TABLE, ends_in
from takedown.dataset.parquet import damaged, open_parquet
from takedown.errors import BadDataset
from takedown.fingerprint import PIPELINE

#: Version of the table's form.
VERSION = 1

SCHEMA = pa.schema(
    [
        ("url_sha256", pa.binary(32)),
        ("sha256", pa.binary(32)),
        ("md5", pa.binary(16)),
        ("pdq", pa.binary(32)),
        ("quality", pa.int16()),
        ("phash", pa.binary(8)),
        ("width", pa.int32()),
        ("height", pa.int32()),
    ]
)

#: Lowest PDQ quality at which perceptual hashes say anything.
MIN_QUALITY = 50
#: Lines in a row group.
GROUP_ROWS = 65_536
#: Most bytes that a row group may say it unpacks to. Ours take 10 MB.
MAX_GROUP_BYTES = 4 << 30

_PERCEPTUAL = ("pdq", "phash")
_DIGESTS = ("sha256", "md5")
# Our column -> the name that `columns.locate` gives it.
_LOCATED = {"quality": "pdq_quality"}
_PREFIX = "takedown."


class FingerprintTable:
    """One file with fingerprints. The footer is read when the object is made.

    Attributes:
        path: the file.
        pipeline: version of the pipeline that made the perceptual hashes; None where it does not say.
        ignored: what `batches` left out so far: `other_pipeline`, lines whose perceptual hashes were made by
            other rules, and `malformed`, cells that cannot be what their column says.

    Raises:
        BadDataset: no Parquet file, damaged, of a newer version, or nothing in it that could be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ignored: Counter[str] = Counter()
        with open_parquet(path) as file:
            _check_groups(file.metadata, path)
            self.num_rows = int(file.metadata.num_rows)
            stored = _stored(file.metadata)
            self._columns = cols.locate(list(file.schema_arrow.names), path)
        _check_version(stored, path)
        self.pipeline = _number(stored.get("pipeline"))
        if not self._columns.keys() & {"url", "url_sha256"}:
            raise _useless(path, "no addresses (URL, url or url_sha256)", "address")
        if not self._columns.keys() & {*_DIGESTS, *(_PERCEPTUAL if self.pipeline else ())}:
            raise _useless(path, "no digests (sha256 or md5)", "digest")

    def batches(self, batch_size: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Every line once, in order, with all columns of SCHEMA; null where nothing is known.

        Raises:
            BadDataset: the file is damaged, or a column has a type that cannot hold what it should.
        """
        names = {self._columns[ours] for ours in self._columns if ours in _used()}
        with open_parquet(self.path, checksums=True) as file, damaged(self.path):
            for batch in file.iter_batches(batch_size, columns=sorted(names)):
                yield self._read(batch)

    def sentence(self) -> str | None:
        """What was left out by `batches`, for a person; None when nothing was."""
        parts = []
        if lines := self.ignored["other_pipeline"]:
            made = f"version {self.pipeline}" if self.pipeline else "an unknown version"
            parts.append(
                f"perceptual hashes made by {made} of the pipeline, on {lines:,} lines, cannot be compared "
                f"with those of version {PIPELINE}; the digests were used. Ask for a table of this version"
            )
        if cells := self.ignored["malformed"]:
            parts.append(f"malformed cells were passed over, {cells:,} of them")
        return f"{self.path}: {'; '.join(parts)}." if parts else None

    def _read(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        found = {field.name: self._column(field, batch) for field in SCHEMA}
        found["quality"] = _within(found["quality"], 0, 100)
        for name in ("width", "height"):
            found[name] = _within(found[name], 1, 2**31 - 1)
        good = pc.fill_null(pc.greater_equal(found["quality"], MIN_QUALITY), False)
        if self.pipeline != PIPELINE:
            marked = pc.or_(*(found[name].is_valid() for name in _PERCEPTUAL))
            self.ignored["other_pipeline"] += pc.sum(marked).as_py() or 0
            good = pa.array(np.zeros(batch.num_rows, dtype=bool))
        for name in _PERCEPTUAL:
            found[name] = pc.if_else(good, found[name], pa.scalar(None, found[name].type))
        arrays = [found[field.name].cast(field.type) for field in SCHEMA]
        return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)

    def _column(self, field: pa.Field, batch: pa.RecordBatch) -> pa.Array:
        ours = _LOCATED.get(field.name, field.name)
        if ours == "url_sha256" and "url" in self._columns:
            return _address_digests(cols.read("url", batch.column(self._columns["url"]), self.path))
        if ours not in self._columns:
            return pa.nulls(batch.num_rows, field.type)
        raw = batch.column(self._columns[ours])
        column = cols.read(ours, raw, self.path)
        self.ignored["malformed"] += column.null_count - raw.null_count
        return column


def open_fingerprints(path: str | Path) -> list[FingerprintTable]:
    """Open a fingerprint table, or all of a folder and of the folders in it, by name.

    Raises:
        BadDataset: nothing there, or one of the files is none.
    """
    source = Path(path)
    if source.is_file():
        return [FingerprintTable(source)]
    if not source.is_dir():
        raise BadDataset(f"{source} does not exist; check the path.", slug="fingerprints-not-found")
    files = sorted(
        Path(folder, name)
        for folder, _, names in os.walk(source)
        for name in names
        if ends_in(Path(name), TABLE) and not name.startswith(".")
    )
    if not files:
        raise BadDataset(
            f"{source} holds no Parquet files; give a table that takedown hash made, or a folder of them.",
            slug="fingerprints-not-found",
        )
    return [FingerprintTable(file) for file in files]


# --- Writing ----------------------------------------------------------------------------------------------


def write_fingerprints(
    path: Path, columns: Mapping[str, Sequence[object]], stamp: Stamp, counts: Mapping[str, int]
) -> None:
    """Write a table, whole or not at all. The same content gives the same bytes.

    Args:
        path: where; missing folders are made.
        columns: the columns of SCHEMA.
        stamp: of the shard that it was made from, by which `finished` knows it again.
        counts: what was counted on the way; kept in the metadata.
    """
    about = rules() | {
        "stamp": _stamp_text(stamp),
        "counts": json.dumps(counts, sort_keys=True, separators=(",", ":")),
    }
    arrays = [pa.array(columns[field.name], field.type) for field in SCHEMA]
    schema = SCHEMA.with_metadata({_PREFIX + key: value for key, value in about.items()})
    with Pending() as pending:
        with pending.writing(path) as file:
            pq.write_table(
                pa.Table.from_arrays(arrays, schema=schema),
                file,
                row_group_size=GROUP_ROWS,
                compression="zstd",
                use_dictionary=["quality", "width", "height"],
                write_statistics=False,
                write_page_checksum=True,
            )
        pending.place()


def finished(path: Path, stamp: Stamp) -> dict[str, int] | None:
    """What was counted when a table was made from a shard of this stamp by our rules; None where none was."""
    try:
        with open_parquet(path) as file:
            stored = _stored(file.metadata)
        counts = json.loads(stored.get("counts", ""))
        wanted = rules() | {"stamp": _stamp_text(stamp)}
        if wanted.items() <= stored.items():
            return {str(key): int(value) for key, value in counts.items()}
    except (BadDataset, ValueError, TypeError, AttributeError):
        pass
    return None


def rules() -> dict[str, str]:
    """The versions of everything that decides what is in a table."""
    return {"fingerprints": str(VERSION), "pipeline": str(PIPELINE), "borders": str(BORDERS)}


def _stamp_text(stamp: Stamp) -> str:
    return f"{stamp.size}:{stamp.digest}"


# --- Reading: the pieces ----------------------------------------------------------------------------------


def _used() -> set[str]:
    return {"url"} | {_LOCATED.get(name, name) for name in SCHEMA.names}


def _stored(metadata: pq.FileMetaData) -> dict[str, str]:
    """Our entries of the key-value metadata."""
    found = {}
    for key, value in (metadata.metadata or {}).items():
        name = key.decode("utf-8", "replace")
        if name.startswith(_PREFIX):
            found[name.removeprefix(_PREFIX)] = value.decode("utf-8", "replace")
    return found


def _check_version(stored: Mapping[str, str], path: Path) -> None:
    version = stored.get("fingerprints")
    if version is not None and version != str(VERSION):
        raise BadDataset(
            f"{path} is a fingerprint table of version {version[:20]!r}, and this program reads version "
            f"{VERSION}; update it, or ask for a table of this version.",
            slug="fingerprints-version",
        )


def _check_groups(metadata: pq.FileMetaData, path: Path) -> None:
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    if any(group.total_byte_size > MAX_GROUP_BYTES for group in groups):
        raise BadDataset(
            f"{path} has row groups of more than 4 GB; write it again with smaller ones.",
            slug="fingerprints-too-large",
        )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _useless(path: Path, lacks: str, what: str) -> BadDataset:
    return BadDataset(
        f"{path} has {lacks}, so there is nothing to join; give a table that takedown hash made, or one with "
        "addresses and digests.",
        slug=f"fingerprints-no-{what}",
    )


def _address_digests(cells: pa.Array) -> pa.Array:
    digests = [hashlib.sha256(cell).digest() if cell else None for cell in cells.to_pylist()]
    return pa.array(digests, pa.binary(32))


def _within(column: pa.Array, lowest: int, highest: int) -> pa.Array:
    """Numbers outside of the range become null."""
    inside = pc.and_(pc.greater_equal(column, lowest), pc.less_equal(column, highest))
    return pc.if_else(inside, column, pa.scalar(None, column.type))
