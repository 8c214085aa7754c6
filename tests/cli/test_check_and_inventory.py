"""`takedown check` and `takedown inventory`: a gate that opens only when nothing listed is left."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from factories import shards

from takedown import cli, disk
from takedown.keys import Key
from takedown.publish import EditionDraft, ceremony, publish, sign, stage

LISTED = "https://pictures.example/1/3.jpg?Size=L"


class Holder:
    """Somebody with a copy, a synced list, and the command."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.copy, self.state = folder / "copy", folder / "state"
        shards.img2dataset(self.copy, shards=3)

    def run(self, *arguments: object) -> int:
        code = cli.main([*map(str, arguments), "--state", str(self.state)])
        self.out, self.err = self._capsys.readouterr()
        return code

    def check(self, *options: object, copy: Path | None = None) -> int:
        return self.run("check", copy or self.copy, *options)

    def inventory(self) -> Path:
        target = self.folder / "inventory"
        assert cli.main(["inventory", str(self.copy), "--out", str(target)]) == 0
        self._capsys.readouterr()
        return target


@pytest.fixture
def holder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Holder:
    """A list of one address that the copy has, synced today."""
    found = Holder(tmp_path, capsys)
    repository, staging, keys = tmp_path / "repository", tmp_path / "staged", tmp_path / "keys"
    root = ceremony(keys, repository, publisher="Example")
    listed = Key("url_sha256", hashlib.sha256(LISTED.encode()).hexdigest())
    draft = EditionDraft("research", [listed], disposition="purge")
    day = datetime.now(UTC).date()
    about: dict[str, Any] = {
        "publisher": "Example",
        "dataset_ids": ["example"],
        "created": day,
        "audit_head": "",
    }
    stage(repository, staging, [draft], **about)
    sign(repository, staging, keys / "targets-1.pem")
    publish(repository, staging, keys)
    assert found.run("sync", repository, "--root", root) == 0
    return found


def test_listed_rows_that_remain_have_a_code_of_their_own(holder: Holder) -> None:
    assert holder.check() == 7
    assert "1 listed row remains in" in holder.err
    assert "Clean" not in holder.out


def test_after_apply_nothing_is_left(holder: Holder) -> None:
    assert holder.run("apply", holder.copy, "--out", holder.folder / "clean") == 0
    assert holder.check(copy=holder.folder / "clean") == 0
    assert "Clean     nothing on the list is left." in holder.out


def test_a_file_that_cannot_be_read_means_that_nobody_knows(holder: Holder) -> None:
    (holder.copy / "00001.tar").unlink()
    (holder.copy / "00001.parquet").write_bytes(b"PAR1 and then nothing")
    assert holder.check() == 3
    assert "Clean" not in holder.out
    assert "00001.parquet" in holder.err


def test_a_tar_with_a_sample_that_its_sidecar_does_not_list_is_not_clean(holder: Holder) -> None:
    """plan reads sidecars only; check compares."""
    shutil.copyfile(holder.copy / "00002.tar", holder.copy / "00000.tar")
    assert holder.check() == 7
    assert "00000.tar" in holder.err
    assert json.loads(_json(holder))["clean"] is False
    assert json.loads(_json(holder))["confirmed"] == datetime.now(UTC).date().isoformat()


@pytest.mark.parametrize(("days", "code"), [(0, 0), (35, 0), (36, 6)])
def test_a_list_that_is_too_old_is_refused(holder: Holder, days: int, code: int, monkeypatch: Any) -> None:
    confirmed = datetime.now(UTC).date() - timedelta(days=days)
    monkeypatch.setattr("takedown.subscribe.LocalBlocklist.confirmed", property(lambda _: confirmed))
    holder.run("apply", holder.copy, "--out", holder.folder / "clean")
    assert holder.check("--max-age", "35d", copy=holder.folder / "clean") == code
    assert ("run 'takedown sync' first" in holder.err) == (code == 6)


@pytest.mark.parametrize(("days", "code"), [(1, 7), (2, 6)])
def test_a_day_that_is_still_to_come_proves_nothing(
    holder: Holder, monkeypatch: pytest.MonkeyPatch, days: int, code: int
) -> None:
    """A list synced while the clock was wrong would otherwise stay young for as long."""
    confirmed = datetime.now(UTC).date() + timedelta(days=days)
    monkeypatch.setattr("takedown.subscribe.LocalBlocklist.confirmed", property(lambda _: confirmed))
    assert holder.check("--max-age", "35d") == code
    assert ("clock" in holder.err) == (code == 6)


@pytest.mark.parametrize("age", ["35", "d", "-3d", "1y", "0d", "99999d"])
def test_an_age_that_is_none_is_a_wrong_call(holder: Holder, age: str) -> None:
    assert holder.check(f"--max-age={age}") == 2
    assert "35d or 5w" in holder.err


