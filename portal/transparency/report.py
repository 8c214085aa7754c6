"""The transparency report: a month is counted once, after it has ended, and never again.

1. ``freeze`` counts every month that has ended (tallies.py), hides what is small (suppression.py) and stores
   what is left (worker, by the clock). Numbers that were hidden are nowhere kept.
2. ``published`` reads those rows: the page, the plots and both files show nothing else.

So what is erased later changes nothing that was published, and two looks at a running month cannot be
subtracted from each other: it is not shown.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

from django.conf import settings

from portal.days import today
from portal.models import MonthlyReport, Release
from portal.policy import current
from portal.transparency import tallies
from portal.transparency.suppression import Span, Waited, kinds, span, spans, times, total
from portal.transparency.tallies import Month, Ruling

#: Version of what ``numbers`` holds and both files show (docs/transparency.md).
SCHEMA = 1

#: Days after the end of a month on which it is counted: nobody is still writing into it then.
GRACE = timedelta(days=1)


def freeze() -> list[date]:
    """Count every month that has ended and is not counted yet; their first days. Safe to repeat."""
    done = []
    last = MonthlyReport.objects.order_by("month").last()
    month = _after(last)
    while month and appears(month) <= today():
        seq = last.numbers["releases"]["newest"] if last else tallies.newest_release(month.start)
        standing = last.numbers["entries"] if last else {}
        numbers = _numbers(month, seq, standing)
        last, made = MonthlyReport.objects.get_or_create(month=month.start, defaults={"numbers": numbers})
        if made:
            done.append(month.start)
        month = month.next()
    return done


def published() -> list[dict[str, Any]]:
    """What was published of each month, oldest first."""
    return list(MonthlyReport.objects.order_by("month").values_list("numbers", flat=True))


def coming() -> Month | None:
    """The next month to be published; None while nobody has asked for anything yet."""
    return _after(MonthlyReport.objects.order_by("month").last())


def appears(month: Month) -> date:
    """The day from which on a month is published."""
    return month.end + GRACE


def _after(last: MonthlyReport | None) -> Month | None:
    """The month after the last published one; at first the one after that in which the desk opened.

    The opening month is not whole. And as nothing is published of it, nobody knows how much was still open
    when counting began, so that answers of a month can never be held against its requests.
    """
    day = last.month if last else tallies.opened()
    return Month.of(day).next() if day else None


def _numbers(month: Month, seq: int, standing: dict[str, Any]) -> dict[str, Any]:
    """Everything that is published of a month.

    Args:
        seq: the newest release of the month before.
        standing: its entries.
    """
    by_ground = spans(tallies.requests(month, list(current().grounds)))
    requests = total(by_ground.values())
    ruled = tallies.rulings(month)
    answers = spans(tallies.answers(month, ruled))
    releases = tallies.releases(month, seq)
    return {
        "schema": SCHEMA,
        "month": f"{month.start:%Y-%m}",
        "requests": {"total": requests, "by_ground": by_ground},
        "items": kinds(requests, tallies.kinds(month), settings.MAX_ITEMS),
        "answers": {"total": total(answers.values()), "by_outcome": answers},
        "decisions": times(_decided(answers), _waited(ruled)),
        "appeals": spans(tallies.appeals(month)),
        "releases": {"count": len(releases), "newest": releases[-1].seq if releases else seq},
        "entries": _entries(releases, standing),
        "fetches": span(tallies.fetches(month)),
    }


def _decided(answers: dict[str, Span]) -> Span:
    return total(answers[name] for name in tallies.DECIDED)


def _waited(ruled: Counter[Ruling]) -> list[Waited]:
    """How long what was decided when it came had waited; what was answered before has waited long enough."""
    return [
        Waited(ruling.days, ruling.late, count)
        for ruling, count in ruled.items()
        if ruling.outcome in tallies.DECIDED
    ]


def _entries(releases: list[Release], before: dict[str, Any]) -> dict[str, Any]:
    """What the releases say of themselves, edition by edition. That is public line by line already, so
    nothing of it is hidden."""
    found = {name: {"added": 0, "removed": 0, "standing": told["standing"]} for name, told in before.items()}
    for release in releases:
        for change in release.changes:
            one = found.setdefault(change["edition"], {"added": 0, "removed": 0, "standing": 0})
            one["added"] += change["added"]
            one["removed"] += change["removed"]
            one["standing"] = change["rows"]
    return found
