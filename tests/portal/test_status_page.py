"""The status page: each standing of an item, uniform answers, forgiving entry, and a page that is small."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from holders import Holder, holds, text_of

from portal.answering import status
from portal.answering.standing import STAGES, STANDINGS
from portal.days import today
from portal.deciding import review
from portal.letters import messages
from portal.models import Case, DatasetIndex, Item, Match, Release, Submission, User
from portal.views.holder import ITEMS_A_PAGE, REFUSAL_BYTES
from takedown import receipt

pytestmark = pytest.mark.django_db

NOWHERE = "https://elsewhere.example/x.jpg"
UNKNOWN = receipt.issue(b"x" * 32, b"y" * 16).text


@pytest.fixture
def holder(client: Client, index: DatasetIndex) -> Holder:
    return holds(client, NOWHERE)


STATES = {
    "received": {"kind": "picture", "url": "", "state": "sealed"},
    "checking": {"state": "ready"},
    "found": {"state": "in-review"},
    "found-later": {"state": "in-review", "answered": today()},
    "with-person": {"state": "in-review", "answered": today(), "asked_person": True},
    "second-look": {"state": "in-review", "appealed": today()},
    "question": {"state": "in-review", "problem": "asked-why-remove"},
    "unreadable": {"kind": "picture", "url": "", "state": "unreadable", "problem": "image-damaged"},
    "key-gone": {"kind": "picture", "url": "", "state": "unreadable", "problem": "key-gone"},
    "our-problem": {"state": "needs-person", "problem": "index-damaged"},
    "not-found": {"state": "not-found", "answered": today()},
    "forgotten": {"state": "forgotten", "url": "-"},
    "withdrawn": {"state": "withdrawn"},
}


@pytest.mark.parametrize("name", STATES)
def test_each_state_has_its_title_and_its_sentence(holder: Holder, name: str) -> None:
    Item.objects.update(**STATES[name])
    (one,) = status.of(holder.submission)
    assert one.name == name
    seen = holder.sees()
    assert str(STANDINGS[name].title) in seen
    assert str(STANDINGS[name].sentence) in seen
    assert "%(" not in seen


def test_every_standing_has_a_stage_and_words_in_every_language() -> None:
    for language in ("en", "de", "fr", "es"):
        with translation.override(language):
            for standing in STANDINGS.values():
                assert standing.stage in STAGES
                assert str(standing.title) % {"seq": 1, "day": "x"}
                assert str(standing.sentence) % {"seq": 1, "day": "x"} or standing.stage == "stays"


@pytest.mark.parametrize(
    ("state", "buttons"),
    [
        ({"state": "ready"}, {"Take this back"}),
        ({"state": "in-review"}, {"Take this back"}),
        ({"state": "not-found"}, {"Take this back", "Ask a person to look", "Keep looking until"}),
        (
            {"state": "not-found", "keep_until": today()},
            {"Take this back", "Ask a person to look", "Stop keeping it"},
        ),
        ({"state": "withdrawn"}, set()),
        ({"state": "forgotten", "url": "-"}, set()),
    ],
)
def test_what_can_be_done_is_offered_and_nothing_else(
    holder: Holder, state: dict[str, object], buttons: set[str]
) -> None:
    Item.objects.update(**state)
    items = holder.post().content.decode().split('<ul class="items">')[1].split("</ul>")[0]
    offered = {" ".join(text.split()) for text in re.findall(r"<button[^>]*>([^<]*)", items)}
    assert len(offered) == len(buttons)
    assert all(any(text.startswith(button) for text in offered) for button in buttons)


def test_a_site_that_waits_shows_what_to_do_and_the_last_look(client: Client, index: DatasetIndex) -> None:
    holder = holds(client, sites=("elsewhere.example",))
    control = holder.item.control
    seen = holder.sees()
    assert "Waiting for proof" in seen
    assert f"takedown-request={control.token}" in seen
    assert "Nobody has looked yet." in seen
    control.state, control.problem, control.checked = "failed", "file-missing", today()
    control.save()
    seen = holder.sees()
    assert "We last looked on" in seen
    assert "We found neither the file nor the DNS record." in seen


@pytest.mark.parametrize(
    ("sent", "coverage", "said"),
    [
        ({}, {"rows": 100, "url": 90, "pdq": 12}, "Compared with 90 of 100 rows."),
        ({}, {"rows": 1, "url": 0, "pdq": 0}, "Compared with 0 of 1 row."),
        (
            {"kind": "picture", "url": ""},
            {"rows": 1_000_000, "url": 1, "pdq": 12},
            "We can compare pictures for 12 of 1 000 000 rows; for the rest we hold only addresses.",
        ),
        ({"kind": "picture", "url": ""}, {"rows": 5, "pdq": 5}, "Compared with 5 of 5 rows."),
        (
            {"kind": "fingerprint", "url": "", "given": [["sha256", "ab"], ["pdq", "ab"]]},
            {"rows": 100, "sha256": 7, "pdq": 12},
            "We can compare fingerprints of this kind for 12 of 100 rows.",
        ),
    ],
)
def test_every_answer_says_what_was_compared(
    holder: Holder, sent: dict[str, object], coverage: dict[str, int], said: str
) -> None:
    Item.objects.update(state="not-found", coverage=coverage, **sent)
    assert f"{said} Not found does not mean not there." in holder.sees()


@pytest.mark.parametrize("language", ["de", "fr", "es"])
def test_the_page_speaks_the_language_of_its_address(holder: Holder, language: str) -> None:
    page = holder.post(language=language)
    assert page.status_code == 200
    assert f'<html lang="{language}">' in page.content.decode()


FORGIVEN = {
    "upper case": str.upper,
    "commas and lines": lambda words: words.replace(" ", ",\n"),
    "hyphens": lambda words: words.replace(" ", " - "),
    "joined by hyphens": lambda words: words.replace(" ", "-"),
    "numbered": lambda words: " ".join(f"{n}. {word}" for n, word in enumerate(words.split(), 1)),
    "accents": lambda words: words.replace("a", "á").replace("e", "ê"),
    "non-breaking spaces": lambda words: words.replace(" ", "\u00a0"),
    "full-width": lambda words: "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else c for c in words),
    "byte order mark": lambda words: f"\ufeff{words}",
}


@pytest.mark.parametrize("how", FORGIVEN)
def test_the_words_are_read_however_they_are_written(holder: Holder, how: str) -> None:
    page = holder.client.post("/en/status/", {"words": FORGIVEN[how](holder.words)})
    assert NOWHERE in text_of(page)


WRONG = {
    "unknown": UNKNOWN,
    "nothing": "",
    "spaces": " \t\n ",
    "seven words": " ".join(UNKNOWN.split()[:7]),
    "nine words": f"{UNKNOWN} apple",
    "no such word": f"{' '.join(UNKNOWN.split()[:7])} xyzzyq",
    "a typo": f"{' '.join(UNKNOWN.split()[:7])} abacuss",
    "NUL": "\x00" * 50,
    "a megabyte": "x" * 1_000_000,
    "markup": '"><script>alert(1)</script>' * 12,
    "digits": "1 2 3 4 5 6 7 8",
    "another script": "собака " * 8,
}


@pytest.mark.parametrize("page", ["", "withdraw/", "appeal/", "person/", "keep/", "stop/", "message/"])
def test_words_that_open_nothing_get_one_answer_in_status_headers_and_size(
    client: Client, holder: Holder, page: str
) -> None:
    erased = holder.words
    holder.submission.delete()
    seen = set()
    for words in (*WRONG.values(), erased):
        answer = client.post(f"/en/status/{page}", {"words": words, "item": "1", "sure": "yes", "text": "x"})
        assert "There is a problem" in text_of(answer)
        headers = {name: text for name, text in answer.headers.items() if name != "Expires"}  # the moment
        seen.add((answer.status_code, len(answer.content), tuple(sorted(headers.items()))))
    assert len(seen) == 1
    assert seen.pop()[:2] == (200, REFUSAL_BYTES)


def test_a_near_miss_gets_a_hint_without_looking_anything_up(client: Client) -> None:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        seen = text_of(client.post("/en/status/", {"words": WRONG["a typo"]}))
    assert "Word 8 is not one that receipts are made of; did you mean “abacus”?" in seen
    assert not asked.captured_queries


@pytest.mark.parametrize("page", ["withdraw/", "appeal/", "person/", "keep/", "stop/", "message/"])
def test_the_words_never_come_by_address(client: Client, holder: Holder, page: str) -> None:
    assert client.get(f"/en/status/{page}", {"words": holder.words}).status_code == 405
    assert NOWHERE not in text_of(client.get("/en/status/", {"words": holder.words}))


@pytest.mark.parametrize("page", ["", "withdraw/", "appeal/", "person/", "keep/", "stop/", "message/"])
def test_nothing_of_it_stays_in_the_browser(holder: Holder, page: str) -> None:
    answer = holder.post(page, item="1")
    assert "no-store" in answer.headers["Cache-Control"]
    assert not answer.cookies


@pytest.mark.parametrize("item", ["", "0", "99", "-1", "x", "²", "1" * 5000, "1e1"])
def test_an_item_that_is_not_there_changes_nothing(holder: Holder, item: str) -> None:
    for page in ("withdraw/", "appeal/", "person/", "stop/"):
        assert "1 item" in holder.sees(page, item=item, sure="yes")
    assert holder.item.state == Item.State.READY


def _many(client: Client, count: int, **values: object) -> Holder:
    holder = holds(client, *(f"https://elsewhere.example/{'x' * 60}/{n}.jpg" for n in range(count)))
    Item.objects.filter(submission=holder.submission).update(
        state="not-found", coverage={"rows": 1000, "url": 900, "pdq": 12}, answered=today(), **values
    )
    return holder


def test_a_full_request_is_shown_in_pages_below_50_kilobytes(client: Client) -> None:
    holder = _many(client, 300)
    Item.objects.filter(number__lte=10).update(state="in-review")
    Item.objects.filter(number=300).update(url=f"https://elsewhere.example/{'ä&' * 2000}")
    for number in range(9):
        messages.write(holder.submission, f"{number} {'a word ' * 250}")
    first, last = holder.post(), holder.post(page="12")
    assert len(first.content) < 40_000
    assert len(last.content) < 40_000
    assert "Page 1 of 12" in text_of(first)
    assert 'id="item-300"' in last.content.decode()
    found = holder.post(show="waiting")
    assert found.content.decode().count('<li class="card"') == 10
    assert "300 items" in text_of(found)
    for odd in ({"page": "x"}, {"page": "99"}, {"show": "made up"}, {"show": "removed"}):
        assert holder.post(**odd).status_code == 200


def test_what_is_shown_stays_shown_after_a_button(client: Client) -> None:
    holder = _many(client, 60)
    page = holder.post("keep/", item="30", show="nothing", page="2").content.decode()
    assert 'id="item-30"' in page
    assert 'id="item-1"' not in page
    assert '<input type="hidden" name="show" value="nothing">' in page


@pytest.mark.parametrize("count", [1, ITEMS_A_PAGE, 120])
def test_the_database_is_asked_as_often_for_one_item_as_for_many(
    client: Client, index: DatasetIndex, count: int
) -> None:
    holder = _many(client, count)
    Item.objects.filter(number=1).update(state="in-review")
    with CaptureQueriesContext(connection) as asked:
        holder.post()
    assert len(asked.captured_queries) <= 5


def test_decided_items_are_asked_about_together(
    client: Client, index: DatasetIndex, sample: object, alice: User, bob: User
) -> None:
    holder = holds(client, *(row.url for row in sample.rows[:12])).work()
    counts = []
    cases = list(Case.objects.order_by("pk"))
    for half in (cases[:2], cases[2:]):
        for case in half:
            rows = list(Match.objects.filter(item__case_item__case=case).values_list("pk", flat=True))
            review.confirm(review.propose_removal(case, alice, rows, "address"), bob)
        with CaptureQueriesContext(connection) as asked:
            holder.post()
        counts.append(len(asked.captured_queries))
    assert counts[1] <= counts[0] <= 10


def test_no_key_is_derived_for_messages_where_there_are_none(
    holder: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_: receipt.Receipt) -> bytes:
        raise AssertionError("derived a key that nothing needs")

    monkeypatch.setattr(receipt.Receipt, "message_private_key", property(never))
    monkeypatch.setattr(receipt.Receipt, "proof_key", property(never))
    assert holder.post().status_code == 200


def test_the_answer_of_one_asker_tells_nothing_of_another(
    client: Client, index: DatasetIndex, sample: object, alice: User
) -> None:
    mine = holds(client, sample.rows[3].url).work()
    alone = mine.sees()
    holds(client, sample.rows[3].url, note="someone else").work()
    assert mine.sees() == alone


def test_the_days_of_a_decision_are_told(
    client: Client, index: DatasetIndex, sample: object, alice: User
) -> None:
    holder = holds(client, sample.rows[3].url).work()
    review.refuse(Case.objects.get(), alice, "unclear", [holder.item.pk])
    with translation.override("en"):
        from django.utils.formats import date_format

        decided, until = (date_format(day, "DATE_FORMAT") for day in (today(), today() + timedelta(days=184)))
    seen = holder.sees()
    assert f"Decided on {decided}." in seen
    assert f"You can ask until {until}." in seen


def test_taking_back_works_from_the_list(holder: Holder) -> None:
    assert "Take this item back?" in holder.sees("withdraw/", item="1")
    assert "We have noted that you take this back." in holder.sees("withdraw/", item="1", sure="yes")
    assert holder.item.state == Item.State.WITHDRAWN
    assert Submission.objects.count() == 1
    assert not Release.objects.exists()
