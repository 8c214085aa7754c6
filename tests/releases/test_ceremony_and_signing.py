"""Keys and signatures: who can do what, and what a signer finds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Metadata, TargetFile

from takedown import publish as writer
from takedown.blocklist import State, canonical, write_state
from takedown.errors import Stale, UsageError, VerificationFailed
from takedown.keys import Key
from takedown.subscribe import sync


def signed(path: Path) -> Any:
    metadata: Any = Metadata.from_bytes(path.read_bytes())
    return metadata.signed


@pytest.mark.parametrize(
    ("profile", "thresholds", "days"),
    [
        (
            "small",
            {"root": (2, 3), "targets": (1, 2), "snapshot": (1, 1), "timestamp": (1, 1)},
            (365, 90, 14, 14),
        ),
        (
            "strict",
            {"root": (3, 5), "targets": (2, 3), "snapshot": (1, 1), "timestamp": (1, 1)},
            (365, 90, 14, 2),
        ),
    ],
)
def test_the_ceremony_follows_its_profile(
    make_desk: Callable[..., Any], profile: str, thresholds: dict[str, tuple[int, int]], days: tuple[int, ...]
) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    desk = make_desk("a", profile=profile, now=now)
    root = signed(desk.repository / "metadata/1.root.json")
    assert {role: (rule.threshold, len(rule.keyids)) for role, rule in root.roles.items()} == thresholds
    assert {found.keytype for found in root.keys.values()} == {"ed25519"}
    assert root.consistent_snapshot
    names = ("1.root", "1.targets", "1.snapshot", "timestamp")
    expiries = [signed(desk.repository / f"metadata/{name}.json").expires - now for name in names]
    assert expiries == [timedelta(days=count) for count in days]
    assert writer.head(desk.repository) == 0


def test_private_keys_are_for_their_owner_only_and_never_in_the_repository(desk: Any) -> None:
    assert {path.stat().st_mode & 0o777 for path in desk.keys.glob("*.pem")} == {0o600}
    assert len(list(desk.keys.glob("*.pem"))) == 7
    assert not [
        path for path in desk.repository.rglob("*") if path.is_file() and b"PRIVATE" in path.read_bytes()
    ]


def test_a_ceremony_never_overwrites(desk: Any, tmp_path: Path) -> None:
    for keys, repository in ((desk.keys, tmp_path / "new"), (tmp_path / "new", desk.repository)):
        with pytest.raises(UsageError):
            writer.ceremony(keys, repository, publisher="Example")
    with pytest.raises(UsageError):
        writer.ceremony(tmp_path / "k", tmp_path / "r", publisher="Example", profile="none")


def test_a_trial_is_marked_in_root_under_its_signatures(make_desk: Callable[..., Any]) -> None:
    trial, real = make_desk("trial", throwaway=True), make_desk("real")
    assert (writer.is_throwaway(trial.root), writer.is_throwaway(real.root)) == (True, False)
    unmarked = trial.root.replace(b'"x-throwaway":true', b'"x-throwaway":null')
    for data in (unmarked, b"", b"{}", (real.repository / "metadata/timestamp.json").read_bytes()):
        with pytest.raises(VerificationFailed):
            writer.is_throwaway(data)


def test_the_portal_stages_and_publishes_without_any_offline_key(desk: Any, tmp_path: Path) -> None:
    online = tmp_path / "online"
    online.mkdir()
    for name in ("snapshot.pem", "timestamp.pem"):
        shutil.move(desk.keys / name, online / name)
    staging, staged = desk.stage(["a", "b"])
    assert (staged.seq, staged.editions[0].added, staged.editions[0].rows) == (1, 2, 2)
    with pytest.raises(UsageError) as caught:
        writer.publish(desk.repository, staging, online)
    assert caught.value.slug == "not-signed"
    # The signer's machine has copies of the two folders and one key file.
    away = tmp_path / "away"
    shutil.copytree(desk.repository, away / "repository")
    shutil.copytree(staging, away / "staging")
    writer.sign(away / "repository", away / "staging", desk.keys / "targets-2.pem")
    shutil.rmtree(staging)
    shutil.copytree(away / "staging", staging)
    shutil.rmtree(desk.keys)
    assert writer.publish(desk.repository, staging, online) == 1 == writer.head(desk.repository)


def test_two_of_three_signatures_are_needed_where_the_profile_says_so(make_desk: Callable[..., Any]) -> None:
    desk = make_desk("strict", profile="strict")
    staging, _ = desk.stage(["a"])
    desk.sign(staging)
    desk.sign(staging)  # the same person twice counts once
    assert writer.signatures(desk.repository, staging).valid == 1
    with pytest.raises(UsageError):
        desk.publish(staging)
    desk.sign(staging, "targets-3")
    assert writer.signatures(desk.repository, staging).enough
    assert desk.publish(staging) == 1


@pytest.mark.parametrize("which", ["root-1", "snapshot", "timestamp"])
def test_only_a_targets_key_signs_a_release(desk: Any, which: str) -> None:
    staging, _ = desk.stage(["a"])
    with pytest.raises(UsageError):
        desk.sign(staging, which)


@pytest.mark.parametrize(
    "content", [None, b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_file_that_is_no_key_is_named(desk: Any, tmp_path: Path, content: bytes | None) -> None:
    staging, _ = desk.stage(["a"])
    path = tmp_path / "some.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"some\.pem"):
        writer.sign(desk.repository, staging, path)


def rewrite(path: Path, **fields: Any) -> None:
    path.write_bytes(canonical.to_bytes(json.loads(path.read_bytes()) | fields))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda staging: next(staging.rglob("delta/*.parquet")).write_bytes(b"x"),
        lambda staging: next(staging.rglob("delta/*.parquet")).unlink(),
        lambda staging: rewrite(next(staging.rglob("manifest-*.json")), k_min=1),
        lambda staging: next(staging.rglob("manifest-*.json")).unlink(),
        lambda staging: next(staging.rglob("checkpoint-*.json")).write_bytes(b"{}"),
        lambda staging: next(staging.rglob("*.targets.json")).write_bytes(b"{}"),
        lambda staging: next(staging.rglob("*.targets.json")).unlink(),
    ],
    ids=range(7),
)
def test_a_signer_finds_altered_staging(desk: Any, spoil: Callable[[Path], object]) -> None:
    desk.release(range(20))
    staging, _ = desk.stage(range(21))
    spoil(staging)
    with pytest.raises((UsageError, VerificationFailed)):
        desk.sign(staging)


def test_review_says_what_changes_entry_by_entry(desk: Any, make_key: Callable[..., Key]) -> None:
    desk.release(["a", "b", "c"])
    staging, _ = desk.stage(["b", "c", "d", "e"])
    change = writer.review(desk.repository, staging).editions[0]
    assert (change.name, change.added, change.removed, change.rows) == ("research", 2, 1, 4)
    assert set(change.delta.added) == {make_key("d"), make_key("e")}
    assert set(change.delta.removed) == {make_key("a")}


def test_refresh_renews_the_online_signatures_and_nothing_else(desk: Any, tmp_path: Path) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=30)
    desk.release(["a"], now=None)
    writer.refresh(desk.repository, desk.keys, now=long_ago)
    with pytest.raises(Stale):
        sync(desk.url, desk.root, tmp_path / "state")
    writer.refresh(desk.repository, desk.keys)
    assert sync(desk.url, desk.root, tmp_path / "state").seq == 1 == writer.head(desk.repository)


def test_a_signature_that_expired_while_staging_waited_is_not_published(desk: Any) -> None:
    staging, _ = desk.stage(["a"], now=datetime.now(UTC) - timedelta(days=91))
    desk.sign(staging)
    with pytest.raises(UsageError) as caught:
        desk.publish(staging)
    assert caught.value.slug == "staging-expired"


def state_of_one(staging: Path) -> None:
    """A staged full state that lists something else than the staged delta leads to, all hashes put right."""
    path = next(staging.rglob("manifest-*.json"))
    manifest = json.loads(path.read_bytes())
    state = State.of([Key("url_sha256", "a" * 64)])
    files = write_state(state, staging, "research", manifest["seq"])
    manifest["state"] = {"seq": manifest["seq"], "files": [dict(vars(file)) for file in files]}
    manifest.update(state_sha256=state.state_sha256, count_by_kind=state.count_by_kind)
    manifest["deltas"][-1]["to_state"] = state.state_sha256
    path.write_bytes(canonical.to_bytes(manifest))


def wrong_start(staging: Path) -> None:
    path = next(staging.rglob("manifest-*.json"))
    manifest = json.loads(path.read_bytes())
    manifest["deltas"][-1]["from_state"] = "0" * 64
    path.write_bytes(canonical.to_bytes(manifest))


@pytest.mark.parametrize("change", [state_of_one, wrong_start])
def test_a_signer_finds_a_delta_that_is_not_the_difference(desk: Any, change: Callable[..., None]) -> None:
    desk.release(range(3))
    staging, _ = desk.stage(range(4))
    change(staging)
    found = next((staging / "metadata").glob("*.targets.json"))
    targets: Any = Metadata.from_bytes(found.read_bytes())
    for name in list(targets.signed.targets):
        targets.signed.targets[name] = TargetFile.from_data(name, (staging / name).read_bytes(), ["sha256"])
    found.write_bytes(targets.to_bytes())
    with pytest.raises(VerificationFailed) as caught:
        desk.sign(staging)
    assert caught.value.slug == "staging-disagrees"
