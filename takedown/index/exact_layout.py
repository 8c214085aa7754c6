"""How an exact index lies on disk: the packed record, the table of buckets, and the bounds of a prefix.

A record is one little-endian number: the part of the key that its bucket does not say already, and below it
the row. At 100M keys the bucket says 20 bits and a row needs 27, so 64 - 20 + 27 = 71 bits fit 9 bytes:

    bit   71                                  27                       0
          | the key's lowest 64 - bits bits    | row, row_bits bits     |

Records are sorted, so a record is found where its key belongs: the 8 highest bytes of a record, read as one
number and shifted by ``down``, are that part of the key, and the 8 lowest hold the row.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from takedown.errors import BadKey

#: Buckets are addressed by that many leading bits. With fewer than 7 the key's part could pass the 8
#: highest bytes of a record; a table of more than 25 would take too much memory.
MIN_BITS, MAX_BITS = 7, 25

#: 16 to 32 keys in a bucket: a guess from the key itself is then 2 or 3 records off. Measured at 100M keys on
#: one core: 17.1M look-ups/s; with 4 times as many 9.3M; with a quarter, and a table of 64 MiB, 19.8M.
_KEYS_PER_BUCKET_BITS = 5
#: A table this much finer is worth it when it makes every record a byte shorter.
_FINER_BITS = 2

_KEY_BITS = 64
_MAX_ROW_BITS = 63


class Layout(NamedTuple):
    """Attributes:
    bits: leading bits of a key that name its bucket.
    row_bits: bits of a row number.
    """

    bits: int
    row_bits: int

    @property
    def width(self) -> int:
        """Bytes of a record, 8 to 15."""
        return max(8, -(-(_KEY_BITS - self.bits + self.row_bits) // 8))

    @property
    def down(self) -> int:
        """How far the 8 highest bytes of a record are shifted to leave its part of the key."""
        return self.row_bits - 8 * (self.width - 8)

    def is_sound(self) -> bool:
        """Whether a header with these numbers can be believed."""
        return MIN_BITS <= self.bits <= MAX_BITS and 1 <= self.row_bits <= _MAX_ROW_BITS and self.down >= 0


def layout_for(count: int, highest_row: int) -> Layout:
    """The shortest records for that many keys, with no finer table than they need."""
    row_bits = max(highest_row.bit_length(), 1)
    coarse = count.bit_length() - _KEYS_PER_BUCKET_BITS
    choices = {min(max(coarse + finer, MIN_BITS), MAX_BITS) for finer in range(_FINER_BITS + 1)}
    return min((Layout(bits, row_bits) for bits in sorted(choices)), key=lambda layout: layout.width)


def bucket_type(count: int) -> str:
    """The type of a place in the table of buckets."""
    return "<u4" if count < 1 << 32 else "<u8"


def halves(records: NDArray[np.uint8], width: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The 8 highest and the 8 lowest bytes of every record, as numbers that overlap; nothing is copied.

    Args:
        records: uint8[N, width], N > 0.
    """
    count = len(records)

    def view(offset: int) -> NDArray[Any]:
        return np.ndarray((count,), dtype="<u8", buffer=records.data, offset=offset, strides=(width,))

    return view(width - 8), view(0)


def prefix_range(prefix: str | bytes, bits: int | None = None) -> tuple[int, int]:
    """The first and the last key that begin with a prefix.

    Args:
        prefix: 1 to 16 hex digits, or up to 8 bytes.
        bits: how many of its leading bits count; all when omitted.

    Raises:
        BadKey: the prefix is not hex, or not as long as said here, or ``bits`` are more than it has.
    """
    given, value = _parsed(prefix)
    counted = given if bits is None else bits
    if not 0 <= counted <= given <= _KEY_BITS:
        raise BadKey("A prefix is 1 to 16 hex digits and has all the bits that count; please check it.")
    rest = _KEY_BITS - counted
    low = value << (_KEY_BITS - given) >> rest << rest
    return low, low | ((1 << rest) - 1)


def _parsed(prefix: str | bytes) -> tuple[int, int]:
    """Bits and value of a prefix."""
    if isinstance(prefix, bytes):
        return 8 * len(prefix), int.from_bytes(prefix, "big")
    if not prefix or not set(prefix.lower()) <= set("0123456789abcdef"):
        raise BadKey("A prefix is 1 to 16 hex digits; please check it.")
    return 4 * len(prefix), int(prefix, 16)
