"""What somebody makes up on public pages: markup in every field, items and drafts of others, odd hosts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from django.http import HttpResponse
from django.test import Client
from factories import asking
from holders import Holder, holds

from portal.asking.drafts import Draft
from portal.models import CaseItem, DatasetIndex, Item, Message, Submission
from portal.sample import Sample
from takedown.fingerprint import base

pytestmark = pytest.mark.django_db

MARKUP = "<b id=planted>\"'><script>planted()</script>{{ 7|add:7 }}{% now 'Y' %}"
#: A field of every page that shows again what came: page, field, and what else the form needs.
FIELDS = [
    ("ask/", "ground", {"answers": "yes"}),
    ("ask/have/", "have", {"answers": "yes"}),
    ("ask/where/", "addresses", {"answers": "yes"}),
    ("ask/fingerprints/", "fingerprints", {"answers": "yes"}),
    ("ask/site/", "site", {"answers": "yes"}),
    ("ask/note/", "note", {"answers": "yes"}),
    ("ask/note/", "changing", {}),
    ("ask/note/", "warned", {"answers": "yes", "note": "me@mail.example"}),
    ("ask/check/", "draft", {}),
    ("ask/send/", "draft", {}),
    ("ask/send/", "device", {}),
    ("ask/send/", "seen", {}),
    ("look/", "addresses", {}),
    ("look/", "fingerprints", {}),
    ("look/", "device", {}),
    ("look/", "flood", {"addresses": asking.URL}),
    ("under-18/report/", "draft", {}),
    ("under-18/sent/", "addresses", {"child": "yes"}),
    ("under-18/sent/", "fingerprints", {"child": "yes"}),
    ("status/", "words", {}),
    ("status/", "show", {"words": "mine"}),
    ("status/", "page", {"words": "mine"}),
    ("status/", "before", {"words": "mine"}),
    ("status/message/", "text", {"words": "mine"}),
    ("status/message/", "text", {"words": "mine", "long": "yes"}),
    ("status/appeal/", "item", {"words": "mine"}),
    ("status/withdraw/", "item", {"words": "mine"}),
    ("receipt.txt", "words", {}),
]


@pytest.fixture
def holder(client: Client, index: DatasetIndex, sample: Sample) -> Holder:
    address = f"https://a.example/{MARKUP.replace(' ', '')}"
    return holds(client, address, sample.rows[3].url, note=MARKUP).work()


def _post(client: Client, page: str, sent: dict[str, str]) -> HttpResponse:
    """As a browser sends a form without files."""
    body = urlencode(sent)
    return client.post(f"/en/{page}", body, "application/x-www-form-urlencoded", follow=True)


def _live(page: HttpResponse) -> list[str]:
    """Markup of ours that came back as markup, and template code that was run."""
    return re.findall(r"<b id=planted|<script>planted|%7B%7B|\b14\b(?=\{%)", page.content.decode())


@pytest.mark.parametrize(
    ("page", "field", "more"), FIELDS, ids=lambda one: one if isinstance(one, str) else ""
)
def test_no_field_comes_back_as_markup(holder: Holder, page: str, field: str, more: dict[str, str]) -> None:
    every = ("addresses", "pictures", "fingerprints", "site")
    draft = Draft(ground="child-safety" if "child" in more else "private", have=every, addresses=asking.URL)
    text = MARKUP * 60 if "long" in more else MARKUP
    sent = {"draft": draft.sealed(), **more, field: text}
    if more.get("words"):
        sent["words"] = holder.words
    answer = _post(holder.client, page, sent)
    assert answer.status_code in (200, 422)
    assert _live(answer) == []


def test_what_was_asked_is_text_on_every_page_of_the_person(holder: Holder) -> None:
    holder.post("message/", text=MARKUP)
    for where in ("", "withdraw/", "person/", "keep/", "stop/", "appeal/"):
        page = holder.post(where, item=1)
        assert (page.status_code, _live(page)) == (200, [])
    assert "&lt;b id=planted&gt;" in holder.post().content.decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": MARKUP},
        {"height": 1.5},
        {"format": MARKUP},
        {"format": "script"},
        {"sha256": MARKUP},
        {"codes": MARKUP},
        {"more": MARKUP},
        {MARKUP: 1},
        {"width": 10**400},
        {"pdq_quality": -1},
    ],
    ids=lambda wrong: str(wrong)[:40],
)
def test_a_made_up_fingerprint_of_a_device_is_not_taken(
    client: Client, index: DatasetIndex, sample: Sample, wrong: dict[str, object]
) -> None:
    made = json.loads(base(sample.rows[3].original).to_json())
    for page in ("look/", "ask/send/"):
        sent = {
            "device": json.dumps(made | wrong),
            "draft": Draft(ground="private", have=("pictures",)).sealed(),
        }
        answer = _post(client, page, sent)
        assert (answer.status_code, _live(answer)) == (422, [])
    assert not Item.objects.exists()


MOVES = ("withdraw/", "appeal/", "person/", "keep/", "stop/")


@pytest.mark.parametrize("move", MOVES)
def test_a_holder_changes_no_item_of_another(
    client: Client, index: DatasetIndex, sample: Sample, move: str
) -> None:
    """Items are named by their number under the receipt, and no number leads to another's."""
    mine = holds(client, "https://mine.example/1").work()
    other = holds(client, "https://other.example/1", "https://other.example/2", sample.rows[3].url).work()
    before = _everything_of(other)
    numbers = {*range(-1, 9), other.item.pk, *other.submission.items.values_list("pk", flat=True)}
    for number in numbers - {1}:
        page = mine.post(move, item=number, sure="yes", text="mine")
        assert page.status_code == 200
        assert "other.example" not in page.content.decode()
    mine.post(move, item=f"1 OR {other.item.pk}", sure="yes", submission=other.submission.pk)
    assert _everything_of(other) == before


