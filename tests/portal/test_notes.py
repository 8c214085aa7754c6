"""A note is erased as soon as nothing is left of the request that it came with."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from holders import Holder, holds

from portal.days import today
from portal.deciding import review
from portal.finding import keeping
from portal.models import DatasetIndex, Item
from portal.sample import Sample

pytestmark = pytest.mark.django_db

NOTE = "He lives next door."
NOWHERE = ("https://elsewhere.example/1", "https://elsewhere.example/2")


def _note(holder: Holder) -> str:
    holder.submission.refresh_from_db()
    return holder.submission.note


def _is_long_ago(holder: Holder, *numbers: int) -> None:
    """Answered before anything is kept that long."""
    items = holder.submission.items.filter(number__in=numbers)
    items.update(answered=today() - timedelta(days=400))


def test_it_goes_with_the_last_thing_that_was_looked_for(client: Client, index: DatasetIndex) -> None:
    holder, other = (holds(client, *NOWHERE, note=NOTE).work() for _ in range(2))
    _is_long_ago(holder, 1)
    assert keeping.forget() == 1
    assert _note(holder) == NOTE
    _is_long_ago(holder, 2)
    assert keeping.forget() == 1
    assert (_note(holder), _note(other)) == ("", NOTE)


def test_it_goes_when_the_last_thing_is_taken_back(client: Client, index: DatasetIndex) -> None:
    holder = holds(client, *NOWHERE, note=NOTE)
    holder.post("withdraw/", item=1, sure="yes")
    assert _note(holder) == NOTE
    holder.post("withdraw/", item=2, sure="yes")
    assert _note(holder) == ""


def test_it_stays_as_long_as_people_decide(client: Client, index: DatasetIndex, sample: Sample) -> None:
    holder = holds(client, sample.rows[3].url, NOWHERE[0], note=NOTE).work()
    _is_long_ago(holder, 2)
    keeping.forget()
    assert list(holder.submission.items.values_list("state", flat=True)) == [
        Item.State.IN_REVIEW,
        Item.State.FORGOTTEN,
    ]
    assert _note(holder) == NOTE
    review.withdraw(holder.item)
    assert _note(holder) == ""
