"""A repository begun by files: each holder's own key, one proposal, signatures that travel back."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from factories.keyholders import Publisher
from tuf.api.metadata import Metadata

from takedown import publish as writer
from takedown.blocklist import canonical
from takedown.errors import TakedownError, UsageError, VerificationFailed
from takedown.publish.keyring import PROFILES
from takedown.publish.public_keys import read_public
from takedown.subscribe import sync, verify


def signed(path: Path) -> Any:
    metadata: Any = Metadata.from_bytes(path.read_bytes())
    return metadata.signed


@pytest.mark.parametrize("profile", ["small", "strict"])
def test_a_repository_begun_by_files_is_one_that_readers_follow(tmp_path: Path, profile: str) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    publisher = Publisher(tmp_path / "p", profile, now=now)
    root = signed(publisher.repository / "metadata/1.root.json")
    rules = PROFILES[profile]
    assert {role: (one.threshold, len(one.keyids)) for role, one in root.roles.items()} == {
        role: (rule.threshold, rule.keys) for role, rule in rules.items()
    }
    for role, name in (("root", "1.root"), ("targets", "1.targets"), ("timestamp", "timestamp")):
        expires = signed(publisher.repository / f"metadata/{name}.json").expires
        assert expires - now == timedelta(days=rules[role].days)
    assert publisher.release(["a", "b"]) == 1
    assert sync(str(publisher.repository), publisher.root, tmp_path / "state").seq == 1
    assert verify(tmp_path / "state").seq == 1


def test_a_key_stays_with_its_holder_and_only_its_public_half_travels(tmp_path: Path) -> None:
    made = writer.make_key(tmp_path / "mine", "root", "a")
    assert made.private.stat().st_mode & 0o777 == 0o600
    secret = made.private.read_bytes()
    assert b"PRIVATE" not in made.public.read_bytes()
    found = read_public(made.public)
    assert (found.role, found.label, found.key.keyid) == ("root", "a", made.keyid)
    with pytest.raises(UsageError) as caught:
        writer.make_key(tmp_path / "mine", "root", "a")
    assert caught.value.slug == "key-exists"
    public = made.public.read_bytes()
    made.public.unlink()  # killed between the two files, or lost: the same key again, not another
    assert writer.make_key(tmp_path / "mine", "root", "a").keyid == made.keyid
    assert (made.private.read_bytes(), made.public.read_bytes()) == (secret, public)


@pytest.mark.parametrize(("role", "label"), [("boss", ""), ("root", "A"), ("root", "../x"), ("root", "-")])
def test_a_role_or_label_that_is_none_makes_no_key(tmp_path: Path, role: str, label: str) -> None:
    with pytest.raises(UsageError):
        writer.make_key(tmp_path / "mine", role, label)
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"role": "targets"},
        {"label": "b"},
        {"label": "\x1b[2K"},
        {"public": "0" * 64},
        {"public": "0"},
        {"signature": "00"},
        {"signature": "zz"},
        {"format": "other"},
        {"more": 1},
    ],
)
def test_a_public_file_that_was_altered_is_refused(tmp_path: Path, fields: dict[str, Any]) -> None:
    path = writer.make_key(tmp_path, "root", "a").public
    path.write_bytes(canonical.to_bytes(json.loads(path.read_bytes()) | fields))
    with pytest.raises(VerificationFailed) as caught:
        read_public(path)
    assert caught.value.slug == "public-key-invalid"


@pytest.fixture
def public(tmp_path: Path) -> list[Path]:
    """Public files for the small profile: root a to c, targets a and b, snapshot, timestamp."""
    names = [("root", "a"), ("root", "b"), ("root", "c"), ("targets", "a"), ("targets", "b")]
    names += [("snapshot", ""), ("timestamp", "")]
    return [writer.make_key(tmp_path / "keys", role, label).public for role, label in names]


@pytest.mark.parametrize("drop", range(7))
def test_a_first_root_takes_exactly_the_keys_of_its_profile(
    tmp_path: Path, public: list[Path], drop: int
) -> None:
    fewer = [path for n, path in enumerate(public) if n != drop]
    more = [*public, writer.make_key(tmp_path / "more", signed_role(public[drop]), "z").public]
    for files in (fewer, more, [*public, public[drop]]):
        with pytest.raises(UsageError) as caught:
            writer.propose_first(tmp_path / "change", files, publisher="Example")
        assert caught.value.slug in ("key-count", "key-twice")
    assert not (tmp_path / "change").exists()


def signed_role(path: Path) -> str:
    return str(json.loads(path.read_bytes())["role"])


def test_one_key_has_one_role(tmp_path: Path, public: list[Path]) -> None:
    shutil.copy(tmp_path / "keys/root-a.pem", tmp_path / "targets-x.pem")
    same = writer.make_key(tmp_path, "targets", "x").public
    with pytest.raises(UsageError) as caught:
        writer.propose_first(tmp_path / "change", [*public[:3], same, *public[4:]], publisher="Example")
    assert caught.value.slug == "key-twice"


def test_nothing_comes_into_force_below_the_threshold(tmp_path: Path, public: list[Path]) -> None:
    keys, change, repository = tmp_path / "keys", tmp_path / "change", tmp_path / "repository"
    writer.propose_first(change, public, publisher="Example")
    for name in ("root-a", "root-a", "targets-b", "root-c"):  # the same key twice counts once
        with pytest.raises(UsageError) as caught:
            writer.finish(change, repository, keys)
        assert caught.value.slug == "not-signed"
        assert not (repository / "metadata").exists()
        writer.sign_change(change, keys / f"{name}.pem")
    assert len(list((change / "signatures").iterdir())) == 3
    root = writer.finish(change, repository, keys)
    assert writer.finish(change, repository, keys) == root  # running it again changes nothing
    with pytest.raises(TakedownError) as none:
        sync(str(repository), root.read_bytes(), tmp_path / "state")
    assert none.value.slug == "no-release"


def test_a_key_that_the_change_does_not_list_signs_nothing(tmp_path: Path, public: list[Path]) -> None:
    writer.propose_first(tmp_path / "change", public, publisher="Example")
    stranger = writer.make_key(tmp_path / "other", "root", "a").private
    for key in (stranger, tmp_path / "keys/snapshot.pem"):
        with pytest.raises(UsageError) as caught:
            writer.sign_change(tmp_path / "change", key)
        assert caught.value.slug == "key-not-needed"
    assert not (tmp_path / "change/signatures").exists()


def test_a_change_that_was_exchanged_after_it_was_shown_is_not_signed(
    tmp_path: Path, public: list[Path]
) -> None:
    writer.propose_first(tmp_path / "change", public, publisher="Example")
    seen = writer.review_change(tmp_path / "change").sha256
    shutil.rmtree(tmp_path / "change")
    writer.propose_first(tmp_path / "change", public, publisher="Somebody else")
    with pytest.raises(VerificationFailed) as caught:
        writer.sign_change(tmp_path / "change", tmp_path / "keys/root-a.pem", expected=seen)
    assert caught.value.slug == "change-changed"


def test_a_used_folder_is_not_written_into(tmp_path: Path, public: list[Path]) -> None:
    publisher = Publisher(tmp_path / "p")
    writer.propose_first(tmp_path / "change", public, publisher="Example")
    with pytest.raises(UsageError):
        writer.propose_first(tmp_path / "change", public, publisher="Example")
    for name in ("root-a", "root-b", "targets-a"):
        writer.sign_change(tmp_path / "change", tmp_path / f"keys/{name}.pem")
    before = (publisher.repository / "metadata/timestamp.json").read_bytes()
    with pytest.raises(UsageError):
        writer.finish(tmp_path / "change", publisher.repository, tmp_path / "keys")
    assert (publisher.repository / "metadata/timestamp.json").read_bytes() == before


def test_a_trial_stays_marked_for_ever(tmp_path: Path, public: list[Path]) -> None:
    keys, change, repository = tmp_path / "keys", tmp_path / "change", tmp_path / "repository"
    writer.propose_first(change, public, publisher="Example", throwaway=True)
    for name in ("root-a", "root-b", "targets-a"):
        writer.sign_change(change, keys / f"{name}.pem")
    writer.finish(change, repository, keys)
    assert writer.review_change(change).throwaway
    writer.propose_change(tmp_path / "next", repository)
    assert writer.review_change(tmp_path / "next").throwaway
    assert writer.key_status(repository).throwaway
