"""The keys of one shard and one kind, sorted and cut short: 3 to 4 bytes a key.

1. Of each digest the first ``bucket_bits + 24`` bits are kept, where there are about as many buckets as keys.
2. The file has, for each bucket, how many keys it holds (one byte), and for each key its 24 bits (three
   bytes), in order. A bucket of 255 keys or more, which only digests made on purpose can fill, keeps 255 of
   them and from then on says yes to everything.
3. A question is whether any kept key begins as one of some entries do. A wrong yes costs a look into the
   shard; a wrong no is impossible.

With as many buckets as keys, an entry that is not there is taken for one that is with a chance of 2**-24.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Heads = NDArray[np.uint64]

#: Bits kept of each key below its bucket.
LOW_BITS = 24
_FULL = 255
_LOW_BYTES = LOW_BITS // 8
_LOW = np.uint64(LOW_BITS)


@dataclass(frozen=True)
class Keys:
    """Sorted keys of one kind.

    Attributes:
        bucket_bits: the number of buckets is two to this power.
        counts: uint8 [2**bucket_bits], keys in each bucket.
        lows: uint8 [N, 3], the bits below the bucket, big-endian.
    """

    bucket_bits: int
    counts: NDArray[np.uint8]
    lows: NDArray[np.uint8]

    @classmethod
    def of(cls, heads: Heads) -> Keys:
        """From the first 64 bits of the digests, in any order, repeats allowed."""
        bits = max(0, len(heads).bit_length() - 1)
        kept = np.unique(heads >> np.uint64(64 - bits - LOW_BITS))
        buckets = (kept >> _LOW).astype(np.int64)
        counts = np.bincount(buckets, minlength=1 << bits)
        if counts.max() > _FULL:
            place = np.arange(len(kept)) - (np.cumsum(counts) - counts)[buckets]
            kept, counts = kept[place < _FULL], np.minimum(counts, _FULL)
        lows = np.ascontiguousarray(kept.astype(">u4")).view(np.uint8).reshape(-1, 4)[:, 1:]
        return cls(bits, counts.astype(np.uint8), np.ascontiguousarray(lows))

    def __len__(self) -> int:
        return len(self.lows)

    def to_bytes(self) -> bytes:
        return bytes([self.bucket_bits]) + self.counts.tobytes() + self.lows.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Keys:
        """Raises ValueError when the lengths do not fit each other."""
        cells = np.frombuffer(data, np.uint8)
        if not cells.size or cells[0] > 40 or cells.size < 1 + (1 << int(cells[0])):
            raise ValueError("not a file of keys")
        bits = int(cells[0])
        counts, lows = np.split(cells[1:], [1 << bits])
        if lows.size != _LOW_BYTES * int(counts.sum(dtype=np.int64)):
            raise ValueError("keys are missing")
        return cls(bits, counts, lows.reshape(-1, _LOW_BYTES))

    def any_of(self, entries: Heads, bits: int) -> bool:
        """Whether a key may begin as one of these entries does.

        Args:
            entries: the first 64 bits of each, ascending.
            bits: how many of them count: four for each hexadecimal digit, 64 at most.
        """
        if not len(self) or not len(entries):
            return False
        kept = self.bucket_bits + LOW_BITS
        if _meet(self._sorted(), kept, entries, bits):
            return True
        full = np.flatnonzero(self.counts == _FULL).astype(np.uint64)
        return _meet(full, self.bucket_bits, entries, bits)

    def _sorted(self) -> Heads:
        lows = np.zeros((len(self), 4), np.uint8)
        lows[:, 1:] = self.lows
        buckets = np.repeat(np.arange(len(self.counts), dtype=np.uint64), self.counts)
        below = lows.view(">u4").reshape(-1).astype(np.uint64)
        return (buckets << _LOW) | below


def _meet(keys: Heads, kept: int, entries: Heads, bits: int) -> bool:
    """Whether a key of ``kept`` bits and an entry of ``bits`` agree in as many as both have."""
    common = min(kept, bits)
    if common == 0:
        return bool(len(keys) and len(entries))
    keys = keys >> np.uint64(kept - common)
    entries = entries >> np.uint64(64 - common)
    few, many = sorted((keys, entries), key=len)
    if not len(few):
        return False
    at = np.minimum(np.searchsorted(many, few), len(many) - 1)
    return bool(np.any(many[at] == few))
