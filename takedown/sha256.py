"""SHA-256 of many short texts at once: the first 8 bytes of all digests, and whole digests of a few.

Three ways give the same answers; the first that this machine has is taken, once there are so many texts that
loading it pays:

1. OpenSSL's functions, those that hashlib itself is linked to, called from a compiled loop.
2. A compiled loop that hashes sixteen texts at once in the processor's vector registers.
3. hashlib, one text after the other. numba, which compiles the loops, is an optional part.
"""

from __future__ import annotations

import ctypes
import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from takedown import patience

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
Heads = NDArray[np.uint64]

#: The kernel stays below 2^31 blocks of 64 bytes, and counts the length of a text in 32 bits.
_LONGEST_IN_LANES = 1 << 28

_FUNCTIONS = ("SHA256_Init", "SHA256_Update", "SHA256_Final")


@dataclass(frozen=True)
class Texts:
    """Texts in one array.

    Attributes:
        data: uint8, their bytes.
        starts, stops: int64 [N], where each begins and ends.
    """

    data: Bytes
    starts: Integers
    stops: Integers

    @classmethod
    def of(cls, cells: Any) -> Texts:
        """The cells of a pa.large_binary, without a copy; a null cell is an empty text."""
        _, offsets, data = cells.buffers()
        if data is None or not len(cells):
            nowhere = np.zeros(len(cells), np.int64)
            return cls(np.empty(0, np.uint8), nowhere, nowhere)
        ends = np.frombuffer(offsets, np.int64, len(cells) + 1, cells.offset * 8)
        starts, stops = ends[:-1], ends[1:]
        if cells.null_count:  # a null may have bytes
            stops = np.where(cells.is_valid().to_numpy(zero_copy_only=False), stops, starts)
        return cls(np.frombuffer(data, np.uint8), starts, stops)

    def heads(self) -> Heads:
        """The first 8 bytes, read big-endian, of each digest: uint64 [N]."""
        return (fastest() if patience.worth(len(self.starts)) else plain)(self)

    def digests(self, numbers: Integers) -> Bytes:
        """Whole digests of some of the texts: uint8 [n, 32]."""
        content = self.data.data
        spans = zip(self.starts[numbers].tolist(), self.stops[numbers].tolist(), strict=True)
        digests = b"".join([hashlib.sha256(content[start:stop]).digest() for start, stop in spans])
        return np.frombuffer(digests, np.uint8).reshape(-1, 32)


Way = Callable[[Texts], Heads]


@cache
def fastest() -> Way:
    """The first way that this machine has."""
    return ways()[0]


@cache
def ways() -> tuple[Way, ...]:
    """Every way that this machine has, the fastest first."""
    try:
        from takedown import libcrypto_kernels, sha256_kernels
    except ImportError:
        return (plain,)
    addresses = _addresses()
    linked = _linked(libcrypto_kernels, addresses) if addresses is not None else None
    found = tuple(way for way in (linked, _lanes(sha256_kernels)) if way is not None)
    return (*found, plain)


def plain(texts: Texts) -> Heads:
    """Digest by digest, with hashlib."""
    if not len(texts.starts):
        return np.empty(0, np.uint64)
    # A state that is copied, and one slice of bytes: both are cheaper than what they stand for.
    low, high = int(texts.starts.min()), int(texts.stops.max())
    content = texts.data[low:high].tobytes()
    spans = zip((texts.starts - low).tolist(), (texts.stops - low).tolist(), strict=True)
    copy, digests = hashlib.sha256().copy, []
    for start, stop in spans:
        state = copy()
        state.update(content[start:stop])
        digests.append(state.digest()[:8])
    return _numbers(np.frombuffer(b"".join(digests), np.uint8))


def _linked(kernels: ModuleType, addresses: Integers) -> Way | None:
    """Through OpenSSL; None where its functions do not do what is expected of them."""

    def heads(texts: Texts) -> Heads:
        out = np.empty((len(texts.starts), 8), np.uint8)
        kernels.digests(addresses, texts.data, texts.starts, texts.stops, out)
        return _numbers(out.reshape(-1))

    lengths = np.arange(200)
    samples = Texts(np.arange(200, dtype=np.uint8), np.zeros(200, np.int64), lengths)
    return heads if np.array_equal(heads(samples), plain(samples)) else None


def _lanes(kernels: ModuleType) -> Way:
    def heads(texts: Texts) -> Heads:
        sizes = texts.stops - texts.starts
        if len(sizes) and sizes.max() > _LONGEST_IN_LANES:
            return plain(texts)
        out = np.empty(len(sizes), np.uint64)
        order = np.argsort(((sizes + 72) >> 6).astype(np.uint32), kind="stable")
        kernels.leading(texts.data, texts.starts, texts.stops, order, constants(), out)
        return out

    return heads


def _addresses() -> Integers | None:
    """Where the functions are, in the library that hashlib is linked to."""
    try:
        import _hashlib

        library = ctypes.CDLL(getattr(_hashlib, "__file__", None))
        found = [ctypes.cast(getattr(library, name), ctypes.c_void_p).value for name in _FUNCTIONS]
    except (ImportError, OSError, AttributeError):
        return None
    return None if None in found else np.array(found, np.int64)


def _numbers(leading: Bytes) -> Heads:
    return leading.view(">u8").astype(np.uint64)


@cache
def constants() -> NDArray[np.uint32]:
    """FIPS 180-4, 5.3.3 and 4.2.2: fractions of the square and cube roots of the first primes, in 32 bits."""
    primes = _primes()
    first = [next(primes) for _ in range(64)]
    squares = [math.isqrt(prime << 64) for prime in first[:8]]
    cubes = [_cube_root(prime << 96) for prime in first]
    return np.array([root & 0xFFFFFFFF for root in squares + cubes], np.uint32)


def _primes() -> Iterator[int]:
    found: list[int] = []
    number = 2
    while True:
        if all(number % prime for prime in found):
            found.append(number)
            yield number
        number += 1


def _cube_root(number: int) -> int:
    """The largest integer whose cube is not above a number."""
    root = 0
    for bit in reversed(range(number.bit_length() // 3 + 1)):
        if (root | 1 << bit) ** 3 <= number:
            root |= 1 << bit
    return root
