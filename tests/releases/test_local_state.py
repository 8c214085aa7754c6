"""The folder a reader keeps: whose it is, and what was altered in it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from takedown.errors import NothingToSync, UsageError, VerificationFailed
from takedown.subscribe import open_blocklist, sync, verify
from takedown.subscribe.fetch import base_address


def test_a_state_folder_belongs_to_one_address_and_root(
    make_desk: Callable[..., Any], tmp_path: Path
) -> None:
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        desk.release(["a"])
    sync(one.url, one.root, tmp_path / "state")
    for url, root, slug in ((one.url, two.root, "other-root"), (two.url, one.root, "other-url")):
        with pytest.raises(UsageError) as caught:
            sync(url, root, tmp_path / "state")
        assert caught.value.slug == slug
    assert f"was made for {base_address(one.url)}; give that address" in caught.value.sentence
    assert verify(tmp_path / "state").seq == 1


def test_without_a_sync_there_is_nothing_to_open_or_verify(tmp_path: Path) -> None:
    for call in (open_blocklist, verify):
        with pytest.raises(NothingToSync) as caught:
            call(tmp_path)
        assert caught.value.slug == "no-list"


def spoil_json(path: Path, **fields: Any) -> None:
    path.write_text(
        json.dumps(json.loads(path.read_bytes()) | fields, sort_keys=True, separators=(",", ":")) + "\n"
    )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda state: next(state.rglob("*.parquet")).write_bytes(b"x"),
        lambda state: next(state.rglob("*.parquet")).unlink(),
        lambda state: spoil_json(next(state.rglob("manifest-*.json")), k_min=1),
        lambda state: next(state.rglob("manifest-*.json")).unlink(),
        lambda state: spoil_json(state / "current.json", seq=2),
        lambda state: spoil_json(state / "current.json", root_version=2),
        lambda state: spoil_json(state / "current.json", editions=[]),
        lambda state: (state / "current.json").write_bytes(b""),
        lambda state: next(state.glob("lists/*/targets.json")).write_bytes(b"{}"),
        lambda state: next(state.glob("lists/*/targets.json")).unlink(),
        lambda state: (state / "root.json").unlink(),
        lambda state: (state / "root.json").write_bytes(b"{}"),
    ],
    ids=range(12),
)
def test_verify_finds_what_was_altered_on_this_disk(
    desk: Any, tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    desk.release(["a"])
    sync(desk.url, desk.root, tmp_path / "state")
    verify(tmp_path / "state")
    spoil(tmp_path / "state")
    with pytest.raises(VerificationFailed):
        verify(tmp_path / "state")


def test_verify_needs_no_repository(desk: Any, tmp_path: Path) -> None:
    desk.release(["a"])
    sync(desk.url, desk.root, tmp_path / "state")
    shutil.rmtree(desk.repository)
    assert verify(tmp_path / "state").editions == {"research": (1, 1)}


def test_a_refused_data_file_is_named_as_the_publisher_names_it(desk: Any, tmp_path: Path) -> None:
    desk.release(["a"])
    path = next((desk.repository / "editions").rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(VerificationFailed) as caught:
        sync(desk.url, desk.root, tmp_path / "state")
    assert f"The file {path.relative_to(desk.repository).as_posix()} is not" in caught.value.sentence


@contextmanager
def closed(folder: Path, mode: int) -> Iterator[None]:
    """A folder with these permissions, for somebody whom they bind: root is nobody for the length of it."""
    user, before = os.geteuid(), folder.stat().st_mode
    folder.chmod(mode)
    try:
        if user == 0:
            os.seteuid(65534)
        yield
    finally:
        os.seteuid(user)
        folder.chmod(before)


def test_a_folder_that_permissions_close_is_named(
    desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.release(["a"])
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    state = Path("state")
    sync(desk.url, desk.root, state)
    with closed(state, 0o555), pytest.raises(UsageError, match=r"^state cannot be written") as caught:
        sync(desk.url, desk.root, state)
    assert caught.value.slug == "state-not-writable"
    for folder, call in ((state, verify), (state, open_blocklist), (state / "lists", verify)):
        with closed(folder, 0), pytest.raises(UsageError, match=f"^{folder}/.* cannot be used") as caught:
            call(state)
        assert caught.value.slug == "state-not-permitted"
    assert verify(state).seq == 1
