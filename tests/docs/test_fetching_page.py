"""docs/fetching.md names every code a fetch or a look can end with, and the limits as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portal.finding import control
from takedown.fetch import Limits

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "fetching.md").read_text()
SOURCES = [*(ROOT / "takedown" / "fetch").glob("*.py"), ROOT / "portal" / "finding" / "control.py"]
CODES = sorted(
    {code for path in SOURCES for code in re.findall(r'"((?:fetch|file|record)-[a-z-]+)"', path.read_text())}
)


@pytest.mark.parametrize("code", [code for code in CODES if code not in ("fetch-resolve", "record-missing")])
def test_every_code_is_explained(code: str) -> None:
    assert f"`{code}`" in PAGE


def test_no_code_is_explained_that_there_is_not() -> None:
    assert set(re.findall(r"`((?:fetch|file|record)-[a-z-]+)`", PAGE)) <= set(CODES)


def test_every_reason_has_a_code() -> None:
    assert set(control.REASONS) <= set(CODES)


def test_the_limits_are_as_the_page_says() -> None:
    usual, proof = Limits(), control.LIMITS
    assert f"| {usual.seconds:g} | {proof.seconds:g} |" in PAGE
    assert f"| {usual.data_bytes // 10**6} MB | {proof.data_bytes // 1024} kB |" in PAGE
    assert f"| {usual.head_bytes // 1024} kB | {proof.head_bytes // 1024} kB |" in PAGE
    assert f"vetted as the first address was | {usual.redirects} | {proof.redirects} |" in PAGE
    assert f"tried | {usual.addresses} | {proof.addresses} |" in PAGE
    assert f"{2 * proof.seconds + control.DNS_SECONDS:g} seconds at most" in PAGE
    assert control.FILE in PAGE
    assert control.RECORD in PAGE
