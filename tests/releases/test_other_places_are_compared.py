"""Two places under one root: one that is behind, one that is ahead, and two that tell different stories."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from takedown import cli
from takedown import publish as writer
from takedown.errors import NothingToSync, Stale, VerificationFailed
from takedown.subscribe import compare, sync


@pytest.fixture
def other(desk: Any, make_desk: Callable[..., Any], tmp_path: Path) -> Any:
    """The same publisher's keys and first release, in a second place."""
    desk.release(["a"])
    sync(desk.url, desk.root, tmp_path / "state")
    twin = make_desk("twin")
    for name in ("repository", "keys"):
        shutil.rmtree(twin.folder / name)
        shutil.copytree(desk.folder / name, twin.folder / name)
    twin.root = desk.root
    return twin


def test_a_mirror_with_the_same_release(other: Any, tmp_path: Path, serve: Callable[[Path], Any]) -> None:
    for url in (other.url, other.repository.as_uri(), serve(other.repository).url):
        found = compare(tmp_path / "state", url)
        assert (found.seq, found.other_seq) == (1, 1)
        assert "same release" in found.sentence


def test_a_mirror_that_is_behind_or_ahead_is_no_split_view(desk: Any, other: Any, tmp_path: Path) -> None:
    desk.release(["a", "b"])
    desk.release(["a", "b", "c"])
    ahead = compare(tmp_path / "state", desk.url)
    assert (ahead.seq, ahead.other_seq) == (1, 3)
    assert "is ahead" in ahead.sentence
    sync(desk.url, desk.root, tmp_path / "state")
    behind = compare(tmp_path / "state", other.url)
    assert (behind.seq, behind.other_seq) == (3, 1)
    assert "is behind" in behind.sentence


def test_signatures_renewed_in_one_place_are_no_split_view(other: Any, tmp_path: Path) -> None:
    writer.refresh(other.repository, other.keys)
    assert compare(tmp_path / "state", other.url).other_seq == 1


def fork(desk: Any, other: Any) -> None:
    desk.release(["a", "b"])
    other.release(["a", "c"])


def fork_with_other_versions(desk: Any, other: Any) -> None:
    fork(desk, other)
    writer.refresh(other.repository, other.keys)


def fork_one_release_further(desk: Any, other: Any) -> None:
    fork(desk, other)
    other.release(["a", "c", "d"])


def fork_one_release_behind(desk: Any, other: Any) -> None:
    fork(desk, other)
    desk.release(["a", "b", "d"])


def renew_differently(desk: Any, other: Any) -> None:
    writer.refresh(desk.repository, desk.keys)
    writer.refresh(other.repository, other.keys, now=datetime.now(UTC) - timedelta(days=1))


SPLITS = {
    "timestamp": (renew_differently, "timestamp"),
    "release": (fork, "timestamp"),
    "release, other versions of the online metadata": (fork_with_other_versions, "targets"),
    "history, further": (fork_one_release_further, "release 2 of edition research"),
    "history, behind": (fork_one_release_behind, "release 2 of edition research"),
}


@pytest.mark.parametrize(("split", "what"), SPLITS.values(), ids=SPLITS)
def test_two_contents_signed_as_one_are_a_split_view(
    desk: Any, other: Any, tmp_path: Path, split: Callable[[Any, Any], None], what: str
) -> None:
    split(desk, other)
    sync(desk.url, desk.root, tmp_path / "state")
    with pytest.raises(VerificationFailed) as caught:
        compare(tmp_path / "state", other.url)
    assert (caught.value.slug, caught.value.exit_code) == ("split-view", 4)
    assert what in caught.value.sentence


def test_places_that_cannot_be_compared(desk: Any, other: Any, make_desk: Any, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with pytest.raises(NothingToSync):
        compare(state, str(tmp_path / "nowhere"))
    with pytest.raises(NothingToSync):
        compare(tmp_path / "empty", other.url)
    stranger = make_desk("stranger")
    stranger.release(["a"])
    with pytest.raises(VerificationFailed):
        compare(state, stranger.url)
    writer.refresh(other.repository, other.keys, now=datetime.now(UTC) - timedelta(days=30))
    with pytest.raises(Stale):
        compare(state, other.url)


def test_by_command(desk: Any, other: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["verify", "--state", str(tmp_path / "state"), "--compare", other.url]
    assert cli.main(command) == 0
    out = capsys.readouterr().out
    assert "That place serves the same release 1. Compared were the signed metadata and the manifests;" in out
    assert cli.main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["other_seq"] == 1
    fork(desk, other)
    sync(desk.url, desk.root, tmp_path / "state")
    assert cli.main([*command, "--json"]) == 4
    assert "split-view" in capsys.readouterr().out
