"""Ranking: the simplest variant explains a row, agreement counts, and second opinions are heard."""

from __future__ import annotations

import numpy as np
import pytest

from takedown.index import ranking
from takedown.index.interface import Hits
from takedown.index.ranking import Asked, Row, candidates, doubts, judged
from takedown.variants import names

ASKED = Asked(600, 400, bytes(8))


def hits(*found: tuple[str, int, int]) -> Hits:
    """From (variant, row, distance)."""
    query, row, distance = zip(*((names().index(name), row, far) for name, row, far in found), strict=True)
    return Hits(*(np.array(column, dtype=np.int64) for column in (query, row, distance)))


def test_nothing_found_gives_no_candidate() -> None:
    assert candidates(Hits(*(np.empty(0, dtype=np.int64) for _ in range(3)))) == []


def test_every_variant_has_a_doubt_and_the_original_none() -> None:
    assert len(doubts()) == len(names())
    assert doubts()[0] == 0
    assert (doubts()[1:] > 0).all()
    assert set(ranking.DOUBTS) <= {name.partition("-")[0] for name in names()}


def test_the_simplest_variant_explains_the_row_though_another_is_nearer() -> None:
    (one,) = candidates(hits(("size-3-4", 5, 8), ("original", 5, 14), ("crop-2-centre", 5, 6)))
    assert (one.row, names()[one.variant], one.distance, one.agreeing) == (5, "original", 14, 3)


def test_rows_come_once_the_likeliest_first_and_ties_by_row() -> None:
    found = candidates(
        hits(("original", 9, 20), ("original", 3, 20), ("original", 4, 2), ("size-1-2", 9, 30))
    )
    assert [one.row for one in found] == [4, 9, 3]
    assert [one.row for one in candidates(hits(("original", 8, 9), ("original", 2, 9)))] == [2, 8]


def test_agreement_counts_but_not_without_limit() -> None:
    lonely = hits(("crop-5-centre", 1, 20))
    crowd = hits(*((name, 1, 20) for name in names() if name.startswith("crop-")))
    (alone,), (together,) = candidates(lonely), candidates(crowd)
    assert alone.score - together.score == ranking.BONUS


@pytest.mark.parametrize(
    ("variant", "size", "added"),
    [
        ("original", (300, 200), 0),
        ("original", (300, 250), ranking.ODD_SHAPE),
        ("original", (200, 300), ranking.OTHER_SHAPE),
        ("rotate-90", (200, 300), 0),
        ("shape-1-1-500", (256, 256), 0),
        ("bars-16-9-black", (1600, 900), 0),
        ("box-3", (1, 900), 0),
    ],
)
def test_the_shape_that_a_variant_predicts_is_compared(
    variant: str, size: tuple[int, int], added: int
) -> None:
    found = candidates(hits((variant, 1, 10)))
    (one,) = judged(found, ASKED, {1: Row(None, *size)})
    assert one.score == found[0].score + added


@pytest.mark.parametrize(("bits", "added"), [(0, -ranking.PHASH_BONUS), (16, 0), (40, ranking.PHASH_MALUS)])
def test_phash_is_a_second_opinion_where_the_picture_is_seen_whole(bits: int, added: int) -> None:
    row = Row(((1 << bits) - 1).to_bytes(8))
    for variant, expected in (("original", added), ("crop-5-centre", 0)):
        found = candidates(hits((variant, 1, 10)))
        assert judged(found, ASKED, {1: row})[0].score == found[0].score + expected


def test_only_a_single_far_variant_of_another_shape_is_turned_down() -> None:
    tall = {1: Row(None, 100, 900)}
    assert judged(candidates(hits(("crop-5-centre", 1, 30))), ASKED, tall) == []
    assert judged(candidates(hits(("crop-5-centre", 1, 10))), ASKED, tall)
    assert judged(candidates(hits(("crop-5-centre", 1, 30), ("crop-6-centre", 1, 30))), ASKED, tall)
    assert judged(candidates(hits(("crop-5-centre", 1, 30))), ASKED, {})


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1), (1, 1), (0, 5), (5, 0)])
def test_pictures_of_every_shape_are_judged(size: tuple[int, int]) -> None:
    found = [ranking.Candidate(0, 10, number, 1, 10.0) for number in range(len(names()))]
    for row in (Row(None, 1, 20_000), Row(None, 20_000, 1)):
        assert len(judged(found, Asked(*size, bytes(8)), {0: row})) == len(found)
