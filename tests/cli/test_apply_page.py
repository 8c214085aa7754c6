"""What docs/applying.md says about options, fields and exit codes is so."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from takedown import cli
from takedown.apply import Outcome
from takedown.errors import ListedRemain, NothingToSync, Stale, UsageError, VerificationFailed

PAGE = (Path(__file__).parents[2] / "docs" / "applying.md").read_text()


def test_every_command_on_the_page_is_one():
    blocks = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    commands = [line.split("#")[0] for block in blocks for line in block.splitlines()]
    assert len(commands) == 6
    for command in commands:
        words = shlex.split(command)
        assert words[0] == "takedown"
        assert cli.parser().parse_args(words[1:]).run


def test_every_option_on_the_page_is_one(capsys: pytest.CaptureFixture[str]):
    for command in ("plan", "apply", "restore", "sync"):
        cli.main([command, "--help"])
    text = capsys.readouterr().out
    options = set(re.findall(r"--[a-z][a-z-]+", PAGE))
    assert options <= set(re.findall(r"--[a-z-]+", text))
    ours = re.findall(r"--(?:out|in-place|workers|ledger|removed|dataset|edition|json)\b", text)
    assert set(ours) <= options


def test_the_fields_are_those_of_the_report():
    table = PAGE.split("## The report")[1].split("| Exit code")[0]
    named = [
        name
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    ]
    assert set(named) == {field.name for field in fields(Outcome)}


def test_the_exit_codes_are_those_of_the_program():
    table = PAGE.split("| Exit code")[1]
    codes = [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)]
    known = [error.exit_code for error in (UsageError, VerificationFailed, NothingToSync, Stale)]
    assert codes == [0, 1, 2, 3, *known[1:], 130]
    assert ListedRemain.exit_code not in codes
