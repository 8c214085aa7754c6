"""No number from 1 to 4 can be worked out from what is published, by whoever knows how it is published.

Small months are tried one by one: all that look alike when published are put together, and in each such group
every hidden number must still have several values. Larger ones are drawn by Hypothesis.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.transparency.suppression import FEWEST, Span, Waited, kinds, span, spans, times, total

SMALL = range(1, FEWEST)

#: Items that a request may have in these little worlds.
MOST_ITEMS = 3

#: A little world: the true numbers by name.
World = dict[str, int]


def _hidden_values(
    worlds: Iterable[World], publish: Callable[[World], Any]
) -> Iterator[tuple[World, str, set[int]]]:
    """Every small number of every world, with all values it has in worlds that look the same."""
    alike: dict[Hashable, list[World]] = defaultdict(list)
    for world in worlds:
        alike[json.dumps(publish(world), sort_keys=True)].append(world)
    for group in alike.values():
        values = {name: {world[name] for world in group} for name in group[0]}
        for world in group:
            for name, number in world.items():
                if number in SMALL:
                    yield world, name, values[name]


def _least_hidden(worlds: Iterable[World], publish: Callable[[World], Any]) -> int:
    """In how many ways the best known of all hidden numbers can still be read."""
    return min(len(values) for _, _, values in _hidden_values(worlds, publish))


def test_the_counter_of_ways_sees_what_a_careless_total_gives_away() -> None:
    worlds = [{"a": a, "b": b} for a, b in product(range(8), repeat=2)]
    careless = {"total": lambda world: [*spans(world).values(), sum(world.values())], "none": spans}
    assert _least_hidden(worlds, careless["total"]) == 1
    assert _least_hidden(worlds, careless["none"]) == len(SMALL)


@pytest.mark.parametrize(
    ("count", "least", "most"), [(0, 0, 0), (1, 1, 4), (4, 1, 4), (5, 5, 5), (10**6,) * 3]
)
def test_only_numbers_from_1_to_4_are_hidden(count: int, least: int, most: int) -> None:
    assert span(count) == {"least": least, "most": most}


def _requests(world: World) -> dict[str, Any]:
    by_ground = spans({name: world[name] for name in ("private", "wrong")})
    requests = total(by_ground.values())
    items = {name: world[name] for name in ("url", "picture")}
    return {"by_ground": by_ground, "total": requests, "items": kinds(requests, items, MOST_ITEMS)}


def test_requests_and_their_items_hide_each_other() -> None:
    worlds = [
        dict(zip(("private", "wrong", "url", "picture"), numbers, strict=True))
        for numbers in product(range(13), range(7), range(22), range(7))
        if sum(numbers[:2]) <= sum(numbers[2:]) <= MOST_ITEMS * sum(numbers[:2])
    ]
    assert _least_hidden(worlds, _requests) >= 2
    assert any(_requests(world)["items"] for world in worlds if world["wrong"] in SMALL)


def test_items_beside_a_hidden_request_would_give_it_away_without_the_rule() -> None:
    """Seven requests and one more, of one address each: eight addresses say that the hidden one is 1."""
    world = {"private": 7, "wrong": 1, "url": 8, "picture": 0}
    assert _requests(world)["items"] is None
    assert _requests({**world, "url": 11})["items"] == spans({"url": 11, "picture": 0})


def _decisions(world: World) -> dict[str, Any]:
    """``soon`` and ``slow`` are in time. What is late took longer than any due day."""
    answers = spans({name: world[name] for name in ("removed", "refused")})
    waited = [
        Waited(1, False, world["soon"]),
        Waited(20, False, world["slow"]),
        Waited(40, True, world["late"]),
    ]
    return {"answers": answers, "times": times(total(answers.values()), [one for one in waited if one.count])}


def _worlds_of_decisions(removed: range, refused: range, few: range) -> Iterator[World]:
    """All decisions, without those of which neither few nor nearly all were late, or slow."""
    for one, other in product(removed, refused):
        decided = one + other
        some = [number for number in range(decided + 1) if number in few or decided - number in few]
        for late, slow in product(some, some):
            soon = decided - late - slow
            if soon >= 0:
                yield {"removed": one, "refused": other, "soon": soon, "slow": slow, "late": late}


@pytest.mark.parametrize("removed", [range(14), range(43, 53)], ids=["few", "many"])
def test_outcomes_and_times_hide_each_other(removed: range) -> None:
    """How many were decided soon or slowly is published nowhere, and is not asked for here. Nor is anything
    asked of months at the edge of those that are tried."""
    worlds = list(_worlds_of_decisions(removed, range(8), range(13)))
    published = [_decisions(world)["times"] for world in worlds]
    found = _hidden_values(
        [{**world, "in_time": world["soon"] + world["slow"]} for world in worlds], _decisions
    )
    asked = (
        len(values)
        for world, name, values in found
        if name not in ("soon", "slow") and min(world["late"], world["in_time"]) < 9
    )
    least = min(asked)
    assert least >= 2
    assert any(one["late"] == {"least": 1, "most": 4} for one in published)
    assert any(one["p90_days"] == 40 for one in published)


def test_a_median_needs_five_decisions_that_nobody_doubts() -> None:
    waited = [Waited(3, False, 6)]
    assert times(Span(least=5, most=8), waited)["median_days"] == 3
    assert times(Span(least=4, most=7), waited)["median_days"] is None
    assert times(Span(least=0, most=0), []) == {
        "decided": {"least": 0, "most": 0},
        "median_days": None,
        "p90_days": None,
        "late": None,
        "in_time_percent": None,
    }


def test_the_share_in_time_says_no_more_than_its_parts() -> None:
    decided = span(200)
    told = times(decided, [Waited(2, False, 197), Waited(45, True, 3)])
    assert told["late"] == {"least": 1, "most": 4}
    assert told["in_time_percent"] == {"least": 98, "most": 100}
    assert times(decided, [Waited(2, False, 200)])["in_time_percent"] == {"least": 100, "most": 100}
    assert times(decided, [Waited(2, False, 180), Waited(45, True, 20)])["in_time_percent"] == span(90)


def test_ranks_are_of_days_that_occurred() -> None:
    waited = [Waited(9, False, 45), Waited(2, False, 50), Waited(30, False, 5)]
    told = times(span(100), waited)
    assert (told["median_days"], told["p90_days"]) == (2, 9)


def test_answers_of_two_months_cannot_be_held_against_their_requests() -> None:
    """Items answered are never more than were received and open before. How many were open nobody is told."""
    worlds = [
        dict(zip(("open", "in_1", "in_2", "out_1", "out_2"), numbers, strict=True))
        for numbers in product(range(13), range(7), range(7), range(7), range(7))
        if numbers[3] <= numbers[0] + numbers[1] and numbers[3] + numbers[4] <= sum(numbers[:3])
    ]
    names = ("in_1", "in_2", "out_1", "out_2")
    found = _hidden_values(worlds, lambda world: spans({name: world[name] for name in names}))
    assert min(len(values) for _, name, values in found if name in names) >= 2


counts = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 12), min_size=1)


@given(counts, st.data())
def test_any_hidden_number_may_be_another_and_nothing_published_changes(
    world: dict[str, int], data: st.DataObject
) -> None:
    other = {
        name: data.draw(st.sampled_from(SMALL), name) if number in SMALL else number
        for name, number in world.items()
    }
    assert spans(world) == spans(other)
    assert total(spans(world).values()) == total(spans(other).values())
    shown = total(spans(world).values())
    assert shown["least"] <= sum(world.values()) <= shown["most"]
    hidden = sum(1 for number in world.values() if number in SMALL)
    assert shown["most"] - shown["least"] == 3 * hidden


@given(st.integers(0, 80), st.integers(0, 4), st.integers(0, 84), st.integers(1, 60))
def test_a_hidden_outcome_stays_free_however_many_were_late(
    removed: int, refused: int, late: int, days: int
) -> None:
    """Whatever is behind the span of the refused, the times that are published fit to it."""
    late = min(late, removed + refused)
    waited = [Waited(days, False, removed + refused - late), Waited(days + 60, True, late)]
    decided = total(spans({"removed": removed, "refused": refused}).values())
    told = times(decided, [one for one in waited if one.count])
    if told["late"]:
        assert decided["least"] - told["late"]["most"] >= FEWEST
    if told["p90_days"] is not None and told["late"] == Span(least=1, most=4):
        assert told["p90_days"] == days
