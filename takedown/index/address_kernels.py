"""Canonical forms of many addresses at once: the steps of takedown/urls.py for addresses without surprises.

What `spell` cannot treat it leaves to the plain functions, and says so: other schemes, hosts beyond ASCII,
with escapes or of numbers, ports that stay, user names, dot segments, control characters, spaces around.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from takedown.index.text_kernels import copy, equals, find, listed, lower, reads
from takedown.jit import kernel

#: What became of a cell. NONE has no keys; ODD is for the plain functions.
NONE, ODD, SAME, OTHER = 0, 1, 2, 3

#: Longest cell and form in bytes, longest host, longest label: MAX_URL, MAX_HOST and _HOST of urls.py.
_MAX_URL, _MAX_HOST, _MAX_LABEL = 4096, 253, 63

#: Room in which any cell's form fits: its escapes (3 bytes for 1), scheme and path.
ROOM_PER_BYTE, ROOM_PER_CELL = 3, 16

# Classes of bytes; whatever else an address holds needs an escape.
_ESCAPE, _KEEP, _SLASH, _QUESTION, _HASH, _PERCENT, _FORBIDDEN, _BEYOND = 0, 1, 2, 3, 4, 5, 6, 7


def byte_classes() -> Any:
    """uint8[256]: how each byte of a path or query is treated."""
    classes = np.full(256, _ESCAPE, np.uint8)
    for kept in b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@":
        classes[kept] = _KEEP
    for byte, of in zip(b"/?#%\x7f", (_SLASH, _QUESTION, _HASH, _PERCENT, _FORBIDDEN), strict=True):
        classes[byte] = of
    classes[:32] = _FORBIDDEN
    classes[128:] = _BEYOND
    return classes


@kernel
def spell(
    data: Any,
    offsets: Any,
    wanted: Any,
    classes: Any,
    names: Any,
    places: Any,
    out: Any,
    spans: Any,
    kinds: Any,
) -> int:
    """Write the canonical forms of a column.

    Args:
        data: uint8, the bytes of all cells.
        offsets: int64 [N + 1], where each begins and the last ends.
        wanted: bool [N], false for null.
        classes: `byte_classes()`.
        names, places: the tracking parameters, see `listed`.
        out: uint8 with ROOM_PER_BYTE and ROOM_PER_CELL bytes for each byte and cell; written.
        spans: int64 [5, N], where in ``out`` the form begins, its host ends, the first segment of its path
            ends, its path ends, and it ends; written for the kinds SAME (the form is the cell) and OTHER.
        kinds: uint8 [N], written.

    Returns:
        Bytes written to ``out``.
    """
    to = 0
    for cell in range(len(kinds)):
        start, stop = offsets[cell], offsets[cell + 1]
        kinds[cell] = NONE
        if wanted[cell] and stop > start:
            end = _spell(data[start:stop], classes, names, places, out, to, spans[:, cell])
            kinds[cell] = ODD
            if end > 0:
                kinds[cell] = _compared(data[start:stop], out[to:end])
                to = end
    return to


@kernel
def _compared(cell: Any, form: Any) -> int:
    if len(cell) != len(form):
        return OTHER
    for at in range(len(cell)):
        if cell[at] != form[at]:
            return OTHER
    return SAME


@kernel
def _spell(cell: Any, classes: Any, names: Any, places: Any, out: Any, start: int, span: Any) -> int:
    """Where the form ends that was written from ``start`` on, or -1."""
    size = len(cell)
    at = _after_scheme(cell)
    if at < 0 or size > _MAX_URL or cell[size - 1] <= 32 or cell[size - 1] > 127:
        return -1
    for place in range(8):
        out[start + place] = b"https://"[place]
    to = start + 8
    at, to = _host(cell, at, out, to)
    if at < 0:
        return -1
    span[0], span[1] = start, to
    if at == size or cell[at] != 47:
        out[to] = 47
        to += 1
    at, to = _escaped(cell, at, classes, True, out, to)
    if at < 0:
        return -1
    span[2], span[3] = find(out, 47, span[1] + 1, to), to
    if at < size and cell[at] == 63:
        out[to] = 63
        at, end = _escaped(cell, at + 1, classes, False, out, to + 1)
        to = _without_tracking(out, to + 1, end, names, places)
    if at < 0 or not _is_clean(cell, at) or to - start > _MAX_URL:
        return -1
    span[4] = to
    return to


@kernel
def _after_scheme(cell: Any) -> int:
    """Where the host begins, or -1."""
    if len(cell) < 9:
        return -1
    for place in range(4):
        if lower(cell[place]) != b"http"[place]:
            return -1
    at = 5 if lower(cell[4]) == 115 else 4
    return at + 3 if cell[at] == 58 and cell[at + 1] == 47 and cell[at + 2] == 47 else -1


@kernel
def _host(cell: Any, at: int, out: Any, to: int) -> tuple[int, int]:
    """Copy the host in lower case: where it, with a port that goes, ends in both; (-1, 0) if it is odd."""
    first, label = to, to
    while at < len(cell):
        byte = lower(cell[at])
        if byte == 46:
            if to == label or to - label > _MAX_LABEL:
                return -1, 0
            label = to + 1
        elif not (97 <= byte <= 122 or 48 <= byte <= 57 or byte == 45 or byte == 95):
            break
        out[to] = byte
        at += 1
        to += 1
    # An empty last label is a trailing dot; one that begins with a digit may be part of a numeric address.
    if to == label or to - label > _MAX_LABEL or to - first > _MAX_HOST or 48 <= out[label] <= 57:
        return -1, 0
    if at < len(cell) and cell[at] == 58:
        at = _after_default_port(cell, at + 1)
    if at >= 0 and (at == len(cell) or cell[at] == 47 or cell[at] == 63 or cell[at] == 35):
        return at, to
    return -1, 0


@kernel
def _after_default_port(cell: Any, at: int) -> int:
    """Behind ``80`` or ``443``, or -1."""
    port = 0
    digits = 0
    while at < len(cell) and digits < 4 and 48 <= cell[at] <= 57:
        port = port * 10 + cell[at] - 48
        digits += 1
        at += 1
    return at if (port == 80 and digits == 2) or (port == 443 and digits == 3) else -1


@kernel
def _escaped(cell: Any, at: int, classes: Any, is_path: bool, out: Any, to: int) -> tuple[int, int]:
    """Copy a path or query with normal escapes: where it ends in both; (-1, 0) if it is odd."""
    segment = to + 1
    while at < len(cell):
        byte = cell[at]
        of = classes[byte]
        at += 1
        if of == _KEEP:
            out[to] = byte
            to += 1
        elif of == _SLASH:
            if is_path and _is_dots(out, segment, to):
                return -1, 0
            out[to] = byte
            to += 1
            segment = to
        elif of == _QUESTION and not is_path:
            out[to] = byte
            to += 1
        elif of in (_QUESTION, _HASH):
            at -= 1
            break
        elif of == _PERCENT:
            value = _escape_value(cell, at)
            if value < 0:
                to = _write_escape(37, out, to)
            else:
                at += 2
                if _is_unreserved(value):
                    out[to] = value
                    to += 1
                else:
                    to = _write_escape(value, out, to)
        elif of == _ESCAPE:
            to = _write_escape(byte, out, to)
        else:
            return -1, 0
    if is_path and _is_dots(out, segment, to):
        return -1, 0
    return at, to


@kernel
def _is_dots(out: Any, start: int, stop: int) -> bool:
    """Whether a segment is ``.`` or ``..``."""
    return equals(out, start, stop, b".") or equals(out, start, stop, b"..")


@kernel
def _escape_value(cell: Any, at: int) -> Any:
    """The byte that two hex digits name, or -1."""
    if at + 2 > len(cell):
        return -1
    high, low = _hex_value(cell[at]), _hex_value(cell[at + 1])
    return high * 16 + low if high >= 0 and low >= 0 else -1


@kernel
def _hex_value(byte: int) -> Any:
    if 48 <= byte <= 57:
        return np.int64(byte) - 48
    letter = np.int64(byte) | 32
    return letter - 87 if 97 <= letter <= 102 else -1


@kernel
def _is_unreserved(byte: int) -> bool:
    letter = byte | 32
    return 97 <= letter <= 122 or 48 <= byte <= 57 or byte == 45 or byte == 46 or byte == 95 or byte == 126


@kernel
def _write_escape(byte: int, out: Any, to: int) -> int:
    out[to] = 37
    out[to + 1] = b"0123456789ABCDEF"[byte >> 4]
    out[to + 2] = b"0123456789ABCDEF"[byte & 15]
    return to + 3


@kernel
def _is_clean(cell: Any, at: int) -> bool:
    """Whether a fragment holds plain ASCII alone; anything else is looked at by the plain functions."""
    while at < len(cell):
        if cell[at] < 32 or cell[at] > 126:
            return False
        at += 1
    return True


@kernel
def _without_tracking(out: Any, start: int, stop: int, names: Any, places: Any) -> int:
    """Take parameters out of the query in place; where it, or the path if nothing is left, ends."""
    to = start
    at = start
    while at < stop:
        end = find(out, 38, at, stop)
        if end > at and not _is_tracking(out, at, find(out, 61, at, end), names, places):
            if to > start:
                out[to] = 38
                to += 1
            to = copy(out, at, end, out, to)
        at = _after_ampersand(out, end + 1, stop)
    return to if to > start else start - 1


@kernel
def _after_ampersand(out: Any, at: int, stop: int) -> int:
    """Skip what HTML left behind an ampersand: any number of ``amp;``."""
    while at + 4 <= stop and equals(out, at, at + 4, b"amp;"):
        at += 4
    return at


@kernel
def _is_tracking(text: Any, start: int, stop: int, names: Any, places: Any) -> bool:
    if stop - start >= 4 and reads(text, start, start + 4, b"utm_"):
        return True
    return listed(text, start, stop, names, places)
