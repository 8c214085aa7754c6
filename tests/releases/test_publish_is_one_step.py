"""A publish stopped at any write, fsync or rename: readers see the old release or the new one, whole."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from takedown import disk
from takedown import publish as writer
from takedown.errors import VerificationFailed
from takedown.subscribe import open_blocklist, sync, verify

OLD, NEW = {"a", "b", "c"}, {"b", "c", "d", "e"}


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


class Bomb:
    """Stops the world at the n-th step; a rename counts twice, before and after it happened."""

    def __init__(self, at: int) -> None:
        self.left = at

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed

    def plant(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rename, sync_file = disk.rename, disk.sync_file

        def bomb_rename(part: Path, path: Path) -> None:
            self.step()
            rename(part, path)
            self.step()

        def bomb_sync(descriptor: int) -> None:
            self.step()
            sync_file(descriptor)

        monkeypatch.setattr(disk, "rename", bomb_rename)
        monkeypatch.setattr(disk, "sync_file", bomb_sync)


def digests(make_key: Callable[..., Any], names: set[str]) -> list[str]:
    return sorted(make_key(name).digest for name in names)


def pages(repository: Path) -> dict[str, bytes]:
    """The files for people."""
    return {
        path.name: path.read_bytes()
        for path in repository.iterdir()
        if path.suffix in (".html", ".md", ".xml")
    }


def run_with_bomb(at: int, call: Callable[..., object], *arguments: object) -> bool:
    """True when the call was killed at that step."""
    with pytest.MonkeyPatch.context() as patch:
        Bomb(at).plant(patch)
        try:
            call(*arguments)
        except Killed:
            return True
    return False


def test_a_publish_killed_at_every_step(desk: Any, make_key: Callable[..., Any], tmp_path: Path) -> None:
    desk.release(OLD)
    staging, _ = desk.stage(NEW)
    desk.sign(staging)
    state = tmp_path / "reader"
    sync(desk.url, desk.root, state)
    lists = {1: digests(make_key, OLD), 2: digests(make_key, NEW)}
    shutil.copytree(desk.repository, tmp_path / "whole")
    writer.publish(tmp_path / "whole", staging, desk.keys)
    seen: list[int] = []
    for at in range(1, 1000):
        repository, reader = tmp_path / f"r{at}", tmp_path / f"s{at}"
        shutil.copytree(desk.repository, repository)
        killed = run_with_bomb(at, writer.publish, repository, staging, desk.keys)
        seen.append(sync(str(repository), desk.root, reader).seq)
        assert open_blocklist(reader).entries("url_sha256") == lists[seen[-1]]
        assert verify(reader).seq == seen[-1] == writer.head(repository)
        assert writer.publish(repository, staging, desk.keys) == 2
        assert pages(repository) == pages(tmp_path / "whole")
        assert sync(str(repository), desk.root, reader).seq == 2
        assert open_blocklist(reader).entries("url_sha256") == lists[2]
        if not killed:
            break
    assert len(seen) > 20
    assert seen == sorted(seen)  # old up to one step, new from then on
    # After the commit come the note of it and four pages, three steps each; and the run that was not killed.
    assert 2 < seen.count(2) <= 2 + 3 * 5


def test_a_refresh_killed_at_every_step_leaves_a_repository_that_verifies(desk: Any, tmp_path: Path) -> None:
    desk.release(OLD)
    for at in range(1, 100):
        killed = run_with_bomb(at, writer.refresh, desk.repository, desk.keys)
        assert sync(desk.url, desk.root, tmp_path / "reader").seq == 1
        if not killed:
            break
    assert at > 4
    assert set(pages(desk.repository)) == {"index.html", "README.md", "feed.xml", "prove.html"}


def test_a_staging_killed_at_every_step_is_whole_or_absent(desk: Any, tmp_path: Path) -> None:
    desk.release(OLD)
    for at in range(1, 1000):
        desk._staged = 10
        if not run_with_bomb(at, desk.stage, NEW):
            break
        staging = desk.folder / "staging-11"
        if staging.exists():
            assert writer.review(desk.repository, staging).editions[0].added == 2
            shutil.rmtree(staging)
    assert at > 10


def test_a_reader_polling_throughout_sees_only_whole_releases_in_order(
    desk: Any, make_key: Callable[..., Any], tmp_path: Path
) -> None:
    lists = {seq: {f"{seq}-{n}" for n in range(5)} | OLD for seq in range(1, 7)}
    desk.release(lists[1])
    stop, seen, failures = threading.Event(), [], []

    def poll() -> None:
        while not stop.is_set():
            try:
                seq = sync(desk.url, desk.root, tmp_path / "reader").seq
                assert open_blocklist(tmp_path / "reader").entries("url_sha256") == digests(
                    make_key, lists[seq]
                )
            except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
                failures.append(error)
                return
            seen.append(seq)

    reader = threading.Thread(target=poll)
    reader.start()
    for seq in range(2, 7):
        desk.release(lists[seq])
        writer.refresh(desk.repository, desk.keys)
    stop.set()
    reader.join()
    assert not failures
    assert seen == sorted(seen)
    assert sync(desk.url, desk.root, tmp_path / "reader").seq == 6


def test_publish_and_refresh_wait_for_each_other(desk: Any) -> None:
    desk.release(OLD)
    with disk.locked(desk.repository / ".lock"):
        waiting = threading.Thread(target=writer.refresh, args=(desk.repository, desk.keys))
        before = (desk.repository / "metadata/timestamp.json").read_bytes()
        waiting.start()
        waiting.join(timeout=0.3)
        assert waiting.is_alive()
        assert (desk.repository / "metadata/timestamp.json").read_bytes() == before
    waiting.join()
    assert (desk.repository / "metadata/timestamp.json").read_bytes() != before


def test_a_sync_killed_at_every_step_leaves_the_old_list_or_the_new(
    desk: Any, make_key: Callable[..., Any], tmp_path: Path
) -> None:
    desk.release(OLD)
    base = tmp_path / "base"
    sync(desk.url, desk.root, base)
    desk.release(NEW)
    lists = {1: digests(make_key, OLD), 2: digests(make_key, NEW)}
    seen: list[int] = []
    for at in range(1, 1000):
        state = tmp_path / f"s{at}"
        shutil.copytree(base, state, symlinks=True)
        killed = run_with_bomb(at, sync, desk.url, desk.root, state)
        opened = open_blocklist(state)
        seen.append(opened.seq)
        assert opened.entries("url_sha256") == lists[opened.seq]
        assert verify(state).seq == opened.seq
        assert sync(desk.url, desk.root, state).seq == 2
        assert open_blocklist(state).entries("url_sha256") == lists[2]
        assert len(list((state / "lists").iterdir())) == 1
        if not killed:
            break
    assert len(seen) > 10
    assert seen == sorted(seen)


def test_a_list_can_be_opened_and_read_while_syncs_replace_it(desk: Any, tmp_path: Path) -> None:
    desk.release(range(3))
    sync(desk.url, desk.root, tmp_path / "reader")
    failures: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                opened = open_blocklist(tmp_path / "reader")
                assert len(opened.entries("url_sha256")) == opened.manifest.rows
            except VerificationFailed as error:
                if error.slug != "list-replaced":
                    failures.append(error)
            except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
                failures.append(error)
                return

    reader = threading.Thread(target=read)
    reader.start()
    for count in range(4, 14):
        desk.release(range(count))
        sync(desk.url, desk.root, tmp_path / "reader")
    stop.set()
    reader.join()
    assert not failures
