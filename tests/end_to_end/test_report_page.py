"""The transparency report of two years in a real browser: reads at 320 pixels, is light, breaks no rule."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from factories.history import publish_two_years

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

import accessible  # noqa: E402 - after the check that playwright is there
import chromium  # noqa: E402
from chromium import HEIGHT, WIDTHS, Window  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.browser]

MOST_BYTES = 50_000


@pytest.fixture
def address(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """A desk that has published 24 months."""
    publish_two_years(monkeypatch)
    return str(live_server.url)


@pytest.fixture
def browser() -> Iterator[Any]:
    if chromium.find() is None:
        pytest.skip(f"no browser is installed: none of {', '.join(chromium.NAMES)} is on the path")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # playwright has a loop running in this thread
    with ExitStack() as stack:
        playwright = stack.enter_context(sync_api.sync_playwright())
        yield stack.enter_context(chromium.launch(playwright, str(chromium.find())))
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


def test_the_report_reads_on_every_screen(address: str, browser: Any, tmp_path: Path) -> None:
    window = Window(browser, SimpleNamespace(address=address, folder=tmp_path))  # type: ignore[arg-type]
    window.go("/en/report/")
    window.look("report")
    assert window.page.locator("svg.chart").count() == 5
    window.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    window.look("report-tables")
    assert "fewer than 5" in window.text()
    _labels_do_not_touch(window)


def _labels_do_not_touch(window: Window) -> None:
    """No two texts of a plot lie on each other, and none leaves the screen."""
    for width in WIDTHS:
        window.page.set_viewport_size({"width": width, "height": HEIGHT})
        boxes = window.page.evaluate(
            """() => [...document.querySelectorAll('svg.chart')].map(chart =>
                 [...chart.querySelectorAll('text')].map(text => text.getBoundingClientRect()
                 ).map(box => [box.left, box.top, box.right, box.bottom]))"""
        )
        for chart in boxes:
            assert all(box[0] >= 0 and box[2] <= width for box in chart)
            touching = [
                (one, other)
                for at, one in enumerate(chart)
                for other in chart[:at]
                if one[0] < other[2] and other[0] < one[2] and one[1] < other[3] - 2 and other[1] < one[3] - 2
            ]
            assert not touching, f"{width} px wide"


def test_the_report_breaks_no_rule_and_is_light(address: str, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 320, "height": HEIGHT})
    sizes: list[int] = []
    page.on("response", lambda response: sizes.append(_sent(response)))
    page.goto(f"{address}/en/report/", wait_until="networkidle")
    assert sum(sizes) <= MOST_BYTES
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        assert accessible.violations(page) == []


def _sent(response: Any) -> int:
    """Bytes as a desk sends them: pages as they are, static files compressed."""
    body = response.body()
    return len(gzip.compress(body)) if "/static/" in response.url else len(body)
