"""Keys change, and readers who were given root 1 follow, whenever they come, wherever it is killed."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from factories.keychanges import (
    CHANGES,
    Prepare,
    online_keys_replaced,
    renewed,
    root_key_replaced,
    signing_targets_key_revoked,
)
from factories.keyholders import Publisher

from takedown import publish as writer
from takedown.errors import UsageError, VerificationFailed
from takedown.publish.root_change_folder import load_roots
from takedown.subscribe import open_blocklist, sync, verify


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    made = Publisher(tmp_path / "publisher")
    made.release(["a", "b"], "targets-a")
    return made


def newest(repository: Path) -> int:
    return len(load_roots(repository))


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


def test_a_release_on_its_way_is_still_known_after_its_lists_were_signed_anew(publisher: Publisher) -> None:
    staging = publisher.stage(["a", "b", "c"])
    writer.sign(publisher.repository, staging, publisher.key("targets-a"))
    assert writer.publish(publisher.repository, staging, publisher.online) == 2
    publisher.finish(signing_targets_key_revoked(publisher))
    assert writer.is_published(publisher.repository, staging)
    assert writer.publish(publisher.repository, staging, publisher.online) == 2  # run again: done already


def test_a_repository_that_slept_for_two_years_is_woken_by_its_keys(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "p", now=datetime.now(UTC) - timedelta(days=730))
    assert writer.key_status(publisher.repository).expired == ("root", "targets", "snapshot", "timestamp")
    for what, signers in (({}, ["root-b", "root-c"]), ({"targets_only": True}, ["targets-b"])):
        change = publisher.propose(**what)
        publisher.sign(change, *signers)
        publisher.finish(change)
    assert writer.key_status(publisher.repository).expired == ()
    assert publisher.release(["a"]) == 1
    assert sync(publisher.url, publisher.root, tmp_path / "state").seq == 1


def test_a_change_that_waited_too_long_is_not_put_into_force(publisher: Publisher) -> None:
    change = publisher.propose(targets_only=True)
    publisher.sign(change, "targets-a")
    with pytest.raises(UsageError) as caught:
        publisher.finish(change, now=datetime.now(UTC) + timedelta(days=91))
    assert caught.value.slug == "change-expired"


def test_a_repository_put_back_to_an_older_copy_is_not_built_on(publisher: Publisher, tmp_path: Path) -> None:
    shutil.copy(publisher.repository / "metadata/timestamp.json", tmp_path / "older.json")
    change = renewed(publisher)
    for _ in range(3):
        writer.refresh(publisher.repository, publisher.online)
    shutil.copy(tmp_path / "older.json", publisher.repository / "metadata/timestamp.json")
    with pytest.raises(VerificationFailed) as caught:
        publisher.finish(change)
    assert caught.value.slug == "repository-behind"
    assert newest(publisher.repository) == 1


def test_old_keys_and_damaged_files_beside_the_right_key_stop_nothing(publisher: Publisher) -> None:
    publisher.make("timestamp", "stray")
    (publisher.online / "snapshot-broken.pem").write_bytes(b"no key")
    writer.refresh(publisher.repository, publisher.online)
    (publisher.online / "snapshot.pem").unlink()
    with pytest.raises(UsageError, match=r"snapshot-broken\.pem"):
        writer.refresh(publisher.repository, publisher.online)
    (publisher.online / "snapshot-broken.pem").unlink()
    with pytest.raises(UsageError, match=r"snapshot\.pem"):
        writer.refresh(publisher.repository, publisher.online)
