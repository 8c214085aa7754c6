"""The database is the queue: claims, leases, fencing tokens and attempts."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.models import Item, Submission
from portal.models.work import StaleLeaseError

Submit = Callable[..., Submission]


@pytest.fixture
def item(submit: Submit) -> Item:
    return submit("https://pictures.example/a.jpg").items.get()


def _expire(item: Item) -> None:
    Item.objects.filter(pk=item.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_only_one_worker_gets_a_row(item: Item) -> None:
    assert Item.claim(item.pk, Item.State.READY) is not None
    assert Item.claim(item.pk, Item.State.READY) is None
    assert not Item.due().exists()


def test_a_row_in_another_state_is_not_claimed(item: Item) -> None:
    assert Item.claim(item.pk, Item.State.SEALED) is None


def test_a_lease_that_ran_out_is_due_again_and_counts(item: Item) -> None:
    first = Item.claim(item.pk, Item.State.READY)
    _expire(item)
    assert Item.due().get() == item
    second = Item.claim(item.pk, Item.State.READY)
    assert first is not None
    assert second is not None
    assert second.attempts == 2
    assert second.lease_token != first.lease_token


def test_a_stale_worker_changes_nothing(item: Item) -> None:
    stale = Item.claim(item.pk, Item.State.READY)
    _expire(item)
    fresh = Item.claim(item.pk, Item.State.READY)
    assert stale is not None
    assert fresh is not None
    with pytest.raises(StaleLeaseError), stale.finish(Item.State.NOT_FOUND):
        raise AssertionError("the block of a stale worker must not run")
    stale.fail("whatever")
    item.refresh_from_db()
    assert (item.state, item.problem, item.lease_token) == (Item.State.READY, "", fresh.lease_token)


def test_finishing_keeps_no_time_of_day(item: Item) -> None:
    held = Item.claim(item.pk, Item.State.READY)
    assert held is not None
    with held.finish(Item.State.NOT_FOUND):
        pass
    item.refresh_from_db()
    assert (item.state, item.lease_until, item.lease_token, item.attempts) == ("not-found", None, None, 0)


def test_an_error_inside_finish_moves_nothing(item: Item) -> None:
    held = Item.claim(item.pk, Item.State.READY)
    assert held is not None
    with pytest.raises(ZeroDivisionError), held.finish(Item.State.NOT_FOUND):
        raise ZeroDivisionError
    item.refresh_from_db()
    assert (item.state, item.lease_token) == (Item.State.READY, held.lease_token)


def test_three_failures_need_a_person(item: Item) -> None:
    for attempt in (1, 2, 3):
        held = Item.claim(item.pk, Item.State.READY)
        assert held is not None
        assert held.attempts == attempt
        held.fail("index-damaged")
    item.refresh_from_db()
    assert (item.state, item.problem, item.lease_until) == (Item.State.NEEDS_PERSON, "index-damaged", None)


def test_a_token_nobody_issued_fits_nowhere(item: Item) -> None:
    item.lease_token = uuid.uuid4()
    with pytest.raises(StaleLeaseError), item.finish(Item.State.NOT_FOUND):
        raise AssertionError("must not run")
