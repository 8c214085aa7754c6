"""The releases page says what goes, what waits and until when, what it costs, and what to do next."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from decided import removed
from factories.releases import sign_release
from test_held_back import two_editions

from portal import demo
from portal.days import today
from portal.models import Release, User
from portal.releasing import publishing

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(mara: User, signed_in: Callable[[User], Any]) -> Callable[[], str]:
    demo.hold_ceremony(lambda _: None)

    def read() -> str:
        text = signed_in(mara).get("/desk/releases/").content.decode()
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())

    return read


def test_it_says_why_an_edition_waits_and_its_last_day(
    page: Callable[[], str], use_policy: Callable[[str], None]
) -> None:
    use_policy(two_editions("min_delta_entries = 1", "min_delta_entries = 40"))
    removed("a", on=today())
    for name in "bc":
        removed(name, "wrong", on=today(), due=today() + timedelta(days=5))
    last = (today() + timedelta(days=5)).strftime("%-d %b %Y")
    told = page()
    assert "research 1 0 research-safe 1 0" in told
    assert "research-safe holds 2 changes back: alone, they would show which row somebody asked about" in told
    assert "They go as soon as 40 lines have come together (now 2), or" in told
    assert f"or with a release built on {last} or later" in told


def test_it_shows_what_a_staged_release_costs_and_leaves_out(
    page: Callable[[], str], use_policy: Callable[[str], None], index: object, mara: User
) -> None:
    use_policy(two_editions("min_delta_entries = 1", "min_delta_entries = 40"))
    removed("a", on=today())
    removed("b", "wrong", on=today())
    assert publishing.build(publishing.request(mara).pk)
    told = page()
    assert "research-safe hides nothing that another edition does not show." in told
    assert re.search(r"It removes up to \d+ of \d+ rows of sample-pictures \(\d", told)
    assert "research-safe : 1 more change waits for company and is not in it." in told


def test_it_says_what_to_do_about_a_build_that_is_refused(
    page: Callable[[], str], use_policy: Callable[[str], None], mara: User
) -> None:
    use_policy(two_editions("min_delta_entries = 1", "min_delta_entries = 1"))
    removed("a", "wrong", on=today())
    release = publishing.request(mara)
    assert not publishing.build(release.pk)
    told = page()
    assert "no index of that name is in use. Register one (manage.py register_index)" in told
    assert "Code: cover-no-index" in told
    Release.objects.update(state=Release.State.NEEDS_PERSON)
    assert "Try again" in page()


def test_what_is_held_back_is_counted_alike_before_and_after_the_build(
    page: Callable[[], str], use_policy: Callable[[str], None], index: object, mara: User
) -> None:
    """What follows an included edition counts too; only the edition's own lines end its wait."""
    use_policy(two_editions("min_delta_entries = 40", "min_delta_entries = 40"))
    for name in "ab":
        removed(name, on=today())
    removed("c", "wrong", on=today())
    told = page()
    assert "research holds 2 changes back" in told
    assert "research-safe holds 3 changes back" in told
    assert "40 lines have come together (now 1), or" in told
    assert publishing.build(publishing.request(mara).pk)
    told = page()
    assert "research : 2 more changes wait for company and are not in it." in told
    assert "research-safe : 3 more changes wait for company and are not in it." in told


def test_a_release_with_enough_signatures_is_said_to_be_ready(
    page: Callable[[], str], mara: User, settings: Any
) -> None:
    removed("a", on=today())
    release = publishing.request(mara)
    assert publishing.build(release.pk)
    assert "Release 1 Waiting for signatures" in page()
    release.refresh_from_db()
    sign_release(release, settings)
    told = page()
    assert "Release 1 Signed, ready to publish" in told
    assert "Waiting for signatures" not in told
