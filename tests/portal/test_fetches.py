"""How often the list is fetched: counted by day, written seldom, and nothing is known of who asks."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client

from portal.models import (
    ListFetches,
)
from portal.transparency import fetches

pytestmark = pytest.mark.django_db


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
