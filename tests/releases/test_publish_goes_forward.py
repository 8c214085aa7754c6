"""A publisher never goes back: what was put back is refused; what stood still is signed again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Metadata, Root

from takedown import publish as writer
from takedown.blocklist import paths
from takedown.errors import TakedownError, VerificationFailed
from takedown.publish.behind import COMMITTED
from takedown.publish.keyring import create, load
from takedown.publish.repository import load_root
from takedown.subscribe import open_blocklist, sync

NOW = datetime.now(UTC)


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(VerificationFailed) as caught:
        call()
    return caught.value.slug


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file but locks."""
    return {
        path: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith("lock")
    }


def everything_refuses(desk: Any, staging: Path) -> None:
    before = contents(desk.repository)
    assert refused(lambda: desk.publish(staging)) == "repository-behind"
    assert refused(lambda: writer.refresh(desk.repository, desk.keys)) == "repository-behind"
    assert refused(lambda: writer.mirror(desk.repository, f"{desk.folder}/served")) == "repository-behind"
    assert contents(desk.repository) == before


@pytest.mark.parametrize("record", ["kept", "lost", "garbled"])
@pytest.mark.parametrize("commits", [1, 2, 5])
def test_an_old_timestamp_put_over_a_newer_one_is_refused(desk: Any, record: str, commits: int) -> None:
    desk.release(["a"])
    old = (desk.repository / paths.TIMESTAMP).read_bytes()
    for _ in range(commits):
        writer.refresh(desk.repository, desk.keys)
    staging, _ = desk.stage(["a", "b"])
    desk.sign(staging)
    (desk.repository / paths.TIMESTAMP).write_bytes(old)
    if record == "lost":
        (desk.repository / COMMITTED).unlink()
    elif record == "garbled":
        (desk.repository / COMMITTED).write_bytes(b"{")
    if record == "kept" or commits > 1:
        everything_refuses(desk, staging)
    else:  # nothing tells it from a run that was killed before its commit
        assert desk.publish(staging) == 2


def test_yesterdays_copy_put_over_todays_is_refused(desk: Any, tmp_path: Path) -> None:
    desk.release(["a"])
    shutil.copytree(desk.repository, tmp_path / "yesterday")
    desk.release(["a", "b"])
    desk.release(["a", "b", "c"])
    shutil.copytree(tmp_path / "yesterday", desk.repository, dirs_exist_ok=True)  # the record too
    staging, _ = desk.stage(["a", "z"])
    desk.sign(staging)
    everything_refuses(desk, staging)


def test_another_timestamp_of_the_same_number_is_refused(desk: Any, tmp_path: Path) -> None:
    desk.release(["a"])
    shutil.copytree(desk.repository, tmp_path / "twin")
    writer.refresh(tmp_path / "twin", desk.keys, now=NOW - timedelta(hours=1))
    writer.refresh(desk.repository, desk.keys)
    for path in (tmp_path / "twin/metadata").iterdir():
        shutil.copy(path, desk.repository / "metadata" / path.name)
    assert refused(lambda: writer.refresh(desk.repository, desk.keys)) == "repository-behind"


def test_a_copy_without_the_record_goes_on(desk: Any, tmp_path: Path) -> None:
    """Whoever moves the desk to another machine copies what is published, and no more."""
    desk.release(["a"])
    desk.release(["b"])
    (desk.repository / COMMITTED).unlink()
    assert desk.release(["c"]) == 3
    assert (desk.repository / COMMITTED).is_file()


@pytest.mark.parametrize(("profile", "days"), [("small", 15), ("strict", 3), ("strict", 15)])
def test_a_server_that_stood_still_is_signed_again_and_holders_accept_it(
    make_desk: Callable[..., Any], tmp_path: Path, profile: str, days: int
) -> None:
    then = NOW - timedelta(days=days)
    desk = make_desk("desk", profile=profile, now=then)
    staging, _ = desk.stage(["a", "b"], now=then)
    for key in ("targets-1", "targets-2"):
        desk.sign(staging, key)
    desk.publish(staging, now=then)
    with pytest.raises(TakedownError):  # too old to be believed: nobody can say whether it is the newest
        sync(desk.url, desk.root, tmp_path / "state")
    writer.refresh(desk.repository, desk.keys)
    result = sync(desk.url, desk.root, tmp_path / "state")
    assert (result.seq, result.stale) == (1, None)
    assert len(open_blocklist(tmp_path / "state").entries("url_sha256")) == 2


