"""Is my picture in there? Counted, with what could be compared; every problem beside its field."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from factories.looks import NOWHERE, asked, plain, text

from portal.asking.drafts import Draft
from portal.flood import limits
from portal.models import DatasetIndex
from portal.sample import Sample
from takedown import fingerprint

pytestmark = pytest.mark.django_db


def test_an_address_that_is_there_is_counted(client: Client, index: DatasetIndex, sample: Sample) -> None:
    page = asked(client, addresses=plain(sample).url)
    assert page.status_code == 200
    assert "1 row has this address." in text(page)
    assert "Not found does not mean not there." in text(page)


def test_one_that_is_not_there_is_answered_with_what_was_compared(
    client: Client, index: DatasetIndex
) -> None:
    page = asked(client, addresses=NOWHERE)
    assert page.status_code == 200
    assert "We found nothing in the rows that we can compare." in text(page)
    assert f"for {index.coverage['pdq']} of {index.rows} rows" in text(page)


def test_copies_and_other_sizes_are_counted_by_how_they_were_found(
    client: Client, index: DatasetIndex, sample: Sample
) -> None:
    files = [row.original for row in sample.rows if row.original]
    doubled = next(row for row in sample.rows if row.original and files.count(row.original) == 2)
    told = text(asked(client, addresses=doubled.url))
    assert "1 row has this address." in told
    assert "1 row leads to the very same file." in told


def test_a_typed_fingerprint_finds_the_file(client: Client, index: DatasetIndex, sample: Sample) -> None:
    made = fingerprint.base(plain(sample).original)
    assert "1 row leads to the very same file." in text(asked(client, fingerprints=made.sha256))
    assert "1 row leads to the very same file." in text(asked(client, fingerprints=f"md5:{made.md5}"))
    assert "1 row has a picture that looks alike." in text(asked(client, fingerprints=f"pdq {made.pdq}"))


def test_a_fingerprint_made_on_the_device_finds_a_copy(
    client: Client, index: DatasetIndex, sample: Sample
) -> None:
    mirrored = fingerprint.fingerprint((sample.try_folder / "mirrored.jpg").read_bytes())
    told = text(asked(client, device=mirrored.to_json()))
    assert "Picture 1" in told
    assert "looks alike" in told or "look alike" in told
    assert "You choose the picture once more on the last page." in told


def test_several_things_are_answered_one_by_one(client: Client, index: DatasetIndex, sample: Sample) -> None:
    made = fingerprint.base(plain(sample).original)
    page = asked(
        client,
        addresses=f"{plain(sample).url}\n{NOWHERE}",
        fingerprints=made.sha256,
        device=[made.to_json()],
    )
    assert page.content.decode().count('<li class="card">') == 4
    assert "Picture 1" in text(page)
    assert text(page).count("We found nothing") == 1


@pytest.mark.parametrize(
    ("fields", "wrong", "said"),
    [
        ({}, "addresses", "Give an address or a fingerprint"),
        ({"addresses": " \n "}, "addresses", "Give an address or a fingerprint"),
        ({"addresses": "javascript:alert(1)"}, "addresses", "http"),
        ({"addresses": "https://a:b@c.example/"}, "addresses", "password"),
        ({"addresses": "x" * 5000}, "addresses", "Line 1"),
        ({"addresses": "\x00"}, "addresses", ""),
        ({"fingerprints": "abc"}, "fingerprints", "not a fingerprint that we know"),
        ({"fingerprints": "photodna: 1,2,3"}, "fingerprints", "PhotoDNA"),
        ({"device": "{}"}, "device", "does not fit"),
        ({"device": "[" * 100_000}, "device", "does not fit"),
        ({"addresses": "\n".join(f"https://a.example/{n}" for n in range(6))}, "addresses", "up to 5 things"),
    ],
)
def test_a_problem_is_said_beside_its_field_and_what_was_typed_stays(
    client: Client, index: DatasetIndex, fields: dict[str, str], wrong: str, said: str
) -> None:
    page = asked(client, **{"addresses": "", "fingerprints": "", **fields})
    html = page.content.decode()
    assert page.status_code == 422
    assert "There is a problem" in text(page)
    assert said in text(page)
    assert f'id="{wrong}-wrong"' in html
    assert f'id="{wrong}"' in html
    for name, typed in fields.items():
        if name != "device" and len(typed) < 1000 and "\x00" not in typed:
            assert typed.strip() in html


def test_a_problem_in_one_field_keeps_the_others(client: Client, index: DatasetIndex, sample: Sample) -> None:
    made = fingerprint.base(plain(sample).original)
    page = asked(client, addresses=NOWHERE, fingerprints="abc", device=made.to_json())
    html = page.content.decode()
    assert NOWHERE in html
    assert made.sha256 in html
    assert 'name="device"' in html


def test_a_picture_is_refused_unread(client: Client, index: DatasetIndex) -> None:
    picture = SimpleUploadedFile("holiday.jpg", b"\xff\xd8\xff" + b"x" * 1000)
    page = client.post("/en/look/", {"addresses": NOWHERE, "picture": picture})
    assert page.status_code == 415
    assert "This page takes no pictures" in text(page)
    assert not hasattr(page.wsgi_request, "_post")
    for kind in ("application/json", "text/plain", "image/jpeg"):
        assert client.post("/en/look/", "{}", kind).status_code == 415


def test_the_page_has_no_field_that_sends_a_file(client: Client, index: DatasetIndex) -> None:
    html = client.get("/en/look/").content.decode()
    assert "multipart" not in html
    for field in re.findall(r"<input[^>]+type=.?file[^>]*>", html):
        assert " name=" not in field


def test_many_are_asked_to_wait_and_then_come_through(
    client: Client, index: DatasetIndex, sample: Sample, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LOOKS_OF_ALL = (1, 3600)
    settings.FLOOD_WAIT_SECONDS = 30
    made = fingerprint.base(plain(sample).original)
    sent = {"addresses": plain(sample).url, "fingerprints": made.md5, "device": made.to_json()}
    assert asked(client, **sent).status_code == 200
    page = asked(client, **sent)
    assert page.status_code == 429
    assert page.headers["Retry-After"] == "1"
    assert "press the button again in 1 second." in text(page)
    html = page.content.decode()
    for value in (*sent.values(),):
        assert value.replace('"', "&quot;").replace("&amp;", "&") in html.replace("&amp;", "&")
    note = re.search(r'name="flood" value="([^"]+)"', html)
    assert note
    later = limits.time.time() + 2
    monkeypatch.setattr(limits, "time", type("Later", (), {"time": staticmethod(lambda: later)}))
    assert asked(client, **sent, flood=note[1]).status_code == 200


def test_what_was_typed_is_carried_into_a_request(
    client: Client, index: DatasetIndex, sample: Sample
) -> None:
    made = fingerprint.base(plain(sample).original)
    page = asked(client, addresses=NOWHERE, fingerprints=made.md5)
    sealed = re.search(r'name="draft" value="([^"]+)"', page.content.decode())
    assert sealed
    draft = Draft.read(sealed[1])
    assert (draft.addresses, draft.fingerprints) == (NOWHERE, made.md5)
    assert draft.have == ("addresses", "fingerprints")
    why = client.post("/en/ask/", {"draft": sealed[1]})
    assert why.status_code == 200
    assert 'name="ground"' in why.content.decode()


def test_the_language_is_switched_with_what_was_typed(client: Client, index: DatasetIndex) -> None:
    html = asked(client, addresses=NOWHERE).content.decode()
    languages = html.partition('<nav class="languages"')[2].partition("</nav>")[0]
    assert f'name="addresses" value="{NOWHERE}"' in languages
    assert 'formaction="/de/look/"' in languages


def test_an_empty_desk_answers_too(client: Client, db: None) -> None:
    page = asked(client, addresses=NOWHERE)
    assert page.status_code == 200
    assert "We found nothing" in text(page)


def test_pages_stay_small(client: Client, index: DatasetIndex) -> None:
    pages = [
        client.get("/en/look/"),
        asked(client, addresses="\n".join(f"{NOWHERE}?{n}" for n in range(5))),
    ]
    for page in pages:
        assert len(page.content) < 30_000
        assert not page.cookies
