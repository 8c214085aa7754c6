"""Rows by their address: candidates from the keys, then the address of each as it stands in its source.

Addresses are read in blocks, in the order of the rows, so that memory stays small however many candidates
there are, and a piece of a source is read once and not once for each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from takedown.index import addresses, exact
from takedown.index.parts import Part
from takedown.index.rows import RowReader

#: How many times the variants wanted are looked at for them: rows of the very address are passed over.
MAX_VARIANT_BLOCKS = 20
#: Bytes of the SHA-256 that all these keys are made from.
_DIGEST = 32
#: Most and fewest rows whose addresses are read in one go.
_BLOCK = 10_000
_SMALL_BLOCK = 1_000


class ByAddress:
    """Finds rows of some parts by address.

    Args:
        parts: of the index.
        reader: of its rows.
    """

    def __init__(self, parts: Sequence[Part], reader: RowReader) -> None:
        self._parts, self._reader = parts, reader

    def having(self, kind: str, digests: Sequence[bytes]) -> list[tuple[int, int]]:
        """(number of the digest, row) for every row whose address has one of some digests, in that order."""
        query, row = self._candidates(kind, digests)
        order = np.argsort(row, kind="stable")
        query, row = query[order], row[order]
        found: list[tuple[int, int]] = []
        for start in range(0, len(row), _BLOCK):
            some = row[start : start + _BLOCK]
            urls = self._reader.addresses(np.unique(some).tolist())
            own = {number: addresses.row_digest(kind, url) for number, url in urls.items()}
            asked = query[start : start + _BLOCK].tolist()
            pairs = zip(asked, some.tolist(), strict=True)
            found += [(at, number) for at, number in pairs if own[number] == digests[at]]
        return sorted(found)

    def variants(self, url: str, limit: int) -> list[int]:
        """At most ``limit`` rows whose address is another size of this one. Raises BadUrl."""
        itself, key = addresses.digest("url", url), addresses.digest("url_family", url)
        if key is None:
            return []
        candidates = np.sort(self._candidates("url_family", [key])[1])[: limit * MAX_VARIANT_BLOCKS]
        found: list[int] = []
        for number, cell in self._read(candidates, limit):
            same_family = addresses.row_digest("url_family", cell) == key
            if same_family and addresses.row_digest("url", cell) != itself:
                found.append(number)
                if len(found) >= limit:
                    break
        return found

    def under(self, prefix: str, limit: int | None) -> list[int]:
        """At most ``limit`` rows under a host or a path, ascending. Raises BadUrl."""
        low, high = addresses.site_range(prefix)
        found: list[int] = []
        for part in self._parts:
            if (keys := part.exact("site")) is None:
                continue
            candidates = np.sort(keys.rows_between(low, high)) + part.first
            for number, cell in self._read(candidates, limit):
                if addresses.under_site(prefix, cell):
                    found.append(number)
                    if limit is not None and len(found) >= limit:
                        return found
        return found

    def _read(self, numbers: NDArray[np.int64], limit: int | None) -> Iterator[tuple[int, str | None]]:
        """(row, its address) for some rows in ascending order; few at a time where few are wanted."""
        block = _BLOCK if limit is None else min(max(limit, _SMALL_BLOCK), _BLOCK)
        for start in range(0, len(numbers), block):
            yield from self._reader.addresses(numbers[start : start + block].tolist()).items()

    def _candidates(self, kind: str, digests: Sequence[bytes]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(number of the digest, row) for every row whose key begins like one of the digests."""
        keys = exact.prefixes(np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, _DIGEST))
        query, row = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for part in self._parts:
            found = part.candidates(kind, keys)
            query.append(found[0])
            row.append(found[1])
        return np.concatenate(query), np.concatenate(row)
