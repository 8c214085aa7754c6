"""A change of keys killed at every step, or overtaking a reader at every request: nobody is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from factories.keychanges import (
    CHANGES,
    Prepare,
    lists_signed_for_longer,
    online_keys_replaced,
    targets_keys_replaced_all,
)
from factories.keyholders import Publisher
from test_publish_is_one_step import Killed, run_with_bomb

from takedown import publish as writer
from takedown.errors import NothingToSync, UsageError
from takedown.publish.root_change_folder import load_roots
from takedown.publish.store import Store
from takedown.subscribe import sync, verify
from takedown.subscribe.fetch import Fetcher


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    made = Publisher(tmp_path / "publisher")
    made.release(["a", "b"], "targets-a")
    return made


def newest(repository: Path) -> int:
    return len(load_roots(repository))


@pytest.mark.parametrize("prepare", CHANGES)
def test_a_change_killed_at_every_step(publisher: Publisher, tmp_path: Path, prepare: Prepare) -> None:
    early = tmp_path / "early"
    sync(publisher.url, publisher.root, early)
    change = prepare(publisher)
    original = publisher.repository
    roots, versions = [], []
    for at in range(1, 200):
        publisher.repository = tmp_path / f"r{at}"
        shutil.copytree(original, publisher.repository)
        killed = run_with_bomb(at, publisher.finish, change)
        roots.append(newest(publisher.repository))
        check_readers(publisher, original, early, tmp_path / f"killed-{at}")
        writer.refresh(publisher.repository, publisher.online)  # the clock does not stop for a ceremony
        assert sync(publisher.url, publisher.root, tmp_path / f"refreshed-{at}").seq == 1
        publisher.finish(change)
        assert sync(publisher.url, publisher.root, tmp_path / f"finished-{at}").seq == 1
        versions.append(newest(publisher.repository))
        if not killed:
            break
    assert len(roots) > 3
    assert roots == sorted(roots)  # the old root up to one step, the new one from then on
    assert set(versions) == {1 if prepare is lists_signed_for_longer else 2}


def check_readers(publisher: Publisher, original: Path, early: Path, state: Path) -> None:
    """A reader who comes for the first time, and one who has the list from before."""
    assert sync(publisher.url, publisher.root, state).seq == 1
    assert verify(state).seq == 1
    shutil.rmtree(state)
    # The same reader as before: a state folder belongs to one address, so the repository moves under it.
    there = original.with_name("aside")
    original.rename(there)
    shutil.copytree(publisher.repository, original)
    shutil.copytree(early, state, symlinks=True)
    assert sync(str(original), publisher.root, state).seq == 1
    assert verify(state).seq == 1
    shutil.rmtree(original)
    there.rename(original)


class Overtaken(Fetcher):
    """A reader's network that lets something happen before its n-th request."""

    def __init__(self, at: int, event: Callable[[], object]) -> None:
        super().__init__()
        self.left, self.event = at, event

    def _fetch(self, url: str) -> Iterator[bytes]:
        self.left -= 1
        if self.left == 0:
            self.event()
        return super()._fetch(url)


@pytest.mark.parametrize("prepare", CHANGES)
def test_a_reader_overtaken_at_every_request_notices_nothing(
    publisher: Publisher, tmp_path: Path, prepare: Prepare
) -> None:
    change = prepare(publisher)
    original = publisher.repository
    for at in range(1, 50):
        publisher.repository = tmp_path / f"r{at}"
        shutil.copytree(original, publisher.repository)
        fetcher = Overtaken(at, lambda: publisher.finish(change))
        state = tmp_path / f"s{at}"
        assert sync(publisher.url, publisher.root, state, fetcher=fetcher).seq == 1
        if fetcher.left > 0:
            break
    assert at > 5


def test_lost_online_keys_are_named_and_can_be_done_without(publisher: Publisher, tmp_path: Path) -> None:
    change = online_keys_replaced(publisher)
    (publisher.online / "timestamp.pem").unlink()
    with pytest.raises(UsageError, match="present timestamp key") as caught:
        publisher.finish(change)
    assert caught.value.slug == "old-keys-missing"
    assert newest(publisher.repository) == 1
    original = publisher.repository
    for at in range(1, 100):
        publisher.repository = tmp_path / f"r{at}"
        shutil.copytree(original, publisher.repository)
        killed = run_with_bomb(at, lambda: publisher.finish(change, old_keys_lost=True))
        publisher.finish(change, old_keys_lost=True)
        assert sync(publisher.url, publisher.root, tmp_path / f"s{at}").seq == 1
        assert newest(publisher.repository) == 2
        if not killed:
            break
    assert at > 5


@pytest.mark.parametrize("prepare", [online_keys_replaced, targets_keys_replaced_all])
def test_a_mirror_follows_without_a_moment_at_which_readers_are_refused(
    publisher: Publisher, tmp_path: Path, prepare: Prepare
) -> None:
    mirror = tmp_path / "mirror"
    writer.mirror(publisher.repository, mirror.as_uri())
    sync(mirror.as_uri(), publisher.root, tmp_path / "state")
    publisher.finish(prepare(publisher))
    writer.refresh(publisher.repository, publisher.online)  # the mirror is late
    original = tmp_path / "late"
    shutil.copytree(mirror, original)
    for at in range(1, 100):
        shutil.rmtree(mirror)
        shutil.copytree(original, mirror)
        killed = stop_store(at, lambda: writer.mirror(publisher.repository, mirror.as_uri()))
        for state in ("state", f"new-{at}"):
            assert sync(mirror.as_uri(), publisher.root, tmp_path / state).seq == 1
        if not killed:
            break
    assert at > 2
    assert (mirror / "metadata/2.root.json").is_file()


def stop_store(at: int, call: Callable[[], object]) -> bool:
    """Run an upload whose n-th change of the store does not happen; True when it came to that."""
    left = at

    def stop(_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        for name in ("put", "write"):
            before = getattr(Store, name)
            patch.setattr(Store, name, lambda *given, before=before: (stop(given), before(*given))[1])
        try:
            call()
        except Killed:
            return True
    return False


def test_a_new_repository_killed_at_every_step_is_none_or_whole(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "p")
    change = next(publisher.folder.glob("change-*"))
    whole = []
    for at in range(1, 100):
        publisher.repository = tmp_path / f"r{at}"
        killed = run_with_bomb(at, publisher.finish, change)
        with pytest.raises(NothingToSync) as caught:
            sync(publisher.url, publisher.root, tmp_path / f"s{at}")
        assert caught.value.slug in ("unreachable", "no-release")
        whole.append(caught.value.slug == "no-release")
        assert publisher.finish(change).read_bytes() == publisher.root
        assert writer.head(publisher.repository) == 0
        if not killed:
            break
    assert len(whole) > 10
    assert whole == sorted(whole)
    assert publisher.release(["a"], "targets-a") == 1
