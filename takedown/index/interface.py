"""What every index answers with: hits, coverage, and the description of the index itself.

An answer is only as good as what it was compared with, so coverage travels with every index: how many of its
rows have an address, a file digest, a perceptual hash. Nothing that was found missing is ever called
"not in the dataset".
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

#: PDQ below this quality describes too little of a picture to compare it (Meta's recommendation).
MIN_PDQ_QUALITY = 50

#: Meta's recommended radius for PDQ, of 256 bits; and ours for the 64-bit pHash. Both inclusive.
PDQ_RADIUS = 31
PHASH_RADIUS = 6


class Hits(NamedTuple):
    """Pairs within a radius, ordered by query, then row: three int64 arrays of equal length."""

    query: NDArray[np.int64]
    row: NDArray[np.int64]
    distance: NDArray[np.int64]


class NearSearch(Protocol):
    """Anything that finds codes by Hamming distance, exactly: all implementations give equal answers."""

    def search(self, codes: NDArray[np.uint8], radius: int) -> Hits:
        """Every pair of a query of uint8[Q, W] and a stored code that differ in at most ``radius`` bits."""


@dataclass(frozen=True)
class Hit:
    """One row an index found.

    Attributes:
        row: its number in the index.
        how: url-exact, url-canonical, size-variant, url-sha256, sha256, md5, sha1, pdq or phash.
        distance: Hamming distance in bits for pdq and phash, None for the others.
        variant: which variant of the submitted picture was near, None where that has no meaning.
        by: who attached the fingerprint that was near; None when it comes from the source itself.
    """

    row: int
    how: str
    distance: int | None = None
    variant: str | None = None
    by: str | None = None


@dataclass(frozen=True)
class Coverage:
    """How many rows of an index can be found by each kind of key; coverages of several indexes add up."""

    rows: int = 0
    url: int = 0
    sha256: int = 0
    md5: int = 0
    sha1: int = 0
    pdq: int = 0
    phash: int = 0

    def __add__(self, other: Coverage) -> Coverage:
        return Coverage(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def to_json(self) -> dict[str, int]:
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def sentence(self, kind: str | None = None) -> str:
        """Say what a comparison reaches: for one kind of key, or for all of them in one sentence."""
        if kind is not None:
            return f"Compared with {getattr(self, kind):,} of {self.rows:,} rows."
        files, pictures = max(self.sha256, self.md5, self.sha1), max(self.pdq, self.phash)
        return (
            f"Of {self.rows:,} rows, addresses are compared with {self.url:,}, exact copies of a file with "
            f"{files:,}, and similar pictures with {pictures:,}."
        )


@dataclass(frozen=True)
class SourceInfo:
    """One source of an index: its absolute folder or file, and its shards and rows counted."""

    path: str
    shards: int
    rows: int

    def to_json(self) -> dict[str, Any]:
        return {"path": self.path, "shards": self.shards, "rows": self.rows}


@dataclass(frozen=True)
class AttachedInfo:
    """Fingerprints that were attached to an index.

    Attributes:
        by: who made them.
        coverage: rows that can be found through them and could not before.
        counts: ``lines`` of the tables that have an address, those ``joined`` to a row, ``rows`` that got a
            fingerprint, rows of which the source or an earlier table says otherwise (``disagreements``), and
            perceptual hashes left out since another pipeline made them (``other_pipeline``).
    """

    by: str
    coverage: Coverage
    counts: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        return {"by": self.by, "coverage": self.coverage.to_json(), **self.counts}


@dataclass(frozen=True)
class IndexInfo:
    """What is known of an index without reading its arrays.

    Attributes:
        name: what people call it.
        digest: SHA-256 (hex) of its manifest; names this very index, whatever folder it lies in.
        rows: rows in it.
        coverage: rows that each kind of key reaches.
        sources: where its rows were read from and are still read from for display.
        canonical_version, pipeline: versions of the URL rules and of the fingerprints in it.
        skipped: pictures that gave no perceptual hash: ``unreadable`` and ``low_quality``.
        bytes: disk space of its arrays.
        attached: fingerprints of others that were joined to its rows.
        ancestors: digests it had before rows were added or fingerprints attached; its rows have kept the
            numbers they had then.
    """

    name: str
    digest: str
    rows: int
    coverage: Coverage
    sources: tuple[SourceInfo, ...]
    canonical_version: int
    pipeline: int
    skipped: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    attached: tuple[AttachedInfo, ...] = ()
    ancestors: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "digest": self.digest,
            "rows": self.rows,
            "coverage": self.coverage.to_json(),
            "sources": [source.to_json() for source in self.sources],
            "canonical_version": self.canonical_version,
            "pipeline": self.pipeline,
            "skipped": dict(self.skipped),
            "bytes": self.bytes,
            "attached": [one.to_json() for one in self.attached],
            "ancestors": list(self.ancestors),
        }
