"""The example in docs/transparency.md is what the desk publishes, and follows its own method."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from portal.models import Item
from portal.transparency import report, tallies
from portal.transparency.suppression import Span, kinds, span, total
from portal.transparency.tallies import Month

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "transparency.md").read_text()
EXAMPLE = json.loads(re.search(r"```json\n(.*?)```", PAGE, re.S).group(1))
MONTH = EXAMPLE["months"][0]


def _shape(value: Any) -> Any:
    """Names and nothing of the numbers."""
    if not isinstance(value, dict) or set(value) == {"least", "most"}:
        return None
    return {name: _shape(one) for name, one in value.items()}


@pytest.mark.django_db
def test_the_example_has_the_fields_that_are_published() -> None:
    made = report._numbers(Month.of(report.today()), 0, {"research": {"standing": 3}})
    made["requests"]["by_ground"] = MONTH["requests"]["by_ground"]
    assert _shape(MONTH) == _shape(made)
    assert EXAMPLE["schema"] == MONTH["schema"] == report.SCHEMA
    assert set(MONTH["items"]) == set(Item.Kind.values)
    assert tuple(MONTH["answers"]["by_outcome"]) == tallies.OUTCOMES


def test_the_sums_of_the_example_are_right() -> None:
    requests, answers = MONTH["requests"], MONTH["answers"]
    assert requests["total"] == total(requests["by_ground"].values()) == Span(least=51, most=54)
    assert answers["total"] == total(answers["by_outcome"].values())
    decided = total(answers["by_outcome"][name] for name in tallies.DECIDED)
    assert MONTH["decisions"]["decided"] == decided
    assert (
        kinds(requests["total"], {"url": 80, "picture": 12, "fingerprint": 0, "site": 1}, 300)
        == MONTH["items"]
    )
    assert span(3) == MONTH["decisions"]["late"]


def test_the_page_names_every_outcome() -> None:
    assert [name for name in tallies.OUTCOMES if f"`{name}`" not in PAGE] == []
