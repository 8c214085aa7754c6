"""The child-safety path: help first, small text only, and never a picture, whatever is sent wherever."""

from __future__ import annotations

import inspect
import re
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from celery import current_app
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import translation
from factories.asking import URL, draft, text, words
from factories.pictures import png
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st

from portal import intake, tasks
from portal.drafts import Draft
from portal.intake import Sent
from portal.models import DatasetIndex, Item, SealedPicture, SiteControl, Submission
from portal.policy import current
from portal.sample import Sample
from portal.urls import public_pages
from portal.views import under_18
from takedown import receipt, sandbox
from takedown.fingerprint import Fingerprint, fingerprint
from takedown.keys import Key

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


# --- never fetched, shown or stored, by any address or task ---------------------------------------------


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was decoded, sealed or connected to."""
    seen: list[str] = []

    def noted(what: str) -> Callable[..., Any]:
        def note(*_: Any, **__: Any) -> Any:
            seen.append(what)
            raise AssertionError(what)

        return note

    for name in ("check", "fingerprint", "fingerprint_many"):
        monkeypatch.setattr(sandbox.Sandbox, name, noted(f"a picture was decoded: {name}"))
    monkeypatch.setattr("portal.sealing.seal", noted("bytes were sealed"))
    monkeypatch.setattr(socket.socket, "connect", noted("something was fetched"))
    monkeypatch.setattr(socket, "getaddrinfo", noted("a name was looked up"))
    return seen


def _no_picture_is_held() -> None:
    assert not SealedPicture.objects.exists()
    assert not SiteControl.objects.exists()
    for item in Item.objects.all():
        assert item.kind in ("url", "fingerprint")
        assert (item.fingerprint_json, item.on_device) == (None, False)


_drafts = st.builds(
    Draft,
    ground=st.just(GROUND),
    have=st.lists(st.sampled_from(["addresses", "pictures", "fingerprints", "site"]), unique=True).map(tuple),
    addresses=st.sampled_from(["", URL]),
    fingerprints=st.sampled_from(["", f"{DIGEST}8"]),
    site=st.sampled_from(["", "a.example"]),
    note=st.sampled_from(["", "a note"]),
    keep=st.booleans(),
)
_answers = st.lists(
    st.sampled_from(["answers", "changing", "back", "keep", "words", "sure", "device", "pictures"]),
    unique=True,
)


@pytest.mark.parametrize("page", public_pages, ids=lambda page: str(page.name))
@tries(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(draft=_drafts, answers=_answers)
def test_no_address_takes_a_picture_on_a_restricted_ground(
    client: Client, made: Fingerprint, opened: list[str], page: Any, draft: Draft, answers: list[str]
) -> None:
    address = f"/en/{page.pattern}"
    files = [SimpleUploadedFile("a.png", png(64, 64), "image/png") for _ in range(2)]
    sent: dict[str, Any] = {name: "yes" for name in answers if name not in ("device", "pictures")}
    sent |= {"draft": draft.sealed(), "ground": GROUND, "addresses": URL, "site": "a.example", "file": files}
    sent |= {"pictures": files} if "pictures" in answers else {}
    sent |= {"device": made.to_json()} if "device" in answers else {}
    with transaction.atomic():
        client.post(address, sent)
        _no_picture_is_held()
        transaction.set_rollback(True)
    assert opened == []


@pytest.fixture(scope="module")
def made() -> Fingerprint:
    """As a browser makes it."""
    return fingerprint(png(64, 64))


def test_the_trap_would_see_a_picture(client: Client, opened: list[str]) -> None:
    ordinary = Draft(ground="private", have=("pictures",)).sealed()
    with pytest.raises(AssertionError, match="decoded"):
        client.post(
            "/en/ask/send/", {"draft": ordinary, "pictures": SimpleUploadedFile("a.png", png(64, 64))}
        )
    assert opened == ["a picture was decoded: check"]


@pytest.mark.parametrize("field", ["pictures", "on_device", "sites"])
def test_accepting_refuses_pictures_and_sites_whoever_calls(made: Fingerprint, field: str) -> None:
    given = {"pictures": [b"x"], "on_device": [made], "sites": ["a.example"]}
    with pytest.raises(ValueError, match="restricted"):
        intake.accept(Draft(ground=GROUND), Sent(**{field: given[field]}))
    assert not Submission.objects.exists()


def test_no_task_opens_or_fetches_anything_for_it(
    index: DatasetIndex, opened: list[str], sample: Sample
) -> None:
    given = Sent(addresses=[URL, sample.rows[0].url], typed=[(Key("sha256", f"{DIGEST}8"),)])
    submission = intake.accept(Draft(ground=GROUND), given).submission
    items = list(submission.items.values_list("pk", flat=True))
    called = 0
    for name, task in sorted(current_app.tasks.items()):
        if not name.startswith("portal.") or name.removeprefix("portal.") in OF_RELEASES:
            continue
        wants = inspect.signature(task.run).parameters
        for pk in [submission.pk] if "submission" in wants else items if wants else [None]:
            task.run(*([pk] if wants else []))
            called += 1
    assert called >= len(items) * 2
    assert opened == []
    _no_picture_is_held()
    states = set(submission.items.values_list("state", flat=True))
    assert not states & {Item.State.NEEDS_PERSON, Item.State.SEALED, Item.State.READY}


def test_the_database_itself_refuses_a_picture_on_a_restricted_ground(
    submit: Callable[..., Submission],
) -> None:
    submission = submit(URL, ground=GROUND)
    item = submission.items.get()
    columns = [field.column for field in Item._meta.concrete_fields if not field.primary_key]
    names = ", ".join(f'"{column}"' for column in columns)
    for kind, held in (("picture", {}), ("picture", {"on_device": True}), ("site", {"url": "a.example"})):
        values = {field.column: field.value_from_object(item) for field in Item._meta.concrete_fields}
        values |= {"number": 99, "kind": kind, "url": "", "given": None, **held}
        marks = ", ".join(["%s"] * len(columns))
        insert = f"INSERT INTO portal_item ({names}) VALUES ({marks})"
        with (
            pytest.raises(IntegrityError, match="restricted_holds_no_picture"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(insert, [values[column] for column in columns])
    for change in ("kind = 'picture', url = ''", "fingerprint_json = '{}'"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE portal_item SET {change} WHERE id = %s", [item.pk])
    assert submission.items.get().kind == "url"


def test_an_ordinary_picture_of_a_child_goes_the_ordinary_way() -> None:
    grounds = current().grounds
    assert not grounds["child"].restricted
    assert grounds[GROUND].restricted
    for language in LANGUAGES:
        with translation.override(language):
            assert grounds["child"].title != grounds[GROUND].title
    assert tasks.take_in.name == "portal.take_in"
