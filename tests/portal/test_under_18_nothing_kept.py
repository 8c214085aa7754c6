"""On a restricted ground no picture is fetched, shown or stored, by any address, task or SQL statement."""

from __future__ import annotations

import inspect
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import current_app
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client
from factories.asking import URL
from factories.pictures import png
from hypothesis import HealthCheck, given
from hypothesis import settings as tries
from hypothesis import strategies as st

from portal.asking import intake
from portal.asking.drafts import Draft
from portal.asking.intake import Sent
from portal.models import DatasetIndex, Item, SealedPicture, SiteControl, Submission
from portal.sample import Sample
from portal.urls import public_pages
from takedown import sandbox
from takedown.fingerprint import Fingerprint, fingerprint
from takedown.keys import Key

pytestmark = pytest.mark.django_db

GROUND = "child-safety"
DIGEST = "5e884898da28047151d0e56f8dc6292773603d0d6aabbd62a11ef721d1542d8"
OF_RELEASES = ("build_release", "publish_release", "refresh_timestamp", "retry_mirrors", "count_waiting")


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
