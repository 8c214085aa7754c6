"""Looking tells nobody else: nothing is written, no row is shown, and every answer is of the same length."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from factories.looks import NOWHERE, asked, plain, text

from portal.asking.drafts import Draft
from portal.finding import indexes, looking, matching
from portal.models import DatasetIndex
from portal.sample import Sample
from portal.views import look
from takedown import fingerprint
from takedown.index import Index, build_index

pytestmark = pytest.mark.django_db


def test_nothing_is_written(client: Client, index: DatasetIndex, sample: Sample) -> None:
    made = fingerprint.base(plain(sample).original)
    before = {model: model.objects.count() for model in apps.get_models()}
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for address in (plain(sample).url, NOWHERE):
            page = asked(client, addresses=address, fingerprints=made.md5, device=made.to_json())
            assert page.status_code == 200
    assert queries.captured_queries
    assert all("portal_datasetindex" in query["sql"] for query in queries.captured_queries)
    for query in queries.captured_queries:
        assert query["sql"].lstrip().upper().startswith("SELECT"), query["sql"]
        assert NOWHERE not in query["sql"]
        assert made.md5 not in query["sql"]
    assert {model: model.objects.count() for model in apps.get_models()} == before


def test_no_row_is_shown(client: Client, index: DatasetIndex, sample: Sample) -> None:
    row = plain(sample)
    made = fingerprint.base(row.original)
    html = asked(client, fingerprints=made.sha256).content.decode()
    assert row.url not in html
    assert row.caption not in html
    assert row.shard not in html


def test_what_was_removed_counts_like_everything_else(
    client: Client, remove: Callable[[int], Any], sample: Sample
) -> None:
    number = next(number for number, row in enumerate(sample.rows) if row.plain)
    remove(number)
    told = text(asked(client, addresses=sample.rows[number].url))
    assert "1 row has this address." in told
    for word in ("removed", "blocked", "listed", "decided"):
        assert word not in told


def counted(monkeypatch: pytest.MonkeyPatch, counts: looking.Counts) -> None:
    """Let every look-up end with these counts."""
    monkeypatch.setattr(looking, "_counts", lambda kind, found: counts)
    monkeypatch.setattr(Draft, "sealed", lambda self: "always the same")


@pytest.mark.parametrize("language", ["en", "de", "fr", "es"])
def test_the_answer_is_as_long_whatever_was_found(
    client: Client, index: DatasetIndex, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    lengths, headers = set(), set()
    for counts in (
        looking.Counts(),
        looking.Counts(address=1),
        looking.Counts(address=2, file=1),
        looking.Counts(alike=999, guesses=1),
        looking.Counts(address=100, file=200, alike=300, guesses=400),
    ):
        counted(monkeypatch, counts)
        page = client.post(f"/{language}/look/", f"addresses={NOWHERE}", "application/x-www-form-urlencoded")
        assert page.status_code == 200
        lengths.add(len(page.content))
        headers.add(tuple(sorted(page.headers.items())))
    assert len(lengths) == 1
    assert len(headers) == 1
    assert "no-transform" in page.headers["Cache-Control"]


def test_real_answers_are_as_long_too(
    client: Client, index: DatasetIndex, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Draft, "sealed", lambda self: "always the same")
    there = plain(sample).url
    missing = there[:-1] + "~"  # as long, and in no row
    pages = [asked(client, addresses=address) for address in (there, missing)]
    assert "has this address" in text(pages[0])
    assert "has this address" not in text(pages[1])
    assert len({len(page.content) for page in pages}) == 1


def test_what_is_found_fits_into_its_room() -> None:
    most = matching.MAX_MATCHES
    for counts in (looking.Counts(), looking.Counts(most, most, most, most)):
        padded = look._padded(looking.Answer("address", 1, "", counts))
        assert len(padded.encode()) == look.ROOM


def test_where_nothing_is_found_the_work_of_finding_is_done(
    client: Client, index: DatasetIndex, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    real = Index.rows
    monkeypatch.setattr(Index, "rows", lambda self, rows: read.extend(rows) or real(self, rows))
    for address in (plain(sample).url, NOWHERE):
        read.clear()
        asked(client, addresses=address)
        assert read


def test_an_empty_index_is_no_reason_to_fail(
    client: Client, tmp_path: Path, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "none.csv").write_text("url,caption\n")
    build_index(tmp_path / "empty", [tmp_path / "none.csv"], name="empty")
    indexes.register(tmp_path / "empty")
    page = asked(client, addresses=NOWHERE)
    assert page.status_code == 200
    assert "We found nothing" in text(page)
