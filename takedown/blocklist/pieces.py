"""A list as a stream: pieces ``(kind, digests)`` in canonical order, never all of them in memory.

1. Pieces of one kind follow each other, kinds in order, digests strictly ascending over all pieces of a kind.
   No piece is empty, so that a kind is there only when it has entries.
2. ``applied`` rolls such a stream forward by a delta, itself two streams.
3. ``sealed`` hands a stream on, and looks at its count and ``state_sha256`` once it has ended.

What follows from a stream is worth nothing before the stream has ended: only then is it known what it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from takedown.blocklist import columns
from takedown.blocklist.columns import Digests
from takedown.errors import VerificationFailed

Piece = tuple[str, Digests]


class Seal:
    """What a stream turned out to be: ``state_sha256`` and ``count_by_kind``, as a ``State`` has them."""

    def __init__(self, prefix_hex: int) -> None:
        self.prefix_hex = prefix_hex
        self.count_by_kind: dict[str, int] = {}
        self._sha256 = hashlib.sha256()

    def add(self, kind: str, digests: Digests) -> None:
        """The next piece."""
        if len(digests):
            self.count_by_kind[kind] = self.count_by_kind.get(kind, 0) + len(digests)
        for block in columns.lines(kind, digests):
            self._sha256.update(block)

    @property
    def state_sha256(self) -> str:
        """SHA-256 in hex over the sorted ASCII lines ``kind TAB digest LF`` so far."""
        return self._sha256.hexdigest()


def sealed(pieces: Iterable[Piece], prefix_hex: int, check: Callable[[Seal], None]) -> Iterator[Piece]:
    """The same pieces; ``check`` gets their seal at the end and raises where it is not the right one."""
    seal = Seal(prefix_hex)
    for kind, digests in pieces:
        seal.add(kind, digests)
        yield kind, digests
    check(seal)


def applied(pieces: Iterable[Piece], removed: Iterable[Piece], added: Iterable[Piece]) -> Iterator[Piece]:
    """The stream after a delta: removals first, then additions.

    Raises:
        VerificationFailed: slugs ``delta-remove-absent``, ``delta-add-present``.
    """
    streams = have, going, coming = [_Cursor(stream) for stream in (pieces, removed, added)]
    while ends := [stream.end for stream in streams if stream.end is not None]:
        kind, digest = min(ends)  # up to here each stream has all it will ever say
        digests = _merged(*(stream.take(kind, digest) for stream in (have, going, coming)))
        if len(digests):  # a kind of which nothing is left is not in the list at all
            yield kind, digests


def unfit(why: str, slug: str) -> VerificationFailed:
    """The error for a delta that does not lead from the list it is applied to."""
    return VerificationFailed(
        f"The delta {why}; the full state is used instead where there is one.", slug=slug
    )


class _Cursor:
    """Where the reading of a stream stands."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces = iter(pieces)
        self._kind, self._rest = "", np.empty(0, dtype="S1")
        #: Kind and digest of the last entry at hand; None when the stream has ended.
        self.end: tuple[str, bytes] | None = None
        self._fill()

    def take(self, kind: str, digest: bytes) -> Digests | None:
        """The entries of a kind up to a digest, which is not behind what is at hand; None for none."""
        if self.end is None or self._kind != kind:
            return None
        at = int(np.searchsorted(self._rest, np.bytes_(digest), side="right"))
        taken, self._rest = self._rest[:at], self._rest[at:]
        if not len(self._rest):
            self._fill()
        return taken if at else None

    def _fill(self) -> None:
        self.end = None
        for kind, digests in self._pieces:
            if len(digests):
                self._kind, self._rest, self.end = kind, digests, (kind, bytes(digests[-1]))
                return


def _merged(have: Digests | None, going: Digests | None, coming: Digests | None) -> Digests:
    """One stretch of a list after a delta."""
    if going is not None:
        if have is None or not np.all(have[_places(have, going)] == going):
            raise unfit("removes an entry that is not in the list", "delta-remove-absent")
        have = np.delete(have, np.searchsorted(have, going))
    if coming is None:
        return np.empty(0, dtype="S1") if have is None else have
    if have is None or not len(have):
        return coming
    if np.any(have[_places(have, coming)] == coming):
        raise unfit("adds an entry that is already in the list", "delta-add-present")
    return np.insert(have, np.searchsorted(have, coming), coming)


def _places(have: Digests, wanted: Digests) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Where the wanted digests stand if they are there."""
    return np.minimum(np.searchsorted(have, wanted), len(have) - 1)
