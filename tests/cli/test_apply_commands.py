"""`takedown plan`, `apply` and `restore` with signed and synced lists: options, exit codes, reports."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from factories import shards
from factories.copies import numbers, tree

from takedown import cli, publish
from takedown.keys import Key, url_sha256
from takedown.subscribe import fresh

Ask = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run a command with --state and --json: (exit code, answer, standard error)."""

    def run(*arguments: object) -> tuple[int, Any, str]:
        given = [str(argument) for argument in arguments]
        code = cli.main([*given, "--state", str(tmp_path / "state"), "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out), err

    return run


@pytest.fixture
def release(tmp_path: Path, ask: Ask) -> Callable[..., None]:
    """Publish lists of rows of `shards.laion`, by edition, and sync."""
    keys, repository, staging = (tmp_path / name for name in ("keys", "releases", "staged"))
    root = publish.ceremony(keys, repository, publisher="Example Lab")

    def make(disposition: str = "quarantine", **editions: list[int]) -> None:
        drafts = [
            publish.EditionDraft(
                name.replace("_", "-"),
                [Key("url_sha256", url_sha256(shards.url(row)).hex()) for row in rows],
                disposition=disposition,
            )
            for name, rows in editions.items()
        ]
        publish.stage(
            repository,
            staging,
            drafts,
            publisher="Example Lab",
            dataset_ids=["sample", "sample-en"],
            created=date(2026, 11, 22),
            audit_head="",
        )
        publish.sign(repository, staging, keys / "targets-1.pem")
        publish.publish(repository, staging, keys)
        shutil.rmtree(staging)
        code, _, err = ask("sync", repository, "--root", root)
        assert code == 0, err

    return make


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for number in range(2):
        shards.laion(tmp_path / "in" / f"{number}.parquet", start=40 * number)
    return tmp_path / "in"


@pytest.mark.parametrize("command", ["plan", "apply", "restore"])
def test_the_wrong_edition_and_the_wrong_dataset_are_refused(command, copy, tmp_path, ask, release):
    release(research=[3], research_safe=[3, 4])
    place = [] if command == "plan" else ["--out", tmp_path / "out"]
    sources = [] if command == "restore" else [copy]
    before = tree(copy)
    (tmp_path / "out").mkdir()
    for options, slug in (
        ([], "edition-needed"),
        (["--edition", "other"], "edition-unknown"),
        (["--edition", "research", "--dataset", "another"], "dataset-unknown"),
    ):
        code, answer, _ = ask(command, *sources, *place, *options)
        assert (code, answer["error"]) == (2, slug)
        assert len(answer["message"].split(". ")) <= 2
    assert (tree(copy), tree(tmp_path / "out")) == (before, {})
    options = ["--edition", "research-safe", "--dataset", "sample-en"]
    code, answer, _ = ask(command, *sources, *place, *options)
    assert (code, answer["edition"]) == (0, "research-safe")


def test_a_plan_says_first_what_it_reads_and_then_what_apply_would(copy, ask, release, capsys, tmp_path):
    release(research=[3, 45])
    code, answer, err = ask("plan", copy)
    assert (code, answer["quarantined_by_kind"]["url_sha256"]) == (0, 2)
    assert (answer["list_day"], answer["confirmed"]) == ("2026-11-22", datetime.now(UTC).date().isoformat())
    assert err.splitlines()[-1].startswith("Reading ")
    assert cli.main(["plan", str(copy), "--state", str(tmp_path / "state")]) == 0
    text = capsys.readouterr().out
    assert text.startswith("Applying reads ")
    assert "release 1 of 2026-11-22; known to be the newest on " in text
    assert "2 of them would be kept aside (2 by address)" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "keys", "releases", "state"]


def test_rows_are_kept_aside_and_come_back_when_the_publisher_withdraws_them(copy, tmp_path, ask, release):
    release(research=[3, 45])
    before = tree(copy)
    code, answer, _ = ask("apply", copy, "--in-place", "--workers", "2", "--removed", tmp_path / "r.parquet")
    assert (code, answer["rows_out"], answer["quarantined_by_kind"]["url_sha256"]) == (0, 38, 2)
    ledger = tmp_path / "state" / "ledger"
    assert ledger.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "r.parquet").stat().st_mode & 0o777 == 0o600
    code, answer, _ = ask("restore", copy)
    assert (code, answer["rows_restored"], answer["rows_kept"]) == (0, 0, 2)

    release(research=[45])
    code, answer, _ = ask("restore", copy)
    assert (code, answer["files"], answer["rows_restored"], answer["rows_kept"]) == (0, 1, 1, 1)
    assert numbers(copy / "0.parquet") == list(range(20))
    release(research=[])
    assert ask("restore", copy)[1]["rows_restored"] == 1
    assert tree(copy).keys() == before.keys()
    assert numbers(copy / "1.parquet") == list(range(40, 60))


