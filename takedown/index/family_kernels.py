"""Families of many canonical addresses at once: the steps of takedown/families.py, none left out.

A family is written or it is the address itself. Since every step takes something away, one that is as long
as the address is the address.
"""

from __future__ import annotations

from typing import Any

from takedown.index.text_kernels import (
    copy,
    digits,
    digits_before,
    equals,
    find,
    is_digit,
    last_dot,
    listed,
    lower,
    reads,
)
from takedown.jit import kernel

#: What a family can be: there is none, it is the form itself, or it was written.
NONE, SAME, OTHER = 0, 1, 2


@kernel
def group(
    text: Any,
    spans: Any,
    wanted: Any,
    extensions: Any,
    extension_places: Any,
    names: Any,
    name_places: Any,
    words: Any,
    word_places: Any,
    out: Any,
    families: Any,
    kinds: Any,
) -> int:
    """Write the families of a column of canonical addresses.

    Args:
        text: uint8, their bytes.
        spans: int64 [5, N] as `spell` writes it.
        wanted: bool [N], which of them to look at.
        extensions, names, words: extensions of pictures, size parameters and size words, each with places
            as `listed` takes them.
        out: uint8 of at least as many bytes as the forms have; written.
        families: int64 [2, N], where in ``out`` a family begins and ends; written for the kind OTHER.
        kinds: uint8 [N], written.

    Returns:
        Bytes written to ``out``.
    """
    to = 0
    for cell in range(len(kinds)):
        kinds[cell] = NONE
        if not wanted[cell]:
            continue
        start, host, path, stop = spans[0, cell], spans[1, cell], spans[3, cell], spans[4, cell]
        at, end = _host(text, start, host, path, out, to)
        out[end] = 47
        first = end + 1
        end, named = _segments(text, at, path, extensions, extension_places, out, first)
        query = end
        end = _query(text, path + 1, stop, names, name_places, words, word_places, out, end)
        if end - to == stop - start:
            kinds[cell] = SAME if named or end > query else NONE
        elif named or end > query:
            kinds[cell] = OTHER
            families[0, cell], families[1, cell] = to, end
            to = end
    return to


@kernel
def _host(text: Any, start: int, host: int, path: int, out: Any, to: int) -> tuple[int, int]:
    """Write scheme and host, of a mirror the mirrored one; where the path begins, and where it goes."""
    at = host + 1
    name = to + 8
    end = find(text, 47, at, path) if text[start + 8] == 105 else path  # only i... can be special
    if end < path and _is_mirror(text, start + 8, host) and find(text, 46, at, end) < end:
        to = copy(text, start, start + 8, out, to)
        for place in range(at, end):
            out[to] = lower(text[place])
            to += 1
        at = end + 1
    else:
        to = copy(text, start, host, out, to)
    if equals(out, name, to, b"i.pinimg.com"):
        end = find(text, 47, at, path)
        if equals(text, at, end, b"originals"):
            at = end + 1
    return at, to


@kernel
def _is_mirror(text: Any, start: int, stop: int) -> bool:
    """Whether a host is ``i0.wp.com`` to ``i9.wp.com``."""
    return stop - start == 9 and is_digit(text[start + 1]) and equals(text, start + 2, stop, b".wp.com")


@kernel
def _segments(
    text: Any, at: int, stop: int, extensions: Any, places: Any, out: Any, to: int
) -> tuple[int, bool]:
    """Write the segments that are no sizes: where they end, and whether they hold more than slashes."""
    named, first = False, True
    while at <= stop:
        begin = to if first else to + 1
        done = begin
        while at < stop and text[at] != 47:
            out[done] = text[at]
            done += 1
            at += 1
        if at == stop:
            done = _without_size(out, begin, done, extensions, places)
        if done >= begin and not _is_size_segment(out, begin, done):
            if not first:
                out[to] = 47
            named = named or done > begin
            first = False
            to = done
        at += 1
    return to, named


@kernel
def _without_size(name: Any, start: int, stop: int, extensions: Any, places: Any) -> int:
    """Shorten a file name in place; where it ends, or -1 when it is a size with an extension."""
    dot = last_dot(name, start, stop)
    if dot < start or not listed(name, dot + 1, stop, extensions, places):
        return stop
    if _is_size_segment(name, start, dot):
        return -1
    stop = _before_appended(name, start, dot, stop, extensions, places)
    begin = dot = last_dot(name, start, stop)
    while True:
        cut = _ending(name, start, begin)
        if cut <= start or name[start] == 46:  # a name that would begin with its extension is left
            return stop if begin == dot else copy(name, dot, stop, name, begin)
        begin = cut


