"""What the transparency report counts, and for which month."""

from __future__ import annotations

from datetime import date

import pytest
from decided import asked, person, removed, taken_back

from portal.models import (
    Case,
    CaseItem,
    Decision,
    Event,
    Item,
    Submission,
    Support,
)
from portal.transparency import report, tallies
from portal.transparency.tallies import Month

pytestmark = pytest.mark.django_db

NOVEMBER = Month(date(2026, 11, 1), date(2026, 12, 1))


def _refused(day: date, *, appeal_of: Case | None = None, item: Item | None = None) -> Item:
    item = item or asked("private")
    case = item.case_item.case
    if appeal_of:
        case = Case.objects.create(
            ground="private", state=Case.State.REFUSED, target=day, due=day, appeal_of=appeal_of
        )
        CaseItem.objects.filter(item=item).update(case=case)
    Decision.objects.create(
        case=case,
        outcome=Decision.Outcome.REFUSE,
        ground="private",
        policy_version="1",
        state=Decision.State.CONFIRMED,
        proposer=person("alice"),
        proposed=day,
        confirmed=day,
    )
    return item


def _answers(month: Month = NOVEMBER) -> dict[str, int]:
    found = tallies.answers(month, tallies.rulings(month))
    return {name: count for name, count in found.items() if count}


def test_requests_are_counted_by_ground_and_their_items_by_kind() -> None:
    for ground in ("private", "private", "opt-out", "gone"):
        asked(ground)
    one = asked("private").submission
    Item.objects.create(submission=one, number=2, kind="fingerprint", given=[], state=Item.State.READY)
    Submission.objects.filter(pk=asked("private").submission_id).update(received=date(2026, 12, 1))
    assert tallies.requests(NOVEMBER, ["private", "wrong"]) == {
        "private": 3,
        "wrong": 0,
        "opt-out": 1,
        "gone": 1,
    }
    assert tallies.kinds(NOVEMBER) == {"url": 5, "picture": 0, "fingerprint": 1, "site": 0}


def test_removed_and_listed_already_are_told_apart_by_what_was_public() -> None:
    removed("a")
    both = removed("b")
    Support.objects.filter(item=both).update(stood=True)
    removed("c", on=date(2026, 12, 1))
    assert _answers() == {"removed": 1, "already_listed": 1}


def test_refused_is_counted_also_after_an_appeal_moved_the_item_on() -> None:
    _refused(date(2026, 11, 9))
    item = _refused(date(2026, 11, 10))
    first = item.case_item.case
    _refused(date(2026, 12, 5), appeal_of=first, item=item)
    Item.objects.filter(pk=item.pk).update(appealed=date(2026, 11, 20))
    assert _answers() == {"not_removed": 2}
    assert tallies.appeals(NOVEMBER) == {"asked": 1, "removed_after_all": 0, "stays": 0}
    december = NOVEMBER.next()
    assert _answers(december) == {}
    assert tallies.appeals(december) == {"asked": 0, "removed_after_all": 0, "stays": 1}


def test_what_was_taken_back_before_the_decision_was_not_refused() -> None:
    item = _refused(date(2026, 11, 9))
    Item.objects.filter(pk=item.pk).update(state=Item.State.WITHDRAWN)
    Event.objects.create(seq=1, day=date(2026, 11, 8), action="item.withdrawn", subject="x", digest="0" * 64)
    assert _answers() == {"withdrawn": 1}


def test_an_unblocking_counts_in_its_own_month_and_the_removal_stays_counted() -> None:
    item = removed("a", on=date(2026, 11, 10))
    taken_back(item)
    Decision.objects.create(
        case=item.case_item.case,
        item=item,
        outcome=Decision.Outcome.UNBLOCK,
        ground="private",
        policy_version="1",
        state=Decision.State.CONFIRMED,
        proposer=person("alice"),
        approver=person("bob"),
        proposed=date(2026, 12, 3),
        confirmed=date(2026, 12, 3),
    )
    assert _answers() == {"removed": 1}
    assert _answers(NOVEMBER.next()) == {"withdrawn": 1}


def test_the_machines_answers_are_counted_by_their_day() -> None:
    found, read, undated = asked(), asked(), asked()
    Item.objects.filter(pk=found.pk).update(state=Item.State.FORGOTTEN, answered=date(2026, 11, 2))
    Item.objects.filter(pk=read.pk).update(state=Item.State.UNREADABLE, answered=date(2026, 11, 30))
    Item.objects.filter(pk=undated.pk).update(state=Item.State.UNREADABLE)
    assert _answers() == {"not_found": 1, "unreadable": 2}


def test_what_was_answered_before_is_counted_apart_and_has_no_time() -> None:
    asked_again, found_again = removed("a"), _refused(date(2026, 11, 9))
    Item.objects.filter(pk__in=(asked_again.pk, found_again.pk)).update(answered=date(2026, 11, 3))
    assert _answers() == {"removed_later": 1, "not_removed_later": 1, "not_found": 2}
    assert not report._waited(tallies.rulings(NOVEMBER))


def test_times_run_from_the_request_to_the_confirmation() -> None:
    removed("a", on=date(2026, 11, 22))
    _refused(date(2026, 11, 4))
    late = removed("b", on=date(2026, 11, 30))
    Submission.objects.filter(pk=late.submission_id).update(due=date(2026, 11, 29))
    waited = sorted(report._waited(tallies.rulings(NOVEMBER)), key=lambda one: one.days)
    assert [(one.days, one.late, one.count) for one in waited] == [
        (3, False, 1),
        (21, False, 1),
        (29, True, 1),
    ]
