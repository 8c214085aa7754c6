"""What a signer finds in a change of keys that somebody tampered with, and whose signatures are enough."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from factories.keyholders import Publisher
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, TargetFile
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet
from tuf.ngclient.config import EnvelopeType

from takedown import publish as writer
from takedown.errors import TakedownError, UsageError, VerificationFailed
from takedown.publish.keyring import PROFILE_FIELD, PUBLISHER_FIELD, load
from takedown.publish.public_keys import PublicKey, read_public
from takedown.publish.root_change import find_key, first_root, next_root
from takedown.publish.root_change_folder import Change
from takedown.publish.root_change_sign import needed

Spoil = Callable[[Path, Any], None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Publisher, Path]:
    """A repository, and a change that replaces a targets key."""
    publisher = Publisher(tmp_path_factory.mktemp("publisher"))
    publisher.release(["a", "b"], "targets-a")
    change = publisher.propose(add=[publisher.make("targets", "c")], revoke=["targets-a"])
    return publisher, change


def root_file(change: Path, spoil: Callable[[dict[str, Any]], object]) -> None:
    path = change / "proposed/2.root.json"
    value = json.loads(path.read_bytes())
    spoil(value["signed"])
    path.write_bytes(json.dumps(value).encode())


def targets_file(change: Path, spoil: Callable[[Any], object]) -> None:
    [path] = (change / "proposed").glob("*.targets.json")
    metadata: Any = Metadata.from_bytes(path.read_bytes())
    spoil(metadata.signed)
    path.write_bytes(metadata.to_bytes())


def same_key_twice(root: dict[str, Any]) -> None:
    """One person's key under a second identifier would count twice."""
    keyid = root["roles"]["root"]["keyids"][0]
    root["keys"]["0" * 64] = root["keys"][keyid]
    root["roles"]["root"]["keyids"][1] = "0" * 64


def two_roles(root: dict[str, Any]) -> None:
    root["roles"]["targets"]["keyids"][0] = root["roles"]["root"]["keyids"][0]


def other_kind(root: dict[str, Any]) -> None:
    root["keys"][root["roles"]["root"]["keyids"][0]]["scheme"] = "rsassa-pss-sha256"


def escape(root: dict[str, Any]) -> None:
    root["keys"][root["roles"]["root"]["keyids"][0]]["x-label"] = "\x1b[2K"


SPOILT_ROOTS: list[Callable[[dict[str, Any]], object]] = [
    lambda root: root["roles"]["root"].update(threshold=1),
    lambda root: root["roles"]["timestamp"].update(threshold=2),
    lambda root: root["roles"]["root"]["keyids"].pop(),
    lambda root: root["roles"]["root"].update(keyids=root["roles"]["root"]["keyids"][:1]),
    lambda root: root.update(version=3),
    lambda root: root.update(version=1),
    lambda root: root.update(expires="2099-01-01T00:00:00Z"),
    lambda root: root.update(consistent_snapshot=False),
    lambda root: root.update({"x-throwaway": True}),
    lambda root: root.update({PUBLISHER_FIELD: "Somebody else"}),
    lambda root: root.update({PROFILE_FIELD: "loose"}),
    lambda root: root.pop(PROFILE_FIELD),
    lambda root: root.update({"x-more": 1}),
    lambda root: root["roles"]["root"].update({"x-more": 1}),
    lambda root: root.update(_type="targets"),
    same_key_twice,
    two_roles,
    other_kind,
    escape,
]


@pytest.mark.parametrize("spoil", SPOILT_ROOTS, ids=range(len(SPOILT_ROOTS)))
def test_an_unsafe_root_is_signed_by_nobody(
    made: tuple[Publisher, Path], tmp_path: Path, spoil: Callable[[dict[str, Any]], object]
) -> None:
    refused(made, tmp_path, lambda change: root_file(change, spoil))


