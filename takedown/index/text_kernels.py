"""Small steps over bytes, shared by the kernels of addresses. Places are counted in the whole array.

numba keeps machine code by file: who changes this file deletes ``__pycache__``, or old steps stay compiled
into the kernels of other files.
"""

from __future__ import annotations

from typing import Any

from takedown.jit import kernel


@kernel
def lower(byte: int) -> int:
    return byte + 32 if 65 <= byte <= 90 else byte


@kernel
def is_digit(byte: int) -> bool:
    return 48 <= byte <= 57


@kernel
def find(text: Any, byte: int, at: int, stop: int) -> int:
    """The first place in [at, stop) that holds a byte, else stop."""
    while at < stop and text[at] != byte:
        at += 1
    return at


@kernel
def last_dot(text: Any, start: int, stop: int) -> int:
    """The last place in [start, stop) that holds a dot, else start - 1."""
    at = stop - 1
    while at >= start and text[at] != 46:
        at -= 1
    return at


@kernel
def copy(text: Any, start: int, stop: int, out: Any, to: int) -> int:
    """Copy text[start:stop]; inside one array only towards its front. Where the copy ends."""
    for at in range(start, stop):
        out[to] = text[at]
        to += 1
    return to


@kernel
def equals(text: Any, start: int, stop: int, expected: Any) -> bool:
    """Whether text[start:stop] is some text."""
    if stop - start != len(expected):
        return False
    at = 0
    while at < len(expected) and text[start + at] == expected[at]:
        at += 1
    return at == len(expected)


@kernel
def reads(text: Any, start: int, stop: int, expected: Any) -> bool:
    """Whether text[start:stop] is some lower-case text, in either case."""
    if stop - start != len(expected):
        return False
    at = 0
    while at < len(expected) and lower(text[start + at]) == expected[at]:
        at += 1
    return at == len(expected)


@kernel
def digits(text: Any, at: int, stop: int) -> int:
    """How many digits stand at a place."""
    end = at
    while end < stop and is_digit(text[end]):
        end += 1
    return end - at


@kernel
def digits_before(text: Any, start: int, stop: int) -> int:
    """How many digits stand before a place."""
    at = stop
    while at > start and is_digit(text[at - 1]):
        at -= 1
    return stop - at


@kernel
def listed(text: Any, start: int, stop: int, names: Any, places: Any) -> bool:
    """Whether text[start:stop] is one of some names, in either case.

    Args:
        text: uint8.
        names: uint8 [M, W], lower case, sorted, filled with zeros: at least one each.
        places: int64 [257], which of them begin with each byte.
    """
    size = stop - start
    if size < 1 or size >= names.shape[1]:
        return False
    first = lower(text[start])
    for name in range(places[first], places[first + 1]):
        at = 1
        while at < size and names[name, at] == lower(text[start + at]):
            at += 1
        if at == size and names[name, size] == 0:
            return True
    return False
