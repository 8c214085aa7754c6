"""`takedown plan` and `apply` at the edge: exit codes and sentences where an original is at stake."""

from __future__ import annotations

import fcntl
import json
import threading
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from factories import lists, shards

from takedown import cli
from takedown.commands import applying


class Kept(lists.FakeBlocklist):
    """A list with what a kept one knows besides."""

    warnings = ("It is old.",)
    confirmed = date(2026, 11, 20)
    manifest = SimpleNamespace(created=date(2026, 11, 19))


@pytest.fixture(autouse=True)
def listed(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(lists.of_urls(shards.url(0)).digests)
    monkeypatch.setattr(applying, "blocklist", lambda _: kept)


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_result_over_the_sources_is_a_wrong_call(tmp_path: Path, command: str, capsys) -> None:
    for name in ("a", "b"):
        shards.laion(tmp_path / "d" / name / "x.parquet")
    before = sorted(tmp_path.rglob("*"))
    sources = [str(tmp_path / "d" / name) for name in ("a", "b")]
    assert cli.main([command, *sources, "--out", str(tmp_path / "d"), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"] == "out-is-source"
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_folder_behind_a_link_is_named_and_the_exit_code_is_three(
    tmp_path: Path, command: str, capsys
) -> None:
    shards.laion(tmp_path / "real" / "x.parquet")
    shards.laion(tmp_path / "in" / "0.parquet", start=50)
    (tmp_path / "in" / "part").symlink_to(tmp_path / "real")
    assert cli.main([command, str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--json"]) == 3
    out, err = capsys.readouterr()
    assert [failure["error"] for failure in json.loads(out)["errors"]] == ["dataset-not-followed"]
    assert str(tmp_path / "in" / "part") in err


@pytest.mark.parametrize("command", [["plan"], ["apply", "--out", "out"]], ids=" ".join)
def test_a_path_that_is_not_there_gets_one_message(
    tmp_path: Path, command: list[str], monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main([*command, "missing.parquet"]) == 3
    out, err = capsys.readouterr()
    said = err.removeprefix("Warning: It is old.\n").splitlines()
    assert (out, len(said)) == ("", 1)
    assert "missing.parquet" in said[0]


@pytest.mark.parametrize("how", [["--out", "out"], ["--in-place"]], ids=" ".join)
def test_a_ledger_that_cannot_be_written_is_named_once_before_anything_is_done(
    tmp_path: Path, how: list[str], monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = Kept(lists.of_urls(shards.url(0)).digests, disposition="quarantine")
    monkeypatch.setattr(applying, "blocklist", lambda _: kept)
    for name in ("0", "1"):
        shards.laion(tmp_path / "in" / f"{name}.parquet")
    (tmp_path / "file").write_text("not a folder")
    assert cli.main(["apply", "in", *how, "--ledger", "file/ledger"]) == 2
    said = capsys.readouterr().err.removeprefix("Warning: It is old.\n").splitlines()
    assert len(said) == 1
    assert "the ledger file/ledger, which cannot be written (Not a directory)" in said[0]
    assert not (tmp_path / "out").exists()


def test_who_waits_for_another_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shards.laion(tmp_path / "in" / "0.parquet")
    (tmp_path / "out").mkdir()
    said: list[str] = []
    told = threading.Event()
    monkeypatch.setattr(applying, "note", lambda text: (said.append(text), "waiting" in text and told.set()))
    with (tmp_path / "out" / ".takedown.lock").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        arguments = ["apply", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--json"]
        second = threading.Thread(target=cli.main, args=(arguments,))
        second.start()
        assert told.wait(10)
    second.join(10)
    assert any("waiting" in sentence for sentence in said)
    assert (tmp_path / "out" / "0.parquet").is_file()
