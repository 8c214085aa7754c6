"""Counting what happened in a month: one grouped query a table, nothing hidden yet (suppression.py).

Whoever calls these publishes none of it as it is. Days are counted from ``start`` up to, not with, ``end``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Min, Q, QuerySet, Sum

from portal.models import Decision, Event, Item, ListFetches, Release, Submission, Support

#: What became of an item, in the order in which people read it. The first three are decided by people.
DECIDED = ("removed", "already_listed", "not_removed")
OUTCOMES = (*DECIDED, "not_found", "withdrawn", "unreadable")

#: How an appeal ended.
APPEALS = ("removed_after_all", "stays")


@dataclass(frozen=True)
class Ruling:
    """One item that people decided: what came of it, and how long that took."""

    outcome: str
    days: int
    late: bool


@dataclass(frozen=True)
class Month:
    """``start`` is its first day, ``end`` the first day of the next."""

    start: date
    end: date

    @classmethod
    def of(cls, day: date) -> Month:
        start = day.replace(day=1)
        return cls(start, date(start.year + start.month // 12, start.month % 12 + 1, 1))

    def next(self) -> Month:
        return Month.of(self.end)

    def has(self, field: str) -> Q:
        """Rows whose day is in this month."""
        return Q(**{f"{field}__gte": self.start, f"{field}__lt": self.end})


def opened() -> date | None:
    """The day of the oldest request that is still kept; None before the first."""
    first: date | None = Submission.objects.aggregate(first=Min("received"))["first"]
    return first


def requests(month: Month, grounds: list[str]) -> dict[str, int]:
    """Requests by ground: each of these, and whatever else occurs."""
    rows = Submission.objects.filter(month.has("received")).values_list("ground").annotate(Count("pk"))
    return {**dict.fromkeys(grounds, 0), **dict(rows.order_by("ground"))}


def kinds(month: Month) -> dict[str, int]:
    """Their items by kind."""
    rows = Item.objects.filter(month.has("submission__received")).values_list("kind").annotate(Count("pk"))
    return {**dict.fromkeys(Item.Kind.values, 0), **dict(rows.order_by("kind"))}


def rulings(month: Month) -> Counter[Ruling]:
    """What people decided for the first time, item by item; appeals are counted apart."""
    first = _confirmed(month).filter(case__appeal_of=None)
    found: Counter[Ruling] = Counter()
    for days, late, new in _removals(first):
        found[Ruling("removed" if new else "already_listed", days, late)] += 1
    for days, late, count in _refusals(first):
        found[Ruling("not_removed", days, late)] += count
    return found


def answers(month: Month, ruled: Counter[Ruling]) -> dict[str, int]:
    """Answers by outcome. Who is told that nothing was found and asks a person gets two, and counts twice."""
    found = dict.fromkeys(OUTCOMES, 0)
    for ruling, count in ruled.items():
        found[ruling.outcome] += count
    unreadable = Q(state=Item.State.UNREADABLE)
    answered = Item.objects.filter(month.has("answered"))
    undated = Item.objects.filter(unreadable, month.has("submission__received"), answered=None)
    found["not_found"] = answered.exclude(unreadable).count()
    found["unreadable"] = answered.filter(unreadable).count() + undated.count()
    taken_back = Event.objects.filter(month.has("day"), action="item.withdrawn")
    unblocked = _confirmed(month).filter(outcome=Decision.Outcome.UNBLOCK)
    found["withdrawn"] = taken_back.count() + unblocked.count()
    return found


def appeals(month: Month) -> dict[str, int]:
    """Items for which a second look was asked, and those that someone new decided."""
    ended = _confirmed(month).exclude(case__appeal_of=None)
    return {
        "asked": Item.objects.filter(month.has("appealed")).count(),
        "removed_after_all": sum(1 for _ in _removals(ended)),
        "stays": sum(count for _, _, count in _refusals(ended)),
    }


def releases(month: Month, after: int) -> list[Release]:
    """The releases of a month that has ended, oldest first, beginning with the first past a number."""
    published = Release.objects.filter(state=Release.State.PUBLISHED, seq__gt=after, created__lt=month.end)
    return list(published.order_by("seq"))


def newest_release(before: date) -> int:
    """The number of the last release that was built before a day; 0 where there is none."""
    earlier = Release.objects.filter(state=Release.State.PUBLISHED, created__lt=before)
    return earlier.order_by("-seq").values_list("seq", flat=True).first() or 0


def fetches(month: Month) -> int:
    """How often this server was asked for the list."""
    return ListFetches.objects.filter(month.has("day")).aggregate(all=Sum("count"))["all"] or 0


def _confirmed(month: Month) -> QuerySet[Decision]:
    return Decision.objects.filter(month.has("confirmed"), state=Decision.State.CONFIRMED)


def _removals(decisions: QuerySet[Decision]) -> Iterator[tuple[int, bool, bool]]:
    """(days, late, whether an entry is new) for each item of these removals."""
    removals = decisions.filter(outcome=Decision.Outcome.REMOVE)
    day, received, due = "decision__confirmed", "item__submission__received", "item__submission__due"
    rows = Support.objects.filter(decision__in=removals).values_list("item", day, received, due)
    for _, on, since, until, new in rows.annotate(Count("pk", filter=Q(stood=False))).iterator():
        yield (on - since).days, on > until, bool(new)


def _refusals(decisions: QuerySet[Decision]) -> Iterator[tuple[int, bool, int]]:
    """(days, late, items) of these refusals. An item that was appealed has moved on to the appeal's case."""
    refusals = decisions.filter(outcome=Decision.Outcome.REFUSE)
    for items in ("case__case_items__item", "case__appeals__case_items__item"):
        rows: Any = refusals.values_list(
            "confirmed", f"{items}__submission__received", f"{items}__submission__due", f"{items}__state"
        )
        for on, since, until, state, count in rows.annotate(Count(items)).order_by():
            if since is not None and state != Item.State.WITHDRAWN:
                yield (on - since).days, on > until, count
