"""Reading a release over HTTP and from a folder: what is fetched, and what is said about it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from takedown.errors import UsageError, VerificationFailed
from takedown.publish import EditionDraft
from takedown.subscribe import open_blocklist, sync, verify

DATA = (".parquet", "manifest-", "checkpoint-")


def fetched(server: Any) -> list[str]:
    return [path for path in server.asked if any(mark in path for mark in DATA)]


def test_the_list_arrives_over_http_and_a_second_sync_fetches_no_data(
    desk: Any, server: Any, tmp_path: Path
) -> None:
    desk.release(["a", "b"])
    first = sync(server.url, desk.root, tmp_path / "state")
    assert (first.seq, first.editions, first.warnings, first.stale) == (1, {"research": (1, 2)}, (), None)
    assert first.fetched > 0
    server.asked.clear()
    second = sync(server.url + "/", desk.root, tmp_path / "state")
    assert (second.seq, second.fetched, fetched(server)) == (1, 0, [])


def test_only_the_delta_is_fetched_when_it_is_smaller(desk: Any, server: Any, tmp_path: Path) -> None:
    desk.release(range(200))
    sync(server.url, desk.root, tmp_path / "state")
    server.asked.clear()
    desk.release(range(1, 202))
    assert sync(server.url, desk.root, tmp_path / "state").editions == {"research": (2, 201)}
    assert [path.rsplit("/", 1)[1] for path in fetched(server)] == [
        "checkpoint-000002.json",
        "manifest-000002.json",
        "000001-000002.parquet",
    ]


def test_a_reader_that_slept_for_releases_and_a_new_one_have_the_same_list(desk: Any, tmp_path: Path) -> None:
    desk.release(range(60))
    sync(desk.url, desk.root, tmp_path / "old")
    for step in range(1, 12):
        desk.release(range(step, 60 + step))
        if step % 4 == 0:
            assert sync(desk.url, desk.root, tmp_path / "old").warnings == ()
    results = [sync(desk.url, desk.root, tmp_path / name).editions for name in ("old", "new")]
    assert results[0] == results[1] == {"research": (12, 60)}
    lists = [open_blocklist(tmp_path / name) for name in ("old", "new")]
    assert lists[0].entries("url_sha256") == lists[1].entries("url_sha256")
    assert lists[0].state_sha256 == lists[1].state_sha256


@pytest.mark.parametrize("form", ["path", "file", "http"])
def test_every_form_of_address_gives_the_same_list(desk: Any, server: Any, tmp_path: Path, form: str) -> None:
    desk.release(["a"])
    spaced = tmp_path / "with space & ünïcode%20"
    shutil.copytree(desk.repository, spaced)
    url = {"path": str(spaced), "file": spaced.as_uri(), "http": server.url}[form]
    assert sync(url, desk.root, tmp_path / "state").editions == {"research": (1, 1)}


@pytest.mark.parametrize(
    "url", ["ftp://example.org/x", "javascript://x", "http://example.org/?a=1", "s3://bucket"]
)
def test_other_addresses_are_refused(desk: Any, tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError):
        sync(url, desk.root, tmp_path / "state")


def test_a_release_below_the_number_shipped_with_the_client_is_refused(desk: Any, tmp_path: Path) -> None:
    desk.release(["a"])
    with pytest.raises(VerificationFailed) as caught:
        sync(desk.url, desk.root, tmp_path / "state", min_seq=2)
    assert caught.value.slug == "below-min-seq"
    assert sync(desk.url, desk.root, tmp_path / "state", min_seq=1).seq == 1


def test_a_release_for_newer_clients_is_refused(
    desk: Any, make_key: Callable[..., Any], tmp_path: Path
) -> None:
    desk.release_drafts([EditionDraft("research", [make_key("a")])], min_client="99.0")
    with pytest.raises(VerificationFailed) as caught:
        sync(desk.url, desk.root, tmp_path / "state")
    assert caught.value.slug == "client-too-old"


def test_a_trial_publisher_is_pointed_out(make_desk: Callable[..., Any], tmp_path: Path) -> None:
    desk = make_desk("trial", throwaway=True)
    desk.release(["a"])
    for result in (sync(desk.url, desk.root, tmp_path / "state"), verify(tmp_path / "state")):
        assert "trial" in result.warnings[0]


def test_progress_counts_the_entries_that_are_written(desk: Any, tmp_path: Path) -> None:
    desk.release(range(30))
    told: list[tuple[int, int, str]] = []
    sync(desk.url, desk.root, tmp_path / "state", progress=lambda *now: told.append(now))
    assert told[-1] == (30, 30, "Edition research")
    told.clear()
    sync(desk.url, desk.root, tmp_path / "state", progress=lambda *now: told.append(now))
    assert told == []
