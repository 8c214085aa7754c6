"""Before a folder, or a release, is in place, the names of everything in it are on disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from factories import shards

from takedown import disk
from takedown.index import build_index
from takedown.subscribe import sync


class Watch:
    """Remembers which folders were synced, and at each rename which of those that matter were not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.synced: list[int] = []
        self.unsynced: dict[str, list[str]] = {}
        fsync = os.fsync

        def watched_sync(descriptor: int) -> None:
            self.synced.append(os.fstat(descriptor).st_ino)
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", watched_sync)
        for name in ("replace", "rename"):
            monkeypatch.setattr(os, name, self._watched(getattr(os, name)))

    def _watched(self, rename: Any) -> Any:
        def watched(part: Any, path: Any) -> None:
            part = Path(part)
            if part.is_dir():
                self.look(Path(path).name, part)
            elif Path(path).match("repository/metadata/timestamp.json"):
                self.look("release", part.parents[1])
            rename(part, path)

        return watched

    def look(self, name: str, tree: Path) -> None:
        folders = [Path(folder) for folder, _, _ in os.walk(tree)]
        self.unsynced[name] = [one.name for one in folders if one.stat().st_ino not in self.synced]


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


def test_staging_publishing_and_syncing(desk: Any, tmp_path: Path, watch: Watch) -> None:
    staging, _ = desk.stage(["a"])
    desk.sign(staging)
    watch.synced.clear()
    desk.publish(staging)
    sync(desk.url, desk.root, tmp_path / "state")
    [kept] = (tmp_path / "state" / "lists").iterdir()
    assert watch.unsynced == {staging.name: [], "release": [], kept.name: []}


def test_a_publish_that_goes_on_after_a_kill_syncs_what_was_copied_before(desk: Any, watch: Watch) -> None:
    staging, _ = desk.stage(["a"])
    desk.sign(staging)
    for path in staging.glob("[el]*/**/*"):
        if path.is_file():
            place = desk.repository / path.relative_to(staging)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    watch.synced.clear()
    desk.publish(staging)
    assert watch.unsynced["release"] == []


def test_an_index(tmp_path: Path, watch: Watch) -> None:
    shards.laion(tmp_path / "a.parquet")
    build_index(tmp_path / "index", [tmp_path / "a.parquet"])
    assert {"index", "0001"} <= watch.unsynced.keys()  # the whole, a part of it, and what was read
    assert not any(watch.unsynced.values())


def test_a_folder_is_synced_after_what_it_holds(tmp_path: Path, watch: Watch) -> None:
    (tmp_path / "part" / "a" / "b").mkdir(parents=True)
    (tmp_path / "part" / "c").mkdir()
    numbers = {path: path.stat().st_ino for path in [tmp_path / "part", *tmp_path.glob("part/**/*")]}
    disk.rename_tree(tmp_path / "part", tmp_path / "whole")
    order = {path: watch.synced.index(number) for path, number in numbers.items()}
    assert all(order[path] < order[path.parent] for path in order if path.parent in order)
    assert (tmp_path / "whole/a/b").is_dir()
    assert tmp_path.stat().st_ino == watch.synced[-1]
