"""The page of a release repository in a real Chromium: narrow and wide, light and dark, every fold open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import chromium
import page_rules
import pytest
from playwright.sync_api import Browser, sync_playwright

from takedown import publish
from takedown.keys import Key

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium.find()
    if path is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        window = chromium.launch(playwright, path)
        yield window
        window.close()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases of two editions, one with a long name."""
    folder = tmp_path_factory.mktemp("publisher")
    publish.ceremony(folder / "keys", folder / "releases", publisher="An example laboratory for pictures")
    for count in (120, 150):
        keys = [Key("url_sha256", f"{n:064x}") for n in range(count)]
        drafts = [
            publish.EditionDraft(name, keys) for name in ("research", "research-with-a-rather-long-name")
        ]
        staging = folder / f"staged-{count}"
        publish.stage(
            folder / "releases",
            staging,
            drafts,
            publisher="An example laboratory for pictures",
            dataset_ids=["example/a-dataset-with-a-long-identifier-that-has-to-be-broken"],
            created=date(2026, 11, 22),
            audit_head="",
        )
        publish.sign(folder / "releases", staging, folder / "keys/targets-1.pem")
        publish.publish(folder / "releases", staging, folder / "keys")
    return folder / "releases"


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_keeps_the_rules_of_all_pages(
    browser: Browser, repository: Path, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 720}, color_scheme=scheme)  # type: ignore[arg-type]
    asked: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto((repository / "index.html").as_uri())
    assert page_rules.faults(page) == []
    assert page_rules.walk(page) == []
    page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    assert page_rules.faults(page) == []
    assert asked == [(repository / "index.html").as_uri()]
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(253, 253, 251)"
    assert dark == (scheme == "dark")
    context.close()
