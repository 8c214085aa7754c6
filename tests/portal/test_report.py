"""The transparency report: when a month is published, that it stays as it was, what page and files say."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from decided import asked
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from factories.history import history, publish_two_years

from portal import tasks
from portal.models import CaseItem, Release, Submission
from portal.transparency import report, tallies
from portal.transparency.tallies import Month
from portal.views.report_csv import as_csv, harmless

pytestmark = pytest.mark.django_db


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


@pytest.fixture
def two_years(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    return publish_two_years(monkeypatch)


def _spans(value: Any) -> Iterator[tuple[int, int]]:
    """Every published span in what is stored."""
    if isinstance(value, dict) and set(value) == {"least", "most"}:
        yield value["least"], value["most"]
    elif isinstance(value, dict):
        for one in value.values():
            yield from _spans(one)


def test_no_small_number_is_stored_or_shown(two_years: list[dict[str, Any]], client: Client) -> None:
    spans = [span for numbers in two_years for span in _spans(numbers)]
    assert (1, 4) in spans
    assert not [span for span in spans if span in ((1, 1), (2, 2), (3, 3), (4, 4))]
    assert "fewer than 5" in client.get("/en/report/").content.decode()


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
    with CaptureQueriesContext(connection) as queries:
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
