"""How the file of one kind of entries is laid out; see table.py for what it answers.

All numbers are little-endian:

    header      64 bytes: magic, number of the kind in PUBLISHED_KINDS, prefix_hex, log2 of the filter's bits,
                entries, zeros
    heads       uint64[entries], the first 64 bits of each, ascending, zeros after the last digit
    tails       uint8[entries, W], W bytes for the digits after the 16th, zeros after the last one
    filter      uint8[2^bits / 8], bit i of byte j stands for the heads that begin with the value 8 j + i
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from takedown.keys import PUBLISHED_KINDS, WIDTHS

HEAD_HEX = 16

_MAGIC = b"tdlist\x00\x01"
_HEADER = struct.Struct("<8sIIIQ36x")
HEADER_BYTES = _HEADER.size
#: The filter has at least 2^4 bits for each entry.
_SPARE_BITS = 4
_LEAST_BITS = 12


class Shape(NamedTuple):
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
        return max(0, self.digits - HEAD_HEX + 1) // 2

    @property
    def tails_at(self) -> int:
        return HEADER_BYTES + 8 * self.entries

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


def filter_bits(entries: int, digits: int) -> int:
    """log2 of the filter's bits: never more than the entries themselves have."""
    return min(max(_LEAST_BITS, entries.bit_length() + _SPARE_BITS), 4 * digits)


def head_mask(digits: int) -> int:
    """Of a head, the bits that the entry has."""
    return (1 << 64) - (1 << 64 - 4 * min(digits, HEAD_HEX))


def read_header(header: bytes, size: int) -> Shape:
    """Raises ValueError, struct.error."""
    magic, kind, prefix_hex, bits, entries = _HEADER.unpack(header)
    if magic != _MAGIC or kind >= len(PUBLISHED_KINDS) or not 1 <= prefix_hex <= 64:
        raise ValueError("no table")
    shape = Shape(PUBLISHED_KINDS[kind], prefix_hex, bits, entries)
    if bits != filter_bits(entries, shape.digits) or size != shape.size:
        raise ValueError("sizes do not fit")
    return shape
