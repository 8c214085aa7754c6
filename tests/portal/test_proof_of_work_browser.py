"""Looking, and the sum of its form, in a real Chromium, as on an onion service: plain http."""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from factories.looks import NOWHERE

from portal.models import DatasetIndex
from portal.sample import Sample
from portal.views import look

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

import accessible  # noqa: E402
import chromium  # noqa: E402 - after the check that playwright is there

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

STATIC = Path(look.__file__).parents[1] / "static" / "portal" / "flood"
HOST = "desk.test"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium that takes names under .test for this machine; on plain http they have no crypto.subtle."""
    path = chromium.find()
    if path is None:
        pytest.skip(f"no browser is installed: none of {', '.join(chromium.NAMES)} is on the path")
    with pytest.MonkeyPatch.context() as patch, sync_api.sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, and Django would refuse to ask the database there.
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        mapped = "--host-resolver-rules=MAP *.test 127.0.0.1"
        started = playwright.chromium.launch(executable_path=path, args=[*chromium.FLAGS, mapped])
        yield started
        started.close()


@pytest.fixture
def desk(browser: Any, live_server: Any, settings: Any) -> str:
    """Address of a desk at which so many look that everyone without the sum has to wait."""
    settings.ALLOWED_HOSTS = [HOST]
    settings.LOOKS_OF_ALL = (0, 3600)
    settings.PROOF_TRIES = 20_000
    return live_server.url.replace("localhost", HOST).replace("127.0.0.1", HOST)


class Visitor:
    """A page of the desk, and what it did."""

    def __init__(self, browser: Any, desk: str, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(20_000)
        self.page = self.context.new_page()
        self.desk = desk
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self.status = 0
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.on("response", self._answered)
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _answered(self, response: Any) -> None:
        if response.request.is_navigation_request():
            self.status = response.status

    def go(self) -> None:
        self.page.goto(f"{self.desk}/en/look/")

    def solved(self) -> dict[str, str]:
        """Go to the page and wait for the sum; what its form holds then."""
        self.go()
        self.wait_for_sum()
        return {name: self.page.locator(f"[name={name}]").input_value() for name in ("flood", "proof")}

    def wait_for_sum(self) -> None:
        sync_api.expect(self.page.locator("[name=proof]")).not_to_have_value("", timeout=20_000)

    def look(self, **fields: str) -> int:
        """Send the form, with some hidden fields changed; the status of the answer."""
        for name, value in fields.items():
            self.page.locator(f"[name={name}]").evaluate("(field, text) => { field.value = text; }", value)
        self.page.locator("#addresses").fill(NOWHERE)
        with self.page.expect_navigation():
            self.page.get_by_role("button", name="Look", exact=True).click()
        return self.status


@pytest.fixture
def alice(browser: Any, desk: str) -> Iterator[Visitor]:
    made = Visitor(browser, desk)
    yield made
    made.context.close()


def test_with_the_sum_one_goes_on_at_once(alice: Visitor) -> None:
    alice.solved()
    assert alice.page.evaluate("isSecureContext") is False
    assert alice.page.evaluate("typeof crypto.subtle") == "undefined"
    assert alice.look() == 200
    assert "We found nothing" in alice.page.locator("main").inner_text()
    assert all(url.startswith(alice.desk) for url in alice.requested)
    # Of plain http, which is what an onion service speaks, Chromium says that this header means nothing.
    assert [said for said in alice.complaints if "Cross-Origin-Opener-Policy" not in said] == []


def test_small_and_large_numbers_are_found(alice: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (0, 255, 65_536):
        monkeypatch.setattr("portal.flood.proof_of_work.secrets.randbelow", lambda _, number=number: number)
        proof = json.loads(base64.b64decode(alice.solved()["proof"]))
        assert proof["solution"]["counter"] == number
        assert alice.look() == 200


def test_a_sum_is_good_once(alice: Visitor) -> None:
    held = alice.solved()
    assert alice.look() == 200
    alice.go()
    assert alice.look(**held) == 429


def test_a_sum_for_another_form_is_none(alice: Visitor) -> None:
    proof = alice.solved()["proof"]
    alice.solved()
    assert alice.look(proof=proof) == 429


def test_a_sum_that_is_too_late_is_none(alice: Visitor, settings: Any) -> None:
    settings.PROOF_SECONDS = -1
    alice.solved()
    assert alice.look() == 429


def test_a_forged_sum_is_none(alice: Visitor) -> None:
    made = json.loads(base64.b64decode(alice.solved()["proof"]))
    made["challenge"]["parameters"]["expiresAt"] += 1
    assert alice.look(proof=base64.b64encode(json.dumps(made).encode()).decode()) == 429


def test_who_was_asked_to_wait_may_press_again_once_the_sum_is_done(alice: Visitor) -> None:
    alice.solved()
    assert alice.look(proof="") == 429
    alice.wait_for_sum()
    assert alice.page.locator("#addresses").input_value() == NOWHERE
    assert alice.look() == 200


def test_without_javascript_one_waits_and_is_told_how_long(browser: Any, desk: str) -> None:
    visitor = Visitor(browser, desk, java_script_enabled=False)
    visitor.go()
    assert visitor.look() == 429
    assert "press the button again in" in visitor.page.locator("main").inner_text()
    assert visitor.page.locator("#addresses").input_value() == NOWHERE
    visitor.context.close()


def test_a_picture_is_looked_for_and_never_sent(
    alice: Visitor, index: DatasetIndex, sample: Sample, settings: Any
) -> None:
    settings.LOOKS_OF_ALL = (60, 3600)
    picture = sample.try_folder / "mirrored.jpg"
    alice.go()
    sent = []
    alice.page.on("request", lambda request: sent.append(request.post_data_buffer or b""))
    alice.page.locator("#device-files").set_input_files(picture)
    made = alice.page.locator(".device-list [name=device]")
    sync_api.expect(made).to_be_enabled(timeout=60_000)
    assert alice.look() == 200
    told = alice.page.locator("main").inner_text()
    assert "Picture 1\n1 row has a picture that looks alike." in told.replace("\n\n", "\n")
    assert sum(map(len, sent)) > 70_000
    assert not any(b"\xff\xd8\xff" in body or b"mirrored.jpg" in body for body in sent)


def test_axe_finds_nothing_on_the_pages_of_looking(alice: Visitor) -> None:
    found = {}
    alice.solved()
    found["form"] = accessible.violations(alice.page)
    alice.look(proof="")
    found["wait"] = accessible.violations(alice.page)
    alice.wait_for_sum()
    alice.look()
    found["answer"] = accessible.violations(alice.page)
    assert found == {"form": [], "wait": [], "answer": []}


def test_the_trap_for_programs_is_out_of_reach(alice: Visitor) -> None:
    alice.go()
    assert not alice.page.locator("[name=topic]").is_visible()
    names = []
    for _ in range(30):
        alice.page.keyboard.press("Tab")
        names.append(alice.page.evaluate("document.activeElement.name || ''"))
    assert "addresses" in names
    assert "topic" not in names


def test_the_scripts_are_small() -> None:
    wire = {file.name: len(gzip.compress(file.read_bytes())) for file in STATIC.glob("*.js")}
    assert wire.keys() == {"start.js", "worker.js"}
    assert wire["worker.js"] < 1024
    assert wire["start.js"] < 300
