"""What README and docs/ say is true: targets, commands, options, files and settings exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from takedown.cli import parser

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def _commands(program: str) -> list[tuple[str, list[str]]]:
    """Every line of a shell block that calls this program: (page, words)."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.S):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                if words[:1] == [program]:
                    found.append((page.name, words[1:]))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(
        r"\bmake ([a-z]+)\b", " ".join(re.findall(r"`[^`]*`|```.*?```", page.read_text(), re.S))
    ):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_every_takedown_command_line_is_understood() -> None:
    lines = _commands("takedown")
    assert len(lines) >= 8
    for page, words in lines:
        assert parser().parse_args(words), (page, words)


def test_every_command_of_the_program_is_in_the_readme() -> None:
    told = set(re.findall(r"`takedown ([a-z]+)`", (ROOT / "README.md").read_text()))
    listed = set(re.findall(r"^    ([a-z]+)(?: |$)", parser().format_help(), re.M))
    assert told == listed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_linked_file_exists(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_every_setting_in_the_docs_is_read_and_the_other_way_round() -> None:
    read = set(re.findall(r'env\.\w+\("([A-Z_]+)"', (ROOT / "portal" / "settings.py").read_text()))
    told = set(
        re.findall(r"`((?:TAKEDOWN|DJANGO|DATABASE)_[A-Z_]+)`", (ROOT / "docs" / "operating.md").read_text())
    )
    assert read == told


def test_every_management_command_in_the_docs_exists() -> None:
    there = {path.stem for path in (ROOT / "portal" / "management" / "commands").glob("*.py")} - {"__init__"}
    for page in PAGES:
        for command in re.findall(r"manage\.py ([a-z_]+)", page.read_text()):
            assert command in there, command


def test_every_direct_dependency_earns_its_place() -> None:
    told = (ROOT / "docs" / "dependencies.md").read_text()
    project = (ROOT / "pyproject.toml").read_text().split("[project.scripts]")[0]
    for name in re.findall(r'^\s*"([a-z0-9-]+)[\[><=~]', project, re.M):
        assert re.search(rf"\b{re.escape(name)}\b", told) or name == "dataset-takedown", name
    assert "pip install takedown" not in told + (ROOT / "README.md").read_text()
