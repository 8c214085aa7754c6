"""The full sorted list of an edition at one sequence number: the truth that deltas only abbreviate.

1. Live full keys are validated, cut to ``prefix_hex``, sorted and merged: always afresh, never edited.
2. ``state_sha256`` names the result, whatever files carry it.
3. On disk it is Parquet (files.py); longer lists than memory holds are streams of pieces (pieces.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

import numpy as np

from takedown.blocklist import columns
from takedown.blocklist.columns import Digests
from takedown.blocklist.entry import FULL, KINDS, check_prefix_hex, digest_hex, validate
from takedown.blocklist.pieces import Piece, Seal
from takedown.keys import WIDTHS, Key

#: Keys that are checked at once.
_MANY = 100_000


@dataclass(frozen=True, eq=False)
class State:
    """A canonical list, built by ``of``; ``lists`` has a strictly sorted array for each kind that has any.

    Attributes:
        prefix_hex: hexadecimal digits kept of each digest, 1 to 64 (md5 never has more than 32).
        lists: kind -> sorted unique digests, dtype ``S`` of the digest's length; no empty arrays.
    """

    prefix_hex: int = FULL
    lists: Mapping[str, Digests] = field(default_factory=dict)

    @classmethod
    def of(cls, keys: Iterable[Key], prefix_hex: int = FULL) -> State:
        """The list that live full keys make.

        Raises:
            BadKey: a key is not a full published key.
            UsageError: ``prefix_hex`` out of range.
        """
        check_prefix_hex(prefix_hex)
        parts: dict[str, list[Digests]] = {}
        left = iter(keys)
        while many := list(islice(left, _MANY)):
            for kind, full in _full_digests(many):
                parts.setdefault(kind, []).append(full.astype(f"S{digest_hex(kind, prefix_hex)}"))
        return cls.trusted(
            prefix_hex, {kind: _sorted_unique(np.concatenate(found)) for kind, found in parts.items()}
        )

    @classmethod
    def collect(cls, pieces: Iterable[Piece], prefix_hex: int) -> State:
        """All of a stream, in memory."""
        parts: dict[str, list[Digests]] = {}
        for kind, digests in pieces:
            if len(digests):
                parts.setdefault(kind, []).append(digests)
        return cls.trusted(prefix_hex, {kind: np.concatenate(found) for kind, found in parts.items()})

    @classmethod
    def trusted(cls, prefix_hex: int, lists: Mapping[str, Digests]) -> State:
        """A list whose arrays are already known to be sorted and unique; empty arrays are dropped."""
        return cls(prefix_hex, {kind: lists[kind] for kind in KINDS if kind in lists and len(lists[kind])})

    def digests(self, kind: str) -> Digests:
        """Sorted digests of one kind as an array of fixed-width lowercase hex; empty where there are none."""
        return self.lists.get(kind, np.empty(0, dtype=f"S{digest_hex(kind, self.prefix_hex)}"))

    def entries(self, kind: str) -> list[str]:
        """Sorted digests of one kind as text."""
        return [digest.decode("ascii") for digest in self.digests(kind).tolist()]

    def __iter__(self) -> Iterator[Key]:
        """All entries in canonical order."""
        return (Key(kind, digest) for kind in self.lists for digest in self.entries(kind))

    def pieces(self) -> Iterator[Piece]:
        """The list as a stream."""
        return ((kind, chunk) for kind, digests in self.lists.items() for chunk in columns.chunks(digests))

    @property
    def count_by_kind(self) -> dict[str, int]:
        return {kind: len(digests) for kind, digests in self.lists.items()}

    @cached_property
    def state_sha256(self) -> str:
        """SHA-256 in hex over the sorted ASCII lines ``kind TAB digest LF`` (docs/releases.md)."""
        seal = Seal(self.prefix_hex)
        for piece in self.pieces():
            seal.add(*piece)
        return seal.state_sha256

    def __len__(self) -> int:
        return sum(map(len, self.lists.values()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, State):
            return NotImplemented
        return self.prefix_hex == other.prefix_hex and self.state_sha256 == other.state_sha256

    def __hash__(self) -> int:
        return hash((self.prefix_hex, self.state_sha256))


def _full_digests(keys: list[Key]) -> Iterator[tuple[str, Digests]]:
    """The digests of each kind; all at once, since one by one takes seconds for a million.

    Raises:
        BadKey: a key is not a full published key.
    """
    by_kind: dict[str, list[str]] = {}
    for kind, digest in keys:
        by_kind.setdefault(kind, []).append(digest)
    for kind, digests in by_kind.items():
        wide = 2 * WIDTHS.get(kind, 0)
        text = "".join(digests).encode("utf-8", "replace")
        if kind not in KINDS or set(map(len, digests)) != {wide} or not columns.are_hex(text):
            for digest in digests:
                validate(Key(kind, digest))
        yield kind, np.frombuffer(text, dtype=f"S{wide}")


def _sorted_unique(digests: Digests) -> Digests:
    """What ``np.unique`` gives; that one hashes before it sorts, at several times the cost."""
    digests.sort()
    first = np.ones(len(digests), dtype=bool)
    np.not_equal(digests[1:], digests[:-1], out=first[1:])
    return digests[first]
