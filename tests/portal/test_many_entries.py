"""Lists of any length: entries in arrays, rows in bulk, and counts that are not made anew for each look."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from decided import digest, removed, taken_back
from django.db import connection
from test_releases_page import page  # noqa: F401 - a fixture

from portal import demo, tasks
from portal.days import today
from portal.models import Event, Item, Listing, Release, Support, Told, User, WaitingCount
from portal.releasing import bulk, lists, marks, publishing, waiting
from portal.releasing.book import Book, Entries
from portal.releasing.marks import Mark
from takedown.errors import BadKey
from takedown.keys import Key

pytestmark = pytest.mark.django_db

MD5, SHA = digest("m")[:32], [digest(name) for name in "abc"]


def book() -> Book:
    """Four entries; the database sorts them otherwise than a list does."""
    rows = {"url_sha256": list(zip([5, 9, 2], sorted(SHA, reverse=True), strict=True)), "img_md5": [(7, MD5)]}
    return Book.of(rows)


def test_a_book_stands_in_the_order_of_lists_whatever_the_database_thinks() -> None:
    assert book().pks.tolist() == [7, 2, 9, 5]
    assert list(book().state) == [Key("img_md5", MD5), *(Key("url_sha256", one) for one in sorted(SHA))]


def test_a_set_of_entries_answers_like_a_mapping() -> None:
    entries = Entries(book(), book().mask([9, 7]))
    assert dict(entries) == {7: Key("img_md5", MD5), 9: Key("url_sha256", sorted(SHA)[1])}
    assert (len(entries), 9 in entries, 5 in entries, 4 in entries) == (2, True, False, False)
    assert list(entries.state()) == [entries[7], entries[9]]
    with pytest.raises(KeyError):
        entries[5]


@pytest.mark.parametrize("rows", [{}, {"url_sha256": [(5, SHA[0])]}])
def test_an_entry_that_is_not_in_the_book_is_no_published_key(rows: dict[str, list[tuple[int, str]]]) -> None:
    made = Book.of(rows)
    assert made.mask([]).sum() == made.differing_lines(4, made.none(), made.none()) == 0
    with pytest.raises(BadKey):
        made.mask([6])


@pytest.mark.parametrize("bad", ["ab" * 31, "ab" * 33, "ab" * 31 + "é", ""])
def test_an_entry_of_the_wrong_length_is_refused(bad: str) -> None:
    with pytest.raises(BadKey):
        Book.of({"url_sha256": [(1, SHA[0]), (2, bad)]})


def test_an_entry_of_letters_that_no_digest_has_is_refused_when_it_is_staged(mara: User) -> None:
    demo.hold_ceremony(lambda _: None)
    removed("", hexdigest="G" * 64)
    release = publishing.request(mara)
    assert not publishing.build(release.pk)
    release.refresh_from_db()
    assert release.problem == BadKey.default_slug


def test_rows_in_bulk_are_what_they_would_be_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_MANY", 2)
    monkeypatch.setattr(connection.features, "max_query_params", 8)
    items = [removed(name) for name in "abc"]
    release = Release.objects.create(created=today(), state=Release.State.STAGED)
    entries = [*Support.objects.order_by("pk").values_list("entry", flat=True)[:2], None]
    columns = {
        "item_id": [one.pk for one in items],
        "entry_id": entries,
        "action": ["added"] * 2 + ["refused"],
    }
    bulk.insert(Told, columns, release_id=release.pk)
    told = Told.objects.order_by("pk").values_list("item", "entry", "action", "release")
    assert list(told) == [
        (item.pk, entry, action, release.pk)
        for item, entry, action in zip(items, *list(columns.values())[1:], strict=True)
    ]
    bulk.insert(Listing, {"entry_id": []}, edition="research", since_id=release.pk)
    bulk.insert(
        Listing, {"entry_id": np.array(entries[:1]).tolist()}, edition="research", since_id=release.pk
    )
    assert Listing.objects.values_list("entry", "edition", "since", "until").get() == (
        *(entries[0], "research"),
        *(release.pk, None),
    )


def test_a_mark_holds_until_something_is_decided() -> None:
    item = removed("a")
    mark = Mark.now()
    Event.record("item.in-case", item)
    Event.record("removal.proposed", item)
    assert mark.up_to_date()
    for happens in (
        lambda: removed("b"),
        lambda: taken_back(item),
        lambda: Event.record("anything new", item),
    ):
        mark = Mark.now()
        assert mark.up_to_date()
        happens()
        assert not mark.up_to_date()


def test_a_mark_that_is_far_behind_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "_MOST_EVENTS", 1)
    mark = Mark.now()
    for _ in range(2):
        assert mark.up_to_date()
        Event.record("item.in-case", Item())
    assert not mark.up_to_date()


def test_a_decision_that_changes_no_list_does_not_stop_a_release(
    mara: User, use_policy: Callable[[str], None], settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes while the files are written, and asks for what is in them already."""
    demo.hold_ceremony(lambda _: None)
    removed("a")
    release = publishing.request(mara)
    monkeypatch.setattr(publishing, "point", lambda _: removed("a"))
    assert publishing.build(release.pk)
    assert Listing.objects.get().since_id == release.pk