def test_holders_who_kept_a_list_meanwhile_take_up_again(desk: Any, tmp_path: Path) -> None:
    desk.release(["a"])
    sync(desk.url, desk.root, tmp_path / "state")
    writer.refresh(
        desk.repository, desk.keys, now=NOW - timedelta(days=15)
    )  # what a holder sees after 15 days
    with pytest.raises(TakedownError):
        sync(desk.url, desk.root, tmp_path / "state")
    assert open_blocklist(tmp_path / "state").seq == 1
    writer.refresh(desk.repository, desk.keys)
    desk.release(["a", "b"])
    assert sync(desk.url, desk.root, tmp_path / "state").seq == 2


@pytest.mark.parametrize(("profile", "days"), [("small", 14), ("strict", 2)])
def test_a_timestamp_lasts_as_long_as_its_profile_says(
    make_desk: Callable[..., Any], profile: str, days: int
) -> None:
    desk = make_desk("desk", profile=profile)
    writer.refresh(desk.repository, desk.keys, now=NOW)
    found: Any = Metadata.from_bytes((desk.repository / paths.TIMESTAMP).read_bytes())
    assert found.signed.expires == NOW.replace(microsecond=0) + timedelta(days=days)


def rotate(desk: Any, times: int) -> None:
    """Each time all root keys but one are replaced: old and new ones sign."""
    signers = [load(desk.keys / f"root-{n}.pem") for n in (1, 2, 3)]
    for turn in range(times):
        old: Metadata[Root] = load_root(desk.repository)
        new: Metadata[Root] = Metadata(Root.from_dict(old.signed.to_dict()))
        new.signed.version += 1
        fresh = [signers[2], *(create(desk.folder / f"fresh-{turn}-{n}.pem") for n in (1, 2))]
        for signer in signers:
            new.signed.revoke_key(signer.public_key.keyid, "root")
        for signer in fresh:
            new.signed.add_key(signer.public_key, "root")
        for signer in {one.public_key.keyid: one for one in [*signers, *fresh]}.values():
            new.sign(signer, append=True)
        path = paths.metadata(new.signed.version, "root")
        (desk.repository / path).write_bytes(new.to_bytes())
        signers = fresh


def test_any_number_of_roots_is_followed_and_uploaded(desk: Any, tmp_path: Path) -> None:
    desk.release(["a"])
    rotate(desk, 12)
    assert load_root(desk.repository).signed.version == 13
    assert desk.release(["a", "b"]) == 2
    writer.mirror(desk.repository, str(tmp_path / "served"))
    assert sync(str(tmp_path / "served"), desk.root, tmp_path / "state").seq == 2
    said = (desk.repository / "README.md").read_text()
    assert all(keyid in said for keyid in load_root(desk.repository).signed.roles["root"].keyids)


def test_a_root_that_is_missing_in_between_is_refused(desk: Any) -> None:
    desk.release(["a"])
    rotate(desk, 3)
    (desk.repository / paths.metadata(3, "root")).unlink()
    assert refused(lambda: writer.refresh(desk.repository, desk.keys)) == "repository-behind"


def test_a_root_that_the_one_before_did_not_sign_is_refused(desk: Any, make_desk: Callable[..., Any]) -> None:
    desk.release(["a"])
    other = make_desk("other")
    rotate(other, 1)
    shutil.copy(other.repository / "metadata/2.root.json", desk.repository / "metadata/2.root.json")
    assert refused(lambda: writer.refresh(desk.repository, desk.keys)) == "repository-broken"
