"""Which digests are on a list: a file that answers from a few memory pages, however long the list is.

1. A bit for every value of the first bits of a digest says that some entry begins so. There are 16 to 32
   times as many bits as entries, so that this alone answers for nearly every digest that is not listed.
2. The first 64 bits of every entry ("heads"), sorted, are searched for the few that pass.
3. What follows in the entry ("tails") is compared with those that are left, so that a hit is always exact.

An edition with shortened entries (`prefix_hex` < 64) compares that many hex digits and no more; up to 16
digits there are no tails. Filter and heads are mapped: 10 to 12 bytes an entry may be resident.
"""

from __future__ import annotations

import mmap
import os
import struct
import weakref
from bisect import bisect_left
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from takedown import patience
from takedown.blocklist.table_layout import HEADER_BYTES, Shape, filter_bits, head_mask, read_header
from takedown.blocklist.table_write import Digests, Heads, filter_of, split, write_table
from takedown.errors import VerificationFailed
from takedown.keys import WIDTHS

__all__ = ["Digests", "Heads", "Table", "write_table"]

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]

#: Bytes of tails from which on they are read one by one: each look at mapped ones may map another 64 kB.
MANY_TAILS = 1 << 26
#: Look-ups that take as long as hashing a text.
_LOOKUPS = 16

_number = int.from_bytes