def test_nothing_is_put_back_when_the_list_may_not_be_the_newest(copy, tmp_path, ask, release, monkeypatch):
    release(research=[3, 45])
    ask("apply", copy, "--in-place")
    release(research=[])
    before = tree(copy)
    with monkeypatch.context() as patch:
        patch.setattr(fresh, "expiry", lambda _: datetime(2026, 1, 1, tzinfo=UTC))
        code, answer, _ = ask("restore", copy)
        assert (code, answer["error"]) == (6, "restore-needs-sync")
        # To remove with an old list is right, and said with a warning.
        code, answer, err = ask("plan", copy)
        assert (code, "Warning: The signatures" in err) == (0, True)
    (tmp_path / "state" / "current.json").write_text("{}")
    code, answer, _ = ask("restore", copy)
    assert (code, answer["error"]) == (4, "local-altered")
    (tmp_path / "state" / "current.json").unlink()
    code, answer, _ = ask("restore", copy)
    assert (code, answer["error"]) == (5, "no-list")
    assert tree(copy) == before


def test_a_file_that_changed_since_makes_restore_three(copy, ask, release):
    release(research=[3])
    ask("apply", copy, "--in-place")
    release(research=[])
    shards.laion(copy / "0.parquet", 30)
    code, answer, err = ask("restore", copy)
    assert (code, answer["errors"][0]["error"]) == (3, "ledger-not-fitting")
    assert "0.parquet" in err


def test_another_folder_for_the_ledger(copy, tmp_path, ask, release):
    release(research=[3])
    ask("apply", copy, "--out", tmp_path / "out", "--ledger", tmp_path / "kept")
    release(research=[])
    assert ask("restore", "--out", tmp_path / "out")[1]["rows_restored"] == 0
    restored = ask("restore", "--out", tmp_path / "out", "--ledger", tmp_path / "kept")[1]
    assert restored["rows_restored"] == 1
    assert numbers(tmp_path / "out" / "0.parquet") == list(range(20))


@pytest.mark.parametrize(
    "arguments",
    [
        ["apply", "a.parquet"],
        ["apply", "a.parquet", "--out", "b", "--in-place"],
        ["plan", "a.parquet", "--workers", "0"],
        ["plan", "a.parquet", "--workers", "many"],
        ["restore"],
    ],
)
def test_wrong_calls(arguments, ask, release, tmp_path, monkeypatch):
    release(research=[3])
    monkeypatch.chdir(tmp_path)
    shards.laion(tmp_path / "a.parquet")
    before = sorted(tmp_path.rglob("*"))
    assert ask(*arguments)[0] == 2
    assert sorted(tmp_path.rglob("*")) == before


def test_a_report_of_a_restore_and_of_a_run_in_place_reads_well(copy, tmp_path, ask, release, capsys):
    release(research=[3])
    state = ["--state", str(tmp_path / "state")]
    assert cli.main(["apply", str(copy), "--in-place", *state]) == 0
    text = capsys.readouterr().out
    assert "1 of them kept aside in the ledger (1 by address)" in text
    assert "in place. Files without a listed row are as they were." in text
    assert cli.main(["apply", str(copy), "--in-place", *state]) == 0
    assert "2, of which 2 were done by an earlier run" in capsys.readouterr().out
    assert cli.main(["restore", str(copy), *state]) == 0
    assert "0 put back" in capsys.readouterr().out
