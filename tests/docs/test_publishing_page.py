"""Every command on the page about publishing is one that the program takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from takedown.cli import parser

PAGE = Path(__file__).parents[2] / "docs/publishing.md"
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]


@pytest.mark.parametrize("line", COMMANDS)
def test_the_program_takes_it(line: str) -> None:
    name, *arguments = shlex.split(line)
    assert name == "takedown"
    assert callable(parser().parse_args(arguments).run)


def test_every_slug_on_the_page_is_in_the_code() -> None:
    code = "".join(path.read_text() for path in (PAGE.parents[1] / "takedown/publish").glob("*.py"))
    slugs = re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    slugs += re.findall(r"\(`([a-z-]+)`\)", PAGE.read_text("utf-8"))
    assert len(slugs) >= 10
    assert [slug for slug in slugs if slug not in code and slug != "cover-too-small"] == []
