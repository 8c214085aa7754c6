"""The receipts log as a Merkle tree (RFC 6962, section 2.1): roots, inclusion and consistency.

    leaf = SHA-256(0x00 || leaf bytes)          node = SHA-256(0x01 || left || right)

1. ``Frontier`` is what a publisher carries from release to release: the roots of the whole subtrees, one for
   each 1 in the binary number of leaves. It gives the root, and grows without the leaves that are in it.
   Whoever has an old frontier and the new leaves sees that a log only grew.
2. ``Tree`` holds all leaves, or a file of them, and makes proofs. It keeps one hash for each BLOCK of leaves,
   so a proof hashes one block again and not the whole log.
3. ``verify_inclusion`` and ``verify_consistency`` need the proof and two roots only (RFC 9162, sections
   2.1.3.2 and 2.1.4.2; the hashes of both RFCs are the same).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

#: Leaves below one kept hash of a ``Tree``; a power of two.
BLOCK = 1024

#: RFC 6962, section 2.1: the hash of an empty list is the hash of an empty string.
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


@dataclass(frozen=True)
class Frontier:
    """The right edge of a log.

    Attributes:
        size: number of leaves.
        peaks: roots of the whole subtrees, the largest (leftmost) first; as many as ``size`` has 1 bits.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if len(self.peaks) != self.size.bit_count():
            raise ValueError("a frontier has one peak for each 1 bit of its size")

    def grown(self, leaves: Iterable[bytes]) -> Frontier:
        """The frontier with these leaves after the ones it has."""
        size, peaks = self.size, list(self.peaks)
        for leaf in leaves:
            found = leaf_hash(leaf)
            full = size
            while full & 1:
                found = node_hash(peaks.pop(), found)
                full >>= 1
            peaks.append(found)
            size += 1
        return Frontier(size, tuple(peaks))

    @property
    def root(self) -> bytes:
        """RFC 6962 root over all leaves."""
        if not self.peaks:
            return EMPTY_ROOT
        *before, found = self.peaks
        for peak in reversed(before):
            found = node_hash(peak, found)
        return found


class Rows(Sequence[bytes]):
    """Leaves of one length that lie behind each other in memory or in a mapped file.

    Args:
        data: all of them.
        width: bytes of one.
    """

    def __init__(self, data: bytes | memoryview, width: int) -> None:
        self._data = memoryview(data).cast("B")
        if len(self._data) % width:
            raise ValueError("the last leaf is cut off")
        self._width = width

    def __len__(self) -> int:
        return len(self._data) // self._width

    def __getitem__(self, at: int) -> bytes:  # type: ignore[override]  # slices are not needed
        if not 0 <= at < len(self):
            raise IndexError(at)
        return bytes(self._data[at * self._width : (at + 1) * self._width])

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._data), self._width * BLOCK):
            block = bytes(self._data[start : start + self._width * BLOCK])
            for at in range(0, len(block), self._width):
                yield block[at : at + self._width]


class Tree:
    """All leaves of a log, and the proofs that can be made of them.

    Args:
        leaves: kept by reference; each is hashed once here.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._leaves = leaves
        self._blocks: list[bytes] = []
        rest = iter(leaves)
        for _ in range(len(leaves) // BLOCK):
            self._blocks.append(Frontier().grown(islice(rest, BLOCK)).root)

    def __len__(self) -> int:
        return len(self._leaves)

    def root(self, size: int | None = None) -> bytes:
        """RFC 6962 root of the first ``size`` leaves, of all when None."""
        return self._hash(0, self._size(size))

    def frontier(self, size: int | None = None) -> Frontier:
        """The frontier of the first ``size`` leaves, of all when None."""
        last, start, peaks = self._size(size), 0, []
        for bit in reversed(range(last.bit_length())):
            if last >> bit & 1:
                peaks.append(self._hash(start, start + (1 << bit)))
                start += 1 << bit
        return Frontier(last, tuple(peaks))

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """The inclusion proof PATH(index, D[size]) of RFC 6962, from the leaf up.

        Raises:
            IndexError: no such leaf among the first ``size``.
        """
        start, end = 0, self._size(size)
        if not 0 <= index < end:
            raise IndexError(index)
        proof = []
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                proof.append(self._hash(middle, end))
                end = middle
            else:
                proof.append(self._hash(start, middle))
                start = middle
        return proof[::-1]

    def consistency(self, old: int, size: int | None = None) -> list[bytes]:
        """The consistency proof PROOF(old, D[size]) of RFC 6962; empty where ``old`` is 0 or ``size``.

        Raises:
            IndexError: ``old`` is no earlier size.
        """
        start, end = 0, self._size(size)
        if not 0 <= old <= end:
            raise IndexError(old)
        proof = []
        while old and old < end:
            middle = start + _split(end - start)
            if old <= middle:
                proof.append(self._hash(middle, end))
                end = middle
            else:
                proof.append(self._hash(start, middle))
                start = middle
        if start:  # the old root itself is known to whoever checks; any other subtree is not
            proof.append(self._hash(start, end))
        return proof[::-1]

    def _size(self, size: int | None) -> int:
        if size is None:
            return len(self)
        if not 0 <= size <= len(self):
            raise IndexError(size)
        return size

    def _hash(self, start: int, end: int) -> bytes:
        """Root of leaves[start:end]; in every tree the start of a subtree is a multiple of its split."""
        count = end - start
        if count == BLOCK and not start % BLOCK:
            return self._blocks[start // BLOCK]
        if count <= BLOCK:
            return Frontier().grown(self._leaves[at] for at in range(start, end)).root
        middle = start + _split(count)
        return node_hash(self._hash(start, middle), self._hash(middle, end))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """True when the proof shows that ``leaf`` is number ``index`` (from 0) of the ``size`` under ``root``."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf_hash(leaf)
    for other in proof:
        if not last:
            return False
        if at & 1 or at == last:
            found = node_hash(other, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, other)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(old: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes) -> bool:
    """True when the proof shows that the log of ``size`` leaves begins with the one of ``old`` leaves."""
    if not 0 <= old <= size:
        return False
    if old in (0, size):
        same = old_root == (root if old else EMPTY_ROOT)
        return same and not proof
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = path[0]
    for other in path[1:]:
        if not last:
            return False
        if at & 1 or at == last:
            first, second = node_hash(other, first), node_hash(other, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, other)
        at, last = at >> 1, last >> 1
    return last == 0 and first == old_root and second == root


def _split(count: int) -> int:
    """The largest power of two smaller than ``count`` (2 or more)."""
    return 1 << (count - 1).bit_length() - 1
