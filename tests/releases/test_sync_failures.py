"""Servers that fail, files and metadata that were altered, signatures that expired: the kept list stays."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from takedown import publish as writer
from takedown.errors import NothingToSync, Stale, VerificationFailed
from takedown.subscribe import open_blocklist, sync, verify

HTML = b"<!doctype html><title>Sign in</title>"
FAILURES = {
    "401": ((401, b""), "unreachable"),
    "403": ((403, b""), "unreachable"),
    "500": ((500, b"oops"), "unreachable"),
    "503": ((503, HTML), "unreachable"),
    "a page": ((200, HTML), "metadata-unreadable"),
    "nothing": ((200, b""), "metadata-unreadable"),
    "endless": ((200, b"{" * 600_000), "metadata-unreadable"),
}


@pytest.mark.parametrize(("answer", "slug"), FAILURES.values(), ids=FAILURES)
def test_without_a_list_a_server_that_fails_means_nothing_to_sync(
    desk: Any, server: Any, tmp_path: Path, answer: tuple[int, bytes], slug: str
) -> None:
    desk.release(["a"])
    server.answer = lambda path: answer
    with pytest.raises(NothingToSync) as caught:
        sync(server.url, desk.root, tmp_path / "state")
    assert (caught.value.slug, caught.value.exit_code) == (slug, 5)
    server.answer = lambda path: None  # it recovers in the same folder
    assert sync(server.url, desk.root, tmp_path / "state").seq == 1


@pytest.mark.parametrize(("answer", "slug"), FAILURES.values(), ids=FAILURES)
def test_with_a_list_a_server_that_fails_leaves_it_in_use(
    desk: Any, server: Any, tmp_path: Path, answer: tuple[int, bytes], slug: str
) -> None:
    desk.release(["a"])
    sync(server.url, desk.root, tmp_path / "state")
    server.answer = lambda path: answer
    if slug == "unreachable":
        result = sync(server.url, desk.root, tmp_path / "state")
        assert (result.seq, result.stale) == (1, slug)
        assert "release 1 stays in use" in result.warnings[0]
    else:
        with pytest.raises(VerificationFailed) as caught:
            sync(server.url, desk.root, tmp_path / "state")
        assert caught.value.slug == slug
    assert verify(tmp_path / "state").seq == 1


def test_a_server_that_is_gone_and_a_folder_that_is_not_there(desk: Any, serve: Any, tmp_path: Path) -> None:
    desk.release(["a"])
    served = serve(desk.repository)
    sync(served.url, desk.root, tmp_path / "state")
    served.close()
    assert sync(served.url, desk.root, tmp_path / "state").stale == "unreachable"
    for url in (served.url, str(tmp_path / "nowhere"), desk.keys.as_uri()):
        with pytest.raises(NothingToSync):
            sync(url, desk.root, tmp_path / "new")


@pytest.mark.parametrize("kept", [False, True])
def test_a_repository_without_a_release_yet(desk: Any, tmp_path: Path, kept: bool) -> None:
    empty = shutil.copytree(desk.repository, tmp_path / "empty")
    if kept:
        desk.release(["a"])
        sync(desk.url, desk.root, tmp_path / "state")
        shutil.rmtree(desk.repository)
        shutil.copytree(empty, desk.repository)
        with pytest.raises(VerificationFailed):
            sync(desk.url, desk.root, tmp_path / "state")
        assert verify(tmp_path / "state").seq == 1
    else:
        with pytest.raises(NothingToSync) as caught:
            sync(desk.url, desk.root, tmp_path / "state")
        assert caught.value.slug == "no-release"


@pytest.mark.parametrize("spoil", ["truncated", "overlong", "changed", "missing"])
@pytest.mark.parametrize("which", ["url_sha256.00.parquet", "manifest-000001.json", "checkpoint-000001.json"])
def test_an_altered_data_file_is_refused(desk: Any, tmp_path: Path, which: str, spoil: str) -> None:
    desk.release(["a"])
    path = next(desk.repository.rglob(which))
    data = path.read_bytes()
    path.unlink()
    if spoil != "missing":
        middle = len(data) // 2
        changed = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        path.write_bytes({"truncated": data[:-1], "overlong": data + b"x", "changed": changed}[spoil])
    with pytest.raises(NothingToSync if spoil == "missing" else VerificationFailed):
        sync(desk.url, desk.root, tmp_path / "state")
    assert not (tmp_path / "state/current.json").exists()
    path.write_bytes(data)
    assert sync(desk.url, desk.root, tmp_path / "state").seq == 1


@pytest.mark.parametrize("role", ["timestamp", "2.snapshot", "2.targets"])
@pytest.mark.parametrize(
    "change", [(b'"version":', b'"version":1'), (b"20", b"21"), (b'"sig":"', b'"sig":"00')]
)
def test_altered_metadata_is_refused_and_the_list_kept(
    desk: Any, tmp_path: Path, role: str, change: tuple[bytes, bytes]
) -> None:
    desk.release(["a"])
    sync(desk.url, desk.root, tmp_path / "state")
    shutil.rmtree(tmp_path / "state/metadata")  # so that everything is fetched again
    path = desk.repository / f"metadata/{role}.json"
    path.write_bytes(path.read_bytes().replace(*change))
    with pytest.raises(VerificationFailed) as caught:
        sync(desk.url, desk.root, tmp_path / "state")
    assert caught.value.slug in ("signatures-missing", "metadata-differs", "metadata-unreadable")
    assert open_blocklist(tmp_path / "state").seq == 1


def test_an_older_timestamp_is_refused_and_the_list_kept(desk: Any, tmp_path: Path) -> None:
    desk.release(["a"])
    old = (desk.repository / "metadata/timestamp.json").read_bytes()
    desk.release(["a", "b"])
    sync(desk.url, desk.root, tmp_path / "state")
    (desk.repository / "metadata/timestamp.json").write_bytes(old)
    with pytest.raises(VerificationFailed) as caught:
        sync(desk.url, desk.root, tmp_path / "state")
    assert caught.value.slug == "metadata-rollback"
    assert verify(tmp_path / "state").seq == 2


@pytest.mark.parametrize("kept", [False, True])
def test_expired_metadata_has_its_own_slug_and_the_list_stays_usable(
    desk: Any, tmp_path: Path, kept: bool
) -> None:
    desk.release(["a"])
    if kept:
        sync(desk.url, desk.root, tmp_path / "state")
    writer.refresh(desk.repository, desk.keys, now=datetime.now(UTC) - timedelta(days=15))
    with pytest.raises(Stale) as caught:
        sync(desk.url, desk.root, tmp_path / "state")
    assert (caught.value.slug, caught.value.exit_code) == ("metadata-expired", 6)
    if kept:
        assert verify(tmp_path / "state").seq == open_blocklist(tmp_path / "state").seq == 1
    writer.refresh(desk.repository, desk.keys)
    assert sync(desk.url, desk.root, tmp_path / "state").seq == 1


def test_an_expired_root_is_refused(make_desk: Callable[..., Any], tmp_path: Path) -> None:
    desk = make_desk("old", now=datetime.now(UTC) - timedelta(days=366))
    desk.release(["a"])
    with pytest.raises(Stale) as caught:
        sync(desk.url, desk.root, tmp_path / "state")
    assert caught.value.slug == "root-expired"


def test_expired_targets_are_refused(desk: Any, tmp_path: Path) -> None:
    staging, _ = desk.stage(["a"])
    desk.sign_anything(staging, expires=datetime.now(UTC) - timedelta(days=1))
    with pytest.raises(Stale) as caught:
        sync(desk.url, desk.root, tmp_path / "state")
    assert caught.value.slug == "metadata-expired"


def test_another_publishers_root_file_does_not_verify(make_desk: Callable[..., Any], tmp_path: Path) -> None:
    one, two = make_desk("one"), make_desk("two")
    one.release(["a"])
    with pytest.raises(VerificationFailed) as caught:
        sync(one.url, two.root, tmp_path / "state")
    assert caught.value.slug == "signatures-missing"


@pytest.mark.parametrize("root", [b"", b"{}", b"<html>", b"\xff" * 100])
def test_a_root_file_that_is_none_is_refused(desk: Any, tmp_path: Path, root: bytes) -> None:
    with pytest.raises(VerificationFailed) as caught:
        sync(desk.url, root, tmp_path / "state")
    assert caught.value.slug == "root-invalid"
