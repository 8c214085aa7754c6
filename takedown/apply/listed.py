"""Which digests are on the list: the one question that `apply` asks a blocklist.

1. The first 64 bits of every entry form a sorted array; one binary search per digest finds candidates.
2. A candidate is compared in full with the sorted entries, so that sharing 64 bits is never a hit.

An edition with shortened entries (`prefix_hex` < 64) compares that many hex digits and no more.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from takedown.keys import WIDTHS

_HEAD_HEX = 16  # hex digits in the 64 bits that the array holds


class Blocklist(Protocol):
    """What `apply` needs of a verified list; takedown.subscribe provides it."""

    @property
    def edition(self) -> str: ...
    @property
    def seq(self) -> int: ...
    @property
    def state_sha256(self) -> str: ...
    @property
    def prefix_hex(self) -> int: ...
    def entries(self, kind: str) -> Sequence[str]:
        """All digests of a kind in lowercase hex, cut to `prefix_hex`, strictly sorted."""
        ...


class Listed:
    """The entries of one kind.

    Args:
        kind: of PUBLISHED_KINDS.
        entries: lowercase hex, sorted.
        prefix_hex: hex digits that entries are cut to; more than the digest has means all of it.
    """

    def __init__(self, kind: str, entries: Sequence[str], prefix_hex: int) -> None:
        self.kind = kind
        self.width = WIDTHS[kind]
        self._entries = entries
        self._digits = min(prefix_hex, 2 * self.width)
        head = min(self._digits, _HEAD_HEX)
        self._shift = np.uint64(64 - 4 * head)
        heads = np.fromiter((int(entry[:head], 16) for entry in entries), np.uint64, len(entries))
        self._heads = np.unique(heads)

    def __bool__(self) -> bool:
        return len(self._entries) > 0

    def __contains__(self, digest: bytes) -> bool:
        text = digest.hex()[: self._digits]
        at = bisect_left(self._entries, text)
        return at < len(self._entries) and self._entries[at] == text

    def hits(self, digests: bytes) -> NDArray[np.int64]:
        """Positions, ascending, of listed digests among digests laid end to end."""
        table = np.frombuffer(digests, np.uint8).reshape(-1, self.width)
        if not self._heads.size or not table.size:
            return np.empty(0, np.int64)
        heads = np.ascontiguousarray(table[:, :8]).view(">u8").reshape(-1).astype(np.uint64) >> self._shift
        at = np.minimum(np.searchsorted(self._heads, heads), self._heads.size - 1)
        candidates = np.flatnonzero(self._heads[at] == heads)
        return np.array([i for i in candidates.tolist() if table[i].tobytes() in self], np.int64)