def refused(made: tuple[Publisher, Path], tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    publisher, change = made
    copy = tmp_path / "change"
    shutil.copytree(change, copy)
    writer.review_change(copy)  # as proposed it is fine
    spoil(copy)
    with pytest.raises(TakedownError) as caught:
        writer.review_change(copy)
    assert caught.value.slug in ("root-unsafe", "change-broken", "usage")
    for name in ("root-a", "targets-b"):
        with pytest.raises((VerificationFailed, UsageError)):
            writer.sign_change(copy, publisher.key(name))
    with pytest.raises((VerificationFailed, UsageError)):
        publisher.finish(copy)


def grow(targets: Any) -> None:
    targets.targets["log/checkpoint-000009.json"] = TargetFile.from_data("x", b"x", ["sha256"])


def later(targets: Any) -> None:
    targets.expires = datetime.now(UTC) + timedelta(days=900)


@pytest.mark.parametrize(
    "spoil",
    [
        grow,
        later,
        lambda targets: targets.targets.clear(),
        lambda targets: setattr(targets, "version", 9),
        lambda targets: targets.unrecognized_fields.update({"x-more": 1}),
    ],
    ids=range(5),
)
def test_lists_that_are_not_those_in_force_are_signed_by_nobody(
    made: tuple[Publisher, Path], tmp_path: Path, spoil: Callable[[Any], object]
) -> None:
    refused(made, tmp_path, lambda change: targets_file(change, spoil))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda change: shutil.rmtree(change / "proposed"),
        lambda change: shutil.rmtree(change / "current"),
        lambda change: next((change / "current").glob("*.targets.json")).unlink(),
        lambda change: (change / "current/1.root.json").write_bytes(b"{}"),
        lambda change: (change / "proposed/2.root.json").write_bytes(b"\xff"),
        lambda change: (change / "proposed/2.root.json").rename(change / "proposed/3.root.json"),
        lambda change: shutil.copy(change / "proposed/2.root.json", change / "proposed/3.root.json"),
        lambda change: [path.unlink() for path in (change / "proposed").iterdir()],
    ],
    ids=range(8),
)
def test_a_folder_that_is_incomplete_is_refused(
    made: tuple[Publisher, Path], tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    refused(made, tmp_path, spoil)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"{}"),
        lambda path: path.write_bytes(path.read_bytes().replace(b"2.root.json", b"9.root.json")),
        lambda path: path.write_bytes(path.read_bytes().replace(b'"sig":"', b'"sig":"00')),
        lambda path: path.write_bytes(path.read_bytes().replace(b'"keyid":"', b'"keyid":"00')),
    ],
    ids=range(4),
)
def test_a_signature_file_that_is_none_is_named(
    made: tuple[Publisher, Path], tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    publisher, change = made
    copy = tmp_path / "change"
    shutil.copytree(change, copy)
    [path] = writer.sign_change(copy, publisher.key("root-a"))
    assert next(need.have for need in writer.review_change(copy).needed)[0].name == "root-a"
    spoil(path)
    with pytest.raises(VerificationFailed, match=path.name) as caught:
        writer.review_change(copy)
    assert caught.value.slug == "change-broken"


def test_signatures_that_a_proposed_file_brings_along_count_for_nothing(
    made: tuple[Publisher, Path], tmp_path: Path
) -> None:
    publisher, change = made
    copy = tmp_path / "change"
    shutil.copytree(change, copy)
    metadata: Any = Metadata.from_bytes((copy / "proposed/2.root.json").read_bytes())
    metadata.sign(load(publisher.key("root-a")))
    (copy / "proposed/2.root.json").write_bytes(metadata.to_bytes())
    assert not any(need.have for need in writer.review_change(copy).needed)


def test_a_signer_can_insist_on_the_root_file_that_they_know(
    made: tuple[Publisher, Path], tmp_path: Path
) -> None:
    publisher, change = made
    other = Publisher(tmp_path / "other")
    assert writer.review_change(change, trusted=publisher.root).seq == 1
    copy = tmp_path / "change"
    shutil.copytree(change, copy)
    with pytest.raises(VerificationFailed) as caught:
        writer.sign_change(copy, publisher.key("root-a"), trusted=other.root)
    assert caught.value.slug == "other-root"
    assert not (copy / "signatures").exists()


@pytest.mark.parametrize(
    ("change", "slug"),
    [
        ({"revoke": ["root-a", "root-b"]}, "key-count"),
        ({"revoke": ["timestamp"]}, "key-count"),
        ({"revoke": ["root-z"]}, "no-such-key"),
        ({"revoke": [""]}, "no-such-key"),
        ({"profile": "strict"}, "key-count"),
        ({"profile": "loose"}, "usage"),
        ({"add": ["targets-a"]}, "key-twice"),
        ({"add": ["root-x"]}, "key-count"),
        ({"add": ["nowhere"]}, "usage"),
    ],
)
def test_a_change_that_leaves_a_role_wrong_is_not_proposed(
    made: tuple[Publisher, Path], tmp_path: Path, change: dict[str, Any], slug: str
) -> None:
    publisher, _ = made
    if change.get("add") == ["root-x"] and not (publisher.folder / "root-x").exists():
        publisher.make("root", "x")
    files = [publisher.folder / name / f"{name}.public.json" for name in change.get("add", [])]
    with pytest.raises(UsageError) as caught:
        writer.propose_change(tmp_path / "new", publisher.repository, **(change | {"add": files}))
    assert caught.value.slug == slug
    assert not (tmp_path / "new").exists()


def test_a_key_is_found_by_name_identifier_or_its_beginning(made: tuple[Publisher, Path]) -> None:
    publisher, _ = made
    keyid = read_public(publisher.folder / "root-b/root-b.public.json").key.keyid
    root: Any = Metadata.from_bytes(publisher.root)
    assert {find_key(root.signed, name) for name in ("root-b", keyid, keyid[:8], keyid[:20])} == {keyid}
    for name in (keyid[:7], "b", "root"):
        with pytest.raises(UsageError):
            find_key(root.signed, name)


SIGNERS = [CryptoSigner.generate_ed25519() for _ in range(10)]
ONLINE = [
    PublicKey(role, "", CryptoSigner.generate_ed25519().public_key)
    for role in ("targets", "targets", "snapshot", "timestamp")
]


@settings(max_examples=150, deadline=None)
@given(data=st.data(), strict=st.booleans())
def test_enough_signatures_here_are_enough_for_readers_and_the_other_way_round(
    data: st.DataObject, strict: bool
) -> None:
    """python-tuf's own client is the judge."""
    size, profile = (5, "strict") if strict else (3, "small")
    targets = [PublicKey("targets", "", CryptoSigner.generate_ed25519().public_key)] if strict else []
    first = [PublicKey("root", "", signer.public_key) for signer in SIGNERS[:size]]
    keys = [*first, *ONLINE, *targets]
    old = Metadata(first_root(keys, publisher="Example", profile=profile, throwaway=False, now=None))
    for signer in SIGNERS[:size]:
        old.sign(signer, append=True)
    count = data.draw(st.integers(0, size))
    gone = [signer.public_key.keyid for signer in SIGNERS[:count]]
    come = [PublicKey("root", "", signer.public_key) for signer in SIGNERS[5 : 5 + count]]
    new: Metadata[Root] = Metadata(next_root(old.signed, add=come, revoke=gone))
    for signer in data.draw(st.lists(st.sampled_from(SIGNERS), unique_by=id)):
        new.sign(signer, append=True)
    change = Change(Path(), (old,), new, None, None, "", {"2.root.json": new})
    enough = all(need.enough for need in needed(change))
    assert enough == reader_accepts(old, new)


def reader_accepts(old: Metadata[Root], new: Metadata[Root]) -> bool:
    trusted = TrustedMetadataSet(old.to_bytes(), EnvelopeType.METADATA)
    try:
        trusted.update_root(new.to_bytes())
    except RepositoryError:
        return False
    return True