def _everything_of(holder: Holder) -> list[object]:
    return [
        list(holder.submission.items.values()),
        list(CaseItem.objects.filter(item__submission=holder.submission).values()),
        list(Message.objects.filter(submission=holder.submission).values()),
    ]


@pytest.mark.parametrize("page", ["have", "where", "fingerprints", "site", "note", "check", "send", "why"])
def test_a_draft_of_the_child_safety_path_stores_nothing_on_the_other(client: Client, page: str) -> None:
    draft = Draft(ground="child-safety", have=("addresses", "pictures", "site"), addresses=asking.URL)
    path = "/en/ask/" if page == "why" else f"/en/ask/{page}/"
    client.post(
        path, {"draft": draft.sealed(), "answers": "yes", "addresses": asking.URL, "site": "a.example"}
    )
    assert not Submission.objects.exists()
    ordinary = replace(draft, ground="private")
    for own in ("report", "sent"):
        _post(client, f"under-18/{own}/", {"draft": ordinary.sealed(), "addresses": asking.URL})
    assert not Submission.objects.exists()


def test_the_ground_is_the_one_that_was_signed(client: Client) -> None:
    """A hidden field beside the draft changes nothing."""
    draft = Draft(ground="child-safety")
    sent = {
        "draft": draft.sealed(),
        "addresses": asking.URL,
        "ground": "private",
        "restricted": "",
        "keep": "1",
    }
    _post(client, "under-18/sent/", sent)
    stored = Submission.objects.get()
    assert (stored.ground, stored.restricted, stored.keep) == ("child-safety", True, False)


@pytest.mark.parametrize(
    "page", ["ask/", "ask/note/", "ask/send/", "look/", "status/", "status/keep/", "under-18/report/"]
)
def test_no_answer_may_be_shared(client: Client, index: DatasetIndex, page: str) -> None:
    ground = "child-safety" if "under-18" in page else "private"
    draft = Draft(ground=ground, have=("addresses",), addresses=asking.URL)
    answer = _post(client, page, {"words": "x", "addresses": asking.URL, "draft": draft.sealed()})
    told = re.split(", ?", answer.headers["Cache-Control"])
    assert answer.status_code == 200
    assert "private" in told
    assert "public" not in told


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost@evil.example", "localhost/evil", "evil.example:80"]
)
@pytest.mark.parametrize("page", ["", "about/", "releases/", "help/", "status/"])
def test_no_page_speaks_for_a_host_that_is_not_ours(
    client: Client, settings: object, host: str, page: str
) -> None:
    settings.KEPT_PAGE_SECONDS = 60
    answer = client.get(f"/en/{page}", headers={"host": host})
    assert answer.status_code == 400
    assert "evil" not in answer.content.decode()
    own = client.get(f"/en/{page}", headers={"host": "localhost", "x-forwarded-host": host})
    assert (own.status_code, "evil" in own.content.decode()) == (200, False)
