"""The last page: all is stored once under one receipt, or the page says what is wrong and keeps the rest."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import translation
from django.utils.formats import date_format
from factories.asking import URL, answer, draft, send, text, to_check, words
from factories.pictures import encode, png, soft
from PIL import Image

from portal.days import today
from portal.flood import limits
from portal.models import Item, SealedPicture, Submission
from portal.policy import current
from takedown import receipt
from takedown.fingerprint import Fingerprint, fingerprint

pytestmark = pytest.mark.django_db
LANGUAGES = ("en", "de", "fr", "es")


@pytest.fixture(scope="module")
def picture() -> bytes:
    return encode(Image.fromarray(soft(300, 200)), "JPEG")


@pytest.fixture(scope="module")
def made(picture: bytes) -> Fingerprint:
    """What a browser makes of the picture."""
    return fingerprint(picture)


def test_all_kinds_go_under_one_receipt(client: Client, picture: bytes, made: Fingerprint) -> None:
    check = to_check(client, f"{URL}\n{URL}?2", "a note", fingerprints="ef" * 16, site="example.org")
    page = send(client, check, picture, device=made.to_json(), keep="yes")
    submission = Submission.objects.get()
    kinds = list(submission.items.values_list("kind", "on_device"))
    assert kinds == [
        *[("url", False)] * 2,
        ("fingerprint", False),
        ("site", False),
        ("picture", True),
        ("picture", False),
    ]
    assert submission.note == "a note"
    assert submission.keep
    assert receipt.parse(words(page))
    assert submission.items.get(on_device=True).fingerprint == made


def test_the_same_form_sent_twice_shows_the_same_receipt_and_is_stored_once(
    client: Client, picture: bytes
) -> None:
    check = to_check(client)
    first, again = send(client, check, picture), send(client, check, picture)
    assert words(first) == words(again)
    assert "sent this form before" not in text(first)
    assert "sent this form before" in text(again)
    assert (Submission.objects.count(), Item.objects.count(), SealedPicture.objects.count()) == (1, 2, 1)


def test_what_was_changed_after_sending_is_told_not_to_be_part_of_it(client: Client) -> None:
    check = to_check(client)
    first = send(client, check)
    shown = client.post("/en/ask/where/", {"draft": draft(check), "changing": "yes"})
    changed = answer(client, shown, "where", addresses=f"{URL}?another", changing="yes")
    again = send(client, changed)
    assert words(again) == words(first)
    assert "those changes are not part of it" in text(again)
    assert Item.objects.get().url == URL


def test_the_receipt_in_another_language_is_the_same_one(client: Client) -> None:
    first = send(client, to_check(client))
    fields = re.search(r'<nav class="languages".*?</nav>', first.content.decode(), re.DOTALL)[0]
    assert 'formaction="/fr/ask/send/"' in fields
    carried = dict(re.findall(r'name="(\w+)" value="([^"]+)"', fields))
    page = client.post("/fr/ask/send/", carried)
    assert words(page) == words(first)
    assert 'class="note"' not in page.content.decode()
    assert Submission.objects.count() == 1


def test_a_receipt_page_is_kept_nowhere_and_form_pages_only_for_going_back(client: Client) -> None:
    check = to_check(client)
    page = send(client, check)
    for form in (client.get("/en/ask/"), check):
        assert set(form.headers["Cache-Control"].split(", ")) == {"private", "no-cache"}
        assert "Clear-Site-Data" not in form.headers
    assert "no-store" in page.headers["Cache-Control"]
    assert page.headers["Clear-Site-Data"] == '"cache"'
    for other in (check, page):
        assert "script-src 'self'" in other.headers["Content-Security-Policy"]


def test_the_receipt_page_tells_what_comes_next_and_when(client: Client) -> None:
    page = send(client, to_check(client), keep="yes")
    submission, ground = Submission.objects.get(), current().ground("private")
    kept = today() + timedelta(days=current().keep_days)
    for day in (submission.due, ground.target(today()), kept):
        assert date_format(day, "DATE_FORMAT") in text(page)
    assert "We cannot recover them" in text(page)
    assert date_format(kept) not in text(send(client, to_check(client)))


def test_a_site_gets_its_proof_on_the_receipt(client: Client) -> None:
    page = send(client, to_check(client, "", pictures=False, site="example.org/photos\nwww.example.org"))
    for item in Item.objects.all():
        assert f"takedown-request={item.control.token}" in text(page)
    assert "https://example.org/.well-known/takedown-request.txt" in text(page)
    assert "_takedown-request.www.example.org" in text(page)
    assert "First you put the code on your site" in text(page)
    without = text(send(client, to_check(client)))
    assert "Show that the site is yours" not in without
    assert "First you put the code on your site" not in without


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_come_as_a_file_that_names_no_site(client: Client, language: str) -> None:
    mine = words(send(client, to_check(client)))
    page = client.post(f"/{language}/receipt.txt", {"words": mine})
    told = page.content.decode()
    with translation.override(language):
        step = translation.gettext("3. Enter the eight words, in this order.")
    assert told.splitlines()[0] == mine
    assert step in told
    assert "&" not in told
    assert not re.search("http|testserver|dataset|takedown|picture", told)
    assert page.headers["Content-Disposition"] == 'attachment; filename="words.txt"'
    assert page.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "no-store" in page.headers["Cache-Control"]


def test_no_file_is_made_of_what_is_no_receipt(client: Client) -> None:
    assert client.post("/en/receipt.txt", {"words": "one two"}).status_code == 302
    assert client.get("/en/receipt.txt").status_code == 405


def test_neither_address_nor_picture(client: Client) -> None:
    page = send(client, to_check(client, ""))
    assert page.status_code == 422
    assert "at least one picture" in text(page)
    assert not Submission.objects.exists()


def test_pictures_count_only_where_pictures_were_named(client: Client, picture: bytes) -> None:
    send(client, to_check(client, pictures=False), picture)
    assert Item.objects.get().kind == Item.Kind.URL


def test_more_than_one_request_holds_is_told_and_nothing_is_lost(client: Client, made: Fingerprint) -> None:
    addresses = "\n".join(f"{URL}?{n}" for n in range(299))
    digests = "\n".join(f"{n:032x}" for n in range(2))
    check = to_check(client, addresses, fingerprints=digests)
    assert check.status_code == 422
    assert text(check).count("up to 300 items") == 2
    page = send(client, check, device=made.to_json())
    assert (page.status_code, Submission.objects.count()) == (422, 0)
    shown = client.post("/en/ask/fingerprints/", {"draft": draft(page), "changing": "yes"})
    fewer = answer(client, shown, "fingerprints", fingerprints=digests[:32], changing="yes")
    assert fewer.status_code == 200
    send(client, fewer)
    assert Item.objects.count() == 300


def test_300_fingerprints_from_a_device_fit_into_one_form(client: Client, made: Fingerprint) -> None:
    many = [replace(made, sha256=f"{n:064x}").to_json() for n in range(300)]
    assert sum(map(len, many)) > 20_000_000
    page = send(client, to_check(client, ""), device=many)
    assert page.status_code == 200
    assert Item.objects.filter(on_device=True).count() == 300
    page = send(client, to_check(client, ""), device=[*many, made.to_json()])
    assert "up to 300 items" in text(page)
    assert Submission.objects.count() == 1


def test_the_same_fingerprint_twice_is_one(client: Client, made: Fingerprint) -> None:
    send(client, to_check(client, ""), device=[made.to_json()] * 3)
    assert Item.objects.count() == 1


def test_two_parts_of_one_picture_are_two(client: Client, made: Fingerprint) -> None:
    part = replace(made, codes=(replace(made.codes[0], pdq="0f" * 32),))
    send(client, to_check(client, ""), device=[made.to_json(), part.to_json()])
    assert sorted(item.fingerprint.pdq for item in Item.objects.all()) == sorted([made.pdq, part.pdq])


def test_a_form_without_room_for_pictures_says_so_to_the_browser(client: Client) -> None:
    many = "\n".join(f"{URL}?{n}" for n in range(300))
    assert 'data-most="0"' in to_check(client, many).content.decode()


FOREIGN = {
    "no JSON": lambda _: "x",
    "nothing": lambda _: "",
    "another pipeline": lambda made: replace(made, pipeline=made.pipeline + 1).to_json(),
    "another set of variants": lambda made: made.to_json().replace('"variants":1', '"variants":999'),
    "codes of an index": lambda made: replace(made, more=(made.pdq,)).to_json(),
    "a field more": lambda made: made.to_json().replace("{", '{"name":"Anna",', 1),
    "a digest of another length": lambda made: replace(made, sha256="ab").to_json(),
    "too long": lambda made: made.to_json() + " " * 100_000,
    "deep": lambda _: "[" * 90_000,
    "NUL": lambda made: made.to_json().replace("JPEG", "JP\\u0000G"),
    "no width": lambda made: replace(made, width=0).to_json(),
    "no height": lambda made: replace(made, height=0).to_json(),
    "a side too long": lambda made: replace(made, width=20_001, height=1).to_json(),
    "too many pixels": lambda made: replace(made, width=20_000, height=20_000).to_json(),
    "a quality over 100": lambda made: replace(made, pdq_quality=101).to_json(),
    "another format": lambda made: replace(made, format="TIFF").to_json(),
    "NaN": lambda made: re.sub('"width":[0-9]+', '"width":NaN', made.to_json()),
    "a huge number": lambda made: re.sub('"width":[0-9]+', '"width":' + "9" * 5000, made.to_json()),
    "digits of another script": lambda made: replace(made, phash="\u0661" * 16).to_json(),
    "a list of codes": lambda made: re.sub('"codes":"[^"]+"', '"codes":["a"]', made.to_json()),
    "codes cut short": lambda made: re.sub('"codes":"[^"]{64}', '"codes":"', made.to_json()),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_fingerprint_that_is_none_of_ours_is_told_and_the_good_ones_stay(
    client: Client, made: Fingerprint, name: str
) -> None:
    good = made.to_json()
    page = send(client, to_check(client), device=[good, FOREIGN[name](made)])
    html = page.content.decode()
    assert page.status_code == 422
    assert text(page).count("Picture 2: This fingerprint does not fit") == 2
    assert 'href="#device"' in html
    assert 'id="device"' in html
    assert URL in html
    assert not Submission.objects.exists()
    kept = re.findall(r'name="device" value="([^"]+)" checked', html)
    assert [one.replace("&quot;", '"') for one in kept] == [good]


def test_fingerprints_stay_when_something_else_is_wrong(client: Client, made: Fingerprint) -> None:
    page = send(client, to_check(client), b"<html>", device=made.to_json(), keep="yes")
    html = page.content.decode()
    assert 'id="pictures-wrong"' in html
    assert 'name="device" value="{' in html.replace("&quot;", '"')
    assert re.search(r'name="keep"[^>]* checked', html)


def test_who_comes_with_many_others_is_slow_and_never_refused(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for slow in (True, False):
        monkeypatch.setattr(limits, "slow", lambda request, token, slow=slow: slow)
        send(client, to_check(client))
        assert Submission.objects.latest("pk").slow is slow


def test_while_no_intake_key_exists_pictures_wait_and_addresses_work(
    client: Client, picture: bytes, settings: object, tmp_path: Path
) -> None:
    settings.INTAKE_PUBLIC_KEYS = tmp_path / "none"
    check = to_check(client)
    page = send(client, check, picture)
    assert page.status_code == 503
    assert "try again in a few minutes" in text(page)
    assert URL in text(page)
    assert "eight words" in text(send(client, check))


def test_a_form_older_than_a_day_is_shown_again_unless_it_was_sent(
    client: Client, settings: object, made: Fingerprint
) -> None:
    sent, unsent = to_check(client), to_check(client)
    mine = words(send(client, sent))
    settings.DRAFT_SECONDS = -1
    assert words(send(client, sent)) == mine
    shown = send(client, unsent, device=made.to_json())
    assert "open for more than a day" in text(shown)
    assert 'name="device" value=' in shown.content.decode()
    assert Submission.objects.count() == 1
    settings.DRAFT_SECONDS = 3600
    assert words(send(client, shown)) != mine
    assert Submission.objects.count() == 2


def test_control_characters_never_reach_the_database(client: Client) -> None:
    send(client, to_check(client, URL, "a\x00b\x07c\r\nd"))
    assert Submission.objects.get().note == "abc\nd"


@pytest.mark.parametrize(("page", "setting"), [("send", "MAX_FORM_BYTES"), ("where", "MAX_PAGE_BYTES")])
def test_a_form_that_is_far_too_large_is_refused_unread(
    client: Client, settings: object, page: str, setting: str
) -> None:
    setattr(settings, setting, 1000)
    answered = client.post(f"/en/ask/{page}/", {"draft": "x" * 2000})
    assert answered.status_code == 413
    assert "Nothing was stored" in text(answered)


def test_no_name_of_a_file_is_looked_at(client: Client, picture: bytes, work: Callable[..., None]) -> None:
    page = send(client, to_check(client), picture, png(9, 9, body=b"broken"))
    assert page.status_code == 422
    assert "holiday" not in page.content.decode()


def test_a_fingerprint_of_a_device_holds_no_word_of_its_own(client: Client, made: Fingerprint) -> None:
    """The format is the one free text in it: a name of ours, or the fingerprint is not taken."""
    page = send(client, to_check(client, ""), device=replace(made, format="my-name-is-Bond").to_json())
    assert (page.status_code, "does not fit our programs" in text(page)) == (422, True)
    assert not Submission.objects.exists()
