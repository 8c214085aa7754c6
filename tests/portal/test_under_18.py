"""The child-safety path: help first, small text only, and never a picture, whatever is sent wherever."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import translation
from factories.asking import URL, draft, text, words

from portal.asking.drafts import Draft
from portal.models import Item, Submission
from portal.policy import current
from portal.views import under_18
from takedown import receipt

pytestmark = pytest.mark.django_db

GROUND = "child-safety"
DIGEST = "5e884898da28047151d0e56f8dc6292773603d0d6aabbd62a11ef721d1542d8"
LANGUAGES = ("en", "de", "fr", "es")
OF_RELEASES = ("build_release", "publish_release", "refresh_timestamp", "retry_mirrors", "count_waiting")
FORM = "application/x-www-form-urlencoded"


class NotToBeRead:
    """The body of a request that is answered unread."""

    def read(self, *size: int) -> bytes:
        raise AssertionError("the body was read")

    readline = readlines = __iter__ = read


def _addresses(language: str) -> list[str]:
    with translation.override(language):
        return [reverse(f"public:{page.name}") for page in under_18.pages]


def _post(client: Client, step: str, **fields: str) -> HttpResponse:
    return client.post(f"/en/under-18/{step}/", urlencode(fields), content_type=FORM)


def _form(client: Client) -> str:
    return draft(client.get("/en/under-18/report/"))


# --- what a person sees -----------------------------------------------------------------------------


def test_help_comes_first_and_asks_not_to_touch_the_picture(client: Client) -> None:
    page = client.get("/en/under-18/")
    assert "<form" not in re.sub(r"(?s)<header.*?</header>", "", page.content.decode())
    said = text(page)
    assert "You are not to blame" in said
    assert "do not upload or download the picture" in said
    for address in ("takeitdown.ncmec.org", "stopncii.org", "/en/help/#hotlines"):
        assert address in page.content.decode()
    assert said.index("Take It Down") < said.index("What we can do")


def test_the_form_takes_text_only(client: Client) -> None:
    html = client.get("/en/under-18/report/").content.decode()
    assert 'type="file"' not in html
    assert "multipart" not in html
    assert re.findall(r'<textarea id="([a-z]+)"', html) == ["addresses", "fingerprints"]
    assert all("/flood/" in script for script in re.findall(r'<script src="([^"]+)"', html))


def test_lines_are_stored_under_a_receipt_and_help_is_named_again(client: Client) -> None:
    page = _post(client, "sent", draft=_form(client), addresses=f"{URL}\n{URL}?2", fingerprints=f"{DIGEST}8")
    assert page.status_code == 200
    assert receipt.parse(words(page)).text == words(page)
    assert "takeitdown.ncmec.org" in page.content.decode()
    assert page.headers["Cache-Control"].count("no-store") == 1
    submission = Submission.objects.get()
    assert (submission.ground, submission.restricted, submission.note) == (GROUND, True, "")
    assert [(one.kind, one.restricted) for one in submission.items.all()] == [
        ("url", True),
        ("url", True),
        ("fingerprint", True),
    ]


def test_a_form_that_is_sent_again_shows_the_same_receipt(client: Client) -> None:
    form = _form(client)
    first, again = (_post(client, "sent", draft=form, addresses=URL) for _ in range(2))
    assert words(first) == words(again)
    assert Submission.objects.count() == 1


def test_each_form_is_one_of_its_own_and_no_cache_may_share_it(client: Client) -> None:
    first, second = client.get("/en/under-18/report/"), client.get("/en/under-18/report/")
    assert Draft.read(draft(first)).token != Draft.read(draft(second)).token
    assert "private" in first.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("field", "line", "said"),
    [
        ("addresses", "", "at least one address or one fingerprint"),
        ("addresses", "data:image/jpeg;base64,/9j/4AAQSkZJRg==", "http:// or https://"),
        ("addresses", "https://user:secret@a.example/x.jpg", "user name or password"),
        ("addresses", "\n".join(f"https://a.example/{n}" for n in range(301)), "300"),
        ("fingerprints", "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0a", ""),
        ("fingerprints", "photodna " + "00" * 144, ""),
    ],
)
def test_what_cannot_be_used_is_said_beside_the_field_and_kept(
    client: Client, field: str, line: str, said: str
) -> None:
    page = _post(client, "sent", draft=_form(client), **{field: line})
    assert page.status_code == 422
    assert "There is a problem" in text(page)
    assert said in text(page)
    assert f'id="{field}-wrong"' in page.content.decode()
    assert line in page.content.decode()
    assert not Submission.objects.exists()


def test_the_form_can_be_read_in_another_language(client: Client) -> None:
    page = client.get("/en/under-18/report/").content.decode()
    assert 'lang="de" formaction="/de/under-18/report/"' in page
    in_german = client.post(
        "/de/under-18/report/", f"draft={draft(client.get('/en/under-18/report/'))}", FORM
    )
    assert '<html lang="de">' in in_german.content.decode()


def test_without_a_restricted_ground_there_is_help_only(
    client: Client, use_policy: Callable[[str], None]
) -> None:
    form = _form(client)
    told = settings.BASE_DIR.joinpath("portal", "policy.toml").read_text()
    use_policy(told.replace("restricted = true", "").replace("editions = []", 'editions = ["research"]'))
    page = client.get("/en/under-18/").content.decode()
    assert "takeitdown.ncmec.org" in page
    assert "/en/under-18/report/" not in page
    for answer in (client.get("/en/under-18/report/"), _post(client, "sent", draft=form, addresses=URL)):
        assert (answer.status_code, answer.headers["Location"]) == (302, "/en/under-18/")
    assert not Submission.objects.exists()


def test_drafts_of_the_two_paths_are_not_taken_for_each_other(client: Client) -> None:
    ordinary = Draft(ground="private", have=("addresses",), addresses=URL).sealed()
    assert "start again" in text(_post(client, "sent", draft=ordinary, addresses=URL))
    client.post("/en/ask/send/", {"draft": _form(client)})
    assert not Submission.objects.exists()


# --- nothing but small text is read -----------------------------------------------------------------


def test_every_page_of_the_path_is_guarded() -> None:
    """The middleware goes by the address: these are all the pages, and all begin alike."""
    assert len(_addresses("en")) == 3
    assert all(address.startswith("/en/under-18/") for address in _addresses("en"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"CONTENT_TYPE": "multipart/form-data; boundary=x", "CONTENT_LENGTH": "100"}, 415),
        ({"CONTENT_TYPE": "image/jpeg", "CONTENT_LENGTH": "100"}, 415),
        ({"CONTENT_TYPE": "", "CONTENT_LENGTH": "100"}, 415),
        ({"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "2"}, 415),
        ({"CONTENT_TYPE": FORM, "CONTENT_LENGTH": str(64 * 1024 + 1)}, 413),
        ({"CONTENT_TYPE": FORM, "CONTENT_LENGTH": "9" * 5000}, 413),
        ({"CONTENT_TYPE": "multipart/form-data; boundary=x", "CONTENT_LENGTH": str(2**40)}, 413),
        ({"CONTENT_TYPE": FORM, "CONTENT_LENGTH": ""}, 411),
        ({"CONTENT_TYPE": FORM, "CONTENT_LENGTH": "-1"}, 411),
        ({"CONTENT_TYPE": FORM, "CONTENT_LENGTH": "²"}, 411),
        ({"CONTENT_TYPE": FORM, "CONTENT_LENGTH": "10", "HTTP_TRANSFER_ENCODING": "chunked"}, 411),
        ({"CONTENT_TYPE": FORM, "HTTP_TRANSFER_ENCODING": "chunked"}, 411),
    ],
)
def test_files_and_long_bodies_are_refused_before_a_byte_is_read(
    client: Client, language: str, sent: dict[str, str], status: int
) -> None:
    for address in _addresses(language):
        for method in ("POST", "PUT", "PATCH", "GET"):
            answer = client.generic(method, address, **{"wsgi.input": NotToBeRead(), **sent})
            if method == "GET" and not sent.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" not in sent:
                continue
            assert answer.status_code == status, (method, address)
            assert f'<html lang="{language}">' in answer.content.decode()
            assert f"/{language}/under-18/" in answer.content.decode()
            assert "form-action 'self'" in answer.headers["Content-Security-Policy"]


def test_as_much_text_as_is_allowed_is_read(client: Client) -> None:
    lines = "https://a.example/x\n" * 3000  # the same line: it counts once
    body = f"draft={_form(client)}&addresses={lines}"[: 64 * 1024]
    answer = client.post("/en/under-18/sent/", body, content_type=FORM)
    assert answer.status_code == 200
    assert Item.objects.count() == 1


def test_an_ordinary_picture_of_a_child_goes_the_ordinary_way() -> None:
    grounds = current().grounds
    assert not grounds["child"].restricted
    assert grounds[GROUND].restricted
    for language in LANGUAGES:
        with translation.override(language):
            assert grounds["child"].title != grounds[GROUND].title
