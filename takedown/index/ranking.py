"""Which row is the picture most likely, when variants of it were near to some rows. Pure code, no look-up.

1. One candidate a row. It is explained by the simplest variant that was near, nearest of those: what lies
   within the radius of the picture as it is needs no crop to explain it.
2. Its score, in bits, the lower the likelier: the least of distance and doubt together over all variants.
   Doubt is what a guess costs: a variant that continues the picture or draws a frame around it may come near
   to another picture more easily than the picture itself.
3. Variants agree: a copy of the picture is near to many neighbouring variants, a chance likeness to one. Each
   doubling of their number takes AGREEING bits off, BONUS at most.
4. Second opinions, where the row has them: the shape that the variant says the row has, and pHash.
5. A single far variant that the shape speaks against is turned down.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from takedown.index.interface import Hits
from takedown.variant_table import Variant, names, table
from takedown.variant_windows import WHOLE

#: Bits of doubt by the first word of a variant's name; what is not named has MOST_DOUBT.
DOUBTS = {
    "original": 0,
    "rotate": 1,
    "flip": 1,
    "size": 4,
    "box": 4,
    "crop": 6,
    "shape": 6,
    "border": 6,
    "frame": 6,
    "bars": 6,
    "turn": 6,
    "clean": 6,
    "uncrop": 8,
    "unshape": 8,
    "middle": 8,
}
MOST_DOUBT = 10
#: Bits off for each doubling of the number of variants that agree, and most bits off.
AGREEING = 2
BONUS = 12

#: A row's shape may differ from what a variant says by this factor without a word, and by that at most.
ALIKE = 1.1
UNLIKE = 1.5
#: Bits added for a shape that is between the two, and for one that is beyond.
ODD_SHAPE, OTHER_SHAPE = 3, 10
#: pHash of a picture seen whole: bits that speak for it, at most, and against it, at least.
PHASH_NEAR, PHASH_FAR = 10, 24
#: Bits off, and bits added.
PHASH_BONUS, PHASH_MALUS = 4, 8
#: A single variant at least so far away is turned down when the shape is another.
FAR = 24

_TRANSPOSED = (5, 6, 7, 8)


class Candidate(NamedTuple):
    """A row that may be the picture.

    Attributes:
        row: its number.
        distance: of the variant that explains it, in bits.
        variant: number of that variant in ``variants.names()``.
        agreeing: how many variants were within the radius.
        score: in bits, the lower the likelier.
    """

    row: int
    distance: int
    variant: int
    agreeing: int
    score: float


class Row(NamedTuple):
    """What is known of a row; None for what is not."""

    phash: bytes | None = None
    width: int | None = None
    height: int | None = None


class Asked(NamedTuple):
    """What is known of the picture that is looked for: its size as it came, and its pHash."""

    width: int
    height: int
    phash: bytes


def candidates(hits: Hits) -> list[Candidate]:
    """One candidate a row, the likeliest first; of equal score the earlier row.

    Args:
        hits: of the codes of a fingerprint; ``query`` is the number of the variant.
    """
    if not len(hits.row):
        return []
    doubt = doubts()[hits.query]
    order = np.lexsort((hits.query, hits.distance, doubt, hits.row))
    rows, first, agreeing = np.unique(hits.row[order], return_index=True, return_counts=True)
    least = np.minimum.reduceat((hits.distance + doubt)[order], first)
    scores = least - np.minimum(AGREEING * np.log2(agreeing), BONUS)
    explained = order[first]
    found = [
        Candidate(*values)
        for values in zip(
            rows.tolist(),
            hits.distance[explained].tolist(),
            hits.query[explained].tolist(),
            agreeing.tolist(),
            scores.tolist(),
            strict=True,
        )
    ]
    return sorted(found, key=lambda one: (one.score, one.row))


def judged(found: Sequence[Candidate], asked: Asked, known: Mapping[int, Row]) -> list[Candidate]:
    """The same candidates with second opinions, without those turned down, the likeliest first.

    Args:
        found: from ``candidates``.
        asked: the picture that is looked for.
        known: by row number; rows that are missing have no second opinion.
    """
    kept = []
    for one in found:
        row = known.get(one.row, Row())
        shape = _by_shape(table()[one.variant], asked, row)
        if shape == OTHER_SHAPE and one.agreeing == 1 and one.distance >= FAR:
            continue
        kept.append(one._replace(score=one.score + shape + _by_phash(table()[one.variant], asked, row)))
    return sorted(kept, key=lambda one: (one.score, one.row))


@functools.cache
def doubts() -> NDArray[np.int64]:
    """Bits of doubt of every variant, in the order of ``names()``."""
    return np.array([DOUBTS.get(name.partition("-")[0], MOST_DOUBT) for name in names()], dtype=np.int64)


def _by_shape(variant: Variant, asked: Asked, row: Row) -> int:
    """Bits for a row that is wider or higher than the variant says. A box says nothing, nor does a line that
    is so thin that nothing of it is left."""
    if not (row.width and row.height and asked.width and asked.height) or variant.box >= 0:
        return 0
    top, bottom, left, right = variant.shape(asked.width, asked.height)
    wide, high = asked.width * (right - left) / WHOLE, asked.height * (bottom - top) / WHOLE
    if variant.orientation in _TRANSPOSED:
        wide, high = high, wide
    if not (wide and high):
        return 0
    factor = math.exp(abs(math.log(wide * row.height / (high * row.width))))
    return 0 if factor <= ALIKE else ODD_SHAPE if factor <= UNLIKE else OTHER_SHAPE


def _by_phash(variant: Variant, asked: Asked, row: Row) -> int:
    """Bits for a row whose pHash is near or far; only of use where the picture is seen whole and upright."""
    if row.phash is None or variant.name.partition("-")[0] not in ("original", "size"):
        return 0
    distance = (int.from_bytes(row.phash) ^ int.from_bytes(asked.phash)).bit_count()
    return -PHASH_BONUS if distance <= PHASH_NEAR else PHASH_MALUS if distance >= PHASH_FAR else 0
