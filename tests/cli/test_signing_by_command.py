"""`takedown sign` shows all that a signature covers, and signs nothing else."""

from __future__ import annotations

import io
import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from takedown import cli, publish
from takedown.keys import Key


@pytest.fixture
def publisher(tmp_path: Path) -> Path:
    publish.ceremony(tmp_path / "keys", tmp_path / "releases", publisher="Example Lab")
    return tmp_path


def stage(folder: Path, name: str, count: int = 1, **terms: Any) -> None:
    keys = [Key("url_sha256", f"{n:064x}") for n in range(count)]
    settings: dict[str, Any] = {
        "publisher": "Example Lab",
        "dataset_ids": ["sample"],
        "created": date(2026, 11, 22),
        "audit_head": "",
    }
    draft = publish.EditionDraft("research", keys, disposition=terms.pop("disposition", "quarantine"))
    publish.stage(folder / "releases", folder / name, [draft], **(settings | terms))


def sign(folder: Path, *options: str) -> int:
    place = ["--repository", folder / "releases", "--staging", folder / "staged"]
    return cli.main(["sign", *map(str, place), "--key", str(folder / "keys" / "targets-1.pem"), *options])


class Swap(io.StringIO):
    """Standard input of someone who says yes just after the folder was exchanged."""

    def __init__(self, folder: Path) -> None:
        super().__init__("yes\n")
        self._folder = folder

    def readline(self, *arguments: Any) -> str:
        shutil.rmtree(self._folder / "staged")
        (self._folder / "other").rename(self._folder / "staged")
        return super().readline(*arguments)


def test_what_was_exchanged_while_the_question_stood_is_not_signed(publisher, monkeypatch, capsys):
    stage(publisher, "staged", 1)
    stage(publisher, "other", 9)
    monkeypatch.setattr("sys.stdin", Swap(publisher))
    assert sign(publisher) == 4
    out, err = capsys.readouterr()
    assert "1 added" in out
    assert "Signed." not in out
    assert "nothing was signed" in err
    assert publish.signatures(publisher / "releases", publisher / "staged").valid == 0


def test_the_terms_and_their_changes_are_shown(publisher, monkeypatch, capsys):
    stage(publisher, "staged")
    assert sign(publisher, "--yes") == 0
    publish.publish(publisher / "releases", publisher / "staged", publisher / "keys")
    shutil.rmtree(publisher / "staged")
    capsys.readouterr()
    stage(publisher, "staged", dataset_ids=["sample", "b\x1b[2Kad"], min_client="7.1", disposition="purge")
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    assert sign(publisher) == 2
    out = capsys.readouterr().out
    assert "Release 2 of Example Lab, 2026-11-22." in out
    assert "Datasets: sample, b\N{REPLACEMENT CHARACTER}[2Kad." in out
    assert "Oldest program that reads it: 7.1." in out
    assert "CHANGED min_client from 0.1.0 to 7.1" in out
    assert "CHANGED disposition from quarantine to purge" in out
    assert "Signatures last until" in out
    assert "\x1b" not in out


def test_with_json_the_question_comes_with_what_it_is_about(publisher, monkeypatch, capsys):
    stage(publisher, "staged")
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert sign(publisher, "--json") == 0
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert (answer["signed"], answer["seq"], answer["publisher"]) == (True, 1, "Example Lab")
    assert "research: 1 added" in err
