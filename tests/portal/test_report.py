"""The transparency report: what is counted, when it is published, and that it stays as it was."""

from __future__ import annotations

import csv
import io
import json
import re
import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from decided import asked, person, removed, taken_back
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from factories.history import history

from portal import fetches, keeping, report, tallies, tasks
from portal.models import (
    Case,
    CaseItem,
    Decision,
    Event,
    Item,
    ListFetches,
    MonthlyReport,
    Release,
    Submission,
    Support,
)
from portal.tallies import Month
from portal.views.report_csv import as_csv, harmless

pytestmark = pytest.mark.django_db

NOVEMBER = Month(date(2026, 11, 1), date(2026, 12, 1))
SUBMISSION = date(2026, 11, 1)  # the day on which tests.portal.decided receives everything


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> Callable[[date], None]:
    """Make it another day for the report."""

    def set_day(day: date) -> None:
        monkeypatch.setattr(report, "today", lambda: day)

    return set_day


def _opened(day: date) -> None:
    """The desk had its first request on some day."""
    item = asked("private")
    Submission.objects.filter(pk=item.submission_id).update(received=day)


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


# --- what is counted --------------------------------------------------------------------------------------


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


def test_what_a_new_index_brought_back_is_known_by_its_matches() -> None:
    assert tallies.LOOKED_AGAIN == keeping.LOOKED_AGAIN


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


# --- when it is published ---------------------------------------------------------------------------------


def test_the_first_month_published_is_the_first_whole_one(on: Callable[[date], None]) -> None:
    _opened(date(2026, 9, 20))
    on(date(2026, 11, 1))
    assert report.freeze() == []
    assert report.coming().start == date(2026, 10, 1)
    on(date(2026, 11, 2))
    assert report.freeze() == [date(2026, 10, 1)]
    assert report.freeze() == []
    assert report.coming().start == date(2026, 11, 1)


def test_months_that_nobody_counted_are_made_up_for_in_order(on: Callable[[date], None]) -> None:
    _opened(date(2026, 9, 20))
    on(date(2027, 2, 15))
    assert report.freeze() == [
        date(2026, 10, 1),
        date(2026, 11, 1),
        date(2026, 12, 1),
        date(2027, 1, 1),
    ]


def test_a_desk_that_nobody_asked_publishes_nothing(client: Client) -> None:
    assert report.freeze() == []
    page = client.get("/en/report/")
    assert "There is nothing to show yet" in page.content.decode()
    assert json.loads(client.get("/report.json").content)["months"] == []
    assert client.get("/report.csv").content == b"month,table,row,least,most\r\n"


def test_erasing_everything_changes_nothing_that_was_published(
    client: Client, on: Callable[[date], None]
) -> None:
    _opened(date(2026, 9, 20))
    for _ in range(6):
        asked("private")
    on(date(2026, 12, 2))
    report.freeze()
    before = client.get("/report.json").content, client.get("/report.csv").content
    CaseItem.objects.all().delete()
    Submission.objects.all().delete()
    assert report.freeze() == []
    assert (client.get("/report.json").content, client.get("/report.csv").content) == before
    assert json.loads(before[0])["months"][-1]["requests"]["total"] == {"least": 6, "most": 6}


def test_the_clock_counts_the_month(monkeypatch: pytest.MonkeyPatch) -> None:
    done = []
    monkeypatch.setattr(report, "freeze", lambda: done.append(True))
    tasks.tidy()
    assert done == [True]


def test_a_release_that_came_late_is_counted_in_the_next_month(on: Callable[[date], None]) -> None:
    """Built in October, published after October was counted."""
    _opened(date(2026, 9, 20))
    _release(1, date(2026, 9, 25), added=100, standing=100)
    _release(2, date(2026, 10, 5), added=7, standing=107)
    late = _release(3, date(2026, 10, 31), added=2, standing=109, state=Release.State.STAGED)
    on(date(2026, 11, 2))
    report.freeze()
    Release.objects.filter(pk=late.pk).update(state=Release.State.PUBLISHED)
    on(date(2027, 1, 2))
    report.freeze()
    october, november, december = report.published()
    assert october["releases"] == {"count": 1, "newest": 2}
    assert october["entries"] == {"research": {"added": 7, "removed": 1, "standing": 107}}
    assert november["releases"] == {"count": 1, "newest": 3}
    assert november["entries"] == {"research": {"added": 2, "removed": 1, "standing": 109}}
    assert december["releases"] == {"count": 0, "newest": 3}
    assert december["entries"] == {"research": {"added": 0, "removed": 0, "standing": 109}}