def test_the_statement_holds_what_an_auditor_asks_and_names_no_row(holder: Holder) -> None:
    path = holder.folder / "check.json"
    assert holder.check("--statement", path) == 7
    found = json.loads(path.read_bytes())
    assert found["_type"] == "https://in-toto.io/Statement/v1"
    predicate = found["predicate"]
    assert predicate["clean"] is False
    assert predicate["list"]["seq"] == 1
    assert len(predicate["list"]["root_keyids"]) == 3
    assert date.fromisoformat(predicate["list"]["newest_on"])
    assert predicate["result"]["rows_read"] == 18
    assert predicate["result"]["listed_remaining"] == 1
    assert found["subject"][0]["digest"]["sha256"] == predicate["copy"]["inventory_sha256"]
    text = path.read_text()
    assert "pictures.example" not in text
    assert str(holder.folder) not in text


def test_the_report_of_the_last_apply_is_shown_again(holder: Holder) -> None:
    assert holder.run("report", "--json") == 5
    assert json.loads(holder.out)["error"] == "no-report"
    holder.run("apply", holder.copy, "--out", holder.folder / "clean", "--json")
    told = json.loads(holder.out)
    assert holder.run("report", "--json") == 0
    shown = json.loads(holder.out)
    assert shown == {"day": datetime.now(UTC).date().isoformat()} | told
    assert holder.run("report") == 0
    assert "1 removed (1 by address)" in holder.out
    assert (holder.state / "report.json").stat().st_mode & 0o777 == 0o600
    (holder.state / "report.json").write_text("{}")
    assert holder.run("report") == 4


def test_the_statement_tells_what_the_last_apply_of_this_list_removed(holder: Holder) -> None:
    def told() -> int | None:
        holder.check("--statement", holder.folder / "check.json", copy=holder.folder / "clean")
        found = json.loads((holder.folder / "check.json").read_bytes())
        return found["predicate"]["result"]["removed_by_last_apply"]  # type: ignore[no-any-return]

    holder.run("apply", holder.copy, "--out", holder.folder / "clean")
    assert told() == 1
    report = holder.state / "report.json"
    report.write_text(report.read_text().replace('"state_sha256": "', '"state_sha256": "0'))
    assert told() is None


def test_the_digest_of_a_copy_changes_with_a_rewrite_and_not_with_its_place(holder: Holder) -> None:
    def digest(copy: Path) -> str:
        holder.check("--json", copy=copy)
        return str(json.loads(holder.out)["copy"]["sha256"])

    before = digest(holder.copy)
    shutil.copytree(holder.copy, holder.folder / "elsewhere")
    assert digest(holder.folder / "elsewhere") == before
    holder.run("apply", holder.copy, "--out", holder.folder / "clean")
    assert digest(holder.folder / "clean") != before


def test_with_an_inventory_only_what_is_named_is_opened(holder: Holder, monkeypatch: Any) -> None:
    inventory = holder.inventory()
    opened: list[str] = []
    scan = "takedown.apply.scan.Scanner.scan"
    from takedown.apply.scan import Scanner

    real = Scanner.scan
    monkeypatch.setattr(
        scan, lambda self, shard, tell: (opened.append(shard.name), real(self, shard, tell))[1]
    )
    assert holder.check("--inventory", inventory) == 7
    assert opened == ["00001.tar"]


def test_plan_and_apply_say_the_same_with_an_inventory(holder: Holder) -> None:
    inventory = holder.inventory()
    counts = ("files", "rows_in", "rows_out", "removed_by_kind", "null_urls", "uncheckable", "errors")

    def ran(*arguments: object) -> dict[str, Any]:
        assert holder.run(*arguments, "--json") == 0
        found = json.loads(holder.out)
        return {name: found[name] for name in counts}

    assert ran("plan", holder.copy) == ran("plan", holder.copy, "--inventory", inventory)
    without, with_it = holder.folder / "without", holder.folder / "with"
    assert ran("apply", holder.copy, "--out", without) == ran(
        "apply", holder.copy, "--out", with_it, "--inventory", inventory
    )
    names = sorted(file.name for file in without.iterdir() if not file.name.startswith("."))
    assert [disk.sha256_file(without / name) for name in names] == [
        disk.sha256_file(with_it / name) for name in names
    ]


def test_inventory_says_how_much_it_read(holder: Holder, capsys: pytest.CaptureFixture[str]) -> None:
    target = str(holder.folder / "inventory")
    assert cli.main(["inventory", str(holder.copy), "--out", target, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["read"] == 3
    assert cli.main(["inventory", str(holder.copy), "--out", target]) == 0
    assert "18 rows in 3 shards" in capsys.readouterr().out


def test_rows_that_cannot_be_compared_are_explained_as_plan_does(holder: Holder) -> None:
    copy = holder.folder / "plain"
    shards.laion(copy / "0.parquet", nulls=(1,))
    assert holder.check(copy=copy) == 0
    said = "          1 could not be compared in full: no address\n"
    assert said in holder.out
    assert "rows in 1 shard, " in holder.out
    assert holder.run("plan", copy) == 0
    assert said in holder.out


def _json(holder: Holder) -> str:
    holder.check("--json")
    return holder.out
