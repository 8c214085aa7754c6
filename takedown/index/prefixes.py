"""How many rows stand under each of many short prefixes: what a list that is cut to them removes.

1. the range of keys of each prefix, from its hex digits;
2. rows: the difference of two places in the sorted keys of every part (exact.py);
3. digests: the different keys among them, since copies of one address do not hide it.

Only what the sources say of their rows counts. What others attached is no fact of a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from takedown.index.exact import Exact, hex_range
from takedown.index.parts import Part

#: Keys that are looked at in one go, 16 bytes each.
_BLOCK = 1 << 21


class Counted(NamedTuple):
    """For each of some prefixes, int64[N]: the rows under it, and the different digests among them."""

    rows: NDArray[np.int64]
    digests: NDArray[np.int64]


def count(parts: Sequence[Part], kind: str, prefixes: Sequence[str]) -> Counted | None:
    """Count what stands under each prefix.

    Args:
        parts: of an index.
        kind: a kind of exact keys.
        prefixes: 1 to 16 hex digits each.

    Returns:
        None where no part knows such keys, so that nothing can be said.

    Raises:
        BadKey: one is no such prefix.
    """
    known = [keys for part in parts if part.by is None and (keys := part.exact(kind)) is not None]
    if not known:
        return None
    ranges = np.array([hex_range(prefix) for prefix in prefixes], dtype=np.uint64).reshape(-1, 2)
    lows, highs = np.ascontiguousarray(ranges[:, 0]), np.ascontiguousarray(ranges[:, 1])
    rows = np.zeros(len(prefixes), dtype=np.int64)
    for keys in known:
        rows += keys.counts_between(lows, highs)
    digests = np.zeros(len(rows), dtype=np.int64)
    for block in _blocks(rows):
        digests[block] = _different(known, lows[block], highs[block])
    return Counted(rows, digests)


def _blocks(rows: NDArray[np.int64]) -> Iterator[slice]:
    """Neighbouring prefixes that have about ``_BLOCK`` rows together, at least one."""
    before = np.concatenate([[0], np.cumsum(rows)])
    start = 0
    while start < len(rows):
        stop = int(np.searchsorted(before, before[start] + _BLOCK, side="right")) - 1
        stop = max(stop, start + 1)
        yield slice(start, stop)
        start = stop


def _different(
    known: Sequence[Exact], lows: NDArray[np.uint64], highs: NDArray[np.uint64]
) -> NDArray[np.int64]:
    found = [keys.keys_between(lows, highs) for keys in known]
    query = np.concatenate([one[0] for one in found])
    key = np.concatenate([one[1] for one in found])
    order = np.lexsort((key, query))
    query, key = query[order], key[order]
    first = np.ones(len(query), dtype=bool)
    first[1:] = (query[1:] != query[:-1]) | (key[1:] != key[:-1])
    return np.bincount(query[first], minlength=len(lows)).astype(np.int64)
