"""Rows of a tar shard that has no sidecar Parquet: read from its `.json` members.

A sample is the members that share a key; its number is the order in which the keys first occur. The
`.json` holds the row as img2dataset writes it; where it has no caption, the `.txt` member is the caption.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from takedown.dataset import columns as cols
from takedown.dataset.interface import RowBatch
from takedown.dataset.tar import Member, bad, members
from takedown.errors import BadDataset

#: Largest `.json` or `.txt` member that is read, in bytes.
MAX_TEXT_BYTES = 4 * 1024 * 1024

Sample = dict[str, Member]

_TYPES: Mapping[str, pa.DataType] = {"url": pa.large_binary(), "caption": pa.large_binary()}


def samples(path: Path) -> dict[str, Sample]:
    """Key -> extension -> member, in the order of the archive. Raises BadDataset."""
    found: dict[str, Sample] = {}
    for member in members(path):
        if member.key:
            sample = found.setdefault(member.key, {})
            if member.extension in sample:
                raise bad(path, "names two members alike but for case", "tar-duplicate-name")
            sample[member.extension] = member
    return found


def batches(path: Path, size: int) -> Iterator[RowBatch]:
    """All samples as batches of rows. Raises BadDataset: damaged, or no `.json` names an address."""
    found = samples(path)
    if found and not any("json" in sample for sample in found.values()):
        cols.require_url({}, sorted({extension for sample in found.values() for extension in sample}), path)
    keys = list(found)
    with path.open("rb") as file:
        for first in range(0, len(keys), size):
            chosen = keys[first : first + size]
            yield _batch(first, chosen, [_record(file, found[key], path) for key in chosen], path)


def chosen_rows(path: Path, numbers: Sequence[int]) -> RowBatch:
    """The rows with these numbers as one batch, in the order asked for. Raises BadDataset."""
    found = samples(path)
    keys = list(found)
    if any(not 0 <= number < len(keys) for number in numbers):
        raise bad(path, "has no row of that number", "dataset-no-such-row")
    chosen = [keys[number] for number in numbers]
    with path.open("rb") as file:
        return _batch(0, chosen, [_record(file, found[key], path) for key in chosen], path)


def _record(file: BinaryIO, sample: Sample, path: Path) -> dict[str, Any]:
    """One sample's row as a plain dictionary; empty where it has no `.json`."""
    record: dict[str, Any] = {}
    if "json" in sample:
        found = _json(_text(file, sample["json"], path), path)
        # Thousands of records are held at a time, and one of a few MB may unfold to a hundred.
        record = {name: value if name in cols.NAMES else None for name, value in found.items()}
    if not any(alias in record for alias in cols.ALIASES["caption"]) and "txt" in sample:
        record["caption"] = _text(file, sample["txt"], path).decode("utf-8", "replace")
    return record


def _text(file: BinaryIO, member: Member, path: Path) -> bytes:
    if member.size > MAX_TEXT_BYTES:
        raise bad(path, "holds a text member of more than 4 MB", "tar-member-too-large")
    file.seek(member.data)
    return file.read(member.size)


def _json(content: bytes, path: Path) -> dict[str, Any]:
    try:
        record = json.loads(content, object_pairs_hook=cols.unique_names)
    except (ValueError, RecursionError):
        raise bad(
            path, "holds a .json member that is damaged or names a column twice", "tar-json-damaged"
        ) from None
    if not isinstance(record, dict):
        raise bad(path, "holds a .json member that is not an object", "tar-json-damaged")
    return record


def _batch(first: int, keys: list[str], records: list[dict[str, Any]], path: Path) -> RowBatch:
    names = list(dict.fromkeys(name for record in records for name in record))
    found = cols.locate(names, path)
    if records and any(records):
        cols.require_url(found, names, path)
    values: dict[str, Any] = {}
    for ours in found:
        field = f"{ours}_bytes" if ours in ("url", "caption") else ours
        values[field] = _column(ours, [cols.of_record(record, ours) for record in records], path)
    values["key"] = pa.array(keys, pa.large_string())
    return RowBatch(first, len(keys), **values)


def _column(ours: str, cells: list[Any], path: Path) -> pa.Array:
    if ours in ("pdq_quality", "width", "height"):
        numbers = [c if isinstance(c, int | float) and abs(c) < 2**53 else None for c in cells]
        return cols.integers(pa.array([None if n is None else float(n) for n in numbers], pa.float64()))
    try:
        texts = [None if cell is None else _utf8(cell) for cell in cells]
    except TypeError:
        raise BadDataset(
            f"A .json member of {path} has a {ours} that is not text; it was not used.",
            slug="dataset-column-type",
        ) from None
    return cols.read(ours, pa.array(texts, pa.large_binary()), path)


def _utf8(cell: object) -> bytes:
    if not isinstance(cell, str):
        raise TypeError
    return cell.encode("utf-8", "surrogatepass")
