"""SHA-256 of many short texts at once: the first 8 bytes of all digests, and whole digests of a few."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Heads = NDArray[np.uint64]


@dataclass(frozen=True)
class Texts:
    """Texts laid end to end.

    Attributes:
        data: uint8, their bytes.
        ends: int64 [N + 1], where each begins and the last ends.
    """

    data: NDArray[np.uint8]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, cells: Any) -> Texts:
        """The cells of a pa.large_binary, without a copy; a null cell is an empty text."""
        _, offsets, data = cells.buffers()
        if not len(cells) or data is None:
            return cls(np.empty(0, np.uint8), np.zeros(len(cells) + 1, np.int64))
        ends = np.frombuffer(offsets, np.int64, len(cells) + 1, cells.offset * 8)
        return cls(np.frombuffer(data, np.uint8), ends)

    def heads(self) -> Heads:
        """The first 8 bytes, read big-endian, of each digest: uint64 [N]."""
        low, high = int(self.ends[0]), int(self.ends[-1])
        content = self.data[low:high].tobytes()
        at = (self.ends - low).tolist()
        digests = b"".join([_sha256(content[a:b]).digest() for a, b in pairwise(at)])
        return np.frombuffer(digests, ">u8")[::4].astype(np.uint64)

    def digests(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Whole digests of some of the texts: uint8 [n, 32]."""
        starts, stops = self.ends[numbers].tolist(), self.ends[numbers + 1].tolist()
        cells = (self.data[a:b] for a, b in zip(starts, stops, strict=True))
        return np.frombuffer(b"".join([_sha256(cell).digest() for cell in cells]), np.uint8).reshape(-1, 32)


_sha256 = hashlib.sha256
