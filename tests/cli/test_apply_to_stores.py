"""`takedown plan`, `apply` and `restore` with the address of a store."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import lists

from takedown import cli
from takedown.keys import Key
from takedown.publish import EditionDraft, publish, sign, stage
from takedown.subscribe import sync

LISTED = "https://x.example/1/2"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "bucket"
    folder.mkdir()
    for shard in range(3):
        urls = [f"https://x.example/{shard}/{row}" for row in range(5)]
        pq.write_table(pa.table({"URL": urls}), folder / f"{shard}.parquet")
    return folder


@pytest.fixture(autouse=True)
def state(tmp_path: Path) -> Path:
    """Of a holder with a synced list that names one row."""
    return lists.sync_urls(tmp_path, LISTED, disposition="quarantine")


def _run(tmp_path: Path, *arguments: object) -> int:
    return cli.main([*map(str, arguments), "--state", str(tmp_path / "state")])


def _rows(folder: Path) -> dict[str, int]:
    return {file.name: pq.read_metadata(file).num_rows for file in sorted(folder.glob("*.parquet"))}


def test_to_another_address_goes_only_what_changed(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "clean"
    assert _run(tmp_path, "plan", f"file://{store}", "--json") == 0
    assert json.loads(capsys.readouterr().out)["removed_by_kind"]["url_sha256"] == 1
    assert _run(tmp_path, "apply", f"file://{store}", "--out", f"file://{out}") == 0
    assert _rows(out) == {"1.parquet": 4}
    assert _rows(store) == {"0.parquet": 5, "1.parquet": 5, "2.parquet": 5}


def test_in_place_and_back(store: Path, tmp_path: Path, desk: Any) -> None:
    assert _run(tmp_path, "apply", f"file://{store}", "--in-place") == 0
    assert _rows(store) == {"0.parquet": 5, "1.parquet": 4, "2.parquet": 5}
    assert _run(tmp_path, "restore", f"file://{store}") == 0
    assert _rows(store)["1.parquet"] == 4  # still listed
    desk.withdraw()
    assert _run(tmp_path, "restore", f"file://{store}") == 0
    assert _rows(store) == {"0.parquet": 5, "1.parquet": 5, "2.parquet": 5}


class _Desk:
    """The publisher behind the synced list."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def withdraw(self) -> None:
        """Publish a list of another row only, and sync it."""
        repository, private, staging = (self._folder / name for name in (".repository", ".private", ".next"))
        other = Key("url_sha256", hashlib.sha256(b"https://elsewhere.example/").hexdigest())
        draft = EditionDraft("research", [other], disposition="quarantine")
        day = datetime.now(UTC).date()
        stage(
            repository,
            staging,
            [draft],
            publisher="Example",
            dataset_ids=["example"],
            created=day,
            audit_head="",
        )
        sign(repository, staging, private / "targets-1.pem")
        publish(repository, staging, private)
        root = (repository / "metadata" / "1.root.json").read_bytes()
        sync(str(repository), root, self._folder / "state")


@pytest.fixture
def desk(tmp_path: Path) -> _Desk:
    return _Desk(tmp_path)


@pytest.mark.parametrize(
    ("options", "slug"),
    [
        (["apply", "s3://bucket/x", "--in-place"], "missing-extra"),
        (["apply", "nonsense://bucket/x", "--in-place"], "store-unknown"),
        (["apply", "file:///x", "y.parquet", "--in-place"], "sources-mixed"),
        (["apply", "file:///x", "--out", "y"], "sources-mixed"),
        (["apply", "y.parquet", "--out", "file:///x"], "sources-mixed"),
        (["apply", "file:///x", "--in-place", "--removed", "r.parquet"], "not-for-stores"),
        (["plan", "file:///x", "--inventory", "i"], "not-for-stores"),
        (["restore", "file:///x", "--out", "file:///y"], "not-for-stores"),
    ],
)
def test_wrong_calls(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], slug: str
) -> None:
    assert _run(tmp_path, *options, "--json") == 2
    assert json.loads(capsys.readouterr().out)["error"] == slug
