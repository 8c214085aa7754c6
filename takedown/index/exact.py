"""Find rows by equality of a 64-bit key prefix: sorted records of key and row, and a table of buckets.

On disk, in a folder of its own (little-endian; exact_layout.py has the details):

* ``records``  uint8[N, W]: key and row of each pair, sorted by key, then row, in W = 8 to 15 bytes. The key
  is the first 8 bytes of a digest, read big-endian, so that its order is the order of the digests' hex text;
* ``buckets``  the place in ``records`` where each value of the leading bits begins, plus the end.

A look-up reads one bucket's bounds and searches inside them, from where a uniformly spread key would be:

1. the leading bits of the key name the bucket, the bucket its first and last place;
2. between them, find the first place whose key is not smaller, and the first that is larger;
3. everything between the two is a candidate.

So a look-up reads a page of each of the two files, seldom a third, and whatever else was read ahead would be
in vain. Every digest whose hex text begins alike lies together: how many there are is the difference of two
places.

A candidate shares 64 bits with the query and no more has been shown: who calls compares the whole digest.
Costs 9 bytes a key, and 0.2 more for buckets, for any number of rows up to some 10^10. How it is built:
exact_build.py.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from takedown.index import exact_build, exact_layout, exact_steps, files
from takedown.index.exact_layout import Layout

VERSION = 2
STRUCTURE = "exact"

#: Bytes that building may use, beside what it is given.
MEMORY_BYTES = 2 << 30

#: Look-ups in one call from which on threads pay.
_MANY = 50_000

Places = NDArray[np.int64]

#: Where a step is asked for counts or for places alone.
_NONE = np.empty(0, dtype=np.int64)


class Exact:
    """An opened exact index; its files are mapped, so opening costs next to nothing. Safe across a fork.

    Args:
        records: uint8[N, W].
        buckets: 2^bits + 1 places.
        layout: says what is in a record.
    """

    def __init__(self, records: NDArray[np.uint8], buckets: NDArray[Any], layout: Layout) -> None:
        self.records, self.buckets, self.layout = records, buckets, layout
        self._down = layout.down
        if len(records):
            self._top, self._low = exact_layout.halves(records, layout.width)

    def __len__(self) -> int:
        return len(self.records)

    def search(self, keys: NDArray[np.uint64]) -> tuple[Places, Places]:
        """Find every row whose key equals a query's.

        Args:
            keys: uint64[Q].

        Returns:
            ``query`` and ``row``, int64 arrays of equal length: one entry for each candidate, ordered by
            query, then row.
        """
        wanted = _prepared(keys)
        query, row = np.empty(len(wanted), dtype=np.int64), np.empty(len(wanted), dtype=np.int64)
        if len(wanted) < _MANY:
            found = self._bounds(wanted, _NONE, _NONE, query, row)
        else:
            found = self._in_parts(wanted, query, row)
        if found > len(wanted):  # seldom: more candidates than queries
            return self._candidates(*self._places(wanted))
        return query[:found], row[:found]

    def count(self, keys: NDArray[np.uint64]) -> Places:
        """How many rows have each of the keys: int64[Q]."""
        first, last = self._places(keys)
        return last - first

    def count_between(self, low: int, high: int) -> int:
        """How many rows have a key from low to high, both included (0 to 2^64 - 1)."""
        first, last = self._range(low, high)
        return last - first

    def counts_between(self, lows: NDArray[np.uint64], highs: NDArray[np.uint64]) -> Places:
        """The same for many ranges at once: int64[Q], 0 where low is above high."""
        counts: Places = np.maximum(self._places(highs)[1] - self._places(lows)[0], 0)
        return counts

    def keys_between(
        self, lows: NDArray[np.uint64], highs: NDArray[np.uint64]
    ) -> tuple[Places, NDArray[np.uint64]]:
        """(number of the range, key) for every key in some ranges, repeats included."""
        first, last = self._places(lows)[0], self._places(highs)[1]
        length = np.maximum(last - first, 0)
        query = np.repeat(np.arange(len(length)), length)
        place = np.arange(len(query)) + np.repeat(first - (np.cumsum(length) - length), length)
        if not len(query):
            return query, np.empty(0, dtype=np.uint64)
        bucket = (np.searchsorted(self.buckets, place, side="right") - 1).astype(np.uint64)
        part = self._top[place] >> np.uint64(self._down)
        return query, bucket << np.uint64(64 - self.layout.bits) | part

    def rows_between(self, low: int, high: int, limit: int | None = None) -> Places:
        """The rows whose key is from low to high, both included, ordered by key, then row.

        Args:
            limit: at most that many; all when omitted.
        """
        first, last = self._range(low, high)
        if limit is not None:
            last = min(last, first + limit)
        return self._candidates(np.array([first]), np.array([last]))[1]

    def count_prefix(self, prefix: str | bytes, bits: int | None = None) -> int:
        """How many rows have a key that begins like this.

        Args:
            prefix: 1 to 16 hex digits, or up to 8 bytes.
            bits: how many of its leading bits count; all when omitted.

        Raises:
            BadKey: it is no such prefix.
        """
        return self.count_between(*exact_layout.prefix_range(prefix, bits))

    def _range(self, low: int, high: int) -> tuple[int, int]:
        """Where the records from one key to another begin and end."""
        first, last = self._places(np.array([low, high], dtype=np.uint64))
        return int(first[0]), max(int(first[0]), int(last[1]))

    def _places(self, keys: NDArray[np.uint64]) -> tuple[Places, Places]:
        """Where the records of each key begin and end."""
        wanted = _prepared(keys)
        first, last = np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=np.int64)
        if len(wanted) < _MANY:
            self._bounds(wanted, first, last, _NONE, _NONE)
        else:
            _in_threads(
                lambda part: self._bounds(wanted[part], first[part], last[part], _NONE, _NONE), len(wanted)
            )
        return first, last

    def _in_parts(self, wanted: NDArray[np.uint64], query: Places, row: Places) -> int:
        """Collect candidates in threads; returns how many, or more than there is room for."""
        done = _in_threads(
            lambda part: self._bounds(wanted[part], _NONE, _NONE, query[part], row[part]), len(wanted)
        )
        end = 0
        for part, found in done:
            if found > part.stop - part.start:
                return len(wanted) + 1
            query[end : end + found] = query[part][:found] + part.start
            row[end : end + found] = row[part][:found]
            end += found
        return end

    def _bounds(
        self, wanted: NDArray[np.uint64], first: Places, last: Places, query: Places, row: Places
    ) -> int:
        """See exact_plain.bounds."""
        if not len(self):
            return 0
        bits, row_bits = self.layout
        found: int = exact_steps.steps.bounds(
            wanted, self.buckets, self._top, self._low, bits, self._down, row_bits, first, last, query, row
        )
        return found

    def _candidates(self, first: Places, last: Places) -> tuple[Places, Places]:
        found = int((last - first).sum())
        query, row = np.empty(found, dtype=np.int64), np.empty(found, dtype=np.int64)
        if found:
            exact_steps.steps.candidates(first, last, self._low, self.layout.row_bits, query, row)
        return query, row


def build(
    keys: NDArray[np.uint64],
    out: Path,
    *,
    rows: NDArray[Any] | None = None,
    memory_bytes: int = MEMORY_BYTES,
) -> None:
    """Write an exact index of some keys.

    Args:
        keys: uint64[N], in any order, with repeats; may be mapped from a file.
        out: the folder to make; it must not exist.
        rows: the row of each key, in ascending order; 0..N-1 when omitted. May be mapped as well.
        memory_bytes: about how much memory may be used beside these arrays. What does not fit goes through
            files in ``out``, 12 bytes a key (16 from 2^32 rows on), which are gone at the end.

    Raises:
        ValueError: the rows do not ascend.
    """
    exact_build.write(keys, out, rows, memory_bytes, STRUCTURE, VERSION)


def open(out: Path) -> Exact:  # noqa: A001 - build and open are the pair of names that callers rely on
    """Map an exact index.

    Raises:
        BadIndex: a file is missing, of another length or of another version.
    """
    header = files.read_header(out, STRUCTURE, VERSION)
    count = files.number(header, "count")
    layout = Layout(files.number(header, "bits"), files.number(header, "row_bits"))
    if not layout.is_sound():
        raise files.damaged(files.HEADER)
    records = files.map_array(out / "records", "|u1", count, layout.width)
    buckets = files.map_array(out / "buckets", exact_layout.bucket_type(count), (1 << layout.bits) + 1)
    files.advise_random(records)
    files.advise_random(buckets)
    # Plain arrays over the same maps: NumPy's own class for maps is slower to slice and to pass on.
    return Exact(np.asarray(records), np.asarray(buckets), layout)


def prefixes(digests: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The 64-bit keys of some digests: their first 8 bytes, big-endian.

    Args:
        digests: uint8[N, W] with W >= 8.
    """
    leading = np.ascontiguousarray(digests[:, :8])
    return leading.view(">u8").reshape(len(digests)).astype(np.uint64)


def hex_range(prefix: str) -> tuple[int, int]:
    """The lowest and the highest key of the digests whose hex text begins with 1 to 16 digits.

    Raises:
        BadKey: it is no such prefix.
    """
    return exact_layout.prefix_range(prefix)


def _prepared(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Queries as the compiled steps want them: to the compiler, what is read-only is another type."""
    wanted = np.ascontiguousarray(keys, dtype=np.uint64)
    return wanted if wanted.flags.writeable else wanted.copy()


def _in_threads(work: Callable[[slice], int], count: int) -> list[tuple[slice, int]]:
    """Cut queries into parts for as many threads; the parts, and what came of each."""
    parts = exact_steps.parts(count, exact_steps.THREADS)
    with ThreadPoolExecutor(len(parts)) as pool:  # of its own for each call: it would not survive a fork
        return list(zip(parts, pool.map(work, parts), strict=True))