def test_lists_are_compared_entry_by_entry(use_policy: Callable[[str], None]) -> None:
    removed("a")
    one, same = lists.plan(today()), lists.plan(today())
    assert one.same_lists(same)
    removed("b")
    assert not one.same_lists(lists.plan(today()))


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """A desk too large to be counted by a page; the workers that were woken."""
    woken: list[object] = []
    monkeypatch.setattr(waiting, "SMALL", 0)
    monkeypatch.setattr(tasks.count_waiting, "delay", lambda: woken.append(1))
    return woken


def test_the_page_of_a_large_desk_shows_what_the_worker_counted(
    page: Callable[[], str],  # noqa: F811
    large: list[object],
) -> None:
    removed("a")
    assert "What waits is being counted." in page()
    assert len(large) == 1
    tasks.count_waiting()
    assert "research 1 0" in page()
    assert "count" not in page()
    removed("b")
    assert "This is the last count." in page()
    assert "research 1 0" in page()
    tasks.count_waiting()
    assert "research 2 0" in page()
    assert len(large) == 3


def test_a_count_holds_for_its_day_and_policy(
    large: list[object], use_policy: Callable[[str], None], settings: object
) -> None:
    use_policy(settings.POLICY_FILE.read_text().replace("min_delta_entries = 1 ", "min_delta_entries = 3 "))
    removed("a", on=today())
    waiting.count(today())
    counted = waiting.shown(today(), lambda: None)
    assert counted.up_to_date
    assert counted.waiting == lists.plan(today()).waiting
    assert counted.waiting["research"].last_day == today() + timedelta(days=14)
    assert not waiting.shown(today() + timedelta(days=1), lambda: None).up_to_date
    use_policy(settings.POLICY_FILE.read_text().replace("min_delta_entries = 3 ", "min_delta_entries = 1 "))
    assert not waiting.shown(today(), lambda: None).up_to_date


def test_what_still_holds_is_not_counted_again(large: list[object], monkeypatch: pytest.MonkeyPatch) -> None:
    removed("a")
    waiting.count(today())
    monkeypatch.setattr(lists, "plan", lambda _: pytest.fail("counted again"))
    waiting.count(today())
    assert WaitingCount.objects.count() == 1


def test_a_published_release_leaves_nothing_to_count(
    large: list[object], mara: User, settings: object
) -> None:
    """Also one that only takes entries out, and so adds no row."""
    removed("a")
    waiting.count(today())
    release = Release.objects.create(created=today(), state=Release.State.PUBLISHED)
    Event.record("release.published", release)
    assert not waiting.shown(today(), lambda: None).up_to_date
