"""Spellings and keys of a column of addresses by compiled kernels; see addresses.py for what they are.

1. `spell` writes the canonical form of every cell that is plain enough, `group` its family;
2. `leading` hashes the texts that differ: cells, forms, families, hosts, hosts with a segment;
3. the cells that are not plain are left to the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from takedown import families, sha256, sha256_kernels, urls
from takedown.index import address_kernels, family_kernels

Integers = NDArray[np.int64]
Keys = NDArray[np.uint64]


class Columns(NamedTuple):
    """Keys of the plain cells of a column; undefined where a cell has none.

    Attributes:
        odd: int64[M], places of the cells that are left to the caller.
        has, keys: for each kind bool[N] and uint64[N].
    """

    odd: Integers
    has: dict[str, NDArray[np.bool_]]
    keys: dict[str, Keys]


def keys_of(cells: pa.Array) -> Columns:
    """Keys of a column of type pa.large_binary."""
    data, offsets = _buffers(cells)
    valid = cells.is_valid().to_numpy(zero_copy_only=False)
    forms, spans, kinds = _forms(data, offsets, valid)
    plain = kinds >= address_kernels.SAME
    other, places, groups = _families(forms, spans, plain)
    start, host, segment, _, stop = spans
    exact = np.zeros(len(cells), np.uint64)
    _hash(data, offsets[:-1], offsets[1:], plain, exact)
    form = exact.copy()
    _hash(forms, start, stop, kinds == address_kernels.OTHER, form)
    family = form.copy()
    _hash(other, places[0], places[1], groups == family_kernels.OTHER, family)
    sites, below = np.zeros_like(exact), np.zeros_like(exact)
    _hash(forms, start + 8, host, plain, sites)
    _hash(forms, start + 8, segment, plain, below)
    sites = sites >> np.uint64(32) << np.uint64(32) | below >> np.uint64(32)
    return Columns(
        np.flatnonzero(kinds == address_kernels.ODD),
        {"url_sha256": plain, "url": plain, "url_family": groups != family_kernels.NONE, "site": plain},
        {"url_sha256": exact, "url": form, "url_family": family, "site": sites},
    )


def _buffers(cells: pa.Array) -> tuple[NDArray[np.uint8], Integers]:
    """The bytes of all cells, copied, and int64[N + 1] where each begins and the last ends."""
    _, places, data = cells.buffers()
    if len(cells) == 0 or data is None:
        return np.zeros(0, np.uint8), np.zeros(len(cells) + 1, np.int64)
    offsets = np.frombuffer(places, np.int64)[cells.offset : cells.offset + len(cells) + 1]
    return np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]].copy(), offsets - offsets[0]


def _forms(
    data: NDArray[np.uint8], offsets: Integers, valid: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], Integers, NDArray[np.uint8]]:
    kinds = np.zeros(len(valid), np.uint8)
    spans = np.zeros((5, len(valid)), np.int64)
    room = address_kernels.ROOM_PER_BYTE * len(data) + address_kernels.ROOM_PER_CELL * len(valid)
    out = np.empty(room, np.uint8)  # most of it is never touched
    names, places = _table(urls.TRACKING)
    to = address_kernels.spell(data, offsets, valid, _classes(), names, places, out, spans, kinds)
    return out[:to], spans, kinds


def _families(
    forms: NDArray[np.uint8], spans: Integers, wanted: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], Integers, NDArray[np.uint8]]:
    kinds = np.zeros(len(wanted), np.uint8)
    places = np.zeros((2, len(wanted)), np.int64)
    out = np.empty(len(forms) + address_kernels.ROOM_PER_CELL, np.uint8)
    extensions, names = _table(families.EXTENSIONS), _table(families.SIZE_PARAMETERS)
    words = _table(families.SIZE_WORDS)
    to = family_kernels.group(forms, spans, wanted, *extensions, *names, *words, out, places, kinds)
    return out[:to], places, kinds


def _hash(
    data: NDArray[np.uint8], starts: Integers, stops: Integers, wanted: NDArray[np.bool_], out: Keys
) -> None:
    """Put the keys of the wanted texts in their places."""
    texts = np.flatnonzero(wanted)
    blocks = (stops[texts] - starts[texts] + 72) >> 6
    order = texts[np.argsort(blocks.astype(np.uint16), kind="stable")]
    sha256_kernels.leading(data, starts, stops, order, sha256.constants(), out)


@cache
def _classes() -> NDArray[np.uint8]:
    classes: NDArray[np.uint8] = address_kernels.byte_classes()
    return classes


@cache
def _table(names: Sequence[str]) -> tuple[NDArray[np.uint8], Integers]:
    """Sorted names and places as `address_kernels.listed` takes them."""
    ordered = sorted(name.encode() for name in names)
    packed = np.zeros((len(names), max(map(len, ordered)) + 1), np.uint8)
    for row, name in zip(packed, ordered, strict=True):
        row[: len(name)] = list(name)
    return packed, np.searchsorted(packed[:, 0], np.arange(257))
