"""Which digests are on a list: a file that answers from a few memory pages, however long the list is.

1. A bit for every value of the first bits of a digest says that some entry begins so. There are 16 to 32
   times as many bits as entries, so that this alone answers for nearly every digest that is not listed.
2. The first 64 bits of every entry ("heads"), sorted, are searched for the few that pass.
3. What follows in the entry ("tails") is compared with those that are left, so that a hit is always exact.

An edition with shortened entries (`prefix_hex` < 64) compares that many hex digits and no more; up to 16
digits there are no tails. All of it is little-endian and read through a memory map:

    header      64 bytes, see _HEADER
    heads       uint64[entries], ascending, zeros after the last digit
    tails       uint8[entries, W], W bytes for the digits after the 16th, zeros after the last one
    filter      uint8[2^bits / 8], bit i of byte j stands for the value 8 j + i
"""

from __future__ import annotations

import mmap
import shutil
import struct
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from takedown import disk
from takedown.errors import VerificationFailed
from takedown.keys import PUBLISHED_KINDS, WIDTHS

Digests = NDArray[np.bytes_]
Heads = NDArray[np.uint64]

_MAGIC = b"tdlist\x00\x01"
#: Magic, number of the kind in PUBLISHED_KINDS, prefix_hex, log2 of the filter's bits, entries.
_HEADER = struct.Struct("<8sIIIQ36x")
_HEAD_HEX = 16
#: The filter has at least 2^4 bits for each entry.
_SPARE_BITS = 4
_LEAST_BITS = 12
#: Entries, or bytes of the filter, that are made at a time.
_CHUNK = 1 << 20
#: Tails that are compared before their pages are given back, each of which may have mapped 64 kB.
_TAILS_KEPT = 4096


class _Shape(NamedTuple):
    """What the header says, and what follows from it."""

    kind: str
    prefix_hex: int
    bits: int
    entries: int

    @property
    def digits(self) -> int:
        """Hex digits of an entry."""
        return min(self.prefix_hex, 2 * WIDTHS[self.kind])

    @property
    def tail(self) -> int:
        """Bytes of a tail."""
        return max(0, self.digits - _HEAD_HEX + 1) // 2

    @property
    def tails_at(self) -> int:
        return _HEADER.size + 8 * self.entries

    @property
    def filter_at(self) -> int:
        return self.tails_at + self.tail * self.entries

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.filter_at + (1 << self.bits) // 8

    def header(self) -> bytes:
        return _HEADER.pack(
            _MAGIC, PUBLISHED_KINDS.index(self.kind), self.prefix_hex, self.bits, self.entries
        )


