"""What comes after the receipt: messages both ways, a second look, a person instead of the machine, proof."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import people
import pytest
from desk import Desk

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

import asking
from asking import Answers
from chromium import Window

pytestmark = [pytest.mark.slow, pytest.mark.browser]

Open = Callable[..., Window]
Fresh = Callable[[], Any]

#: The button of the receipt, and the one at the end of the status.
STATUS = "form[action$='/status/']:not(:has(li)) button.button"


def _asked(window: Window, language: str, url: str, said: str = "We found rows") -> str:
    """Ask for an address, wait until the machine is through, and open the status; the words."""
    words = " ".join(asking.send(window, language, Answers([url])))
    people.wait_for_status(window.desk, words, said)
    window.submit(STATUS)
    return words


def _keep(window: Window, name: str) -> None:
    """Look at the page in English, for its picture, and go back to the language of the journey."""
    language = window.page.locator("html").get_attribute("lang")
    window.switch("en")
    window.look(name)
    window.switch(str(language))


def _badge(window: Window) -> str:
    """How the first item stands, in the language of the page."""
    return window.page.locator("#item-1 .badge").inner_text()


def _write(window: Window, text: str) -> None:
    window.page.locator("#text").fill(text)
    window.submit("form[action$='/status/message/'] button")
    assert text in window.text()


def test_messages_go_both_ways(trial: Desk, open_window: Open, fresh: Fresh) -> None:
    window, row = open_window(1280, 320), fresh()
    _asked(window, "de", row.url)
    _write(window, "It shows my daughter, on the left.")
    window.look()

    ada = people.sign_in(trial, "ada")
    case = people.case_about(ada, row.url)
    assert "It shows my daughter, on the left." in ada.get(f"/desk/case/{case}/").text
    people.write(ada, case, "There are two. Which one?", question="which-picture")

    window.switch("en")
    assert window.page.locator(".note a[href='#messages']").count() == 1
    window.look("status-question")
    window.switch("de")
    asked = _badge(window)
    assert "There are two. Which one?" in window.page.locator(".thread .ours").inner_text()
    window.look()
    _write(window, "The one with the boat.")
    assert _badge(window) != asked
    window.submit(STATUS)
    assert window.page.locator(".note a[href='#messages']").count() == 0  # it was read
    assert "The one with the boat." in ada.get(f"/desk/case/{case}/").text
    window.close()


def test_a_refusal_is_looked_at_again_by_someone_new(trial: Desk, open_window: Open, fresh: Fresh) -> None:
    window, row = open_window(scripts=True), fresh()
    _asked(window, "fr", row.url)
    ada, ben = people.sign_in(trial, "ada"), people.sign_in(trial, "ben")
    people.refuse(ada, people.case_about(ada, row.url), "not-same-picture")

    window.submit(STATUS)
    refused = _badge(window)
    window.look()
    _keep(window, "status-refused")
    window.submit("#item-1 button[formaction$='/status/appeal/']")
    window.look()
    _keep(window, "appeal")
    window.page.evaluate("document.querySelector('#text').removeAttribute('maxlength')")
    window.page.locator("#text").fill("x" * 2001)
    window.submit("button[name=sure]")
    assert window.active()["class"] == "problems"
    window.look(status=422)
    window.page.locator("#text").fill("Please compare the roof.")
    window.submit("button[name=sure]")
    assert _badge(window) != refused
    assert "Please compare the roof." in window.text()
    window.look()

    case = people.case_about(ben, row.url)
    barred = ada.get(f"/desk/case/{case}/").text
    assert "Someone new has to decide this one." in barred
    assert "Do not remove" not in barred
    people.refuse(ben, case, "public-interest")
    window.submit(STATUS)
    assert _badge(window) == refused
    assert window.page.locator("button[formaction$='/status/appeal/']").count() == 0  # once
    window.look()
    window.close()


def test_what_the_machine_does_not_find_is_kept_or_seen_by_a_person(trial: Desk, open_window: Open) -> None:
    window = open_window(1280, 320)
    url = "https://nowhere.example/by-the-sea.jpg"
    _asked(window, "es", url, said="We found no row like it")
    keep, stop = "button[formaction$='/status/keep/']", "button[formaction$='/status/stop/']"
    not_found = _badge(window)
    window.look()
    _keep(window, "status-not-found")
    window.submit(keep)
    assert window.page.locator("[role=status]").first.inner_text()
    window.look()
    window.submit(stop)
    assert window.page.locator(keep).count() == 1
    window.submit("button[formaction$='/status/person/']")
    waits = _badge(window)
    assert waits != not_found

    ada = people.sign_in(trial, "ada")
    case = people.case_about(ada, url)
    assert "The machine found nothing." in ada.get(f"/desk/case/{case}/").text
    people.refuse(ada, case, "nothing-there")
    window.submit(STATUS)
    assert _badge(window) not in (waits, not_found)
    window.look()
    window.close()


def test_what_was_removed_can_be_proven(trial: Desk, open_window: Open, fresh: Fresh) -> None:
    window, row = open_window(scripts=True), fresh()
    words = _asked(window, "de", row.url)
    ada, ben = people.sign_in(trial, "ada"), people.sign_in(trial, "ben")
    people.remove(ada, ben, people.case_about(ada, row.url), "file")
    waits = _badge(window)
    window.submit(STATUS)
    assert _badge(window) != waits
    _keep(window, "status-decided")
    people.release(trial)
    people.wait_for_status(trial, words, "Removed in release")
    window.submit(STATUS)
    window.page.locator("details summary").click()
    window.look()

    with window.page.expect_navigation(wait_until="load"):
        window.page.locator("#proof ~ p a[href$='/blocklist/prove.html']").click()
    window.page.get_by_text("You can go offline now").wait_for()
    asked = len(window.requested)
    window.page.get_by_label("The eight words of your receipt").fill(words)
    window.page.get_by_role("button", name="Check").click()
    window.page.locator("#verdict:focus").wait_for()
    told = window.page.locator("#lines li").all_inner_texts()
    assert told, window.text()
    assert len(window.requested) == asked  # the words stay on the device
    window.close()


def test_looking_keeps_nothing(trial: Desk, open_window: Open, fresh: Fresh) -> None:
    window, row = open_window(320, scripts=True), fresh()
    token = "canarylook7c1d"
    window.go("/es/look/")
    window.page.locator("#addresses").fill(f"{row.url}\nhttps://{token}.example/1.jpg")
    window.page.locator("#fingerprints").fill(row.sha256)
    before = _kept(trial, token)
    window.submit("form[action$='/look/'] button.button")
    assert window.page.locator("ul.items > li").count() == 3
    assert window.page.locator("ul.items .found").count() == 2  # the address and the file; not the token
    assert before == _kept(trial, token) == set()
    assert "nowhere.example" not in window.page.url

    # What was typed goes on into a request, if the person wants; then it is in the database.
    window.submit("form[action$='/ask/'] button.button")
    window.page.locator("input[name=ground][value=private]").check()
    for _ in ("why", "have", "where", "fingerprints", "note"):
        window.submit(asking.CONTINUE)
    window.submit(asking.SEND)
    assert len(asking.words(window)) == 8
    assert {name.partition(".")[0] for name in _kept(trial, token)} == {"portal"}
    window.close()


def _kept(desk: Desk, token: str) -> set[str]:
    """Files of the desk that hold a text."""
    files = [file for file in desk.folder.rglob("*") if file.is_file() and not file.is_symlink()]
    return {file.name for file in files if token.encode() in file.read_bytes()}