class Table:
    """The entries of one kind, opened by ``open`` or made by ``of``. Read-only.

    A table that was opened is pickled as its path; after a fork parent and child share its pages.

    Attributes:
        kind: of PUBLISHED_KINDS.
        prefix_hex: hex digits that the edition cuts digests to; more than the digest has means all of it.
        path: of the file, None where the table is in memory.
    """

    def __init__(self, shape: Shape, content: Any, path: Path | None = None) -> None:
        self.kind, self.prefix_hex, self.path = shape.kind, shape.prefix_hex, path
        self._shape, self._content = shape, content
        self._heads = np.frombuffer(content, "<u8", shape.entries, HEADER_BYTES)
        self._tails = np.frombuffer(content, np.uint8, shape.tail * shape.entries, shape.tails_at)
        self._filter = np.frombuffer(content, np.uint8, offset=shape.filter_at)
        self._filter_at = shape.filter_at
        self._shift, self._mask = 64 - shape.bits, head_mask(shape.digits)
        self._reader: int | None = None

    @classmethod
    def open(cls, path: Path) -> Table:
        """Map a file that `write_table` wrote.

        Raises:
            VerificationFailed: slug ``local-altered``: it is missing or not of this form.
        """
        try:
            with open(path, "rb") as file:
                content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                table = cls(read_header(content[:HEADER_BYTES], len(content)), content, path)
                if len(table._tails) >= MANY_TAILS:
                    table._reader = os.dup(file.fileno())
                    weakref.finalize(table, os.close, table._reader)
        except (OSError, ValueError, struct.error) as error:
            raise VerificationFailed(
                f"The file {path.name} of the list on this disk was altered or is missing; run "
                "'takedown sync' again to replace it.",
                slug="local-altered",
            ) from error
        return table

    @classmethod
    def of(cls, kind: str, prefix_hex: int, entries: Iterable[str]) -> Table:
        """A table in memory, for small lists.

        Args:
            kind: of PUBLISHED_KINDS.
            prefix_hex: hex digits kept.
            entries: digests in lowercase hex, whole or already cut, in any order.
        """
        digits = min(prefix_hex, 2 * WIDTHS[kind])
        cut = sorted({entry[:digits] for entry in entries})
        shape = Shape(kind, prefix_hex, filter_bits(len(cut), digits), len(cut))
        heads, tails = split(np.array(cut, f"S{digits}"))
        parts = (shape.header(), heads.tobytes(), tails.tobytes(), *filter_of(heads, shape.bits))
        return cls(shape, b"".join(parts))

    @property
    def heads(self) -> Heads:
        """The first 64 bits of every entry, ascending, zeros after its last digit; uint64 [N], mapped."""
        return self._heads

    @property
    def bits(self) -> int:
        """How many bits of ``heads`` count."""
        return min(4 * self._shape.digits, 64)

    def __len__(self) -> int:
        return self._shape.entries

    def __contains__(self, digest: bytes) -> bool:
        """Whether a full raw digest of the kind is listed."""
        head = _number(digest[:8], "big")
        place = head >> self._shift
        # From the content itself: a number out of a NumPy array costs three times as much.
        if not self._content[self._filter_at + (place >> 3)] >> (place & 7) & 1:
            return False
        wanted = head & self._mask
        at = int(self._heads.searchsorted(np.uint64(wanted)))
        if at == len(self) or int(self._heads[at]) != wanted:
            return False
        return bool(self._same_tails(np.frombuffer(digest, np.uint8).reshape(1, -1), np.array([at]))[0])

    def candidates(self, heads: Heads) -> Integers:
        """Positions, ascending, of the digests that may be listed, by their first 8 bytes read big-endian.

        Exact where entries have no more than 16 hex digits; else `hits` on the whole digests decides.
        """
        return self._found(heads)[0]

    def hits(self, digests: Bytes) -> NDArray[np.bool_]:
        """Which of these full raw digests, uint8 [N, width], are listed: bool [N]."""
        listed = np.zeros(len(digests), dtype=bool)
        heads = np.ascontiguousarray(digests[:, :8]).view(">u8").reshape(-1).astype(np.uint64)
        maybe, places = self._found(heads)
        listed[maybe] = self._same_tails(digests[maybe], places)
        return listed

    def __reduce__(self) -> tuple[Callable[..., Table], tuple[Any, ...]]:
        if self.path is not None:
            return Table.open, (self.path,)
        return Table, (self._shape, self._content)

    def _found(self, heads: Heads) -> tuple[Integers, Integers]:
        """Positions of heads that are listed, and the place of the first entry that has each."""
        if not len(self):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        kernels = _compiled() if patience.worth(len(heads) // _LOOKUPS) else None
        sift, search = (kernels.sift, kernels.search) if kernels else (_sift, _search)
        room = np.empty(len(heads), np.int64)
        passed = room[: sift(heads, np.uint64(self._shift), self._filter, room)]
        wanted, places = heads[passed] & np.uint64(self._mask), np.empty(len(passed), np.int64)
        search(self._heads, wanted, places)
        np.minimum(places, len(self) - 1, out=places)
        same = self._heads[places] == wanted
        return passed[same], places[same]

    def _same_tails(self, digests: Bytes, places: Integers) -> NDArray[np.bool_]:
        """Which digests are listed, of those whose heads are, the first at these places."""
        wanted = digests[:, 8 : 8 + self._shape.tail]
        if self._shape.tail and self._shape.digits % 2:
            wanted = wanted.copy()
            wanted[:, -1] &= 0xF0
        same = np.asarray((self._tails_of(places) == wanted).all(axis=1), dtype=bool)
        # Only where several entries share 64 bits can another than the first be the one.
        for i in np.flatnonzero(~same).tolist():
            same[i] = self._is_among(int(places[i]), wanted[i].tobytes())
        return same

    def _is_among(self, place: int, tail: bytes) -> bool:
        """Whether an entry with this tail is among those that share the head of the one at a place."""
        stop = int(self._heads.searchsorted(self._heads[place], side="right"))
        at = bisect_left(range(stop), tail, place, stop, key=self._tail)
        return at < stop and self._tail(at) == tail

    def _tail(self, place: int) -> bytes:
        return self._tails_of(np.array([place])).tobytes()

    def _tails_of(self, places: Integers) -> Bytes:
        """The tails at these places: uint8 [n, W]."""
        width = self._shape.tail
        if not width:
            return np.empty((len(places), 0), np.uint8)
        if self._reader is None:
            return self._tails.reshape(-1, width)[places]
        starts = (self._shape.tails_at + places * width).tolist()
        read = b"".join([os.pread(self._reader, width, start) for start in starts])
        return np.frombuffer(read, np.uint8).reshape(-1, width)


def _sift(heads: Heads, shift: np.uint64, bits: Bytes, out: Integers) -> int:
    """As takedown.blocklist.table_kernels has it."""
    places = heads >> shift
    flags = bits[(places >> np.uint64(3)).view(np.int64)] >> (places & np.uint64(7)).astype(np.uint8) & 1
    passed = np.flatnonzero(flags)
    out[: len(passed)] = passed
    return len(passed)


def _search(entries: Heads, wanted: Heads, out: Integers) -> None:
    """As takedown.blocklist.table_kernels has it."""
    out[:] = entries.searchsorted(wanted)


@cache
def _compiled() -> ModuleType | None:
    try:
        from takedown.blocklist import table_kernels
    except ImportError:
        return None
    return table_kernels
