"""The page on flood control names every limit with the value that it has."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "flood-control.md").read_text()


def test_every_limit_stands_in_the_tables_with_its_value() -> None:
    text = (ROOT / "portal" / "settings.py").read_text()
    section = text.partition("# --- flood control")[2].partition("\n\n")[0]
    named = set(re.findall(r"^([A-Z_]+) =", section, re.MULTILINE)) - {"PROXIES"}
    told = dict(re.findall(r"^\| `([A-Z_]+)`[^|]*\| ([0-9]+(?: \| [0-9]+)?) \|", PAGE, re.MULTILINE))
    assert told.keys() == named
    for name, value in told.items():
        given = getattr(settings, name)
        numbers = given if isinstance(given, tuple) else (given,)
        assert value == " | ".join(map(str, numbers)), name


def test_the_scripts_have_the_size_that_it_tells() -> None:
    files = (ROOT / "portal" / "static" / "portal" / "flood").glob("*.js")
    size = sum(len(gzip.compress(file.read_bytes())) for file in files)
    assert f"together {size / 1000:.1f} kB" in PAGE
