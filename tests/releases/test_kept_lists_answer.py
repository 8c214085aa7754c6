"""What a kept list answers: which digests are listed, how fresh it is, and whose root vouches for it."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tuf.api.metadata import Metadata

from takedown import publish as writer
from takedown.blocklist import State, columns, files
from takedown.blocklist.table import write_table
from takedown.disk import sha256_file
from takedown.errors import Stale, VerificationFailed
from takedown.keys import Key
from takedown.publish import EditionDraft
from takedown.subscribe import open_blocklist, sync, verify
from takedown.subscribe.store import LocalEdition
from takedown.subscribe.tables import check_tables, open_table, write_list


@pytest.fixture
def state(desk: Any, make_key: Callable[..., Key], tmp_path: Path) -> Path:
    """A state folder with addresses and MD5s at release 1."""
    keys = [*(make_key(number) for number in range(40)), make_key("m", "img_md5")]
    desk.release_drafts([EditionDraft("research", keys)])
    sync(desk.url, desk.root, tmp_path / "state")
    return tmp_path / "state"


def tables(state: Path) -> list[Path]:
    return sorted((state / "lists").rglob("*.table"))


def raw(*keys: Key) -> Any:
    return np.array([list(bytes.fromhex(key.digest)) for key in keys], dtype=np.uint8)


def test_a_table_finds_what_is_listed_and_nothing_else(state: Path, make_key: Callable[..., Key]) -> None:
    opened = open_blocklist(state)
    table = opened.table("url_sha256")
    assert table is not None
    assert len(table) == 40
    assert table.hits(raw(make_key(3), make_key(99), make_key(7))).tolist() == [True, False, True]
    assert bytes.fromhex(make_key("m", "img_md5").digest) in opened.table("img_md5")
    assert opened.table("row_sha256") is None
    assert len(pickle.loads(pickle.dumps(table))) == 40  # noqa: S301 — our own, a moment ago


@pytest.mark.parametrize("prefix_hex", [1, 7, 16, 17, 40, 63])
def test_tables_of_shortened_digests_are_proven_by_the_list(
    make_key: Callable[..., Key], state: Path, tmp_path: Path, prefix_hex: int
) -> None:
    keys = [make_key(number, kind) for number in range(30) for kind in ("url_sha256", "img_md5")]
    short = State.of(keys, prefix_hex)
    full = open_blocklist(state).manifest
    manifest = replace(full, prefix_hex=prefix_hex, count_by_kind=short.count_by_kind)
    files_, tables_ = write_list(short.pieces(), tmp_path / "list", manifest)
    local = LocalEdition(tmp_path / "list", manifest, "", files_, tables_)
    assert State.collect(check_tables(local), prefix_hex) == short
    for kind in ("url_sha256", "img_md5"):
        table = open_table(local, kind)
        assert table is not None
        assert table.hits(raw(*(key for key in keys if key.kind == kind))).all()


def test_a_table_that_went_missing_is_made_anew_as_it_was(state: Path) -> None:
    path = tables(state)[0]
    data = path.read_bytes()
    path.unlink()
    assert open_blocklist(state).table(path.stem) is not None
    assert path.read_bytes() == data
    path.unlink()
    assert verify(state).seq == 1
    assert path.read_bytes() == data


def test_processes_that_miss_a_table_at_once_all_get_it(state: Path) -> None:
    path = tables(state)[-1]
    data = path.read_bytes()
    path.unlink()
    with ProcessPoolExecutor(4) as pool:
        assert list(pool.map(table_rows, [state] * 8)) == [40] * 8
    assert path.read_bytes() == data


def table_rows(state: Path) -> int:
    return len(open_blocklist(state).table("url_sha256") or ())


@pytest.mark.parametrize("at", [8, 70, -1])
def test_a_table_that_was_altered_is_never_asked_and_sync_replaces_it(
    desk: Any, state: Path, at: int
) -> None:
    path = tables(state)[-1]
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(VerificationFailed) as caught:
        open_blocklist(state).table(path.stem)
    assert caught.value.slug == "local-altered"
    with pytest.raises(VerificationFailed):
        verify(state)
    assert len(sync(desk.url, desk.root, state).warnings) == 1
    assert verify(state).seq == 1


def test_a_record_of_a_table_of_another_list_is_found_out(state: Path, desk: Any) -> None:
    """Whoever can write the folder can write the record as well; the signed list cannot be written so."""
    one, two = tables(state)
    record = (state / "current.json").read_text()
    other = two.with_name("x.table")
    write_table(other, "url_sha256", 64, [np.array([b"0" * 64] * 1)])
    size, sha256 = two.stat().st_size, sha256_file(two)
    record = record.replace(sha256, sha256_file(other)).replace(
        f'"bytes":{size},"kind":"url_sha256","sha256"',
        f'"bytes":{other.stat().st_size},"kind":"url_sha256","sha256"',
    )
    (state / "current.json").write_text(record)
    other.replace(two)
    assert len(open_blocklist(state).table("url_sha256") or ()) == 1
    with pytest.raises(VerificationFailed) as caught:
        verify(state)
    assert caught.value.slug == "local-altered"
    assert one.is_file()


def test_a_kind_that_is_withdrawn_altogether_leaves_no_table(
    desk: Any, state: Path, make_key: Callable[..., Key]
) -> None:
    desk.release(range(40))
    result = sync(desk.url, desk.root, state)
    assert (result.editions, result.warnings) == ({"research": (2, 40)}, ())
    assert [path.stem for path in tables(state)] == ["url_sha256"]
    assert open_blocklist(state).table("img_md5") is None
    desk.release([])
    assert sync(desk.url, desk.root, state).editions == {"research": (3, 0)}
    assert verify(state).seq == 3
    assert (tables(state), open_blocklist(state).table("url_sha256")) == ([], None)


def test_lists_far_longer_than_a_chunk_and_cut_into_256_files(
    desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "CHUNK", 7)
    monkeypatch.setattr(columns, "ROW_GROUP", 16)
    monkeypatch.setattr(files.ListWriter.__init__, "__defaults__", (3,))
    for names in (range(100), range(5, 105), range(5, 110)):
        desk.release(names)
        result = sync(desk.url, desk.root, tmp_path / "state")
        assert (result.editions["research"][1], result.warnings) == (len(names), ())
    assert len(open_blocklist(tmp_path / "state").files("url_sha256")) > 60
    assert sync(desk.url, desk.root, tmp_path / "new").editions == result.editions
    assert verify(tmp_path / "new").seq == verify(tmp_path / "state").seq == 3


def test_the_day_of_confirmation_moves_only_when_a_list_was_proven_the_newest(desk: Any, state: Path) -> None:
    today = datetime.now(UTC).date()
    assert open_blocklist(state).confirmed == today
    path = state / "confirmed.json"
    path.write_text(path.read_text().replace(today.isoformat(), "2026-01-01"))
    assert open_blocklist(state).confirmed == date(2026, 1, 1)
    away = desk.repository.rename(desk.repository.with_name("away"))
    assert sync(desk.url, desk.root, state).stale == "unreachable"
    assert open_blocklist(state).confirmed == date(2026, 1, 1)
    away.rename(desk.repository)
    sync(desk.url, desk.root, state)
    assert open_blocklist(state).confirmed == datetime.now(UTC).date()
    path.unlink()
    assert open_blocklist(state).confirmed is None


def test_expired_signatures_are_said_by_sync_and_by_the_list_that_stays_in_use(
    desk: Any, state: Path
) -> None:
    assert open_blocklist(state).warnings == ()
    writer.refresh(desk.repository, desk.keys, now=datetime.now(UTC) - timedelta(days=15))
    timestamp = (desk.repository / "metadata/timestamp.json").read_bytes()
    (state / "metadata/timestamp.json").write_bytes(timestamp)  # as if it had been synced in time
    expires = Metadata.from_bytes(timestamp).signed.expires
    with pytest.raises(Stale):
        sync(desk.url, desk.root, state)
    opened = open_blocklist(state)
    [warning] = opened.warnings
    assert f"expired on {expires.date().isoformat()}" in warning
    assert opened.table("url_sha256") is not None
    writer.refresh(desk.repository, desk.keys)
    sync(desk.url, desk.root, state)
    assert open_blocklist(state).warnings == ()


def test_a_trials_list_says_so_to_whoever_goes_on_with_it(
    make_desk: Callable[..., Any], tmp_path: Path
) -> None:
    desk = make_desk("trial", throwaway=True)
    desk.release(["a"])
    sync(desk.url, desk.root, tmp_path / "state")
    assert "trial" in open_blocklist(tmp_path / "state").warnings[0]


def test_the_root_that_vouches_for_a_list(desk: Any, state: Path) -> None:
    root: Metadata[Any] = Metadata.from_bytes(desk.root)
    assert open_blocklist(state).root_keyids == tuple(sorted(root.signed.roles["root"].keyids))
    (state / "root.json").write_bytes(b"{}")
    with pytest.raises(VerificationFailed):
        _ = open_blocklist(state).root_keyids