class Table:
    """The entries of one kind, opened by ``open`` or made by ``of``. Read-only.

    A table that was opened is pickled as its path; after a fork parent and child share its pages.

    Attributes:
        kind: of PUBLISHED_KINDS.
        prefix_hex: hex digits that the edition cuts digests to; more than the digest has means all of it.
        path: of the file, None where the table is in memory.
    """

    def __init__(self, shape: _Shape, content: Any, path: Path | None = None) -> None:
        self.kind, self.prefix_hex, self.path = shape.kind, shape.prefix_hex, path
        self._shape, self._content = shape, content
        self._heads = np.frombuffer(content, "<u8", shape.entries, _HEADER.size)
        tails = np.frombuffer(content, np.uint8, shape.tail * shape.entries, shape.tails_at)
        self._tails = tails.reshape(shape.entries, shape.tail)
        self._filter = np.frombuffer(content, np.uint8, offset=shape.filter_at)
        self._mask = _mask(shape.digits)
        self._shift = 64 - shape.bits
        self._compared = 0

    @classmethod
    def open(cls, path: Path) -> Table:
        """Map a file that `write_table` wrote.

        Raises:
            VerificationFailed: slug ``local-altered``: it is missing or not of this form.
        """
        try:
            with open(path, "rb") as file:
                content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return cls(_shape_of(content[: _HEADER.size], len(content)), content, path)
        except (OSError, ValueError, struct.error) as error:
            raise VerificationFailed(
                f"The file {path.name} of the list on this disk was altered or is missing; run "
                "'takedown sync' again to replace it.",
                slug="local-altered",
            ) from error

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
        shape = _Shape(kind, prefix_hex, _bits(len(cut), digits), len(cut))
        heads, tails = _split(np.array(cut, f"S{digits}"))
        parts = (shape.header(), heads.tobytes(), tails.tobytes(), *_filter_of(heads, shape.bits))
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
        head = int.from_bytes(digest[:8], "big")
        place = head >> self._shift
        if not self._filter[place >> 3] >> (place & 7) & 1:
            return False
        at = int(np.searchsorted(self._heads, np.uint64(head & self._mask)))
        return at < len(self) and self._listed(at, digest)

    def candidates(self, heads: Heads) -> NDArray[np.int64]:
        """Positions, ascending, of the digests that may be listed, by their first 8 bytes read big-endian.

        Exact where entries have no more than 16 hex digits; else `hits` on the whole digests decides.
        """
        places = heads >> np.uint64(self._shift)
        bytes_ = self._filter[(places >> np.uint64(3)).view(np.int64)]
        passed = np.flatnonzero(bytes_ >> (places & np.uint64(7)).astype(np.uint8) & 1)
        wanted = heads[passed] & np.uint64(self._mask)
        at = np.minimum(np.searchsorted(self._heads, wanted), max(len(self) - 1, 0))
        return passed[self._heads[at] == wanted] if len(self) else passed[:0]

    def hits(self, digests: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which of these full raw digests, uint8 [N, width], are listed: bool [N]."""
        found = np.zeros(len(digests), dtype=bool)
        heads = np.ascontiguousarray(digests[:, :8]).view(">u8").reshape(-1).astype(np.uint64)
        maybe = self.candidates(heads)
        found[maybe] = self._confirmed(heads[maybe], digests[maybe]) if self._shape.tail else True
        return found

    def __reduce__(self) -> tuple[Callable[..., Table], tuple[Any, ...]]:
        if self.path is not None:
            return Table.open, (self.path,)
        return Table, (self._shape, self._content)

    def _confirmed(self, heads: Heads, digests: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which digests are listed, of those whose heads are."""
        found = np.zeros(len(heads), dtype=bool)
        for first in range(0, len(heads), _TAILS_KEPT):
            part = slice(first, first + _TAILS_KEPT)
            at = np.searchsorted(self._heads, heads[part] & np.uint64(self._mask))
            found[part] = (self._tails[at] == self._cut_tails(digests[part])).all(axis=1)
            # Only where several entries share 64 bits can another than the first be the one.
            for i in np.flatnonzero(~found[part]).tolist():
                found[first + i] = self._listed(int(at[i]), digests[first + i].tobytes())
            self._give_back(len(at))
        return found

    def _listed(self, at: int, digest: bytes) -> bool:
        """Whether a digest is among the entries that share its head, the first of which stands at a place."""
        head = int.from_bytes(digest[:8], "big") & self._mask
        if int(self._heads[at]) != head:
            return False
        if not self._shape.tail:
            return True
        tail = self._cut_tails(np.frombuffer(digest, np.uint8).reshape(1, -1)).tobytes()
        stop = int(np.searchsorted(self._heads, np.uint64(head), side="right"))
        at = bisect_left(range(stop), tail, at, stop, key=lambda i: self._tails[i].tobytes())
        return at < stop and self._tails[at].tobytes() == tail

    def _cut_tails(self, digests: NDArray[np.uint8]) -> NDArray[np.uint8]:
        tails = digests[:, 8 : 8 + self._shape.tail]
        if self._shape.digits % 2 == 0:
            return tails
        tails = tails.copy()
        tails[:, -1] &= 0xF0
        return tails

    def _give_back(self, compared: int) -> None:
        """Let go of the pages of tails every so often: they stay in the system's cache."""
        self._compared += compared
        if self._compared < _TAILS_KEPT or self.path is None:
            return
        self._compared = 0
        start = -(-self._shape.tails_at // mmap.PAGESIZE) * mmap.PAGESIZE
        stop = self._shape.filter_at // mmap.PAGESIZE * mmap.PAGESIZE
        if start < stop:
            self._content.madvise(mmap.MADV_DONTNEED, start, stop - start)


def write_table(path: Path, kind: str, prefix_hex: int, chunks: Iterable[Digests]) -> None:
    """Write the file of one kind, whole: temporary file, fsync, rename.

    Args:
        path: where; missing folders are made.
        kind: of PUBLISHED_KINDS.
        prefix_hex: hex digits kept of each digest.
        chunks: the entries in lowercase hex, arrays of dtype ``S`` of their length, strictly ascending over
            all arrays. Memory is needed for one at a time.

    Raises:
        VerificationFailed: slug ``entry-order``, ``entry-width`` or ``entry-hex``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part, tails_part = disk.part_of(path), disk.part_of(path.with_name(path.name + ".tails"))
    with ExitStack() as open_files:
        out = open_files.enter_context(open(part, "w+b"))
        tails_out = open_files.enter_context(open(tails_part, "w+b"))
        tails_part.unlink()
        digits = min(prefix_hex, 2 * WIDTHS[kind])
        entries = _write_entries(out, tails_out, digits, chunks)
        shape = _Shape(kind, prefix_hex, _bits(entries, digits), entries)
        tails_out.seek(0)
        shutil.copyfileobj(tails_out, out, _CHUNK)
        out.flush()
        heads = np.memmap(out, "<u8", "r", _HEADER.size, (entries,)) if entries else np.empty(0, "<u8")
        for block in _filter_of(heads, shape.bits):
            out.write(block)
        out.seek(0)
        out.write(shape.header())
        out.flush()
        disk.sync_file(out.fileno())
    disk.rename(part, path)


def _write_entries(out: BinaryIO, tails_out: BinaryIO, digits: int, chunks: Iterable[Digests]) -> int:
    """Heads behind the room for the header, tails into a file of their own. Returns how many."""
    out.write(bytes(_HEADER.size))
    entries, last = 0, b""
    for chunk in _checked(chunks, digits):
        for first in range(0, len(chunk), _CHUNK):
            part = chunk[first : first + _CHUNK]
            if part[0] <= last or not np.all(part[1:] > part[:-1]):
                raise _refused("is not sorted or has an entry twice", "entry-order")
            last = part[-1]
            heads, tails = _split(part)
            out.write(heads.tobytes())
            tails_out.write(tails.tobytes())
            entries += len(part)
    return entries


def _checked(chunks: Iterable[Digests], digits: int) -> Iterator[Digests]:
    for chunk in chunks:
        if chunk.dtype != f"S{digits}":
            raise _refused("has an entry of the wrong length", "entry-width")
        yield np.ascontiguousarray(chunk)


def _split(entries: Digests) -> tuple[Heads, NDArray[np.uint8]]:
    """Heads and tails of entries in hex."""
    digits = entries.dtype.itemsize
    width = max(_HEAD_HEX, digits + digits % 2)
    sheet = np.full((len(entries), width), ord("0"), np.uint8)
    sheet[:, :digits] = entries.view(np.uint8).reshape(len(entries), digits)
    try:
        raw = np.frombuffer(bytes.fromhex(sheet.tobytes().decode("ascii")), np.uint8)
    except ValueError as error:
        raise _refused("has an entry that is not hexadecimal", "entry-hex") from error
    rows = raw.reshape(len(entries), width // 2)
    heads = np.ascontiguousarray(rows[:, :8]).view(">u8").reshape(-1)
    return heads.astype("<u8"), rows[:, 8:]


def _filter_of(heads: Heads, bits: int) -> Iterator[bytes]:
    """The filter, a block at a time."""
    size = (1 << bits) // 8
    for first in range(0, size, _CHUNK):
        block = np.zeros(8 * min(_CHUNK, size - first), np.uint8)
        low = first * 8 << 64 - bits
        high = low + (len(block) << 64 - bits)
        stop = len(heads) if high >> 64 else int(np.searchsorted(heads, np.uint64(high)))
        inside = heads[int(np.searchsorted(heads, np.uint64(low))) : stop]
        block[(inside >> np.uint64(64 - bits)) - np.uint64(8 * first)] = 1
        yield np.packbits(block, bitorder="little").tobytes()


def _bits(entries: int, digits: int) -> int:
    """log2 of the filter's bits: never more than the entries themselves have."""
    return min(max(_LEAST_BITS, entries.bit_length() + _SPARE_BITS), 4 * digits)


def _mask(digits: int) -> int:
    """Of a head, the bits that the entry has."""
    return (1 << 64) - (1 << 64 - 4 * min(digits, _HEAD_HEX))


def _shape_of(header: bytes, size: int) -> _Shape:
    """Raises ValueError, struct.error."""
    magic, kind, prefix_hex, bits, entries = _HEADER.unpack(header)
    if magic != _MAGIC or kind >= len(PUBLISHED_KINDS) or not 1 <= prefix_hex <= 64:
        raise ValueError("no table")
    shape = _Shape(PUBLISHED_KINDS[kind], prefix_hex, bits, entries)
    if bits != _bits(entries, shape.digits) or size != shape.size:
        raise ValueError("sizes do not fit")
    return shape


def _refused(why: str, slug: str) -> VerificationFailed:
    return VerificationFailed(f"The list {why}; get the release again or tell the publisher.", slug=slug)
