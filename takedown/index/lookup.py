"""Open an index and ask it. Every answer was compared with the row itself before it is given.

A query by address or digest goes three steps, in every part of the index:

1. the first 64 bits of its key name candidates (exact.py);
2. each candidate's own key is computed: addresses from the row as it stands in its source, digests from the
   index's full column;
3. those that are equal are hits, so that two keys with the same beginning are never taken for one.

A query by perceptual hash finds every code within a radius (mih.py). What was attached to the index finds
candidates only: such a hit says who made the fingerprint, and the digests in it never become the row's.

Arrays are mapped at first use and read-only, so an Index may be opened once and used after a fork, and many
processes share one copy in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from takedown.dataset import Shard
from takedown.errors import BadIndex, BadKey, BadUrl
from takedown.fingerprint import PIPELINE, Code, Fingerprint
from takedown.index import addresses, exact, files, manifest, prefixes, ranking
from takedown.index.by_address import ByAddress
from takedown.index.columns import Values
from takedown.index.interface import MIN_PDQ_QUALITY, PDQ_RADIUS, PHASH_RADIUS, Hit, Hits
from takedown.index.parts import Part, first_values
from takedown.index.prefixes import Counted
from takedown.index.ranking import Candidate
from takedown.index.rows import RowReader
from takedown.index.units import DIGESTS, MORE, NEAR
from takedown.keys import WIDTHS, Row, url_sha256
from takedown.urls import canonical
from takedown.variants import WIDE, WIDE_RADIUS

#: Most size variants proposed for one address: guesses are for people to go through.
MAX_VARIANTS = 1_000
#: Candidates for which second opinions are heard: their rows are read.
JUDGED = 100
#: Most perceptual hashes of a part that are all compared when nothing is near: 0.1 s for each ten million.
WIDE_ROWS = 20_000_000


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
        names = self._manifest.files
        self._parts = [Part(self.folder, record, names) for record in self._manifest.parts]

    @property
    def file_count(self) -> int:
        """Files of the index, the manifest left out."""
        return len(self._manifest.files)

    def verify(self) -> None:
        """Read every file and compare its SHA-256 with the manifest. Raises BadIndex where they differ."""
        files.check_sums(self.folder, self._manifest.files)

    def rows(self, numbers: Sequence[int]) -> list[Row]:
        """The rows with these numbers, in the order asked for, from their sources.

        Raises:
            BadIndex: no such row, or its source changed or vanished since the build.
        """
        return self._reader.read(numbers, self._known)

    def shards(self) -> Iterator[tuple[int, Shard]]:
        """Every shard of the sources with the number of its first row, in order.

        Raises:
            BadIndex: one changed or vanished since the build.
        """
        return self._reader.shards()

    def known_values(self, kind: str, numbers: NDArray[np.int64]) -> Values:
        """The digest, perceptual hash or PDQ quality that the index has of some rows, attached ones included.

        Args:
            kind: ``sha256``, ``md5``, ``sha1``, ``pdq``, ``phash`` or ``pdq_quality``.
            numbers: int64[N], row numbers.
        """
        return first_values(self._parts, kind, numbers)

    def makers(self, kind: str, numbers: Sequence[int]) -> list[str | None]:
        """Who attached what known_values gives for each of some rows; None where the source itself has it."""
        wanted = np.asarray(numbers, dtype=np.int64)
        makers: list[str | None] = [None] * len(wanted)
        found = np.zeros(len(wanted), bool)
        for part in self._parts:
            known = first_values([part], kind, wanted).known & ~found
            found |= known
            for at in np.flatnonzero(known).tolist():
                makers[at] = part.by
        return makers

    def find_url(self, url: str) -> list[Hit]:
        """Rows with this very address (``url-exact``), then with other spellings of it (``url-canonical``).

        Raises:
            BadUrl: it is no address, and no row bears it either.
        """
        hits = [Hit(row, "url-exact") for _, row in self._by_address.having("url_sha256", [url_sha256(url)])]
        try:
            spelling = url_sha256(canonical(url))
        except BadUrl:
            if hits:
                return hits
            raise
        return _once(
            hits + [Hit(row, "url-canonical") for _, row in self._by_address.having("url", [spelling])]
        )

    def find_family(self, url: str, limit: int = MAX_VARIANTS) -> list[Hit]:
        """Rows whose address looks like another size of the same picture: guesses, at most ``limit`` of them.

        Rows that find_url returns are left out.

        Raises:
            BadUrl: it is no address.
        """
        return [Hit(row, "size-variant") for row in self._by_address.variants(url, limit)]

    def find_digest(self, kind: str, digest: bytes) -> list[Hit]:
        """Rows with this digest.

        Args:
            kind: ``url_sha256``, ``sha256``, ``md5`` or ``sha1``.
            digest: as many bytes as the kind has.
        """
        return [hit for _, hit in self.find_digests(kind, [digest])]

    def find_digests(self, kind: str, digests: Sequence[bytes]) -> list[tuple[int, Hit]]:
        """(number of the digest, hit) for many digests at once, in the order of the digests."""
        for digest in digests:
            _check_width(kind, digest)
        if kind == "url_sha256":
            return [(query, Hit(row, "url-sha256")) for query, row in self._by_address.having(kind, digests)]
        packed = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, WIDTHS[kind])
        found: dict[tuple[int, int], Hit] = {}
        for part in self._parts:
            query, row = part.candidates(kind, exact.prefixes(packed))
            if (says := part.values(kind, row)) is not None:
                equal = says.known & (says.values == packed[query]).all(axis=1)
                for pair in zip(query[equal].tolist(), row[equal].tolist(), strict=True):
                    found.setdefault(pair, Hit(pair[1], kind, by=part.by))
        return sorted(((query, hit) for (query, _), hit in found.items()), key=lambda one: one[0])

    def find_site(self, prefix: str, limit: int | None = None) -> list[Hit]:
        """Rows whose address lies under a host or a path, in the order of their numbers (``site``).

        Args:
            prefix: as addresses.under_site takes it, such as ``example.org`` or ``example.org/photos``.
            limit: most rows; all of them when None.

        Raises:
            BadUrl: the prefix names no site.
        """
        return [Hit(row, "site") for row in self._by_address.under(prefix, limit)]

    def count_site(self, prefix: str) -> int:
        """How many rows lie under a host, or under a host and the first segment of a path, at a glance.

        The count of candidates: exact but for keys that collide, and for deeper paths a number too high.
        """
        low, high = addresses.site_range(prefix)
        return sum(keys.count_between(low, high) for part in self._parts if (keys := part.exact("site")))

    def count_prefix(self, kind: str, prefix: str) -> int:
        """How many rows have a key that begins with some hex digits: what publishing so short a prefix costs.

        Args:
            kind: ``url_sha256``, ``url``, ``sha256``, ``md5`` or ``sha1``.
            prefix: 1 to 16 hex digits.

        Raises:
            BadKey: it is no hex, or longer.
        """
        low, high = exact.hex_range(prefix)
        return sum(keys.count_between(low, high) for part in self._parts if (keys := part.exact(kind)))

    def count_prefixes(self, kind: str, hex_digits: Sequence[str]) -> Counted | None:
        """For each of many prefixes the rows of the sources under it, and their different digests.

        Args:
            kind: as for count_prefix.
            hex_digits: prefixes of 1 to 16 hex digits.

        Returns:
            None where the sources' rows have no keys of that kind.

        Raises:
            BadKey: one is no hex, or longer.
        """
        return prefixes.count(self._parts, kind, hex_digits)

    def find_near(self, kind: str, code: bytes, radius: int) -> list[Hit]:
        """Rows whose perceptual hash differs in at most ``radius`` bits, nearest first.

        Args:
            kind: ``pdq`` (32 bytes) or ``phash`` (8 bytes).
            code: the perceptual hash to look for.
            radius: inclusive.
        """
        return [hit for _, hit in self.find_codes(kind, [code], radius)]

    def find_codes(self, kind: str, codes: Sequence[bytes], radius: int) -> list[tuple[int, Hit]]:
        """(number of the code, hit) for many at once, nearest first; of equal distance the earlier row.

        Of equal codes only the first is answered.
        """
        for code in codes:
            _check_width(kind, code)
        distinct = {code: number for number, code in reversed(list(enumerate(codes)))}
        numbers = np.array(list(distinct.values()), dtype=np.int64)
        packed = np.frombuffer(b"".join(distinct), dtype=np.uint8).reshape(-1, WIDTHS[kind])
        found: list[tuple[int, int, int, str | None]] = []
        for part in self._parts:
            query, row, distance = part.within(kind, packed, radius)
            found += [
                (*three, part.by)
                for three in zip(distance.tolist(), row.tolist(), numbers[query].tolist(), strict=True)
            ]
        found.sort(key=lambda one: one[:3])
        return [(number, Hit(row, kind, distance, by=by)) for distance, row, number, by in found]

    def find_fingerprint(
        self,
        fingerprint: Fingerprint,
        radius: int = PDQ_RADIUS,
        phash_radius: int = PHASH_RADIUS,
        *,
        exact_only: bool = False,
    ) -> list[Hit]:
        """Rows that a picture is or looks like: each once, by the strongest reason, best first.

        1. the same file: ``sha256``, then ``md5``;
        2. ``pdq`` of any of its variants within ``radius``, the likeliest first (ranking.py), and where that
           finds nothing, of a few of them within ``variants.WIDE_RADIUS``;
        3. ``phash`` within ``phash_radius``, nearest first.

        A picture of a quality below 50 is looked for by its digests alone.

        Args:
            fingerprint: of the picture.
            radius: for PDQ, inclusive.
            phash_radius: for pHash, inclusive.
            exact_only: look for the picture as it is, without its variants.

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
            hits += self._near_variants(fingerprint, radius, exact_only)
            hits += self.find_near("phash", bytes.fromhex(fingerprint.phash), phash_radius)
        return _once(hits)

    def _near_variants(self, fingerprint: Fingerprint, radius: int, exact_only: bool) -> list[Hit]:
        """One hit a row, by the simplest variant that explains it, the likeliest row first (ranking.py)."""
        chosen = fingerprint.codes[:1] if exact_only else fingerprint.codes
        every = range(len(chosen))
        found = [(part, self._within(part, chosen, every, radius)) for part in self._parts]
        if len(chosen) > 1 and radius >= PDQ_RADIUS and not any(len(hits.row) for _, hits in found):
            again = [number for number, code in enumerate(chosen) if code.variant in WIDE]
            small = [part for part in self._parts if part.near_rows("pdq") <= WIDE_ROWS]
            found = [(part, self._within(part, chosen, again, WIDE_RADIUS)) for part in small]
        made: dict[int, str | None] = {}
        for part, hits in found:
            made.update((row, part.by) for row in np.unique(hits.row).tolist() if row not in made)
        nothing = [np.empty(0, np.int64)]
        together = Hits(*(np.concatenate([*nothing, *(hits[k] for _, hits in found)]) for k in range(3)))
        return [
            Hit(one.row, "pdq", one.distance, chosen[one.variant].variant, by=made[one.row])
            for one in self._judged(ranking.candidates(together), fingerprint)
        ]

    def _within(self, part: Part, codes: Sequence[Code], numbers: Sequence[int], radius: int) -> Hits:
        """Rows of a part near to some of the codes; those of parts of its pictures when all are asked for."""
        packed = np.frombuffer(bytes.fromhex("".join(codes[number].pdq for number in numbers)), np.uint8)
        kinds = ("pdq", MORE) if len(numbers) == len(codes) > 1 else ("pdq",)
        found = [part.within(kind, packed.reshape(-1, WIDTHS["pdq"]), radius) for kind in kinds]
        query, row, distance = (np.concatenate([hits[k] for hits in found]) for k in range(3))
        return Hits(np.array(numbers, dtype=np.int64)[query], row, distance)

    def _judged(self, found: list[Candidate], fingerprint: Fingerprint) -> list[Candidate]:
        """The candidates with second opinions: pHash, and the shape if the source can still tell it."""
        first, others = found[:JUDGED], found[JUDGED:]
        numbers = [one.row for one in first]
        try:
            rows = self.rows(numbers)
            known = {row.row: ranking.Row(row.phash, row.width, row.height) for row in rows}
        except BadIndex:
            values = self.known_values("phash", np.array(numbers, dtype=np.int64)).cells()
            known = {row: ranking.Row(value) for row, value in zip(numbers, values, strict=True)}
        asked = ranking.Asked(fingerprint.width, fingerprint.height, bytes.fromhex(fingerprint.phash))
        return [*ranking.judged(first, asked, known), *others]

    def _known(self, numbers: NDArray[np.int64]) -> Mapping[str, Sequence[bytes | None]]:
        """What goes into rows: everything but digests that others attached, which are no facts of the row."""
        shown = {kind: self.known_values(kind, numbers).cells() for kind in (*NEAR, "pdq_quality")}
        own = [part for part in self._parts if part.by is None]
        return shown | {kind: first_values(own, kind, numbers).cells() for kind in DIGESTS}

    @cached_property
    def _reader(self) -> RowReader:
        return RowReader(self._manifest.sources)

    @cached_property
    def _by_address(self) -> ByAddress:
        return ByAddress(self._parts, self._reader)


def _once(hits: Sequence[Hit]) -> list[Hit]:
    """Each row by the first of its hits."""
    best: dict[int, Hit] = {}
    for hit in hits:
        best.setdefault(hit.row, hit)
    return list(best.values())


def _check_width(kind: str, value: bytes) -> None:
    if len(value) != WIDTHS[kind]:
        raise BadKey(f"A {kind} is {WIDTHS[kind]} bytes; please check it and try again.")
