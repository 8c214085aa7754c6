"""The indexes others have made for near codes, each as its own documentation says to use it.

- flat: faiss ``IndexBinaryFlat`` compares with every code.
- multi-hash: faiss ``IndexBinaryMultiHash``, 16 bands of 16 bits with 1 flip, or 11 bands of 23 bits with 2.
- python-threatexchange: ``PDQIndex``, which ``PdqSignal.get_index_cls()`` names. It is the first multi-hash
  behind hexadecimal strings and takes one query a call; the matcher inside it takes many.

All but the flat one are timed twice: as they were built, and read back from the file they write, as a service
that serves them would have them. That makes them up to three times as fast, since what is read in one go lies
together in memory.

faiss's ``range_search`` finds what is nearer than the radius, not at it: it is asked for ``radius + 1``. It
uses all cores for many queries in one call (more than 100 for a multi-hash), and one core for one query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bench.codes import BITS

#: Codes handed to faiss at a time, so that a mapped file is never copied as a whole.
_BLOCK = 1_000_000

Pairs = set[tuple[int, int]]


class MissingPeerError(Exception):
    """A library to compare with is not installed; the message says how to install it."""


class Peer(Protocol):
    """One index. ``prepared`` and ``pairs`` are not timed: only what the library itself does counts."""

    def add(self, codes: NDArray[np.uint8]) -> None:
        """Build from uint8[N, 32]."""

    def read_back(self, file: Path) -> bool:
        """Write the index to a file and go on with what is read from it; False where that changes nothing."""

    def prepared(self, queries: NDArray[np.uint8]) -> Any:
        """Queries of uint8[Q, 32] in the form that the library takes; a slice of it is such a form too."""

    def many(self, queries: Any, radius: int) -> Any:
        """The fastest documented way to ask for all of them."""

    def one(self, query: Any, radius: int) -> Any:
        """Ask for a single one: the first of what ``prepared`` gave."""

    def pairs(self, answer: Any) -> Pairs:
        """What ``many`` answered, as pairs of query and row."""


class Flat:
    """Any binary index of faiss that answers ``range_search``."""

    def __init__(self, index: Any) -> None:
        self._index = index

    def add(self, codes: NDArray[np.uint8]) -> None:
        for start in range(0, len(codes), _BLOCK):
            self._index.add(np.ascontiguousarray(codes[start : start + _BLOCK]))

    def read_back(self, file: Path) -> bool:
        return False

    def prepared(self, queries: NDArray[np.uint8]) -> Any:
        return queries

    def many(self, queries: Any, radius: int) -> Any:
        return self._index.range_search(queries, radius + 1)

    def one(self, query: Any, radius: int) -> Any:
        return self._index.range_search(query[:1], radius + 1)

    def pairs(self, answer: Any) -> Pairs:
        limits, _, rows = answer
        queries = np.repeat(np.arange(len(limits) - 1), np.diff(limits.astype(np.int64)))
        return set(zip(queries.tolist(), rows.tolist(), strict=True))


class MultiHash(Flat):
    """Exact within a radius below ``bands * (flips + 1)``."""

    def __init__(self, bands: int, bits: int, flips: int) -> None:
        super().__init__(_faiss().IndexBinaryMultiHash(BITS, bands, bits))
        self._index.nflip = self._flips = flips

    def read_back(self, file: Path) -> bool:
        faiss = _faiss()
        faiss.write_index_binary(self._index, str(file))
        self._index = None
        self._index = faiss.read_index_binary(str(file))
        self._index.nflip = self._flips
        return True


class ThreatExchange:
    """python-threatexchange's PDQ index; its radius is its own, 31, whatever is asked."""

    def __init__(self, index: Any) -> None:
        self._index = index

    def add(self, codes: NDArray[np.uint8]) -> None:
        self._index.add_all((code.tobytes().hex(), row) for row, code in enumerate(codes))

    def read_back(self, file: Path) -> bool:
        kind = type(self._index)
        with file.open("wb") as out:
            self._index.serialize(out)
        self._index = None
        with file.open("rb") as back:
            self._index = kind.deserialize(back)
        return True

    def prepared(self, queries: NDArray[np.uint8]) -> Any:
        return [query.tobytes().hex() for query in queries]

    def many(self, queries: Any, radius: int) -> Any:
        found = self._index.index.search_with_distance_in_result(queries, radius)
        return [found[query] for query in queries]

    def one(self, query: Any, radius: int) -> Any:
        return self._index.query(query[0])

    def pairs(self, answer: Any) -> Pairs:
        return {(query, row) for query, found in enumerate(answer) for row, _, _ in found}


def flat() -> Peer:
    return Flat(_faiss().IndexBinaryFlat(BITS))


def threatexchange() -> Peer:
    try:
        from threatexchange.signal_type.pdq.signal import PdqSignal
    except ImportError as error:
        raise MissingPeerError(_missing("python-threatexchange")) from error
    return ThreatExchange(PdqSignal.get_index_cls()())


THREATEXCHANGE = "python-threatexchange"

#: Label -> how to make an empty one.
PEERS: dict[str, Callable[[], Peer]] = {
    "faiss flat": flat,
    "faiss multi-hash 16x16, 1 flip": partial(MultiHash, 16, 16, 1),
    "faiss multi-hash 11x23, 2 flips": partial(MultiHash, 11, 23, 2),
    THREATEXCHANGE: threatexchange,
}


def versions() -> str:
    """One line: versions, the processor instructions faiss runs on, and how many threads it may use."""
    faiss = _faiss()
    level = faiss.SIMDConfig.get_level_name()
    threads = faiss.omp_get_max_threads()
    return (
        f"faiss {faiss.__version__} ({level}, {threads} threads), threatexchange {version('threatexchange')}"
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """faiss on one thread: for a single query, where a second one has nothing to do and its wake-up costs."""
    faiss = _faiss()
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def _faiss() -> ModuleType:
    try:
        import faiss
    except ImportError as error:
        raise MissingPeerError(_missing("faiss")) from error
    module: ModuleType = faiss
    return module


def _missing(name: str) -> str:
    return f"{name} is not installed. Run this through make bench, which installs it, or: make .venv/bench"
