"""Forms that another site makes a visitor's browser send are not taken; our own always are."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import Client
from factories import asking

from portal.models import DatasetIndex, Submission

pytestmark = pytest.mark.django_db

FORMS = ["ask/have/", "ask/where/", "ask/check/", "ask/send/", "under-18/report/", "under-18/sent/"]
FORMS += ["look/", "status/", "status/message/", "status/withdraw/", "receipt.txt"]

#: What a browser says of a form on a page of another site.
ELSEWHERE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost.evil.example:8000"},
    {"Origin": "https://["},
]
#: What it says of a form on a page of ours; a program says nothing.
OURS = [
    {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "null"},
    {"Origin": "http://localhost:8000"},
    {"Origin": "http://[::1]:8000"},
    {},
]


def _said(told: dict[str, str]) -> str:
    return " ".join(told.values()) or "nothing"


@pytest.mark.parametrize("page", FORMS)
@pytest.mark.parametrize("told", ELSEWHERE, ids=_said)
def test_a_form_from_elsewhere_is_not_taken(client: Client, told: dict[str, str], page: str) -> None:
    answer = client.post(f"/en/{page}", {"words": "x"}, headers=told)
    assert answer.status_code == 403
    assert "Nothing was stored" in asking.text(answer)


@pytest.mark.parametrize("told", OURS, ids=_said)
def test_a_form_of_ours_is_taken(client: Client, told: dict[str, str]) -> None:
    assert client.post("/en/status/", {"words": "x"}, headers=told).status_code == 200


def test_nobody_reads_the_receipt_of_a_visitor_who_was_given_a_draft(
    client: Client, index: DatasetIndex
) -> None:
    """Another site begins a form, makes a visitor's browser open it in the middle, and waits."""
    planted = asking.draft(asking.to_note(client, addresses=asking.URL))

    def visits(page: str, **sent: str) -> HttpResponse:
        told = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
        return Client().post(f"/en/{page}", {"draft": planted, **sent}, headers=told)

    for page in ("ask/", "ask/have/", "ask/where/", "ask/note/", "ask/check/", "ask/send/"):
        shown = visits(page)
        assert (shown.status_code, b'name="draft"' in shown.content) == (403, False)
    assert not Submission.objects.exists()


def test_links_from_elsewhere_are_followed(client: Client) -> None:
    answer = client.get("/en/ask/", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200