def _release(
    seq: int, day: date, *, added: int, standing: int, state: str = Release.State.PUBLISHED
) -> Release:
    changes = [{"edition": "research", "added": added, "removed": 1, "rows": standing}]
    return Release.objects.create(seq=seq, created=day, state=state, changes=changes)


# --- what is shown ----------------------------------------------------------------------------------------


#: What was published of 24 months: counted once, since that takes seconds.
_PUBLISHED: list[dict[str, Any]] = []


@pytest.fixture
def two_years(on: Callable[[date], None]) -> list[dict[str, Any]]:
    """24 published months of a desk that opened in October 2024."""
    if not _PUBLISHED:
        history(25, date(2026, 10, 1))
        on(date(2026, 11, 2))
        assert len(report.freeze()) == 24
        _PUBLISHED.extend(report.published())
    else:
        MonthlyReport.objects.bulk_create(
            MonthlyReport(month=f"{numbers['month']}-01", numbers=numbers) for numbers in _PUBLISHED
        )
    return report.published()


def test_no_small_number_is_stored_or_shown(two_years: list[dict[str, Any]], client: Client) -> None:
    texts = [json.dumps(numbers) for numbers in MonthlyReport.objects.values_list("numbers", flat=True)]
    spans = [found for text in texts for found in re.findall(r'"least": (\d+), "most": (\d+)', text)]
    assert ("1", "4") in spans
    assert all(least in ("0", "1") or int(least) >= 5 or int(most) > int(least) for least, most in spans)
    assert not [least for least, most in spans if least == most and 0 < int(least) < 5]
    page = client.get("/en/report/").content.decode()
    assert "fewer than 5" in page


def test_the_page_has_every_number_of_the_last_year_and_stays_small(
    two_years: list[dict[str, Any]], client: Client
) -> None:
    page = client.get("/en/report/")
    text = page.content.decode()
    assert len(page.content) < 40_000
    assert text.count('<svg class="chart') == 5
    assert "October 2026" in text
    assert "November 2025" in text
    assert "October 2025" not in text
    assert "style=" not in text
    newest = two_years[-1]["answers"]["by_outcome"]["removed"]["least"]
    assert f">{newest}</td>" in text


def test_reading_the_report_counts_nothing(two_years: list[dict[str, Any]], client: Client) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for address in ("/en/report/", "/report.json", "/report.csv"):
            assert client.get(address).status_code == 200
    assert all("portal_monthlyreport" in query["sql"] for query in queries)


def test_counting_a_month_finds_its_rows_by_their_indexes() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the plan is read as SQLite writes it")
    month = Month.of(date(2026, 5, 1))
    history(2, date(2026, 6, 1), requests=20)
    with CaptureQueriesContext(connection) as queries:
        tallies.requests(month, [])
        tallies.kinds(month)
        tallies.rulings(month)
    plans = []
    for query in queries:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN QUERY PLAN " + query["sql"])
            plans.append(" ".join(row[3] for row in cursor.fetchall()))
    assert len(plans) == 5
    assert not [plan for plan in plans if re.search(r"\bSCAN portal_", plan)]


def test_both_files_say_the_same(two_years: list[dict[str, Any]], client: Client) -> None:
    told = client.get("/report.json")
    assert told.headers["Content-Type"] == "application/json"
    numbers = json.loads(told.content)
    assert numbers["schema"] == 1
    assert numbers["months"] == two_years
    table = client.get("/report.csv")
    assert table.headers["Content-Type"].startswith("text/csv; charset=utf-8")
    assert b"\n" not in table.content.replace(b"\r\n", b"")
    rows = list(csv.DictReader(io.StringIO(table.content.decode(), newline="")))
    newest = {
        (row["table"], row["row"]): (row["least"], row["most"]) for row in rows if row["month"] == "2026-10"
    }
    last = two_years[-1]
    for ground, told_span in last["requests"]["by_ground"].items():
        assert newest["requests by ground", ground] == (str(told_span["least"]), str(told_span["most"]))
    assert newest["entries standing", "research"] == (str(last["entries"]["research"]["standing"]),) * 2
    median = last["decisions"]["median_days"]
    assert newest["decisions", "median_days"] == (str(median), str(median))


