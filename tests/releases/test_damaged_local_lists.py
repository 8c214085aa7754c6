"""A local list that was damaged: sync never calls it verified, replaces it, and refuses older releases."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from takedown import disk
from takedown.blocklist import canonical
from takedown.errors import NothingToSync, VerificationFailed
from takedown.subscribe import open_blocklist, sync, verify
from takedown.subscribe.proof import prove_receipt


def shorten(state: Path) -> None:
    """The record of what is kept, without the files of the list."""
    path = state / "current.json"
    current = json.loads(path.read_bytes())
    current["editions"][0]["files"] = []
    path.write_text(json.dumps(current, sort_keys=True, separators=(",", ":")) + "\n")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "list altered": lambda state: next(state.glob("lists/**/*.parquet")).write_bytes(b"x"),
    "list missing": lambda state: next(state.glob("lists/**/*.parquet")).unlink(),
    "list left out": shorten,
    "manifest altered": lambda state: next(state.glob("lists/**/manifest-*.json")).write_bytes(b"{}"),
    "manifest missing": lambda state: next(state.glob("lists/**/manifest-*.json")).unlink(),
    "targets missing": lambda state: next(state.glob("lists/*/targets.json")).unlink(),
    "folder missing": lambda state: shutil.rmtree(next(state.glob("lists/*"))),
    "all lists missing": lambda state: shutil.rmtree(state / "lists"),
    "record empty": lambda state: (state / "current.json").write_bytes(b""),
    "root altered": lambda state: (state / "root.json").write_bytes(b"{}"),
    "root missing": lambda state: (state / "root.json").unlink(),
}


@pytest.fixture
def state(desk: Any, tmp_path: Path) -> Path:
    """A state folder at release 2."""
    desk.release(["a"])
    desk.release(["a", "b"])
    sync(desk.url, desk.root, tmp_path / "state")
    return tmp_path / "state"


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_sync_replaces_a_damaged_list(
    desk: Any, state: Path, make_key: Callable[..., Any], damage: Callable[[Path], object]
) -> None:
    damage(state)
    result = sync(desk.url, desk.root, state)
    assert (result.seq, result.stale) == (2, None)
    only_root = damage in (DAMAGE["root altered"], DAMAGE["root missing"])  # mended without a fetch
    assert len(result.warnings) == (0 if only_root else 1)
    assert verify(state).seq == 2
    assert open_blocklist(state).entries("url_sha256") == sorted(make_key(name).digest for name in "ab")
    assert len(list((state / "lists").iterdir())) == 1
    again = sync(desk.url, desk.root, state)
    assert (again.fetched, again.warnings) == (0, ())


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_list_is_brought_to_a_newer_release(
    desk: Any, state: Path, damage: Callable[[Path], object]
) -> None:
    damage(state)
    desk.release(["a", "b", "c"])
    assert sync(desk.url, desk.root, state).seq == verify(state).seq == 3


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_without_a_connection_a_damaged_list_is_not_said_to_stay_in_use(
    desk: Any, state: Path, damage: Callable[[Path], object]
) -> None:
    damage(state)
    desk.repository.rename(desk.repository.with_name("away"))
    with pytest.raises(NothingToSync):
        sync(desk.url, desk.root, state)


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_does_not_lift_rollback_protection(
    desk: Any, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    desk.release(["a"])
    old = (desk.repository / "metadata/timestamp.json").read_bytes()
    desk.release(["a", "b"])
    sync(desk.url, desk.root, tmp_path / "state")
    damage(tmp_path / "state")
    (desk.repository / "metadata/timestamp.json").write_bytes(old)
    with pytest.raises(VerificationFailed) as caught:
        sync(desk.url, desk.root, tmp_path / "state")
    assert caught.value.slug == "metadata-rollback"
    with pytest.raises(VerificationFailed):
        verify(tmp_path / "state")


def test_the_advice_is_to_sync_again(state: Path) -> None:
    DAMAGE["list altered"](state)
    with pytest.raises(VerificationFailed) as caught:
        verify(state)
    assert "takedown sync" in caught.value.sentence
    assert "delete" not in caught.value.sentence


def test_a_list_that_is_taken_away_while_a_file_is_read_was_replaced(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_blocklist(state)
    [folder] = (state / "lists").iterdir()
    hash_file = disk.sha256_file

    def hash_too_late(path: Path) -> str:
        folder.rename(folder.with_name(".gone"))
        return hash_file(path)

    monkeypatch.setattr(disk, "sha256_file", hash_too_late)
    with pytest.raises(VerificationFailed) as caught:
        opened.entries("url_sha256")
    assert caught.value.slug == "list-replaced"


def test_a_damaged_list_stays_until_the_new_one_is_there(
    desk: Any, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = next((state / "lists").iterdir())
    next(damaged.rglob("*.parquet")).write_bytes(b"x")

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(disk, "rename", killed)
        with pytest.raises(Killed):
            sync(desk.url, desk.root, state)
    assert damaged.is_dir()
    assert sync(desk.url, desk.root, state).seq == verify(state).seq == 2


def test_an_older_list_beside_the_signed_one_is_not_taken_for_it(
    desk: Any, tmp_path: Path, make_key: Callable[..., Any]
) -> None:
    """Every file is as some release had it, and the record says that the older one is in use."""
    state, kept = tmp_path / "state", tmp_path / "kept"
    desk.release(["a"])
    sync(desk.url, desk.root, state)
    older = json.loads((state / "current.json").read_bytes())
    shutil.copytree(state / "lists" / older["folder"], kept)
    desk.release(["a", "b"])
    sync(desk.url, desk.root, state)
    mixed = json.loads((state / "current.json").read_bytes()) | {"editions": older["editions"]}
    shutil.copytree(kept / "editions", state / "lists" / mixed["folder"] / "editions", dirs_exist_ok=True)
    (state / "current.json").write_bytes(canonical.to_bytes(mixed))
    with pytest.raises(VerificationFailed) as caught:
        verify(state)
    assert caught.value.slug == "local-altered"
    sync(desk.url, desk.root, state)
    assert verify(state).editions == {"research": (2, 2)}
    assert open_blocklist(state).entries("url_sha256") == sorted(make_key(name).digest for name in "ab")


@pytest.mark.parametrize("damage", [b"", b"{}\n", b"\xff"])
def test_a_folder_that_belongs_to_nobody_any_more_is_said_to(desk: Any, state: Path, damage: bytes) -> None:
    """Nothing is fetched into it: that would let another publisher take the place of this one."""
    (state / "binding.json").write_bytes(damage)
    for use in (lambda: sync(desk.url, desk.root, state), lambda: prove_receipt(bytes(32), state)):
        with pytest.raises(VerificationFailed, match="choose a new folder") as caught:
            use()
        assert caught.value.slug == "binding-invalid"


def test_proving_says_to_sync_where_nothing_says_where_the_list_came_from(desk: Any, state: Path) -> None:
    (state / "binding.json").unlink()
    with pytest.raises(VerificationFailed, match="run 'takedown sync' again"):
        prove_receipt(bytes(32), state)
    sync(desk.url, desk.root, state)
    with pytest.raises(VerificationFailed) as caught:
        prove_receipt(bytes(32), state)
    assert caught.value.slug == "no-leaf"
