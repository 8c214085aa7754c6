"""The transparency report as a table of one number a line (RFC 4180, UTF-8)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

#: What every file begins with.
COLUMNS = ("month", "table", "row", "least", "most")

#: A cell that begins with one of these may be taken for a formula by a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(months: list[dict[str, Any]]) -> str:
    """All published numbers, oldest month first. A number that is not shown has two empty cells."""
    written = io.StringIO(newline="")
    rows = csv.writer(written)
    rows.writerow(COLUMNS)
    for month in months:
        for table, row, told in _numbers(month):
            least, most = (told["least"], told["most"]) if isinstance(told, dict) else (told, told)
            rows.writerow([harmless(cell) for cell in (month["month"], table, row, least, most)])
    return written.getvalue()


def harmless(cell: str | int | None) -> str | int | None:
    """A text that no spreadsheet takes for a formula: an apostrophe goes before one that looks so."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _numbers(month: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(table, row, span or number or None): tables in the order of the page, rows by name.

    Databases differ in the order in which they give the names of an object back.
    """
    yield "requests", "total", month["requests"]["total"]
    for ground, told in sorted(month["requests"]["by_ground"].items()):
        yield "requests by ground", ground, told
    if month["items"] is None:
        yield "items by kind", "", None
    for kind, told in sorted((month["items"] or {}).items()):
        yield "items by kind", kind, told
    yield "answers", "total", month["answers"]["total"]
    for outcome, told in sorted(month["answers"]["by_outcome"].items()):
        yield "answers by outcome", outcome, told
    for name in ("decisions", "appeals", "releases"):
        for row, told in sorted(month[name].items()):
            yield name, row, told
    for edition, counts in sorted(month["entries"].items()):
        for row, told in sorted(counts.items()):
            yield f"entries {row}", edition, told
    yield "fetches", "timestamp.json", month["fetches"]
