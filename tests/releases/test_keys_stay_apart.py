"""Private keys never lie in a folder that is served, and a refused ceremony leaves none behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from factories.keyholders import Publisher

from takedown import cli
from takedown import publish as writer
from takedown.errors import UsageError


def private_keys(folder: Path) -> list[Path]:
    return list(folder.rglob("*.pem"))


@pytest.mark.parametrize(
    ("keys", "repository"),
    [
        ("served", "served"),
        ("served/keys", "served"),
        ("keys", "keys/served"),
        ("away/../served/keys", "served"),
        ("link/keys", "served"),
    ],
)
def test_keys_and_repository_never_hold_each_other(
    tmp_path: Path, keys: str, repository: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "served")
    words = ["ceremony", "--keys", tmp_path / keys, "--repository", tmp_path / repository]
    assert cli.main([*map(str, words), "--publisher", "Example"]) == 2
    assert "neither inside the other" in capsys.readouterr().err
    assert not private_keys(tmp_path)
    with pytest.raises(UsageError) as caught:
        writer.ceremony(tmp_path / keys, tmp_path / repository, publisher="Example")
    assert caught.value.slug == "keys-in-repository"


def test_one_key_too_is_not_made_inside_a_repository(tmp_path: Path) -> None:
    writer.ceremony(tmp_path / "keys", tmp_path / "served", publisher="Example")
    for inside in ("served", "served/metadata", "served/mine/keys"):
        with pytest.raises(UsageError) as caught:
            writer.make_key(tmp_path / inside, "root", "a")
        assert caught.value.slug == "keys-in-repository"
    assert not private_keys(tmp_path / "served")
    assert writer.make_key(tmp_path / "keys", "root", "a").private.exists()


def test_a_new_repository_is_not_made_around_the_online_keys(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "p")
    change = tmp_path / "p" / "change-1"
    with pytest.raises(UsageError) as caught:
        writer.finish(change, publisher.online, publisher.online)
    assert caught.value.slug == "keys-in-repository"
    assert not (publisher.online / "metadata" / "1.root.json").exists()


@pytest.mark.parametrize("bad", ["keys", "repository"])
def test_a_folder_that_cannot_be_written_is_told_before_any_key_is_made(tmp_path: Path, bad: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    places = {name: tmp_path / name for name in ("keys", "repository")}
    with pytest.raises(UsageError) as caught:
        writer.ceremony(**_named(places | {bad: tmp_path / "file" / bad}), publisher="Example")
    assert caught.value.slug == "not-writable"
    assert not private_keys(tmp_path)
    assert writer.ceremony(**_named(places), publisher="Example").exists()  # nothing is in its way


def _named(places: dict[str, Path]) -> dict[str, Path]:
    return {"keys_dir": places["keys"], "repository": places["repository"]}
