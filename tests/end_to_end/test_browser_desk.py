"""The desk's pages in a real browser without JavaScript, while two people decide and a third publishes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from desk import Desk

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

import asking
from asking import Answers
from chromium import Window

pytestmark = [pytest.mark.slow, pytest.mark.browser]

Open = Callable[..., Window]
Fresh = Callable[[], Any]


def _sign_in(window: Window, name: str) -> Window:
    window.go("/desk/")
    window.page.get_by_label("Name").fill(name)
    window.page.get_by_label("Password").fill(window.desk.logins()[name])
    window.press("Sign in")
    assert f"Sign out {name}" in window.page.locator("header").inner_text()
    return window


def test_two_people_decide_and_a_third_publishes(open_window: Open, fresh: Fresh) -> None:
    person, ada, ben, mara = (open_window() for _ in range(4))
    row = fresh()
    asking.send(person, "en", Answers(addresses=[row.url]))
    person.press("See how it stands")
    person.look_again("Look again", "We found rows")

    ada.go("/desk/")
    ada.look("sign-in")
    ada.page.get_by_label("Name").fill("ada")
    ada.page.get_by_label("Password").fill("not her password")
    ada.press("Sign in")
    assert "There is a problem" in ada.text()
    ada.look("problem-sign-in")
    _sign_in(ada, "ada").look("queue")
    case = _open_case(ada, row.url)
    ada.look("case")
    ada.page.get_by_label("Reason (for the second person)").fill("The address is exactly this one.")
    ada.press("Propose the chosen rows")
    assert "Another person has to confirm it." in ada.text()
    ada.look("case-proposed")

    _sign_in(ben, "ben").go(case)
    ben.look("case-to-confirm")
    assert "The address is exactly" not in ben.text()  # Ben thinks for himself first
    ben.press("Confirm")
    assert "Removal confirmed" in ben.text()
    ben.look("case-confirmed")

    _publish(_sign_in(mara, "mara"))
    person.look_again("Look again", "Removed in release")
    person.look("status-removed")
    ada.press("Sign out", within="header")
    assert "Sign in to the desk" in ada.text()
    for window in (person, ada, ben, mara):
        window.close()


def _open_case(window: Window, url: str) -> str:
    """Open the case about an address, the newest ones first; its path."""
    links = window.page.locator("td a[href*='/desk/case/']").all()
    cases = {link.get_attribute("href") or "" for link in links}
    for case in sorted(cases, key=lambda path: int(path.strip("/").rpartition("/")[2]), reverse=True):
        window.go(case)
        if url in window.text():
            return case
    raise AssertionError(f"no case about {url}")


def _publish(mara: Window) -> None:
    """Build, sign elsewhere, publish; the desk's page tells each step."""
    mara.look("releases-at-the-desk")
    mara.press("Build the release")
    mara.look_again("Look again", "0 of 1")
    assert mara.button("Publish release").is_disabled()
    command = mara.page.locator(".command").inner_text()
    mara.look("release-built")
    mara.desk.sign(Path(command.split("--staging ")[1].split(" --key")[0]))
    mara.page.get_by_role("link", name="Look again").click()
    mara.look("release-signed")
    mara.press("Publish release")
    mara.look_again("Look again", "Would add")
    mara.look("release-published")
    mara.go("/desk/cases/")
    mara.look("forbidden", status=403)


def test_the_pages_of_a_request_and_of_sites(trial: Desk, open_window: Open, fresh: Fresh) -> None:
    person, ada = open_window(), open_window()
    row = fresh()
    asking.send(person, "en", Answers(addresses=[row.url], site="images.example/Winter"))
    person.press("See how it stands")
    person.look_again("Look again", "We found rows")
    person.page.locator("#text").fill("There are two pictures at this address.")
    person.submit("form[action$='/status/message/'] button")
    _sign_in(ada, "ada")
    _open_case(ada, row.url)
    ada.look("case-with-a-message")
    ada.page.get_by_role("link", name="Write, ask, or mark as read").click()
    ada.look("request")
    ada.press("Send")
    assert "There is a problem" in ada.text()
    ada.look("problem-request", status=409)
    ada.go("/desk/sites/")
    assert "images.example" in ada.text()
    ada.look("sites")
    for window in (person, ada):
        window.close()
