"""A dataset that is given as the digests of its rows, counted one by one; and covers made from it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from takedown.keys import WIDTHS, Key
from takedown.publish import Cover, measure
from takedown.publish.cover import Counts


@dataclass(frozen=True)
class Rows:
    """``digests``: kind -> the digest of every row that has one, in hex, repeats included."""

    digests: Mapping[str, Sequence[str]]
    name: str = "example/dataset"
    rows: int = 0

    def count(self, kind: str, prefixes: Sequence[str]) -> Counts | None:
        if kind not in self.digests:
            return None
        under = [
            [digest for digest in self.digests[kind] if digest.startswith(prefix)] for prefix in prefixes
        ]
        return Counts(np.array([len(some) for some in under]), np.array([len(set(some)) for some in under]))


def rows_around(keys: Iterable[Key], prefix_hex: int, each: int, name: str = "example/dataset") -> Rows:
    """A dataset with ``each`` different digests under every prefix, the key's own among them."""
    made: dict[str, set[str]] = {}
    for key in keys:
        wide, start = 2 * WIDTHS[key.kind], key.digest[:prefix_hex]
        others = (hashlib.sha256(f"{start} {n}".encode()).hexdigest() for n in range(1, each))
        found = made.setdefault(key.kind, set())
        found.update({key.digest, *((start + other)[:wide] for other in others)})
    digests = {kind: sorted(found) for kind, found in made.items()}
    return Rows(digests, name, max(map(len, digests.values()), default=0))


def cover_of(keys: Sequence[Key], prefix_hex: int, each: int = 329) -> Cover:
    """What a list covers in a dataset where every prefix covers ``each`` rows."""
    return measure(keys, prefix_hex, [rows_around(keys, prefix_hex, each)])
