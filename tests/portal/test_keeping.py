"""How long what was looked for is kept, and that it is looked for again where a dataset grows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.test import Client
from holders import Holder, holds

from portal import tasks, terms
from portal.days import today
from portal.deciding import erasing, review
from portal.finding import indexes, keeping
from portal.models import (
    Case,
    CaseItem,
    DatasetIndex,
    Decision,
    Event,
    Item,
    Match,
    SiteControl,
    Submission,
    User,
)
from portal.policy import current
from takedown import sandbox
from takedown.index import add_sources, build_index
from takedown.keys import Key

pytestmark = pytest.mark.django_db

NOWHERE = "https://elsewhere.example/x.jpg"
Grow = Callable[..., DatasetIndex]


@pytest.fixture
def grow(tmp_path: Path) -> Grow:
    """Add rows to an index of addresses, and register it."""
    names = iter(range(100))

    def add(*urls: str, register: bool = True) -> DatasetIndex:
        path = tmp_path / f"{next(names)}.parquet"
        pq.write_table(pa.table({"url": list(urls), "caption": ["a cat"] * len(urls)}), path)
        folder = tmp_path / "x"
        if folder.exists():
            add_sources(folder, [path])
        else:
            build_index(folder, [path])
        return indexes.register(folder) if register else DatasetIndex.objects.get(in_use=True)

    return add


def _days(days: int) -> date:
    return today() + timedelta(days=days)


def _look_through(index: DatasetIndex) -> None:
    after = 0
    while after is not None:
        after = keeping.look_again(index.pk, after)


def _removed(client: Client, alice: User, bob: User, url: str) -> Holder:
    holder = holds(client, url).work()
    matches = list(holder.item.matches.values_list("pk", flat=True))
    review.confirm(review.propose_removal(holder.item.case_item.case, alice, matches, "address"), bob)
    return holder


@pytest.mark.parametrize(
    ("answered", "keep_until", "gone"),
    [
        (0, None, False),
        (-30, None, False),
        (-31, None, True),
        (-31, 0, False),
        (-400, 0, False),
        (-400, -1, True),
        (-5, -1, False),
        (None, None, False),
    ],
)
def test_what_was_not_found_is_erased_when_its_time_is_over(
    client: Client, grow: Grow, answered: int | None, keep_until: int | None, gone: bool
) -> None:
    grow("https://a.example/1.jpg")
    holder = holds(client, NOWHERE).work()
    days = {"answered": answered, "keep_until": keep_until}
    Item.objects.update(**{name: None if day is None else _days(day) for name, day in days.items()})
    assert keeping.forget() == int(gone)
    assert holder.item.state == (Item.State.FORGOTTEN if gone else Item.State.NOT_FOUND)
    seen = holder.sees()
    assert ("elsewhere" in seen) is not gone
    assert ("Not found, and erased" in seen) is gone


def test_nothing_of_any_kind_of_item_is_left(client: Client, grow: Grow, sample: object) -> None:
    grow("https://a.example/1.jpg")
    fingerprint = sandbox.fingerprint((sample.try_folder / "original.jpg").read_bytes())
    typed = ((Key("sha256", "ab" * 32), Key("pdq", "ab" * 32)),)
    holder = holds(client, NOWHERE, on_device=(fingerprint,), typed=typed, sites=("elsewhere.example",))
    Item.objects.filter(kind=Item.Kind.SITE).update(state=Item.State.READY)
    holder.work()
    assert set(Item.objects.values_list("state", flat=True)) == {Item.State.NOT_FOUND}
    Item.objects.update(answered=_days(-31))
    assert keeping.forget() == 4
    for item in Item.objects.all():
        assert (item.fingerprint_json, item.given) == (None, None)
        assert item.url in {"", erasing.ERASED}
    assert not SiteControl.objects.exists()
    seen = holder.sees()
    assert "Not found, and erased" in seen
    assert "fingerprints of this kind" not in seen


def test_only_what_was_not_found_is_erased(client: Client, index: DatasetIndex, sample: object) -> None:
    holder = holds(client, sample.rows[3].url).work()
    for state in Item.State:
        if state != Item.State.NOT_FOUND:
            Item.objects.update(state=state, answered=_days(-4000))
            assert keeping.forget() == 0
            assert holder.item.url == sample.rows[3].url


def test_keeping_is_chosen_on_the_form_or_on_the_status_page_and_can_be_ended(
    client: Client, grow: Grow
) -> None:
    grow("https://a.example/1.jpg")
    asked = holds(client, NOWHERE, keep=True).work()
    last = _days(current().keep_days)
    assert asked.item.keep_until == last
    assert "look again whenever the dataset grows" in asked.sees()
    later = holds(client, NOWHERE).work()
    assert later.item.keep_until is None
    assert "We erase what you asked us to look for on" in later.sees()
    assert "We keep 1 item, and look again until" in later.sees("keep/", item="1")
    assert later.item.keep_until == last
    assert "We look no more for this item." in later.sees("stop/", item="1")
    assert later.item.keep_until is None


def test_all_that_was_not_found_is_kept_with_one_button(client: Client, grow: Grow) -> None:
    grow("https://a.example/1.jpg")
    holder = holds(client, NOWHERE, f"{NOWHERE}?2", "https://a.example/1.jpg").work()
    assert "Keep looking for all 2 items until" in holder.sees()
    assert "We keep 2 items" in holder.sees("keep/")
    assert Item.objects.filter(keep_until=_days(current().keep_days)).count() == 2


@pytest.mark.parametrize(
    ("answered", "keep_until", "erased"),
    [(0, None, 31), (-10, None, 21), (-90, None, 0), (-90, 5, 6), (-10, 5, 21)],
)
def test_the_day_of_erasing_is_said_and_kept(
    client: Client, grow: Grow, answered: int, keep_until: int | None, erased: int
) -> None:
    grow("https://a.example/1.jpg")
    holder = holds(client, NOWHERE).work()
    until = None if keep_until is None else _days(keep_until)
    Item.objects.update(answered=_days(answered), keep_until=until)
    assert terms.erased_on(holder.item) == _days(erased)


def test_what_is_kept_is_found_when_the_index_grows_and_has_deadlines_of_its_own(
    client: Client, grow: Grow
) -> None:
    grow("https://a.example/1.jpg")
    kept, not_kept = holds(client, NOWHERE, keep=True).work(), holds(client, NOWHERE).work()
    kept.submission.received = _days(-100)
    kept.submission.save()
    first = kept.item.answered
    _look_through(grow(NOWHERE))
    assert (kept.item.state, not_kept.item.state) == (Item.State.READY, Item.State.NOT_FOUND)
    kept.work()
    assert kept.item.state == Item.State.IN_REVIEW
    assert kept.item.answered == first
    assert Case.objects.get().due == current().due(today())
    assert "We looked again in a newer part of the dataset" in kept.sees()


def test_what_is_not_found_again_stays_kept_until_the_same_day(client: Client, grow: Grow) -> None:
    grow("https://a.example/1.jpg")
    holder = holds(client, NOWHERE, keep=True).work()
    Item.objects.update(answered=_days(-40), keep_until=_days(3))
    _look_through(grow("https://b.example/1.jpg"))
    item = holder.work().item
    assert (item.state, item.answered, item.keep_until) == (Item.State.NOT_FOUND, _days(-40), _days(3))
    assert item.coverage["rows"] == 2


def test_an_index_is_looked_through_once_for_each_state_it_is_in(client: Client, grow: Grow) -> None:
    index = grow("https://a.example/1.jpg")
    assert keeping.to_look_through() == [index]
    _look_through(index)
    assert keeping.to_look_through() == []
    index = grow("https://b.example/1.jpg", register=False)  # it grew, and nobody registered it again
    assert keeping.to_look_through() == [index]
    _look_through(index)
    assert keeping.to_look_through() == []


def test_new_rows_of_what_was_removed_go_to_people_and_the_decision_stays(
    client: Client, grow: Grow, alice: User, bob: User
) -> None:
    grow("https://a.example/1.jpg?utm_source=x")
    holder = _removed(client, alice, bob, "https://a.example/1.jpg")
    before = Decision.objects.get()
    _look_through(grow("https://a.example/1.jpg"))
    first, again = Item.objects.order_by("number")
    assert (first.state, again.state) == (Item.State.DECIDED, Item.State.IN_REVIEW)
    assert again.url == first.url
    case = CaseItem.objects.get(item=again).case
    assert (case.state, case.target) == (Case.State.OPEN, today() + timedelta(days=1))
    assert list(again.matches.values_list("via", flat=True)) == [Match.LOOKED_AGAIN]
    assert Decision.objects.get() == before
    assert Event.objects.filter(action="item.found-again").count() == 1
    seen = holder.sees()
    assert "2 items" in seen
    assert "We looked again in a newer part of the dataset" in seen
    _look_through(DatasetIndex.objects.get(in_use=True))
    assert Item.objects.count() == 2


def test_rows_with_the_very_address_that_was_removed_need_no_decision(
    client: Client, grow: Grow, alice: User, bob: User
) -> None:
    grow("https://a.example/1.jpg")
    _removed(client, alice, bob, "https://a.example/1.jpg")
    _look_through(grow("https://a.example/1.jpg", "https://a.example/2.jpg"))
    assert Item.objects.count() == 1
    assert Match.objects.count() == 1


def test_guesses_do_not_come_back_for_what_was_removed(
    client: Client, grow: Grow, alice: User, bob: User
) -> None:
    grow("https://a.example/1.jpg")
    _removed(client, alice, bob, "https://a.example/1.jpg")
    _look_through(grow("https://a.example/1-300x200.jpg"))
    assert Item.objects.count() == 1


def test_many_decisions_are_gone_through_in_pieces(
    client: Client, grow: Grow, alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [f"https://a.example/{number}.jpg" for number in range(5)]
    grow(*(f"{url}?utm_source=x" for url in urls))
    for url in urls:
        _removed(client, alice, bob, url)
    monkeypatch.setattr(keeping, "BATCH", 2)
    pokes: list[tuple[int, ...]] = []
    monkeypatch.setattr(tasks, "poke", lambda task, *numbers: pokes.append(numbers))
    index = grow(*urls)
    tasks.look_again(index.pk)
    while pokes:
        tasks.look_again(*pokes.pop())
    assert Item.objects.filter(state=Item.State.IN_REVIEW).count() == 5
    index.refresh_from_db()
    assert index.looked == index.digest


def test_the_clock_erases_and_looks_again(
    client: Client, grow: Grow, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = grow("https://a.example/1.jpg")
    holds(client, NOWHERE).work()
    Item.objects.update(answered=_days(-31))
    pokes: list[object] = []
    monkeypatch.setattr(tasks, "poke", lambda task, *numbers: pokes.append((task.name, *numbers)))
    tasks.tidy()
    assert Item.objects.get().state == Item.State.FORGOTTEN
    assert ("portal.look_again", index.pk) in pokes


def test_the_slow_lane_is_worked_on_after_all_others(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, fast = holds(client, NOWHERE, slow=True), holds(client, NOWHERE)
    pokes: list[int] = []
    monkeypatch.setattr(tasks, "poke_row", lambda row: pokes.append(row.pk))
    tasks.take_in(slow.submission.pk)
    assert pokes == []
    tasks.take_in(fast.submission.pk)
    tasks.sweep()
    assert pokes == [fast.item.pk, fast.item.pk, slow.item.pk]
    assert "this may take some hours" in slow.sees()


def test_the_slow_lane_goes_on_while_many_others_wait(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "SWEPT", 3)
    monkeypatch.setattr(tasks, "SWEPT_SLOW", 1)
    slow, *fast = holds(client, NOWHERE, slow=True), *(holds(client, f"{NOWHERE}?{n}") for n in range(4))
    pokes: list[int] = []
    monkeypatch.setattr(tasks, "poke_row", lambda row: pokes.append(row.pk))
    tasks.sweep()
    assert pokes == [fast[0].item.pk, fast[1].item.pk, slow.item.pk]


def test_what_is_taken_back_is_erased_with_all_it_was_about(client: Client, index: DatasetIndex) -> None:
    """The item stays as a number; address, fingerprint, token and matches are gone."""
    holder = holds(
        client, NOWHERE, sites=["mine.example"], typed=[(Key("sha256", "ab" * 32),)], note="a note"
    )
    holder.work()
    for item in holder.submission.items.all():
        review.withdraw(item)
    left = holder.submission.items.values_list("state", "url", "given", "fingerprint_json")
    assert set(left) == {
        ("withdrawn", erasing.ERASED, None, None),
        ("withdrawn", "", None, None),
    }
    assert not SiteControl.objects.exists()
    assert not Match.objects.exists()
    holder.submission.refresh_from_db()
    assert holder.submission.note == ""
    seen = holder.sees()
    assert NOWHERE not in seen
    assert "Item 1" in seen


def test_what_a_decision_chose_stays_when_its_asker_goes(
    remove: Callable[[int], Submission], client: Client
) -> None:
    submission = remove(3)
    item = submission.items.get()
    review.withdraw(item)
    item.refresh_from_db()
    assert (item.state, item.url) == (Item.State.WITHDRAWN, erasing.ERASED)
    assert Match.objects.filter(item=item).count() == 1
