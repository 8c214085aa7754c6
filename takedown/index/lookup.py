"""Open an index and ask it. Every answer was compared with the row itself before it is given.

A query by address or digest goes three steps:

1. the first 64 bits of its key name candidates (exact.py);
2. each candidate's own key is computed: addresses from the row as it stands in its source, digests from the
   index's full column;
3. those that are equal are hits, so that two keys with the same beginning are never taken for one.

A query by perceptual hash is compared with every code within a radius (linear.py).

Arrays are mapped at first use and read-only, so an Index may be opened once and used after a fork, and many
processes share one copy in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from takedown.errors import BadIndex, BadKey, BadUrl
from takedown.fingerprint import PIPELINE, Fingerprint
from takedown.index import addresses, columns, exact, files, manifest
from takedown.index.columns import Column
from takedown.index.gather import COLUMNS
from takedown.index.interface import MIN_PDQ_QUALITY, PDQ_RADIUS, PHASH_RADIUS, Hit, NearSearch
from takedown.index.linear import Linear
from takedown.index.rows import RowReader
from takedown.keys import WIDTHS, Row

#: Most size variants proposed for one address: guesses are for people to go through.
MAX_VARIANTS = 1_000
#: How many times that many rows are looked at for them: rows of the very address are passed over.
MAX_VARIANT_BLOCKS = 20


class Index:
    """An opened index.

    Args:
        folder: as written by build_index.

    Raises:
        BadIndex: no index, of another version, or a file of it is missing or of another length.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).absolute()
        self._manifest, digest = manifest.read(self.folder)
        files.check_lengths(self.folder, self._manifest.files)
        self.info = self._manifest.info(digest)
        self._exact: dict[str, exact.Exact] = {}
        self._near_search: dict[str, NearSearch] = {}

    def verify(self) -> None:
        """Read every file and compare its SHA-256 with the manifest. Raises BadIndex where they differ."""
        files.check_sums(self.folder, self._manifest.files)

    def rows(self, numbers: Sequence[int]) -> list[Row]:
        """The rows with these numbers, in the order asked for, from their sources.

        Raises:
            BadIndex: no such row, or its source changed or vanished since the build.
        """
        return self._reader.read(numbers, self._columns)

    def find_url(self, url: str) -> list[Hit]:
        """Rows with this very address (``url-exact``), then with other spellings of it (``url-canonical``).

        Raises:
            BadUrl: it is no address, and no row bears it either.
        """
        same = self._rows_by_address("url_sha256", addresses.digest("url_sha256", url))
        hits = [Hit(row, "url-exact") for row in same]
        try:
            spellings = self._rows_by_address("url", addresses.digest("url", url))
        except BadUrl:
            if hits:
                return hits
            raise
        return hits + [Hit(row, "url-canonical") for row in spellings if row not in set(same)]

    def find_family(self, url: str, limit: int = MAX_VARIANTS) -> list[Hit]:
        """Rows whose address looks like another size of the same picture: guesses, at most ``limit`` of them.

        Rows that find_url returns are left out.

        Raises:
            BadUrl: it is no address.
        """
        itself = addresses.digest("url", url)
        key = addresses.digest("url_family", url)
        if key is None:
            return []
        candidates = self._candidates("url_family", key)[: limit * MAX_VARIANT_BLOCKS]
        hits: list[Hit] = []
        for start in range(0, len(candidates), limit):
            for row in self.rows(candidates[start : start + limit].tolist()):
                if (
                    addresses.row_digest("url_family", row.url) == key
                    and addresses.row_digest("url", row.url) != itself
                ):
                    hits.append(Hit(row.row, "size-variant"))
            if len(hits) >= limit:
                break
        return hits[:limit]

    def find_digest(self, kind: str, digest: bytes) -> list[Hit]:
        """Rows with this digest.

        Args:
            kind: ``url_sha256``, ``sha256``, ``md5`` or ``sha1``.
            digest: as many bytes as the kind has.
        """
        if kind == "url_sha256":
            return [Hit(row, "url-sha256") for row in self._rows_by_address(kind, digest)]
        candidates = self._candidates(kind, digest)
        values = self._columns[kind].get(candidates)
        return [
            Hit(row, kind) for row, value in zip(candidates.tolist(), values, strict=True) if value == digest
        ]

    def find_near(self, kind: str, code: bytes, radius: int) -> list[Hit]:
        """Rows whose perceptual hash differs in at most ``radius`` bits, nearest first.

        Args:
            kind: ``pdq`` (32 bytes) or ``phash`` (8 bytes).
            code: the perceptual hash to look for.
            radius: inclusive.
        """
        return [hit for _, hit in self._near(kind, [code], radius)]

    def find_fingerprint(
        self, fingerprint: Fingerprint, radius: int = PDQ_RADIUS, phash_radius: int = PHASH_RADIUS
    ) -> list[Hit]:
        """Rows that a picture is or looks like: each once, by the strongest reason, best first.

        1. the same file: ``sha256``, then ``md5``;
        2. ``pdq`` of any of its variants within ``radius``, nearest first;
        3. ``phash`` within ``phash_radius``, nearest first.

        A picture of a quality below 50 is looked for by its digests alone.

        Raises:
            BadIndex: the fingerprint was made by another pipeline than the index.
        """
        if fingerprint.pipeline != PIPELINE:
            raise BadIndex(
                "This fingerprint was made by another version of the program and cannot be compared with "
                "this index; make it again from the picture.",
                slug="index-pipeline",
            )
        hits = self.find_digest("sha256", bytes.fromhex(fingerprint.sha256))
        hits += self.find_digest("md5", bytes.fromhex(fingerprint.md5))
        if fingerprint.pdq_quality >= MIN_PDQ_QUALITY:
            hits += self._near_variants(fingerprint, radius)
            hits += self.find_near("phash", bytes.fromhex(fingerprint.phash), phash_radius)
        best: dict[int, Hit] = {}
        for hit in hits:
            best.setdefault(hit.row, hit)
        return list(best.values())

    def _near_variants(self, fingerprint: Fingerprint, radius: int) -> list[Hit]:
        codes = [bytes.fromhex(code.pdq) for code in fingerprint.codes]
        found = self._near("pdq", codes, radius)
        return [replace(hit, variant=fingerprint.codes[query].variant) for query, hit in found]

    def _near(self, kind: str, codes: Sequence[bytes], radius: int) -> list[tuple[int, Hit]]:
        """(number of the code, hit), nearest first; of equal distance the earlier row and code."""
        for code in codes:
            _check_width(kind, code)
        packed = np.frombuffer(b"".join(codes), dtype=np.uint8).reshape(-1, WIDTHS[kind])
        if kind not in self._near_search:
            self._near_search[kind] = Linear(self._columns[kind].values)
        found = self._near_search[kind].search(packed, radius)
        rows = self._columns[kind].rows[found.row].astype(np.int64)
        order = np.lexsort((found.query, rows, found.distance))
        triples = zip(
            found.query[order].tolist(), rows[order].tolist(), found.distance[order].tolist(), strict=True
        )
        return [(query, Hit(row, kind, distance)) for query, row, distance in triples]

    def _rows_by_address(self, kind: str, digest: bytes | None) -> list[int]:
        """Rows whose address really has this key."""
        if digest is None:
            return []
        rows = self.rows(self._candidates(kind, digest).tolist())
        return [row.row for row in rows if addresses.row_digest(kind, row.url) == digest]

    def _candidates(self, kind: str, digest: bytes) -> NDArray[np.int64]:
        """Rows whose key begins like this digest, ascending."""
        _check_width(kind, digest)
        if kind not in self._exact:
            self._exact[kind] = exact.open(self.folder / "exact" / kind)
        key = exact.prefixes(np.frombuffer(digest, dtype=np.uint8).reshape(1, -1))
        return self._exact[kind].search(key)[1]

    @cached_property
    def _columns(self) -> dict[str, Column]:
        return {name: columns.open(self.folder / "columns" / name, width) for name, width in COLUMNS.items()}

    @cached_property
    def _reader(self) -> RowReader:
        return RowReader(self._manifest.sources)


def _check_width(kind: str, value: bytes) -> None:
    if len(value) != WIDTHS[kind]:
        raise BadKey(f"A {kind} is {WIDTHS[kind]} bytes; please check it and try again.")
