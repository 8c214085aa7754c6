"""The status page offers the proof once there is one; the page that proves it may run, and send nothing."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from decided import removed
from django.test import Client
from factories.releases import release_now

from portal import demo
from portal.asking import intake
from portal.asking.drafts import Draft
from portal.models import Item, Release, Submission, Support, User
from portal.releasing import publishing

pytestmark = pytest.mark.django_db


@pytest.fixture
def repository(settings: object) -> Path:
    demo.hold_ceremony(lambda _: None)
    return settings.REPOSITORY


@pytest.fixture
def publish(repository: Path, mara: User, settings: object) -> Callable[[], Release]:
    return lambda: release_now(mara, settings)


def _ask() -> tuple[str, Submission]:
    """A real receipt whose item two people decided."""
    accepted = intake.accept(Draft(ground="private"), intake.Sent(["https://a.example/1"]))
    mine, decided = accepted.submission.items.get(), removed("a")
    Support.objects.filter(item=decided).update(item=mine)
    member = decided.case_item
    member.item = mine
    member.save()
    Item.objects.filter(pk=mine.pk).update(state=Item.State.DECIDED)
    return accepted.receipt.text, accepted.submission


def _status(client: Client, words: str) -> str:
    page = client.post("/en/status/", {"words": words}).content.decode()
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_the_proof_is_offered_from_the_first_release_on(
    client: Client, publish: Callable[[], Release], repository: Path
) -> None:
    words, _ = _ask()
    assert "See for yourself" not in _status(client, words)
    publish()
    told = _status(client, words)
    assert "Removed in release 1" in told
    assert "We cannot delete the picture from the website" in told
    assert "Release 1 of our list says what was done about your request" in told
    assert "takedown sync http://testserver/blocklist --root 1.root.json takedown prove" in told


def test_a_staged_release_proves_nothing_yet(client: Client, repository: Path, mara: User) -> None:
    words, _ = _ask()
    assert publishing.build(publishing.request(mara).pk)
    assert "See for yourself" not in _status(client, words)


def test_several_releases_are_named(client: Client, publish: Callable[[], Release]) -> None:
    words, submission = _ask()
    publish()
    other = removed("a")
    publish()
    Support.objects.filter(item__submission=submission).update(ended=True)
    publish()
    assert other.told.get().action == "stands"
    assert "Releases 1 and 3 of our list say what was done" in _status(client, words)


def test_the_page_that_proves_is_linked_only_where_there_is_one(
    client: Client, publish: Callable[[], Release], repository: Path
) -> None:
    words, _ = _ask()
    publish()
    (repository / "prove.html").write_text("<p>hello")
    assert 'href="/blocklist/prove.html"' in client.post("/en/status/", {"words": words}).content.decode()
    (repository / "prove.html").unlink()
    assert "prove.html" not in client.post("/en/status/", {"words": words}).content.decode()


def test_a_page_of_the_repository_runs_its_own_parts_and_sends_nothing(
    client: Client, repository: Path
) -> None:
    script, style = "alert('hello')\n", "body { color: red }"
    page = f"<style>{style}</style><script>{script}</script><script type='module'></script>"
    (repository / "prove.html").write_text(page)
    answer = client.get("/blocklist/prove.html")
    policy = dict(part.strip().split(" ", 1) for part in answer["Content-Security-Policy"].split(";"))
    named = {
        name: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for name, text in (("script-src", script), ("style-src", style))
    }
    for name, digest in named.items():
        assert f"'sha256-{digest}'" in policy[name]
        assert "unsafe" not in policy[name]
    assert (policy["default-src"], policy["form-action"]) == ("'none'", "'none'")
    assert policy["connect-src"] == "'self'"
    assert answer["Cache-Control"] == "no-cache"


def test_the_repository_has_a_first_page(client: Client, publish: Callable[[], Release]) -> None:
    publish()
    assert b"removal" in b"".join(client.get("/blocklist/").streaming_content).lower()
    assert "script-src" not in client.get("/en/status/")["Content-Security-Policy"]