@kernel
def _before_appended(name: Any, start: int, dot: int, stop: int, extensions: Any, places: Any) -> int:
    """Where ``.jpg_200x200...`` before the last extension leaves the name: behind its first extension."""
    at = find(name, 46, start, dot)
    while at < dot:
        end = find(name, 95, at, dot)
        wide = digits(name, end + 1, dot)
        by = end + 1 + wide
        if 2 <= wide <= 5 and by < dot and lower(name[by]) == 120:
            high = digits(name, by + 1, dot)
            rest = dot - by - 1 - min(high, 5)
            if high >= 2 and rest <= 12 and listed(name, at + 1, end, extensions, places):
                return end
        at = find(name, 46, at + 1, dot)
    return stop


@kernel
def _ending(name: Any, start: int, stop: int) -> int:
    """Where a size begins that ends at stop; else -1: -300x200, _480x, _x200, _60x_crop_a, @2x, -scaled."""
    size = stop - start
    if size >= 3 and name[stop - 3] == 64 and 50 <= name[stop - 2] <= 52 and lower(name[stop - 1]) == 120:
        return stop - 3
    if size >= 7 and reads(name, stop - 7, stop, b"-scaled"):
        return stop - 7
    stop = _before_crop(name, start, stop)
    high = digits_before(name, start, stop)
    at = stop - high - 1
    if at <= start or high > 5 or lower(name[at]) != 120:
        return -1
    wide = digits_before(name, start, at)
    at -= wide + 1
    if at < start or (name[at] != 45 and name[at] != 95):
        return -1
    return at if 2 <= wide <= 5 or (wide == 0 and high >= 2) else -1


@kernel
def _before_crop(name: Any, start: int, stop: int) -> int:
    """Where ``_crop_center`` begins at the end of a name, else its end."""
    at = stop
    while at > start and 97 <= lower(name[at - 1]) <= 122:
        at -= 1
    return at - 6 if at < stop and at - 6 >= start and reads(name, at - 6, at, b"_crop_") else stop


@kernel
def _is_size_segment(text: Any, start: int, stop: int) -> bool:
    """A whole segment that is a size: 236x, 236x354, x354, s1600, s320-c, w300-h200, 170x170bb."""
    if stop - start < 2 or stop - start > 13:
        return False
    first = lower(text[start])
    if is_digit(first):
        wide = digits(text, start, stop)
        at = start + wide
        if wide < 2 or wide > 5 or at == stop or lower(text[at]) != 120:
            return False
        high = digits(text, at + 1, stop)
        at += 1 + high
        return high <= 5 and (at == stop or reads(text, at, stop, b"bb"))
    if first != 115 and first != 119 and first != 120:
        return False
    wide = digits(text, start + 1, stop)
    at = start + 1 + wide
    if wide < 2 or wide > 5:
        return False
    if first == 120:
        return at == stop
    if first == 115:
        return wide <= 4 and (at == stop or reads(text, at, stop, b"-c"))
    high = digits(text, at + 2, stop)
    return at + 2 < stop and reads(text, at, at + 2, b"-h") and 2 <= high <= 5 and at + 2 + high == stop


@kernel
def _query(
    text: Any,
    at: int,
    stop: int,
    names: Any,
    name_places: Any,
    words: Any,
    word_places: Any,
    out: Any,
    to: int,
) -> int:
    """Write the query without size parameters; where it ends."""
    mark = 63
    while at < stop:
        end = find(text, 38, at, stop)
        middle = find(text, 61, at, end)
        if not (
            listed(text, at, middle, names, name_places)
            and _is_size_value(text, middle + 1, end, words, word_places)
        ):
            out[to] = mark
            to = copy(text, at, end, out, to + 1)
            mark = 38
        at = end + 1
    return to


@kernel
def _is_size_value(text: Any, at: int, stop: int, words: Any, places: Any) -> bool:
    """Numbers with separators between them, x and a number, a word that says a size, or nothing at all."""
    if at >= stop or listed(text, at, stop, words, places):
        return True
    if lower(text[at]) == 120:
        high = digits(text, at + 1, stop)
        return 1 <= high <= 5 and at + 1 + high == stop
    first = True
    while True:
        number = digits(text, at, stop)
        at += number
        if number < 1 or number > 5:
            return False
        if at + 2 <= stop and reads(text, at, at + 2, b"px"):
            at += 2
        elif first and at + 1 == stop and lower(text[at]) == 120:
            at += 1
        if at == stop:
            return True
        first = False
        behind = _behind_separators(text, at, stop)
        if behind == at:
            return False
        at = behind


@kernel
def _behind_separators(text: Any, at: int, stop: int) -> int:
    while at < stop:
        byte = lower(text[at])
        if byte == 120 or byte == 42 or byte == 44 or byte == 59 or byte == 58 or byte == 46 or byte == 43:
            at += 1
        elif byte == 37 and at + 3 <= stop and _is_escaped_separator(text, at):
            at += 3
        else:
            break
    return at


@kernel
def _is_escaped_separator(text: Any, at: int) -> bool:
    stop = at + 3
    return reads(text, at, stop, b"%2c") or reads(text, at, stop, b"%20") or reads(text, at, stop, b"%3a")
