"""Codes cut into bands: by a kernel where numba is installed, else in plain NumPy, with the same values.

``kernels`` is None without numba. Every part of the multi-index hash looks here whether there are kernels.
Arrays of several bands are flat: band b begins at b times the length of one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from takedown.index.mih_layout import Layout, order

kernels: Any
try:
    from takedown.index import mih_kernels as kernels
except ImportError:  # numba is an optional part
    kernels = None


class Stored(NamedTuple):
    """The arrays of an index.

    Attributes:
        codes: uint64[N * W / 8].
        buckets: by band, where the rows of each value begin, and the end.
        signatures: by band, of each row; empty where the layout has none.
        rows: by band, row numbers.
    """

    codes: NDArray[np.uint64]
    buckets: NDArray[Any]
    signatures: NDArray[Any]
    rows: NDArray[Any]


class Asked(NamedTuple):
    """Queries: their codes uint64[Q * W / 8], and by band their values and signatures."""

    codes: NDArray[np.uint64]
    keys: NDArray[Any]
    signatures: NDArray[Any]


class Terms(NamedTuple):
    """The numbers of one search: the layout, how many queries and rows, 64-bit words of a code, the radius,
    and where each bit of a code stands in the order (:func:`positions`)."""

    bands: int
    bits: int
    signature: int
    queries: int
    rows: int
    words: int
    radius: int
    positions: NDArray[np.int64]


def contiguous(codes: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """Codes of ``width`` bytes in one read-only piece: kernels are compiled once, for read-only codes."""
    whole = np.ascontiguousarray(codes, dtype=np.uint8).reshape(-1, width).view(np.ndarray)
    whole.flags.writeable = False
    return whole


def key_type(layout: Layout) -> np.dtype[np.unsignedinteger]:
    """The type that holds the value of one band."""
    return np.dtype("<u2" if layout.bits <= 16 else "<u4")


def signature_type(layout: Layout) -> np.dtype[np.unsignedinteger]:
    """The type of a signature (any, where there are none)."""
    return np.dtype("<u4" if layout.signature == 32 else "<u2")


def cut(codes: NDArray[np.uint8], layout: Layout) -> NDArray[Any]:
    """The value of each band of each code.

    Args:
        codes: uint8[N, W], as :func:`contiguous` gives them.

    Returns:
        keys[bands, N], uint16 or uint32. Bit j of band i is bit ``order[i * bits + j]`` of the code.
    """
    keys = np.empty((layout.bands, len(codes)), dtype=key_type(layout))
    if kernels is not None:
        kernels.cut(codes, table(codes.shape[1]), layout.bands, layout.bits, keys)
        return keys
    bits = np.unpackbits(codes, axis=1)[:, order(codes.shape[1])]
    for band in range(layout.bands):
        own = bits[:, band * layout.bits : (band + 1) * layout.bits]
        packed = np.zeros((len(codes), 4), dtype=np.uint8)
        filled = np.packbits(own, axis=1, bitorder="little")
        packed[:, : filled.shape[1]] = filled
        keys[band] = packed.view("<u4")[:, 0]
    return keys


def signatures(keys: NDArray[Any], layout: Layout) -> NDArray[Any]:
    """The signature of every band of some codes, from ``keys[bands, N]``; [bands, 0] where there are none."""
    if not layout.signature:
        return np.empty((layout.bands, 0), dtype=signature_type(layout))
    if kernels is not None:
        signed = np.empty(keys.shape, dtype=signature_type(layout))
        kernels.sign(keys, layout.bits, layout.signature, signed)
        return signed
    return np.stack([signature(keys, layout, band) for band in range(layout.bands)])


def asked(queries: NDArray[np.uint8], layout: Layout) -> Asked:
    """Queries, contiguous uint8[Q, W], made ready for a search."""
    keys = cut(queries, layout)
    signed = signatures(keys, layout)
    return Asked(queries.view(np.uint64).reshape(-1), keys.reshape(-1), signed.reshape(-1))


def terms(layout: Layout, queries: int, rows: int, width: int, radius: int) -> Terms:
    """What the kernels want to know; ``width`` is that of a code in bytes."""
    return Terms(*layout, queries, rows, width // 8, radius, positions(width))


def signature(keys: NDArray[Any], layout: Layout, band: int) -> NDArray[Any]:
    """The bits that follow one band on the ring, lowest first."""
    kind = signature_type(layout)
    if layout.signature == layout.bits == 16:
        return np.asarray(keys[(band + 1) % layout.bands])
    value = np.zeros(keys.shape[1], dtype=np.uint64)
    for step in range(1, layout.reach + 1):
        following = keys[(band + step) % layout.bands].astype(np.uint64)
        value |= following << np.uint64((step - 1) * layout.bits)
    return (value & np.uint64((1 << layout.signature) - 1)).astype(kind)


@lru_cache(maxsize=8)
def table(width: int) -> NDArray[np.uint64]:
    """uint64[W, 256, W / 8]: which bits of the reordered code each value of each byte sets."""
    places = np.argsort(order(width))
    made = np.zeros((width, 256, width // 8), dtype=np.uint64)
    values = np.arange(256)
    for bit, place in enumerate(places):
        chosen = values[(values >> (7 - bit % 8)) & 1 == 1]
        made[bit // 8, chosen, place // 64] |= np.uint64(1) << np.uint64(place % 64)
    return made


@lru_cache(maxsize=8)
def positions(width: int) -> NDArray[np.int64]:
    """int64[8 W]: where each bit of the code, seen as little-endian 64-bit words, stands in the order."""
    places = np.argsort(order(width)).astype(np.int64)
    bits = np.arange(8 * width)
    return np.ascontiguousarray(places[bits // 8 * 8 + 7 - bits % 8])
