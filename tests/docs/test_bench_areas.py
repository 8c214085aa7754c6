"""The benchmark lists its areas and refuses others. Nothing is measured here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def areas() -> dict[str, str]:
    """Area -> the first line of its docstring, read from the source."""
    sys.path.insert(0, str(ROOT))
    try:
        from bench.__main__ import AREAS, about, area_module

        return {name: about(area_module(name)) for name in AREAS}
    finally:
        sys.path.remove(str(ROOT))


def test_every_area_says_what_it_measures(areas: dict[str, str]) -> None:
    assert set(areas) == {"fingerprint", "edits", "index", "releases", "apply", "portal"}
    assert all(line.endswith(".") for line in areas.values())


def test_without_an_area_all_are_listed(areas: dict[str, str]) -> None:
    done = bench()
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1 + len(areas)
    for name, line in areas.items():
        assert f"  {name:<13}{line}" in done.stdout.splitlines()


def test_an_unknown_area_is_refused_with_a_sentence() -> None:
    done = bench("speed")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "choose one of: fingerprint, edits, index, releases, apply, portal" in done.stderr


def test_the_document_names_every_area_and_how_to_run_it(areas: dict[str, str]) -> None:
    text = (ROOT / "docs" / "performance.md").read_text()
    for name in areas:
        assert f"make bench AREA={name}" in text
