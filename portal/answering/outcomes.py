"""What became of the removals of one submission, with a fixed number of queries however many items it has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet

from portal.days import today
from portal.models import Listing, Release, Submission, Support
from portal.policy import current
from portal.releasing import lists


@dataclass(frozen=True)
class Outcome:
    """Of one item whose removal two people confirmed.

    Attributes:
        kind: ``released`` in release ``seq``; ``stood`` in the list before it was asked for; ``coming``, or
            ``coming-by`` where it waits for others.
        by: the day by which it then goes out at the latest.
    """

    kind: str
    seq: int = 0
    by: date | None = None


def of(submission: Submission) -> dict[int, Outcome]:
    """Item -> outcome, for the items whose removal stands.

    An item is named as released only when each of its entries that is listed at all stands in a published
    release.
    """
    supports = Support.objects.filter(item__submission=submission, ended=False).exclude(
        entry__in=lists.buried(current()).unnamed
    )
    told = list(
        supports.values_list(
            "item", "entry", "stood", "decision__ground", "decision__confirmed", "decision__case__due"
        )
    )
    shown, standing = _listed(supports) if told else ({}, set())
    by_item: dict[int, list[Any]] = {}
    for item, *rest in told:
        by_item.setdefault(item, []).append(rest)
    return {item: _outcome(rows, shown, standing) for item, rows in by_item.items()}


def _listed(supports: QuerySet[Support]) -> tuple[dict[int, int], set[int]]:
    """Entry -> the release that listed it, where that is public; and all that are listed, public or not."""
    found = Listing.objects.filter(entry__in=supports.values("entry")).values_list(
        "entry", "since__seq", "since__state", "until", "until__state"
    )
    shown: dict[int, int] = {}
    standing: set[int] = set()
    for entry, seq, since, until, ended in found:
        if since == Release.State.PUBLISHED and ended != Release.State.PUBLISHED:
            shown[entry] = max(shown.get(entry, 0), seq or 0)
        if until is None:
            standing.add(entry)
    return shown, standing


def _outcome(rows: list[Any], shown: dict[int, int], standing: set[int]) -> Outcome:
    entries = {entry for entry, *_ in rows}
    if not entries <= shown.keys():
        waiting = {tuple(rest) for entry, _, *rest in rows if entry not in standing}
        last_day = lists.waiting_ends(waiting)
        waits = last_day is not None and last_day > today()
        return Outcome("coming-by", by=last_day) if waits else Outcome("coming")
    if all(stood for _, stood, *_ in rows):
        return Outcome("stood")
    return Outcome("released", seq=max(shown[entry] for entry in entries))
