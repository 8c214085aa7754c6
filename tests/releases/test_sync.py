"""Reading a release over HTTP and from a folder: what is fetched, kept, refused, and said."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from takedown import publish as writer
from takedown.errors import NothingToSync, UsageError, VerificationFailed
from takedown.publish import EditionDraft
from takedown.subscribe import open_blocklist, sync, verify

DATA = (".parquet", "manifest-", "checkpoint-")


class Server:
    """The repository on loopback HTTP; ``answer`` can replace what it says."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.answer: Callable[[str], tuple[int, bytes] | None] = lambda path: None
        server = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                other = server.answer(self.path)
                if other is None:
                    super().do_GET()
                    return
                self.send_response(other[0])
                self.send_header("Content-Length", str(len(other[1])))
                self.end_headers()
                self.wfile.write(other[1])

            def log_message(self, *arguments: object) -> None:
                """Quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server(desk: Any) -> Iterator[Server]:
    served = Server(desk.repository)
    yield served
    served.close()


def fetched(server: Server) -> list[str]:
    return [path for path in server.asked if any(mark in path for mark in DATA)]


def test_the_list_arrives_over_http_and_a_second_sync_fetches_no_data(
    desk: Any, server: Server, tmp_path: Path
) -> None:
    desk.release(["a", "b"])
    first = sync(server.url, desk.root, tmp_path / "state")
    assert (first.seq, first.editions, first.warnings, first.stale) == (1, {"research": (1, 2)}, (), None)
    assert first.fetched > 0
    server.asked.clear()
    second = sync(server.url + "/", desk.root, tmp_path / "state")
    assert (second.seq, second.fetched, fetched(server)) == (1, 0, [])


def test_only_the_delta_is_fetched_when_it_is_smaller(desk: Any, server: Server, tmp_path: Path) -> None:
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
def test_every_form_of_address_gives_the_same_list(
    desk: Any, server: Server, tmp_path: Path, form: str
) -> None:
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
    desk: Any, server: Server, tmp_path: Path, answer: tuple[int, bytes], slug: str
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
    desk: Any, server: Server, tmp_path: Path, answer: tuple[int, bytes], slug: str
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


def test_a_server_that_is_gone_and_a_folder_that_is_not_there(desk: Any, tmp_path: Path) -> None:
    desk.release(["a"])
    served = Server(desk.repository)
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
    assert caught.value.slug in ("metadata-invalid", "metadata-unreadable")
    assert open_blocklist(tmp_path / "state").seq == 1


def test_an_older_timestamp_is_refused_and_the_list_kept(desk: Any, tmp_path: Path) -> None:
    desk.release(["a"])
    old = (desk.repository / "metadata/timestamp.json").read_bytes()
    desk.release(["a", "b"])
    sync(desk.url, desk.root, tmp_path / "state")
    (desk.repository / "metadata/timestamp.json").write_bytes(old)
    with pytest.raises(VerificationFailed) as caught:
        sync(desk.url, desk.root, tmp_path / "state")
    assert caught.value.slug == "metadata-invalid"
    assert verify(tmp_path / "state").seq == 2


@pytest.mark.parametrize("kept", [False, True])
def test_expired_metadata_has_its_own_slug_and_the_list_stays_usable(
    desk: Any, tmp_path: Path, kept: bool
) -> None:
    desk.release(["a"])
    if kept:
        sync(desk.url, desk.root, tmp_path / "state")
    writer.refresh(desk.repository, desk.keys, now=datetime.now(UTC) - timedelta(days=15))
    with pytest.raises(VerificationFailed) as caught:
        sync(desk.url, desk.root, tmp_path / "state")
    assert (caught.value.slug, caught.value.exit_code) == ("metadata-expired", 4)
    if kept:
        assert verify(tmp_path / "state").seq == open_blocklist(tmp_path / "state").seq == 1
    writer.refresh(desk.repository, desk.keys)
    assert sync(desk.url, desk.root, tmp_path / "state").seq == 1


def test_an_expired_root_is_refused(make_desk: Callable[..., Any], tmp_path: Path) -> None:
    desk = make_desk("old", now=datetime.now(UTC) - timedelta(days=366))
    desk.release(["a"])
    with pytest.raises(VerificationFailed) as caught:
        sync(desk.url, desk.root, tmp_path / "state")
    assert caught.value.slug == "metadata-expired"


def test_expired_targets_are_refused(desk: Any, tmp_path: Path) -> None:
    staging, _ = desk.stage(["a"])
    desk.sign_anything(staging, expires=datetime.now(UTC) - timedelta(days=1))
    with pytest.raises(VerificationFailed) as caught:
        sync(desk.url, desk.root, tmp_path / "state")
    assert caught.value.slug == "metadata-expired"


def test_another_publishers_root_file_does_not_verify(make_desk: Callable[..., Any], tmp_path: Path) -> None:
    one, two = make_desk("one"), make_desk("two")
    one.release(["a"])
    with pytest.raises(VerificationFailed) as caught:
        sync(one.url, two.root, tmp_path / "state")
    assert caught.value.slug == "metadata-invalid"


@pytest.mark.parametrize("root", [b"", b"{}", b"<html>", b"\xff" * 100])
def test_a_root_file_that_is_none_is_refused(desk: Any, tmp_path: Path, root: bytes) -> None:
    with pytest.raises(VerificationFailed) as caught:
        sync(desk.url, root, tmp_path / "state")
    assert caught.value.slug == "root-invalid"


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
    assert verify(tmp_path / "state").seq == 1


def test_a_release_below_the_number_shipped_with_the_client_is_refused(desk: Any, tmp_path: Path) -> None:
    desk.release(["a"])
    with pytest.raises(VerificationFailed) as caught:
        sync(desk.url, desk.root, tmp_path / "state", min_seq=2)
    assert caught.value.slug == "rollback"
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
