"""An opened part of an index: its arrays, mapped when they are first asked for.

A part was made from the sources, or attached: then its fingerprints were made by someone else. All answers
are row numbers of the index, and candidates only: what they are compared with is for lookup.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from takedown.index import columns, exact, files, mih
from takedown.index.columns import Column, Values
from takedown.index.exact import Exact
from takedown.index.interface import Hits, NearSearch
from takedown.index.manifest import PartRecord
from takedown.index.units import DIGESTS, NEAR, VALUES


class Near:
    """Perceptual hashes of one kind: a row may have none, one or several."""

    def __init__(self, folder: Path) -> None:
        searched = mih.open(folder / "mih")
        self.engine: NearSearch = searched
        self.codes: NDArray[np.uint8] = searched.codes
        self.rows: NDArray[Any] = files.map_array(folder / "rows", "<u4", len(searched))


class Part:
    """Some arrays of an index.

    Args:
        index: the index's folder.
        record: what the manifest says of the part.
        names: the files that the index has.
    """

    def __init__(self, index: Path, record: PartRecord, names: Iterable[str]) -> None:
        self.folder, self.record = index / record.folder, record
        self.first, self.by = record.first, record.by
        start = f"{record.folder}/"
        inside = (name.removeprefix(start) for name in names if name.startswith(start))
        self._structures = {tuple(name.split("/")[:2]) for name in inside}
        self._exact: dict[str, Exact] = {}
        self._near: dict[str, Near] = {}

    def exact(self, kind: str) -> Exact | None:
        """The exact keys of a kind, if the part has any. Their rows count from ``first``."""
        if kind not in self._exact:
            if not self._has("exact", kind):
                return None
            self._exact[kind] = exact.open(self.folder / "exact" / kind)
        return self._exact[kind]

    def near(self, kind: str) -> Near | None:
        """The perceptual hashes of a kind, if the part has any. Their rows count from ``first``."""
        if kind not in self._near:
            if not self._has("near", kind):
                return None
            self._near[kind] = Near(self.folder / "near" / kind)
        return self._near[kind]

    def near_rows(self, kind: str) -> int:
        """How many perceptual hashes of a kind the part has."""
        near = self.near(kind)
        return 0 if near is None else len(near.codes)

    def candidates(self, kind: str, keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(query, row) of every row that has one of some 64-bit keys."""
        found = self.exact(kind)
        if found is None:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        query, row = found.search(keys)
        return query, row + self.first

    def within(self, kind: str, codes: NDArray[np.uint8], radius: int) -> Hits:
        """Every row with a perceptual hash within a radius of one of the codes; a row may come twice."""
        near = self.near(kind)
        if near is None:
            return Hits(*(np.empty(0, np.int64) for _ in range(3)))
        found = near.engine.search(codes, radius)
        return Hits(found.query, near.rows[found.row].astype(np.int64) + self.first, found.distance)

    def values(self, kind: str, rows: NDArray[np.int64]) -> Values | None:
        """The digest or perceptual hash of each of some rows of the part, None where it knows none at all."""
        column = self._columns.get(kind)
        return None if column is None else column.get(rows - self.first)

    @cached_property
    def _columns(self) -> dict[str, Column]:
        found = {
            kind: columns.open(self.folder / "columns" / kind, width)
            for kind, width in VALUES.items()
            if self._has("columns", kind)
        }
        for kind in NEAR:
            if near := self.near(kind):
                found[kind] = Column(near.rows, near.codes)
        return found

    def digest_kinds(self) -> list[str]:
        """The kinds of digest that the part knows."""
        return [kind for kind in DIGESTS if kind in self._columns]

    def _has(self, group: str, kind: str) -> bool:
        return (group, kind) in self._structures


def first_values(parts: Sequence[Part], kind: str, numbers: NDArray[np.int64]) -> Values:
    """What the first part that knows anything of a row says of it."""
    found = Values(np.zeros(len(numbers), bool), np.zeros((len(numbers), VALUES[kind]), np.uint8))
    for part in parts:
        inside = (numbers >= part.first) & (numbers < part.first + part.record.rows)
        asked = np.flatnonzero(inside & ~found.known)
        if len(asked) and (says := part.values(kind, numbers[asked])) is not None:
            found.known[asked] = says.known
            found.values[asked] = says.values
    return found
