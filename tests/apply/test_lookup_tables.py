"""A table answers as a set of digests cut short would, whatever the digests; a damaged file is refused."""

from __future__ import annotations

import multiprocessing
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takedown import patience
from takedown.blocklist import table as tables
from takedown.blocklist.table import Table, write_table
from takedown.errors import VerificationFailed
from takedown.keys import PUBLISHED_KINDS, WIDTHS


def digests(width: int) -> st.SearchStrategy[bytes]:
    """Any digest, and those that share their beginning with others, up to all but the last half byte."""
    alike = st.builds(
        lambda fill, at, other: bytes([fill]) * at + bytes([other]) + bytes([fill]) * (width - at - 1),
        st.sampled_from([0, 0x5A, 0xFF]),
        st.integers(0, width - 1),
        st.integers(0, 255),
    )
    return st.one_of(alike, st.binary(min_size=width, max_size=width))


def written(path: Path, kind: str, prefix_hex: int, entries: set[str], cuts: list[int]) -> Table:
    """The table of a file, written from several arrays."""
    array = np.array(sorted(entries), f"S{min(prefix_hex, 2 * WIDTHS[kind])}")
    places = sorted(min(cut, len(array)) for cut in cuts)
    write_table(path, kind, prefix_hex, np.split(array, places))
    return Table.open(path)


def sent(table: Table) -> Table:
    """As another process gets it."""
    return ForkingPickler.loads(ForkingPickler.dumps(table))


def agrees(table: Table, entries: set[str], asked: list[bytes], digits: int) -> None:
    expected = [digest.hex()[:digits] in entries for digest in asked]
    sheet = np.frombuffer(b"".join(asked), np.uint8).reshape(len(asked), -1)
    assert table.hits(sheet).tolist() == expected
    assert [digest in table for digest in asked] == expected
    heads = np.array([int.from_bytes(digest[:8], "big") for digest in asked], np.uint64)
    maybe = table.candidates(heads).tolist()
    assert set(np.flatnonzero(expected).tolist()) <= set(maybe)
    if digits <= 16:
        assert maybe == np.flatnonzero(expected).tolist()
    assert len(table) == len(entries)


@pytest.mark.parametrize("way", ["mapped", "read", "compiled"])
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_it_answers_as_a_set_does(tmp_path_factory, way, data):
    kind = data.draw(st.sampled_from(PUBLISHED_KINDS))
    prefix_hex = data.draw(st.integers(1, 64))
    digits = min(prefix_hex, 2 * WIDTHS[kind])
    asked = data.draw(st.lists(digests(WIDTHS[kind]), min_size=1, max_size=60))
    listed = {d.hex()[:digits] for d in data.draw(st.sets(st.sampled_from(asked)))}
    path = tmp_path_factory.mktemp("table") / "a.table"
    with pytest.MonkeyPatch.context() as patch:
        if way == "read":
            patch.setattr(tables, "MANY_TAILS", 0)
        if way == "compiled":
            pytest.importorskip("numba")
            patch.setattr(patience, "PATIENCE", 0)
        opened = written(path, kind, prefix_hex, listed, data.draw(st.lists(st.integers(0, 60), max_size=3)))
        for table in (opened, Table.of(kind, prefix_hex, listed), sent(opened)):
            assert (table.kind, table.prefix_hex) == (kind, prefix_hex)
            agrees(table, listed, asked, digits)
        in_memory = Table.of(kind, prefix_hex, listed)
        agrees(sent(in_memory), listed, asked, digits)


@pytest.mark.parametrize("kind", ["url_sha256", "img_md5"])
def test_every_length_of_entries(tmp_path, kind):
    rng = np.random.default_rng(3)
    known = [rng.bytes(WIDTHS[kind]) for _ in range(400)]
    known += [known[0][:at] + rng.bytes(WIDTHS[kind] - at) for at in range(1, WIDTHS[kind]) for _ in range(4)]
    for prefix_hex in range(1, 65):
        digits = min(prefix_hex, 2 * WIDTHS[kind])
        listed = {digest.hex()[:digits] for digest in known[::2]}
        table = written(tmp_path / f"{prefix_hex}.table", kind, prefix_hex, listed, [7, 7, 90])
        agrees(table, listed, known, digits)


def test_two_writes_of_a_list_are_the_same_bytes(tmp_path):
    entries = {np.random.default_rng(n).bytes(32).hex() for n in range(500)}
    written(tmp_path / "a", "url_sha256", 64, entries, [])
    written(tmp_path / "b", "url_sha256", 64, entries, [1, 100, 101])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


A, B = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("chunks", "slug"),
    [
        ([[B, A]], "entry-order"),
        ([[B], [A]], "entry-order"),
        ([[A, A]], "entry-order"),
        ([[A], [A]], "entry-order"),
        ([[A[:63]]], "entry-width"),
        ([[A + "a"]], "entry-width"),
        ([["g" * 64]], "entry-hex"),
        ([["A" * 64]], "entry-hex"),
        ([["é" * 32]], "entry-hex"),
        ([["a a" + "a" * 61]], "entry-hex"),
        ([["a" * 62 + "  "]], "entry-hex"),
        ([["a" * 62 + "\n\n"]], "entry-hex"),
    ],
)
def test_a_list_out_of_form_is_not_written(tmp_path, chunks, slug):
    arrays = [np.array([entry.encode() for entry in chunk]) for chunk in chunks]
    with pytest.raises(VerificationFailed) as caught:
        write_table(tmp_path / "a.table", "url_sha256", 64, arrays)
    assert caught.value.slug == slug
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("prefix_hex", [64, 7])
def test_a_damaged_file_is_refused(tmp_path, prefix_hex):
    path = tmp_path / "a.table"
    entries = {np.random.default_rng(n).bytes(32).hex()[:prefix_hex] for n in range(50)}
    written(path, "url_sha256", prefix_hex, entries, [])
    good = path.read_bytes()
    damaged = [b"", good[:40], good[:-1], good + b"\0", b"x" + good[1:]]
    damaged += [good[:at] + bytes([good[at] ^ 0x41]) + good[at + 1 :] for at in (8, 12, 16, 20, 27)]
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(VerificationFailed) as caught:
            Table.open(path)
        assert caught.value.slug == "local-altered"
    path.unlink()
    with pytest.raises(VerificationFailed):
        Table.open(path)


def _ask(table: Table, asked: list[bytes]) -> list[bool]:
    return [digest in table for digest in asked]


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_other_processes_map_the_same_file(tmp_path, start):
    asked = [np.random.default_rng(n).bytes(32) for n in range(100)]
    table = written(tmp_path / "a.table", "url_sha256", 64, {digest.hex() for digest in asked[:50]}, [])
    with multiprocessing.get_context(start).Pool(2) as pool:
        answers = pool.starmap(_ask, [(table, asked)] * 4)
    assert answers == [[True] * 50 + [False] * 50] * 4


def _write(path: Path, entries: list[bytes]) -> None:
    for _ in range(20):
        write_table(path, "url_sha256", 64, [np.array(entries)])


def test_processes_that_make_the_same_table_at_once_do_not_meet(tmp_path):
    entries = sorted(np.random.default_rng(n).bytes(32).hex().encode() for n in range(3000))
    _write(tmp_path / "alone", entries)
    with multiprocessing.get_context("fork").Pool(3) as pool:
        pool.starmap(_write, [(tmp_path / "a.table", entries)] * 3)
    assert (tmp_path / "a.table").read_bytes() == (tmp_path / "alone").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.table", "alone"]
