"""Counting what happened in a month: one grouped query a table, nothing hidden yet (suppression.py).

Whoever calls these publishes none of it as it is. Days are counted from ``start`` up to, not with, ``end``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Sum

from portal.models import Decision, Event, Item, ListFetches, Match, Release, Submission, Support

#: What people decide about a request when it comes.
DECIDED = ("removed", "already_listed", "not_removed")

#: What people decide about something that was answered before: the machine had found nothing and the person
#: asked us to look, or a new index held it.
DECIDED_LATER = ("removed_later", "not_removed_later")

#: What became of an item, in the order in which people read it.
OUTCOMES = (*DECIDED, "not_found", *DECIDED_LATER, "withdrawn", "unreadable")


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
    """What people decided, item by item; appeals are counted apart."""
    first = _confirmed(month).filter(case__appeal_of=None)
    found: Counter[Ruling] = Counter()
    for days, late, new, later in _removals(first):
        outcome = "removed_later" if later else "removed" if new else "already_listed"
        found[Ruling(outcome, days, late)] += 1
    for days, late, later, count in _refusals(first):
        found[Ruling("not_removed_later" if later else "not_removed", days, late)] += count
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
        "stays": sum(count for *_, count in _refusals(ended)),
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


def _removals(decisions: QuerySet[Decision]) -> Iterator[tuple[int, bool, bool, bool]]:
    """(days, late, whether an entry is new, whether it is later) for each item of these removals."""
    removals = decisions.filter(outcome=Decision.Outcome.REMOVE)
    day, received, due = "decision__confirmed", "item__submission__received", "item__submission__due"
    supports = Support.objects.filter(decision__in=removals).annotate(again=_again("item"))
    rows: Any = supports.values_list("item", day, received, due, "item__answered", "again")
    for _, on, since, until, answered, again, new in rows.annotate(new=Count("pk", filter=Q(stood=False))):
        yield (on - since).days, on > until, bool(new), bool(answered or again)


def _refusals(decisions: QuerySet[Decision]) -> Iterator[tuple[int, bool, bool, int]]:
    """(days, late, whether it is later, items) of these refusals. What was appealed has moved on to the
    appeal's case."""
    refusals = decisions.filter(outcome=Decision.Outcome.REFUSE)
    for items in ("case__case_items__item", "case__appeals__case_items__item"):
        told = [
            f"{items}__{name}" for name in ("submission__received", "submission__due", "answered", "state")
        ]
        rows: Any = refusals.annotate(again=_again(items)).values_list("confirmed", *told, "again")
        for on, since, until, answered, state, again, count in rows.annotate(count=Count(items)).order_by():
            if since is not None and state != Item.State.WITHDRAWN:
                yield (on - since).days, on > until, bool(answered or again), count


def _again(item: str) -> Exists:
    """Whether an item was made when a new index held again what had been removed."""
    return Exists(Match.objects.filter(item=OuterRef(item), via=Match.LOOKED_AGAIN))
