"""The difference of two versions, against a plain reading of the rule, and its counts."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from takedown.keys import row_sha256, url_sha256
from takedown.publish.from_diff_compare import Found, compare
from takedown.publish.from_diff_rows import PARTS, Counted, number_equal, write_version

Pair = tuple[str | None, str | None]

texts = st.sampled_from([None, "", "a", "b", "c"])
versions = st.lists(st.tuples(texts, texts), max_size=12)


def write(rows: list[Pair], path: Path) -> Path:
    columns = (
        [pa.array(list(column), pa.string()) for column in zip(*rows, strict=True)] if rows else [[], []]
    )
    pq.write_table(pa.table({"URL": columns[0], "TEXT": columns[1]}), path)
    return path


def read(
    folder: Path, old: list[Pair], new: list[Pair], **options: Any
) -> tuple[Found, set[tuple[str, str]]]:
    made = []
    for name, rows in (("old", old), ("new", new)):
        path = write(rows, folder / f"{name}.parquet")
        made.append(write_version(path, folder / name, lambda rows: None))
    found, entries = compare(made[0], made[1], folder, lambda parts: None, **options)
    return found, {(key.kind, key.digest) for key in entries}


def plainly(old: list[Pair], new: list[Pair]) -> set[tuple[str, str]]:
    """The rule, row by row. A null caption and an empty one are the same, and so are addresses."""
    new_urls, new_pairs = (
        {url for url, _ in new if url},
        {(url or "", text or "") for url, text in named(new)},
    )
    listed = set()
    for url, text in named(old):
        if url and url not in new_urls:
            listed.add(("url_sha256", url_sha256(url).hex()))
        elif (url or "", text or "") not in new_pairs:
            listed.add(("row_sha256", row_sha256(url, text).hex()))
    return listed


def named(rows: list[Pair]) -> list[Pair]:
    return [(url, text) for url, text in rows if url is not None or text is not None]


def applied(old: list[Pair], listed: set[tuple[str, str]]) -> list[Pair]:
    def goes(url: str | None, text: str | None) -> bool:
        by_url = url is not None and ("url_sha256", url_sha256(url).hex()) in listed
        pair = (url, text) != (None, None) and ("row_sha256", row_sha256(url, text).hex()) in listed
        return by_url or pair

    return [row for row in old if not goes(*row)]


def texts_of(rows: list[Pair]) -> Counter[tuple[str, str]]:
    return Counter((url or "", text or "") for url, text in rows)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=versions, keep=st.lists(st.booleans(), min_size=12, max_size=12), more=versions)
def test_any_two_versions_give_the_entries_of_the_rule(
    tmp_path_factory: Any, old: list[Pair], keep: list[bool], more: list[Pair]
) -> None:
    for new in ([row for row, kept in zip(old, keep, strict=False) if kept], more):
        found, listed = read(tmp_path_factory.mktemp("diff"), old, new)
        assert listed == plainly(old, new)
        assert (found.rows_old, found.rows_new) == (len(old), len(new))
        assert found.removed == len(old) - len(applied(old, listed))
        if found.exact:
            assert texts_of(applied(old, listed)) == texts_of(new)
        elif texts_of(applied(old, listed)) == texts_of(new):
            # Only rows that no list can tell apart are left: null and empty are the same to a digest.
            assert found.nameless or found.new or found.copies


def test_a_subset_is_exact_unless_a_list_cannot_say_it(tmp_path: Path) -> None:
    old: list[Pair] = [("u", "a"), ("u", "b"), ("u", "b"), ("v", None), (None, "x"), (None, None), ("w", "y")]
    found, listed = read(tmp_path, old, [("u", "b"), ("w", "y")])
    assert (found.copies, found.nameless, found.new, found.edited) == (1, 1, 0, 0)
    assert listed == {
        ("row_sha256", row_sha256("u", "a").hex()),
        ("url_sha256", url_sha256("v").hex()),
        ("row_sha256", row_sha256(None, "x").hex()),
    }


@pytest.mark.parametrize(("keep", "listed"), [(False, {"a", "b"}), (True, set())])
def test_an_edited_caption_is_counted_and_listed_or_left(
    tmp_path: Path, keep: bool, listed: set[str]
) -> None:
    found, made = read(
        tmp_path, [("u", "a"), ("u", "b"), ("v", "c")], [("u", "A"), ("v", "c")], keep_edited=keep
    )
    assert (found.edited, found.exact) == (1, False)
    assert made == {("row_sha256", row_sha256("u", text).hex()) for text in listed}


def test_without_captions_addresses_alone_are_compared(tmp_path: Path) -> None:
    old = write([("u", "a"), ("v", "b"), ("v", "c"), (None, "d")], tmp_path / "old.parquet")
    pq.write_table(pa.table({"URL": ["v"]}), tmp_path / "new.parquet")
    made = [
        write_version(old, tmp_path / "1", lambda rows: None),
        write_version(tmp_path / "new.parquet", tmp_path / "2", lambda rows: None),
    ]
    found, entries = compare(made[0], made[1], tmp_path, lambda parts: None)
    assert (found.by_address, found.copies, found.nameless, found.new) == (True, 1, 1, 0)
    assert [key.digest for key in entries] == [url_sha256("u").hex()]


@pytest.mark.parametrize("prefix", [1, 2, 3, 16])
def test_what_is_under_a_prefix_is_counted_row_by_row_and_digest_by_digest(
    tmp_path: Path, prefix: int
) -> None:
    rows: list[Pair] = [(f"https://x.example/{n % 300}", f"{n % 450}") for n in range(900)]
    version = write_version(write(rows, tmp_path / "a.parquet"), tmp_path / "parts", lambda rows: None)
    counted = Counted("x", version)
    for kind, digests in (
        ("url_sha256", [url_sha256(url or "").hex() for url, _ in rows]),
        ("row_sha256", [row_sha256(*row).hex() for row in rows]),
    ):
        prefixes = sorted({digest[:prefix] for digest in digests[::7]} | {"0" * prefix})
        counts = counted.count(kind, prefixes)
        assert counts is not None
        assert counts.rows.tolist() == [sum(d.startswith(one) for d in digests) for one in prefixes]
        assert counts.digests.tolist() == [sum(d.startswith(one) for d in set(digests)) for one in prefixes]
    assert counted.count("img_md5", ["00"]) is None
    assert len(list((tmp_path / "parts").iterdir())) == PARTS


@pytest.mark.parametrize("same_head", [False, True])
def test_equal_digests_have_equal_numbers_also_where_different_ones_begin_alike(same_head: bool) -> None:
    made = [hashlib.sha256(str(n % 40).encode()).digest() for n in range(100)]
    if same_head:
        made = [b"12345678" + one[8:] for one in made]
    numbers = number_equal(np.array(made, dtype="S32")).tolist()
    assert len(set(numbers)) == 40
    assert sorted(set(numbers)) == list(range(40))
    assert [numbers[at] == numbers[at % 40] for at in range(100)] == [True] * 100
    assert number_equal(np.empty(0, "S32")).tolist() == []
