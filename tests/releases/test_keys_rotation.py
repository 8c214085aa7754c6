"""Keys change, and readers who were given root 1 follow, whenever they come, wherever it is killed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from factories.keyholders import Publisher
from test_publish_is_one_step import run_with_bomb

from takedown import publish as writer
from takedown.errors import UsageError, VerificationFailed
from takedown.publish.root_change_folder import load_roots
from takedown.subscribe import open_blocklist, sync, verify
from takedown.subscribe.fetch import Fetcher

Prepare = Callable[[Publisher], Path]


def renewed(publisher: Publisher) -> Path:
    change = publisher.propose()
    publisher.sign(change, "root-a", "root-c")
    return change


def root_key_replaced(publisher: Publisher) -> Path:
    change = publisher.propose(add=[publisher.make("root", "d")], revoke=["root-a"])
    publisher.sign(change, "root-b", "root-c")
    return change


def root_keys_replaced_all(publisher: Publisher) -> Path:
    new = [publisher.make("root", label) for label in "def"]
    change = publisher.propose(add=new, revoke=["root-a", "root-b", "root-c"])
    publisher.sign(change, "root-a", "root-b", "root-e", "root-f")
    return change


def signing_targets_key_revoked(publisher: Publisher) -> Path:
    change = publisher.propose(add=[publisher.make("targets", "c")], revoke=["targets-a"])
    publisher.sign(change, "root-a", "root-b", "targets-b")
    return change


def targets_keys_replaced_all(publisher: Publisher) -> Path:
    new = [publisher.make("targets", label) for label in "cd"]
    change = publisher.propose(add=new, revoke=["targets-a", "targets-b"])
    publisher.sign(change, "root-a", "root-b", "targets-b", "targets-d")
    return change


def online_keys_replaced(publisher: Publisher) -> Path:
    new = [publisher.make("snapshot", "2027"), publisher.make("timestamp", "2027")]
    change = publisher.propose(add=new, revoke=["snapshot", "timestamp"])
    publisher.sign(change, "root-a", "root-b")
    return change


def from_small_to_strict(publisher: Publisher) -> Path:
    new = [publisher.make("root", label) for label in "de"] + [publisher.make("targets", "c")]
    change = publisher.propose(add=new, profile="strict")
    publisher.sign(change, "root-a", "root-d", "root-e", "root-b", "targets-a", "targets-c")
    publisher.targets_threshold = 2
    return change


def lists_signed_for_longer(publisher: Publisher) -> Path:
    change = publisher.propose(targets_only=True)
    publisher.sign(change, "targets-b")
    return change


CHANGES = [
    renewed,
    root_key_replaced,
    root_keys_replaced_all,
    signing_targets_key_revoked,
    targets_keys_replaced_all,
    online_keys_replaced,
    from_small_to_strict,
    lists_signed_for_longer,
]


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


@pytest.mark.parametrize("prepare", CHANGES)
def test_work_goes_on_after_a_change(publisher: Publisher, tmp_path: Path, prepare: Prepare) -> None:
    sync(publisher.url, publisher.root, tmp_path / "state")
    publisher.finish(prepare(publisher))
    writer.refresh(publisher.repository, publisher.online)
    signers = [f"targets-{key.name[-1]}" for key in role(publisher, "targets").keys]
    assert publisher.release(["a", "b", "c"], *signers[-publisher.targets_threshold :]) == 2
    for state in ("state", "new"):
        assert sync(publisher.url, publisher.root, tmp_path / state).seq == 2
        assert len(open_blocklist(tmp_path / state).entries("url_sha256")) == 3


def role(publisher: Publisher, name: str) -> Any:
    return next(one for one in writer.key_status(publisher.repository).roles if one.role == name)


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


def test_readers_follow_a_long_chain_of_roots(publisher: Publisher, tmp_path: Path) -> None:
    for state in ("first", "never"):
        if state == "first":
            sync(publisher.url, publisher.root, tmp_path / state)
    for count, label in enumerate("defgh", 2):  # every root key is replaced, one by one
        gone = "abcde"["defgh".index(label)]
        there = [one for one in "abcdefgh" if gone < one < label]
        change = publisher.propose(add=[publisher.make("root", label)], revoke=[f"root-{gone}"])
        publisher.sign(change, *(f"root-{one}" for one in there[:2]))
        assert publisher.finish(change).name == f"{count}.root.json"
    assert publisher.release(["a"], "targets-b") == 2
    for state in ("first", "never"):
        assert sync(publisher.url, publisher.root, tmp_path / state).seq == 2
        assert verify(tmp_path / state).seq == 2


def test_a_revoked_key_signs_nothing_any_more(publisher: Publisher, tmp_path: Path) -> None:
    waiting = publisher.stage(["a", "b", "c"])
    writer.sign(publisher.repository, waiting, publisher.key("targets-a"))
    publisher.finish(signing_targets_key_revoked(publisher))
    with pytest.raises(UsageError):  # staged on lists that were signed anew since
        writer.publish(publisher.repository, waiting, publisher.online)
    staging = publisher.stage(["a", "b", "c"])
    with pytest.raises(UsageError):
        writer.sign(publisher.repository, staging, publisher.key("targets-a"))
    change = publisher.propose()
    with pytest.raises(UsageError) as caught:
        publisher.sign(change, "targets-a")
    assert caught.value.slug == "key-not-needed"


def test_a_thief_of_revoked_online_keys_moves_no_reader(publisher: Publisher, tmp_path: Path) -> None:
    stolen = tmp_path / "stolen"
    shutil.copytree(publisher.online, stolen)
    before = tmp_path / "before"
    shutil.copytree(publisher.repository, before)
    for _ in range(50):  # the thief signs far ahead, and shows that to one reader
        writer.refresh(before, stolen)
    original = publisher.repository
    original.rename(tmp_path / "real")
    shutil.copytree(before, original)
    sync(str(original), publisher.root, tmp_path / "victim")
    shutil.rmtree(original)
    (tmp_path / "real").rename(original)
    with pytest.raises(VerificationFailed):  # what is newest here is older than what the thief showed
        sync(publisher.url, publisher.root, tmp_path / "victim")
    publisher.finish(online_keys_replaced(publisher))
    writer.refresh(publisher.repository, publisher.online)
    assert sync(publisher.url, publisher.root, tmp_path / "victim").seq == 1  # free again
    shutil.copy(before / "metadata/timestamp.json", publisher.repository / "metadata/timestamp.json")
    with pytest.raises(VerificationFailed):
        sync(publisher.url, publisher.root, tmp_path / "victim")
    assert verify(tmp_path / "victim").seq == 1


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


def test_lost_targets_keys_are_named_and_can_be_done_without(publisher: Publisher, tmp_path: Path) -> None:
    new = [publisher.make("targets", label) for label in "cd"]
    change = publisher.propose(add=new, revoke=["targets-a", "targets-b"])
    publisher.sign(change, "root-a", "root-b", "targets-c")
    with pytest.raises(UsageError, match="present targets keys") as caught:
        publisher.finish(change)
    assert caught.value.slug == "old-keys-missing"
    publisher.finish(change, old_keys_lost=True)
    assert sync(publisher.url, publisher.root, tmp_path / "state").seq == 1


def test_the_new_online_keys_must_be_there(publisher: Publisher) -> None:
    change = online_keys_replaced(publisher)
    for name in ("snapshot-2027.pem", "timestamp-2027.pem"):
        (publisher.online / name).unlink()
    with pytest.raises(UsageError):
        publisher.finish(change)
    assert newest(publisher.repository) == 1
    assert writer.head(publisher.repository) == 1


def test_a_release_published_meanwhile_keeps_the_signatures_on_the_root(
    publisher: Publisher, tmp_path: Path
) -> None:
    change = publisher.propose(add=[publisher.make("targets", "c")], revoke=["targets-a"])
    publisher.sign(change, "root-a", "root-b", "targets-b")
    assert publisher.release(["a", "b", "c"], "targets-a") == 2
    with pytest.raises(UsageError) as caught:
        publisher.finish(change)
    assert caught.value.slug == "lists-moved-on"
    again = publisher.propose(root_of=change)
    with pytest.raises(UsageError, match=r"4\.targets\.json") as caught:
        publisher.finish(again)
    publisher.sign(again, "targets-b")  # the two root keys need not come again
    publisher.finish(again)
    assert sync(publisher.url, publisher.root, tmp_path / "state").seq == 2
    assert publisher.finish(change).name == "2.root.json"  # the first try has the same root: it is done


def test_a_release_that_the_new_keys_accept_needs_no_other_signature(
    publisher: Publisher, tmp_path: Path
) -> None:
    change = publisher.propose(add=[publisher.make("targets", "c")], revoke=["targets-a"])
    publisher.sign(change, "root-a", "root-b")
    publisher.release(["a", "b", "c"], "targets-b")
    publisher.finish(change)
    assert sync(publisher.url, publisher.root, tmp_path / "state").seq == 2


def test_a_change_for_another_root_is_not_taken(publisher: Publisher) -> None:
    first, second = root_key_replaced(publisher), renewed(publisher)
    publisher.finish(first)
    with pytest.raises(UsageError) as caught:
        publisher.finish(second)
    assert caught.value.slug == "not-next"


@pytest.mark.parametrize(
    ("signers", "missing"),
    [
        (["root-a", "root-b"], "new root keys"),
        (["root-d", "root-e"], "present root keys"),
        (["root-a", "root-d", "root-e"], "present root keys"),
        (["root-a", "root-b", "root-d"], "new root keys"),
        ([], "present root keys"),
    ],
)
def test_a_root_needs_a_threshold_of_old_and_of_new_keys(
    publisher: Publisher, tmp_path: Path, signers: list[str], missing: str
) -> None:
    new = [publisher.make("root", label) for label in "def"]
    change = publisher.propose(add=new, revoke=["root-a", "root-b", "root-c"])
    publisher.sign(change, *signers)
    for lost in (False, True):
        with pytest.raises(UsageError, match=missing) as caught:
            publisher.finish(change, old_keys_lost=lost)
        assert caught.value.slug == "not-signed"
    assert newest(publisher.repository) == 1
    # Somebody who puts it there by hand moves no reader either.
    shutil.copy(change / "proposed/2.root.json", publisher.repository / "metadata/2.root.json")
    with pytest.raises(VerificationFailed):
        sync(publisher.url, publisher.root, tmp_path / "state")