def test_what_is_not_shown_is_empty_in_the_table() -> None:
    rows = as_csv([_month_without_anything()]).splitlines()
    assert "2026-10,items by kind,,," in rows
    assert "2026-10,decisions,median_days,," in rows


def _month_without_anything() -> dict[str, Any]:
    none = {"least": 0, "most": 0}
    return {
        "month": "2026-10",
        "requests": {"total": none, "by_ground": {}},
        "items": None,
        "answers": {"total": none, "by_outcome": {}},
        "decisions": {"decided": none, "median_days": None},
        "appeals": {},
        "releases": {"count": 0, "newest": 0},
        "entries": {},
        "fetches": none,
    }


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("private", "private"),
        ("", ""),
        (7, 7),
        (None, None),
    ],
)
def test_no_cell_is_taken_for_a_formula(cell: object, written: object) -> None:
    assert harmless(cell) == written


def test_the_page_speaks_the_readers_language(two_years: list[dict[str, Any]], client: Client) -> None:
    page = client.get("/fr/report/").content.decode()
    assert "octobre 2026" in page
    assert "C’est privé ou médical" in page


# --- fetches of the list ----------------------------------------------------------------------------------


def _stored() -> dict[date, int]:
    return dict(ListFetches.objects.values_list("day", "count"))


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> fetches.Counted:
    """A counter of this test's own, on a clock that stands still."""
    monkeypatch.setattr(fetches.time, "monotonic", lambda: 1000.0)
    monkeypatch.setattr(fetches, "here", fetches.Counted())
    return fetches.here


def test_a_hundred_fetches_are_written_at_once(counted: fetches.Counted) -> None:
    for _ in range(fetches.MOST - 1):
        counted.count()
    assert _stored() == {}
    counted.count()
    assert sum(_stored().values()) == fetches.MOST


def test_few_fetches_are_written_with_the_first_after_a_minute(
    counted: fetches.Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted.count()
    assert _stored() == {}
    monkeypatch.setattr(fetches.time, "monotonic", lambda: 1000.0 + fetches.SECONDS)
    counted.count()
    assert sum(_stored().values()) == 2


def test_each_day_gets_its_own(counted: fetches.Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    days = [date(2026, 11, 30), date(2026, 12, 1)]
    for day in (days[0], days[1], days[1]):
        monkeypatch.setattr(fetches, "today", lambda day=day: day)
        counted.count()
    counted.flush()
    counted.count()
    counted.flush()
    assert _stored() == {days[0]: 1, days[1]: 3}


def test_a_fetch_is_served_while_the_count_cannot_be_written(
    counted: fetches.Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*args: object) -> None:
        raise DatabaseError("database is locked")

    with monkeypatch.context() as broken:
        broken.setattr(fetches, "_add", locked)
        for _ in range(fetches.MOST):
            counted.count()
    assert _stored() == {}
    counted.flush()
    assert sum(_stored().values()) == fetches.MOST


def test_threads_lose_no_count(counted: fetches.Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    monkeypatch.setattr(counted, "_write", lambda counts: written.append(counts.total()))
    threads = [threading.Thread(target=lambda: [counted.count() for _ in range(250)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted.flush()
    assert sum(written) == 1000


def test_only_the_first_file_of_a_fetch_counts_and_nobody_is_known(
    counted: fetches.Counted, client: Client, settings: Any
) -> None:
    folder = settings.REPOSITORY / "metadata"
    folder.mkdir(parents=True)
    for name in ("timestamp.json", "1.root.json"):
        (folder / name).write_text("{}")
    told = {"HTTP_USER_AGENT": "canary-agent", "REMOTE_ADDR": "192.0.2.7"}
    assert client.get("/blocklist/metadata/timestamp.json", **told).status_code == 200
    assert client.get("/blocklist/metadata/1.root.json", **told).status_code == 200
    assert client.head("/blocklist/metadata/timestamp.json").status_code == 200
    assert client.get("/blocklist/metadata/timestamp.jsonx").status_code == 404
    counted.flush()
    assert list(_stored().values()) == [1]
    assert {field.name for field in ListFetches._meta.get_fields()} == {"id", "day", "count"}
    day = ListFetches.objects.get().day
    assert timedelta(0) <= date.today() - day + timedelta(days=1) <= timedelta(days=2)  # noqa: DTZ011
