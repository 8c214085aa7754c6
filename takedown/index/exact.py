"""Find rows by equality of a 64-bit key prefix: two sorted arrays and a table of buckets.

On disk, in a folder of its own (little-endian):

* ``keys``     uint64[N], sorted: the first 8 bytes of each digest, read big-endian, so that the order of the
  keys is the order of the digests' hex text;
* ``rows``     uint32[N] (uint64 from 2^32 rows on): whose key it is;
* ``buckets``  the place in ``keys`` where each value of the leading bits begins, plus the end.

A look-up reads one bucket's bounds and searches inside them, all queries of a batch at once:

1. the leading bits of the key name the bucket, the bucket its first and last place;
2. halve that range until the first place whose key is not smaller, and the first that is larger, are found;
3. everything between the two is a candidate.

A candidate shares 64 bits with the query and no more has been shown: who calls compares the whole digest.
Costs 12 bytes a key, at most 4 more for buckets; building holds keys, rows and their order in memory
(24 bytes a key).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from takedown.index import files

VERSION = 1
STRUCTURE = "exact"

#: Buckets are addressed by 1 to 24 leading bits; uniform keys leave about 8 in each.
_MAX_BITS = 24
_KEYS_PER_BUCKET_BITS = 3


class Exact:
    """An opened exact index; its arrays are mapped, so opening costs next to nothing."""

    def __init__(self, keys: NDArray[Any], rows: NDArray[Any], buckets: NDArray[Any], bits: int) -> None:
        self.keys, self.rows, self.buckets = keys, rows, buckets
        self._shift = np.uint64(64 - bits)

    def __len__(self) -> int:
        return len(self.keys)

    def search(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Find every row whose key equals a query's.

        Args:
            keys: uint64[Q].

        Returns:
            ``query`` and ``row``, int64 arrays of equal length: one entry for each candidate, ordered by
            query and, for one query, in the order in which the rows were given to :func:`build`.
        """
        wanted = np.asarray(keys, dtype=np.uint64)
        first, last = self._places(wanted)
        counts = last - first
        query = np.repeat(np.arange(len(wanted), dtype=np.int64), counts)
        before = np.cumsum(counts) - counts
        place = np.arange(len(query), dtype=np.int64) + np.repeat(first - before, counts)
        return query, self.rows[place].astype(np.int64)

    def count(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """How many rows bear each of the keys."""
        first, last = self._places(np.asarray(keys, dtype=np.uint64))
        return last - first

    def _places(self, wanted: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        bucket = (wanted >> self._shift).astype(np.int64)
        low = self.buckets[bucket].astype(np.int64)
        high = self.buckets[bucket + 1].astype(np.int64)
        first = self._bounded(wanted, low, high, past_equal=False)
        return first, self._bounded(wanted, first, high, past_equal=True)

    def _bounded(
        self, wanted: NDArray[np.uint64], low: NDArray[np.int64], high: NDArray[np.int64], *, past_equal: bool
    ) -> NDArray[np.int64]:
        """First place in [low, high) whose key is not below (or, past_equal, is above) the wanted one."""
        low, high = low.copy(), high.copy()
        while (unfinished := np.flatnonzero(low < high)).size:
            middle = (low[unfinished] + high[unfinished]) >> 1
            found, sought = self.keys[middle], wanted[unfinished]
            go_right = found <= sought if past_equal else found < sought
            low[unfinished[go_right]] = middle[go_right] + 1
            high[unfinished[~go_right]] = middle[~go_right]
        return low


def build(keys: NDArray[np.uint64], out: Path, *, rows: NDArray[Any] | None = None) -> None:
    """Write an exact index of some keys.

    Args:
        keys: uint64[N], in any order, with repeats.
        out: the folder to make; it must not exist.
        rows: the row of each key, in ascending order; 0..N-1 when omitted.
    """
    order = np.argsort(keys, kind="stable")
    owners = order if rows is None else rows[order]
    row_type = "<u8" if len(owners) and int(owners.max()) >= 1 << 32 else "<u4"
    bits = _bits(len(keys))
    ordered = keys[order]
    edges = np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
    buckets = np.append(np.searchsorted(ordered, edges), len(keys))
    out.mkdir(parents=True)
    files.write_array(out / "keys", ordered, "<u8")
    files.write_array(out / "rows", owners, row_type)
    files.write_array(out / "buckets", buckets, row_type if len(keys) < 1 << 32 else "<u8")
    files.write_header(out, STRUCTURE, VERSION, count=len(keys), bits=bits, row_type=row_type)


def open(out: Path) -> Exact:  # noqa: A001 - build and open are the pair of names that callers rely on
    """Map an exact index.

    Raises:
        BadIndex: a file is missing, of another length or of another version.
    """
    header = files.read_header(out, STRUCTURE, VERSION)
    count, bits = files.number(header, "count"), files.number(header, "bits")
    row_type = header.get("row_type")
    if not 1 <= bits <= _MAX_BITS or row_type not in ("<u4", "<u8"):
        raise files.damaged(files.HEADER)
    return Exact(
        files.map_array(out / "keys", "<u8", count),
        files.map_array(out / "rows", row_type, count),
        files.map_array(out / "buckets", row_type if count < 1 << 32 else "<u8", (1 << bits) + 1),
        bits,
    )


def prefixes(digests: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The 64-bit keys of some digests: their first 8 bytes, big-endian.

    Args:
        digests: uint8[N, W] with W >= 8.
    """
    leading = np.ascontiguousarray(digests[:, :8])
    return leading.view(">u8").reshape(len(digests)).astype(np.uint64)


def _bits(count: int) -> int:
    return min(max(count.bit_length() - _KEYS_PER_BUCKET_BITS, 1), _MAX_BITS)
