"""The public pages without JavaScript: no cookie, errors beside the field, answers kept, nothing lost."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client
from factories.asking import URL, draft, send, text, to_check, words

from portal.models import DatasetIndex, Item, Submission
from takedown import receipt

pytestmark = pytest.mark.django_db


def test_the_walk_from_reason_to_receipt_to_status(client: Client, index: DatasetIndex) -> None:
    check = to_check(client, f"{URL}\n\n{URL}?x=1", "a note")
    assert URL in text(check)
    sent = send(client, check)
    mine = words(sent)
    assert receipt.parse(mine).text == mine
    status = client.post("/en/status/", {"words": mine.upper().replace(" ", ", ")})
    assert "2 items" in text(status)
    assert Submission.objects.get().note == "a note"


def test_no_public_page_sets_a_cookie_or_names_another_host(client: Client, index: DatasetIndex) -> None:
    check = to_check(client)
    sent = send(client, check)
    pages = [
        client.get(path)
        for path in ("/en/", "/en/ask/", "/en/under-18/", "/en/status/", "/nowhere/", "/healthz")
    ]
    pages += [
        check,
        sent,
        client.post("/en/status/", {"words": words(sent)}),
        client.get("/en/ask/check/", follow=True),
    ]
    for page in pages:
        assert not page.cookies
        assert "Set-Cookie" not in page.headers
        loaded = re.findall(r'(?:src|<link[^>]+href|action)="(https?:[^"]+)"', page.content.decode())
        assert loaded == []
    for page in pages[:-1]:
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "8 words"),
        ("one two three", "8 words"),
        ("x" * 1_000_000, ""),
        ("\x00" * 50, ""),
    ],
)
def test_a_receipt_that_cannot_be_one(client: Client, typed: str, said: str) -> None:
    page = client.post("/en/status/", {"words": typed})
    assert page.status_code == 200
    assert said in text(page)
    assert "There is a problem" in text(page)


def test_unknown_receipts_all_answer_alike(client: Client, index: DatasetIndex) -> None:
    unknown = [receipt.issue(b"x" * 32, bytes([n]) * 16).text for n in range(4)]
    pages = [client.post("/en/status/", {"words": words}) for words in unknown]
    seen = {
        (page.status_code, page.content.decode().replace(words, "").rstrip(), tuple(sorted(page.headers)))
        for page, words in zip(pages, unknown, strict=True)
    }
    assert len({(status, headers) for status, _, headers in seen}) == 1
    assert len({body for _, body, _ in seen}) == 1
    assert len({len(page.content) for page in pages}) == 1


def test_taking_back_asks_first_and_needs_the_receipt(client: Client, index: DatasetIndex) -> None:
    mine = words(send(client, to_check(client)))
    asked = client.post("/en/status/withdraw/", {"words": mine, "item": "1"})
    assert "Take this item back?" in text(asked)
    assert Item.objects.get().state == Item.State.READY
    for wrong in ("99", "", "x", "²"):
        client.post("/en/status/withdraw/", {"words": mine, "item": wrong, "sure": "yes"})
    client.post("/en/status/withdraw/", {"words": "wrong", "item": "1", "sure": "yes"})
    assert Item.objects.get().state == Item.State.READY
    done = client.post("/en/status/withdraw/", {"words": mine, "item": "1", "sure": "yes"})
    assert "Withdrawn" in text(done)
    assert Item.objects.get().state == Item.State.WITHDRAWN


def test_the_status_tells_coverage(
    client: Client, index: DatasetIndex, work: Callable, sample: object
) -> None:
    mine = words(send(client, to_check(client, "https://elsewhere.example/x.jpg")))
    work(Submission.objects.get())
    told = text(client.post("/en/status/", {"words": mine}))
    assert f"Compared with {index.coverage['url']} of {index.rows} rows" in told
    assert "Not found does not mean not there" in told


def test_a_public_page_never_answers_a_cookie_with_a_cookie(client: Client) -> None:
    for name in ("csrftoken", "sessionid", "messages"):
        client.cookies[name] = "malformed"
    for path in ("/en/", "/en/ask/", "/en/status/", "/nowhere/"):
        assert not client.get(path).cookies
    assert not to_check(client).cookies


@pytest.mark.parametrize(
    ("path", "sent", "code"),
    [
        ("/en/ask/check/", {"draft": "first page"}, 422),
        ("/en/status/withdraw/", {"item": "1" * 5000}, 200),
        ("/en/ask/where/", {"addresses": "x" * 5_000_000}, 413),
        ("/en/ask/have/", {f"field{n}": "x" for n in range(6000)}, 400),
    ],
)
def test_odd_requests_get_a_page_of_ours(client: Client, path: str, sent: dict[str, str], code: int) -> None:
    if sent.get("draft"):
        sent = {**sent, "draft": draft(client.get("/en/ask/"))}
    page = client.post(path, sent)
    assert page.status_code == code
    assert "Removal desk" in text(page)
