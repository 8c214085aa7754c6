"""Decisions straight into the database, for tests that need many of them or odd ones."""

from __future__ import annotations

import hashlib
import itertools
from datetime import date

from portal.models import Case, CaseItem, Decision, Entry, Item, Submission, Support, User
from takedown import receipt

_numbers = itertools.count()


def person(name: str) -> User:
    return User.objects.filter(username=name).first() or User.objects.create_user(name)


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def submission(ground: str, *, proven: bool = True) -> Submission:
    number = next(_numbers)
    words = receipt.issue(b"s" * 32, number.to_bytes(16, "big"))
    return Submission.objects.create(
        lookup=number.to_bytes(32, "big"),
        proof_key=words.proof_key if proven else None,
        message_public_key=bytes(32),
        ground=ground,
        policy_version="1",
        received=date(2026, 11, 1),
        due=date(2026, 12, 1),
    )


def asked(ground: str = "private", *, proven: bool = True, due: date = date(2027, 1, 1)) -> Item:
    """An item that waits in a case of its own."""
    item = Item.objects.create(
        submission=submission(ground, proven=proven), number=1, kind="url", url="x", state=Item.State.DECIDED
    )
    case = Case.objects.create(ground=ground, state=Case.State.REMOVED, target=due, due=due)
    CaseItem.objects.create(case=case, item=item)
    return item


def removed(
    name: str,
    ground: str = "private",
    *,
    on: date = date(2026, 11, 22),
    due: date = date(2027, 1, 1),
    kind: str = "url_sha256",
    proven: bool = True,
    hexdigest: str = "",
) -> Item:
    """Two people confirmed that an entry goes, for one item."""
    item = asked(ground, proven=proven, due=due)
    decision = Decision.objects.create(
        case=item.case_item.case,
        outcome=Decision.Outcome.REMOVE,
        scope="address",
        ground=ground,
        policy_version="1",
        state=Decision.State.CONFIRMED,
        proposer=person("alice"),
        approver=person("bob"),
        proposed=on,
        confirmed=on,
    )
    entry, _ = Entry.objects.get_or_create(kind=kind, digest=hexdigest or digest(name))
    Support.objects.create(entry=entry, decision=decision, item=item)
    return item


def taken_back(item: Item, on: date | None = date(2026, 11, 22)) -> None:
    """The item's removal is undone."""
    Support.objects.filter(item=item).update(ended=True, ended_day=on)
    Item.objects.filter(pk=item.pk).update(state=Item.State.WITHDRAWN)
