"""The public pages without JavaScript: no cookie, errors beside the field, answers kept, nothing lost."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from portal.models import DatasetIndex, Item, SealedPicture, Submission
from takedown import receipt

pytestmark = pytest.mark.django_db

URL = "https://pictures.example/a.jpg"


def _draft(response: HttpResponse) -> str:
    return re.search(r'name="draft" value="([^"]+)"', response.content.decode()).group(1)


def _text(response: HttpResponse) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def _to_check(client: Client, addresses: str = URL, note: str = "", ground: str = "private") -> HttpResponse:
    what = client.post("/en/ask/what/", {"ground": ground})
    return client.post("/en/ask/check/", {"draft": _draft(what), "addresses": addresses, "note": note})


def _send(client: Client, check: HttpResponse, *pictures: bytes) -> HttpResponse:
    files = [SimpleUploadedFile(f"holiday-{n}.jpg", data) for n, data in enumerate(pictures)]
    return client.post("/en/ask/send/", {"draft": _draft(check), "pictures": files})


def _words(response: HttpResponse) -> str:
    return re.search(r'name="words" value="([^"]+)"', response.content.decode()).group(1)


def test_the_walk_from_reason_to_receipt_to_status(client: Client, index: DatasetIndex) -> None:
    check = _to_check(client, f"{URL}\n\n{URL}?x=1", "a note")
    assert URL in _text(check)
    sent = _send(client, check)
    words = _words(sent)
    assert receipt.parse(words).text == words
    status = client.post("/en/status/", {"words": words.upper().replace(" ", ", ")})
    assert "2 items" in _text(status)
    assert Submission.objects.get().note == "a note"


def test_no_public_page_sets_a_cookie_or_names_another_host(client: Client, index: DatasetIndex) -> None:
    check = _to_check(client)
    sent = _send(client, check)
    pages = [
        client.get(path)
        for path in ("/en/", "/en/ask/", "/en/help/under-18/", "/en/status/", "/nowhere/", "/healthz")
    ]
    pages += [
        check,
        sent,
        client.post("/en/status/", {"words": _words(sent)}),
        client.get("/en/ask/what/", follow=True),
    ]
    for page in pages:
        assert not page.cookies
        assert "Set-Cookie" not in page.headers
        loaded = re.findall(r'(?:src|<link[^>]+href|action)="(https?:[^"]+)"', page.content.decode())
        assert loaded == []
    for page in pages[:-1]:
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]


def test_no_choice_is_said_beside_the_field(client: Client) -> None:
    for sent in ({}, {"ground": ""}, {"ground": "nonsense"}):
        page = client.post("/en/ask/what/", sent)
        assert page.status_code == 422
        assert "There is a problem" in _text(page)
        assert 'id="ground-wrong"' in page.content.decode()


@pytest.mark.parametrize(
    "address",
    [
        "https://user:secret@a.example/x.jpg",
        "javascript:alert(1)",
        "https://a.example/" + "x" * 10_000,
        "data:text/html,hi",
        "not an address",
        "readme",
    ],
)
def test_a_bad_address_is_said_and_the_other_answers_stay(client: Client, address: str) -> None:
    page = _to_check(client, f"{URL}\n{address}", "keep me")
    html = page.content.decode()
    assert page.status_code == 422
    assert "Line 2:" in _text(page)
    assert URL in html
    assert "keep me" in html
    assert 'id="addresses-wrong"' in html
    assert not Submission.objects.exists()


def test_a_long_note_is_said_and_kept(client: Client) -> None:
    page = _to_check(client, URL, "x" * 501)
    assert "501 characters" in _text(page)
    assert "x" * 501 in page.content.decode()


BAD_PICTURES = {
    "zero bytes": (b"", "empty"),
    "one byte": (b"x", ""),
    "truncated JPEG": (None, ""),
    "HTML named .jpg": (b"<!doctype html><html><body>hi</body></html>", "not a picture"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', ""),
    "60000 x 60000 PNG": (
        bytes.fromhex("89504e470d0a1a0a0000000d494844520000ea600000ea600100000000")
        + b"\x00\x00\x00\x00"
        + bytes.fromhex("0000000049454e44ae426082"),
        "",
    ),
    "21 MB": (b"\xff\xd8\xff" + b"x" * (21 * 2**20), "20 MB"),
}


@pytest.mark.parametrize("name", BAD_PICTURES)
def test_a_bad_picture_is_said_and_nothing_is_stored(client: Client, sample: object, name: str) -> None:
    data, said = BAD_PICTURES[name]
    if data is None:
        data = (sample.try_folder / "original.jpg").read_bytes()[:2000]
    page = _send(client, _to_check(client), data)
    assert page.status_code == 422
    assert said in _text(page)
    assert 'id="pictures-wrong"' in page.content.decode()
    assert URL in page.content.decode()
    assert "holiday" not in page.content.decode()
    assert not Submission.objects.exists()


def test_of_several_pictures_the_bad_one_is_numbered(client: Client, sample: object) -> None:
    good = (sample.try_folder / "original.jpg").read_bytes()
    page = _send(client, _to_check(client), good, b"<html>")
    assert "Picture 2:" in _text(page)
    assert "Picture 1:" not in _text(page)


def test_too_many_pictures_at_once(client: Client) -> None:
    page = _send(client, _to_check(client), *[b"x"] * 21)
    assert "up to 20 pictures" in _text(page)


def test_neither_address_nor_picture(client: Client) -> None:
    page = _send(client, _to_check(client, ""))
    assert "at least one address or one picture" in _text(page)
    assert not Submission.objects.exists()


def test_the_same_form_sent_twice_shows_the_same_receipt(client: Client, sample: object) -> None:
    check = _to_check(client)
    picture = (sample.try_folder / "original.jpg").read_bytes()
    first, again = _send(client, check, picture), _send(client, check, picture)
    assert _words(first) == _words(again)
    assert "sent this form before" in _text(again)
    assert (Submission.objects.count(), Item.objects.count(), SealedPicture.objects.count()) == (1, 2, 1)


def test_answers_can_be_changed_without_losing_the_others(client: Client) -> None:
    check = _to_check(client, URL, "my note")
    what = client.post("/en/ask/what/", {"draft": _draft(check), "change": "yes"})
    assert URL in what.content.decode()
    assert "my note" in what.content.decode()
    why = client.post("/en/ask/", {"draft": _draft(what)})
    assert 'value="private" checked' in why.content.decode()
    back = client.post("/en/ask/what/", {"draft": _draft(why), "ground": "opt-out"})
    assert URL in back.content.decode()


def test_a_forged_or_missing_draft_starts_again(client: Client) -> None:
    for path in ("/en/ask/check/", "/en/ask/send/"):
        for draft in ({}, {"draft": "forged"}):
            page = client.post(path, draft)
            assert page.status_code == 422
            assert "start again" in _text(page)


def test_the_restricted_ground_gets_help_and_takes_nothing(client: Client) -> None:
    page = client.post("/en/ask/what/", {"ground": "child-safety"})
    assert (page.status_code, page.headers["Location"]) == (302, "/en/help/under-18/")
    helped = client.get("/en/help/under-18/").content.decode()
    assert "<form" not in helped
    assert "stopncii.org" in helped


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
    assert said in _text(page)
    assert "There is a problem" in _text(page)


def test_unknown_receipts_all_answer_alike(client: Client, index: DatasetIndex) -> None:
    unknown = [receipt.issue(b"x" * 32, bytes([n]) * 16).text for n in range(4)]
    pages = [client.post("/en/status/", {"words": words}) for words in unknown]
    seen = {
        (page.status_code, page.content.decode().replace(words, ""), tuple(sorted(page.headers)))
        for page, words in zip(pages, unknown, strict=True)
    }
    assert len({(status, headers) for status, _, headers in seen}) == 1
    assert len({body for _, body, _ in seen}) == 1


def test_the_words_come_as_a_file(client: Client) -> None:
    words = _words(_send(client, _to_check(client)))
    page = client.post("/en/receipt.txt", {"words": words})
    assert page.content.decode() == f"{words}\n"
    assert "attachment" in page.headers["Content-Disposition"]


def test_taking_back_asks_first_and_needs_the_receipt(client: Client, index: DatasetIndex) -> None:
    words = _words(_send(client, _to_check(client)))
    asked = client.post("/en/status/withdraw/", {"words": words, "item": "1"})
    assert "Take this item back?" in _text(asked)
    assert Item.objects.get().state == Item.State.READY
    for wrong in ("99", "", "x", "²"):
        client.post("/en/status/withdraw/", {"words": words, "item": wrong, "sure": "yes"})
    client.post("/en/status/withdraw/", {"words": "wrong", "item": "1", "sure": "yes"})
    assert Item.objects.get().state == Item.State.READY
    done = client.post("/en/status/withdraw/", {"words": words, "item": "1", "sure": "yes"})
    assert "Withdrawn" in _text(done)
    assert Item.objects.get().state == Item.State.WITHDRAWN


def test_a_form_that_is_far_too_large_is_refused_unread(client: Client, settings: object) -> None:
    settings.MAX_FORM_BYTES = 1000
    page = client.post("/en/ask/send/", {"draft": "x" * 2000})
    assert page.status_code == 413
    assert "Nothing was stored" in _text(page)


def test_while_no_intake_key_exists_pictures_wait_and_addresses_work(
    client: Client, sample: object, settings: object, tmp_path: object
) -> None:
    settings.INTAKE_PUBLIC_KEYS = tmp_path / "none"
    check = _to_check(client)
    page = _send(client, check, (sample.try_folder / "original.jpg").read_bytes())
    assert page.status_code == 503
    assert "try again in a few minutes" in _text(page)
    assert "eight words" in _text(_send(client, check))


def test_the_status_tells_coverage(
    client: Client, index: DatasetIndex, work: Callable, sample: object
) -> None:
    words = _words(_send(client, _to_check(client, "https://elsewhere.example/x.jpg")))
    work(Submission.objects.get())
    told = _text(client.post("/en/status/", {"words": words}))
    assert f"Compared with {index.coverage['url']} of {index.rows} rows" in told
    assert "Not found does not mean not there" in told


def test_a_form_older_than_a_day_is_shown_again_unless_it_was_sent(client: Client, settings: object) -> None:
    sent, unsent = _to_check(client), _to_check(client)
    words = _words(_send(client, sent))
    settings.DRAFT_SECONDS = -1
    assert _words(_send(client, sent)) == words
    shown = _send(client, unsent)
    assert "open for more than a day" in _text(shown)
    assert Submission.objects.count() == 1
    settings.DRAFT_SECONDS = 3600
    assert _words(_send(client, shown)) != words
    assert Submission.objects.count() == 2


def test_a_hundred_thousand_bad_lines_cost_ten(client: Client) -> None:
    page = _to_check(client, "x\n" * 100_000)
    assert _text(page).count("Line ") == 20  # each in the summary and beside the field
    assert "more lines like these" in _text(page)


def test_a_public_page_never_answers_a_cookie_with_a_cookie(client: Client) -> None:
    for name in ("csrftoken", "sessionid", "messages"):
        client.cookies[name] = "malformed"
    for path in ("/en/", "/en/ask/", "/en/status/", "/nowhere/"):
        assert not client.get(path).cookies
    assert not client.post("/en/ask/what/", {"ground": "private"}).cookies


@pytest.mark.parametrize(
    ("path", "sent", "code"),
    [
        ("/en/ask/check/", {"draft": "first page"}, 422),
        ("/en/status/withdraw/", {"item": "1" * 5000}, 200),
        ("/en/ask/check/", {"addresses": "x" * 5_000_000}, 400),
        ("/en/ask/what/", {f"field{n}": "x" for n in range(6000)}, 400),
    ],
)
def test_odd_requests_get_a_page_of_ours(client: Client, path: str, sent: dict[str, str], code: int) -> None:
    if sent.get("draft"):
        sent = {**sent, "draft": _draft(client.get("/en/ask/"))}
    page = client.post(path, sent)
    assert page.status_code == code
    assert "Removal desk" in _text(page)


def test_control_characters_never_reach_the_database(client: Client) -> None:
    check = _to_check(client, URL, "a\x00b\x07c\r\nd")
    _send(client, check)
    assert Submission.objects.get().note == "abc\nd"
