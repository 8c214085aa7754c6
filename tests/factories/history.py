"""Months of plausible work of a desk, straight into the database: requests, answers, releases, fetches.

The same every time. Some months are quiet, so that small numbers occur.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from portal.models import (
    Case,
    CaseItem,
    Decision,
    Entry,
    Event,
    Item,
    ListFetches,
    MonthlyReport,
    Release,
    Submission,
    Support,
    User,
)
from portal.policy import current
from portal.transparency import report

#: How likely each ground, kind and outcome is.
GROUNDS = {
    "private": 30,
    "intimate": 12,
    "child": 9,
    "child-safety": 3,
    "opt-out": 40,
    "wrong": 5,
    "other": 2,
}
KINDS = {"url": 70, "picture": 24, "fingerprint": 4, "site": 2}
OUTCOMES = {
    "removed": 42,
    "already": 8,
    "refused": 9,
    "not-found": 30,
    "later": 3,
    "withdrawn": 4,
    "unreadable": 2,
    "open": 5,
}

_STATES = {
    "not-found": Item.State.NOT_FOUND,
    "unreadable": Item.State.UNREADABLE,
    "withdrawn": Item.State.WITHDRAWN,
    "open": Item.State.READY,
}

_numbers = itertools.count()
_published: list[dict[str, Any]] = []


@dataclass
class Counted:
    """How many rows there are of what."""

    submissions: int = 0
    items: int = 0
    releases: int = 0


def history(months: int, last: date, *, requests: int = 90, seed: int = 7) -> Counted:
    """Work of some months, the last of which is the month of ``last``.

    Args:
        requests: in a usual month; it is about a tenth of that in every seventh.
    """
    random, counted = Random(seed), Counted()
    people = [User.objects.get_or_create(username=name)[0] for name in ("alice", "bob")]
    standing = 0
    for at, first in enumerate(_months(months, last)):
        many = requests // 10 if at % 7 == 3 else int(requests * random.uniform(0.8, 1.5))
        items = _received(random, first, many)
        _answered(random, items, people)
        added = random.randint(40, 90)
        standing += added - 3
        _released(first + timedelta(days=20), added, standing, counted.releases + 1)
        ListFetches.objects.bulk_create(
            ListFetches(day=first + timedelta(days=day), count=random.randint(0, 9)) for day in range(28)
        )
        counted.submissions += many
        counted.items += sum(map(len, items.values()))
        counted.releases += 1
    return counted


def publish_two_years(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """24 published months, up to October 2026, of a desk that opened in October 2024.

    They are worked and counted once, since that takes seconds; after that only what was published is there.
    """
    if not _published:
        history(25, date(2026, 10, 1))
        monkeypatch.setattr(report, "today", lambda: date(2026, 11, 2))
        assert len(report.freeze()) == 24
        _published.extend(report.published())
    else:
        MonthlyReport.objects.bulk_create(
            MonthlyReport(month=f"{numbers['month']}-01", numbers=numbers) for numbers in _published
        )
    return report.published()


def _months(months: int, last: date) -> Iterator[date]:
    for back in reversed(range(months)):
        number = last.year * 12 + last.month - 1 - back
        yield date(number // 12, number % 12 + 1, 1)


def _received(random: Random, first: date, many: int) -> dict[str, list[Item]]:
    """Requests of a month; their items by what will become of them."""
    policy = current()
    submissions = []
    for _ in range(many):
        ground = _one_of(random, GROUNDS)
        day = first + timedelta(days=random.randrange(28))
        submissions.append(
            Submission(
                lookup=next(_numbers).to_bytes(32, "big"),
                message_public_key=bytes(32),
                ground=ground,
                restricted=policy.ground(ground).restricted,
                policy_version=policy.version,
                received=day,
                due=policy.due(day),
            )
        )
    items, outcomes = [], []
    for submission in Submission.objects.bulk_create(submissions):
        for number in range(1, 1 + random.choice((1, 1, 1, 2, 2, 3, 5, 8))):
            outcomes.append(_one_of(random, OUTCOMES))
            items.append(_item(random, submission, number, outcomes[-1]))
    by_outcome: dict[str, list[Item]] = {name: [] for name in OUTCOMES}
    for item, outcome in zip(Item.objects.bulk_create(items), outcomes, strict=True):
        by_outcome[outcome].append(item)
    return by_outcome


def _item(random: Random, submission: Submission, number: int, outcome: str) -> Item:
    kind = "url" if submission.restricted else _one_of(random, KINDS)
    url = f"https://pictures.example/{next(_numbers)}.jpg" if kind in ("url", "site") else ""
    return Item(
        submission=submission,
        number=number,
        kind=kind,
        url=url,
        restricted=submission.restricted,
        state=_STATES.get(outcome, Item.State.DECIDED),
        answered=submission.received if outcome in ("not-found", "later", "unreadable") else None,
    )


def _answered(random: Random, items: dict[str, list[Item]], people: list[User]) -> None:
    _took_back(items["withdrawn"])
    chosen = items["removed"] + items["later"] + items["already"]
    _supported(_decided(random, chosen, Decision.Outcome.REMOVE, people), items["already"])
    refused = _decided(random, items["refused"], Decision.Outcome.REFUSE, people)
    _appealed(random, refused, people)


def _decided(
    random: Random, items: list[Item], outcome: str, people: list[User], of: list[Case] | None = None
) -> list[tuple[Item, Decision]]:
    """A case and a confirmed decision for each item."""
    cases = Case.objects.bulk_create(
        Case(
            ground=item.submission.ground,
            state=Case.State.REMOVED if outcome == Decision.Outcome.REMOVE else Case.State.REFUSED,
            target=item.submission.due,
            due=item.submission.due,
            appeal_of=of[at] if of else None,
        )
        for at, item in enumerate(items)
    )
    days = [item.appealed or item.submission.received for item in items]
    decisions = Decision.objects.bulk_create(
        Decision(
            case=case,
            outcome=outcome,
            ground=case.ground,
            policy_version="1",
            state=Decision.State.CONFIRMED,
            proposer=people[0],
            approver=people[1],
            proposed=day,
            confirmed=day + timedelta(days=min(40, int(random.expovariate(0.12)))),
        )
        for case, day in zip(cases, days, strict=True)
    )
    if not of:
        CaseItem.objects.bulk_create(
            CaseItem(case=case, item=item) for case, item in zip(cases, items, strict=True)
        )
    return list(zip(items, decisions, strict=True))


def _supported(removed: list[tuple[Item, Decision]], already: list[Item]) -> None:
    entries = Entry.objects.bulk_create(
        Entry(kind="url_sha256", digest=f"{next(_numbers):064x}") for _ in removed
    )
    stood = {item.pk for item in already}
    Support.objects.bulk_create(
        Support(entry=entry, decision=decision, item=item, stood=item.pk in stood)
        for entry, (item, decision) in zip(entries, removed, strict=True)
    )


def _appealed(random: Random, refused: list[tuple[Item, Decision]], people: list[User]) -> None:
    """A third of those who were refused ask again; the item moves on to the appeal's case."""
    asked = [pair for pair in refused if random.random() < 0.33]
    for item, decision in asked:
        item.appealed = decision.confirmed
    Item.objects.bulk_update([item for item, _ in asked], ["appealed"])
    half = len(asked) // 2
    for outcome, some in ((Decision.Outcome.REMOVE, asked[:half]), (Decision.Outcome.REFUSE, asked[half:])):
        items = [item for item, _ in some]
        decided = _decided(random, items, outcome, people, of=[decision.case for _, decision in some])
        for item, decision in decided:
            CaseItem.objects.filter(item=item).update(case=decision.case)
        if outcome == Decision.Outcome.REMOVE:
            _supported(decided, [])


def _took_back(items: list[Item]) -> None:
    last = Event.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    Event.objects.bulk_create(
        Event(
            seq=last + at,
            day=item.submission.received,
            action="item.withdrawn",
            subject=str(item),
            digest="0" * 64,
        )
        for at, item in enumerate(items, 1)
    )


def _released(day: date, added: int, standing: int, seq: int) -> None:
    changes = [{"edition": "research", "added": added, "removed": 3, "rows": standing}]
    Release.objects.create(state=Release.State.PUBLISHED, seq=seq, created=day, changes=changes)


def _one_of(random: Random, weights: dict[str, int]) -> str:
    return random.choices(list(weights), list(weights.values()))[0]
