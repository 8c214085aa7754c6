"""Write the file of one kind of entries from a stream of them; see table_layout.py.

1. Heads go to the file, tails to a second one without a name, since how many there are shows at the end.
2. The tails are put behind the heads, and the filter behind both, made from the heads a block at a time.
3. The header comes last; the file is synced and renamed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from takedown import disk
from takedown.blocklist.table_layout import HEAD_HEX, HEADER_BYTES, Shape, filter_bits
from takedown.errors import VerificationFailed
from takedown.keys import WIDTHS

Digests = NDArray[np.bytes_]
Heads = NDArray[np.uint64]

#: Entries, or bytes of the filter, that are made at a time.
_CHUNK = 1 << 18


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
    # Not the one fixed name of other files: two readers may at once make anew a table that went missing.
    part = disk.part_of(path.with_name(f"{path.name}.{os.getpid()}"))
    tails_part = disk.part_of(part)
    with ExitStack() as open_files:
        open_files.callback(part.unlink, missing_ok=True)
        out = open_files.enter_context(open(part, "w+b"))
        tails_out = open_files.enter_context(open(tails_part, "w+b"))
        tails_part.unlink()
        digits = min(prefix_hex, 2 * WIDTHS[kind])
        entries = _write_entries(out, tails_out, digits, chunks)
        shape = Shape(kind, prefix_hex, filter_bits(entries, digits), entries)
        tails_out.seek(0)
        shutil.copyfileobj(tails_out, out, _CHUNK)
        out.flush()
        heads = np.memmap(out, "<u8", "r", HEADER_BYTES, (entries,)) if entries else np.empty(0, "<u8")
        for block in filter_of(heads, shape.bits):
            out.write(block)
        out.seek(0)
        out.write(shape.header())
        out.flush()
        disk.sync_file(out.fileno())
        disk.rename(part, path)


def _write_entries(out: BinaryIO, tails_out: BinaryIO, digits: int, chunks: Iterable[Digests]) -> int:
    """Heads behind the room for the header, tails into a file of their own. Returns how many."""
    out.write(bytes(HEADER_BYTES))
    entries, last = 0, b""
    for chunk in _checked(chunks, digits):
        for first in range(0, len(chunk), _CHUNK):
            part = chunk[first : first + _CHUNK]
            if part[0] <= last or not np.all(part[1:] > part[:-1]):
                raise _refused("is not sorted or has an entry twice", "entry-order")
            last = part[-1]
            heads, tails = split(part)
            out.write(heads.tobytes())
            tails_out.write(tails.tobytes())
            entries += len(part)
    return entries


def _checked(chunks: Iterable[Digests], digits: int) -> Iterator[Digests]:
    for chunk in chunks:
        if chunk.dtype != f"S{digits}":
            raise _refused("has an entry of the wrong length", "entry-width")
        yield np.ascontiguousarray(chunk)


def split(entries: Digests) -> tuple[Heads, NDArray[np.uint8]]:
    """Heads and tails of entries in hex."""
    digits = entries.dtype.itemsize
    width = max(HEAD_HEX, digits + digits % 2)
    sheet = np.full((len(entries), width), ord("0"), np.uint8)
    sheet[:, :digits] = entries.view(np.uint8).reshape(len(entries), digits)
    if np.any((sheet & 0x60) == 0x40):  # capital letters, which sort otherwise
        raise _refused("has an entry that is not lowercase hexadecimal", "entry-hex")
    try:
        raw = np.frombuffer(bytes.fromhex(sheet.tobytes().decode("ascii")), np.uint8)
        rows = raw.reshape(len(entries), width // 2)
    except ValueError as error:
        raise _refused("has an entry that is not lowercase hexadecimal", "entry-hex") from error
    heads = np.ascontiguousarray(rows[:, :8]).view(">u8").reshape(-1)
    return heads.astype("<u8"), rows[:, 8:]


def filter_of(heads: Heads, bits: int) -> Iterator[bytes]:
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


def _refused(why: str, slug: str) -> VerificationFailed:
    return VerificationFailed(f"The list {why}; get the release again or tell the publisher.", slug=slug)
