"""The sentence on what a search can find: true and well-formed for every coverage."""

from __future__ import annotations

import re

import pytest
from django.template.loader import render_to_string


def said(rows: int, url: int, pdq: int) -> str:
    html = render_to_string("public/coverage.html", {"coverage": {"rows": rows, "url": url, "pdq": pdq}})
    return re.sub("[ \n]+", " ", re.sub("<[^>]+>", "", html)).strip()


@pytest.mark.parametrize(
    ("rows", "url", "pdq", "sentence"),
    [
        (100, 100, 12, "We can compare pictures for 12 of 100 rows; for the rest we hold only addresses."),
        (
            1001,
            1001,
            12,
            "We can compare pictures for 12 of 1\u202f001 rows; for the rest we hold only addresses.",
        ),
        (100, 100, 0, "We can compare addresses, but no pictures: we hold only the addresses of 100 rows."),
        (1, 1, 0, "We can compare addresses, but no pictures: we hold only the address of 1 row."),
        (100, 100, 100, "We can compare addresses and pictures for all 100 rows."),
        (1, 1, 1, "We can compare addresses and pictures for 1 row."),
        (100, 90, 80, "We can compare addresses for 90 of 100 rows, and pictures for 80 of 100."),
        (1, 0, 1, "We can compare addresses for 0 of 1 row, and pictures for 1 of 1."),
    ],
)
def test_it_says_what_can_be_compared(rows: int, url: int, pdq: int, sentence: str) -> None:
    assert said(rows, url, pdq) == f"{sentence} Not found does not mean not there."
