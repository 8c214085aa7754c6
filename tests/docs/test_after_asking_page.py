"""What docs/after-asking.md says is what the code does."""

from __future__ import annotations

from pathlib import Path

from portal import tasks
from portal.deciding import answers
from portal.finding import neighbours
from portal.letters import messages

PAGE = " ".join((Path(__file__).resolve().parents[2] / "docs" / "after-asking.md").read_text().split())


def test_its_numbers_are_those_of_the_code() -> None:
    assert f"Up to {messages.MAX_CHARACTERS:,} characters, {messages.MOST} under a receipt" in PAGE
    assert f"({messages.MOST_OF_PERSON} from the person" in PAGE
    assert f"multiple of {messages.STEP} bytes" in PAGE
    assert f"({neighbours.MAX_ROWS} at most, none for hosts" in PAGE
    assert f"more than {neighbours.OWN_SITE_ROWS:,} rows" in PAGE


def test_its_names_are_there() -> None:
    for name in ("ANSWERS", "ROUTES", "QUESTIONS"):
        assert f"`{name}`" in PAGE
        assert getattr(answers, name)
    assert tasks.tidy.name == "portal.tidy"
    assert "`portal.tidy`" in PAGE
