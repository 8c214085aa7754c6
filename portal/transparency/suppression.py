"""Numbers of a month as they may be published: none of 1 to 4 can be worked out (docs/transparency.md).

A published number is a span, ``{"least": 12, "most": 12}``. The method, in three rules:

1. A count of 1 to 4 becomes the span 1 to 4. No other number is changed, and 0 stays 0.
2. A total is never taken from the database: it is added up from published spans, and so is a span itself.
   Whoever has it knows no more than whoever has its parts.
3. Where two tables count the same or nearly the same (requests and the items in them; decisions and how late
   they were), the second is shown only as far as it fits whatever stands behind the spans of the first.

So each hidden number could be any of 1 to 4, whatever else is known of the month. Months are published once,
after they ended, and begin with the first whole one, so that nobody knows how much was open before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any, TypedDict

#: Counts from 1 to one less than this are hidden.
FEWEST = 5

#: Decisions for which a median is given; for which a 90th percentile is, and how many were late.
FEWEST_FOR_MEDIAN = FEWEST
FEWEST_FOR_LATE = 2 * FEWEST


class Span(TypedDict):
    """The least and the most that a number may be; both are it where it is not hidden."""

    least: int
    most: int


@dataclass(frozen=True)
class Waited:
    """``count`` decisions on items that had waited for ``days``; ``late``: after the day they were due."""

    days: int
    late: bool
    count: int


def span(count: int) -> Span:
    """A count as it may be published."""
    if 0 < count < FEWEST:
        return Span(least=1, most=FEWEST - 1)
    return Span(least=count, most=count)


def spans(counts: Mapping[str, int]) -> dict[str, Span]:
    return {name: span(count) for name, count in counts.items()}


def total(parts: Iterable[Span]) -> Span:
    """The sum of published numbers: what anyone can add up."""
    some = list(parts)
    return Span(least=sum(one["least"] for one in some), most=sum(one["most"] for one in some))


def kinds(requests: Span, counts: Mapping[str, int], most_items: int) -> dict[str, Span] | None:
    """Items by kind, where they fit to every number of requests that is possible; None where they do not.

    A request holds 1 to ``most_items`` items. So items tell something of the number of requests, unless there
    are at least as many as the most requests, and at most that many times the least.
    """
    shown = spans(counts)
    items = total(shown.values())
    fits = requests["most"] <= items["least"] and items["most"] <= most_items * requests["least"]
    return shown if fits else None


def times(decided: Span, waited: Sequence[Waited]) -> dict[str, Any]:
    """How long decisions took, in days, and how many of them came after the day they were due.

    Args:
        decided: how many decisions there were, as published.

    Returns:
        ``decided``; ``median_days`` and ``p90_days``, whole numbers by nearest rank, or None where there are
        too few decisions; ``late``, a span or None; ``in_time_percent``, a span that follows, or None.
    """
    late = _late(decided, sum(one.count for one in waited if one.late))
    with_median = decided["least"] >= FEWEST_FOR_MEDIAN and _says_nothing(50, decided, late)
    with_p90 = decided["least"] >= FEWEST_FOR_LATE and _says_nothing(90, decided, late)
    return {
        "decided": decided,
        "median_days": _days(waited, 50) if with_median else None,
        "p90_days": _days(waited, 90) if with_p90 else None,
        "late": late,
        "in_time_percent": _in_time(decided, late) if late else None,
    }


def _late(decided: Span, late: int) -> Span | None:
    """How many decisions were late. None for few decisions, and where (almost) all of them may be late.

    The others, in time, are decided less late: they must not be few, whatever stands behind the spans.
    """
    if decided["least"] < FEWEST_FOR_LATE or late > decided["least"] - FEWEST:
        return None
    return span(late)


def _says_nothing(percent: int, decided: Span, late: Span | None) -> bool:
    """Whether a percentile is in time, or late, whatever stands behind the spans.

    Otherwise it would tell something of them: where 6 decisions were late, a late median says that there were
    fewer than 12.
    """
    if decided["least"] < FEWEST_FOR_LATE:
        return True  # of those nobody is told how many were late
    sides = {
        _rank(percent, count) <= count - one
        for count in range(decided["least"], decided["most"] + 1)
        for one in (
            range(late["least"], late["most"] + 1)
            if late
            else range(decided["least"] - FEWEST + 1, count + 1)
        )
    }
    return len(sides) == 1


def _in_time(decided: Span, late: Span) -> Span:
    """Whole percent, rounded outwards."""
    shares = (late["most"] / decided["least"], late["least"] / decided["most"])
    return Span(least=floor(100 - 100 * shares[0]), most=ceil(100 - 100 * shares[1]))


def _rank(percent: int, count: int) -> int:
    """Which one, from 1, of so many in order stands at a percentile: the nearest rank."""
    return -(-count * percent // 100)


def _days(waited: Sequence[Waited], percent: int) -> int:
    """The days of the decision at a percentile: always some that occurred, since half a day would tell that
    the count is even."""
    wanted = _rank(percent, sum(one.count for one in waited))
    for one in sorted(waited, key=lambda one: one.days):
        wanted -= one.count
        if wanted <= 0:
            return one.days
    raise ValueError("There is no percentile of nothing: ask for it only where something was decided.")
