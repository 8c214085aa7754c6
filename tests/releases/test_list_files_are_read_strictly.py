"""Bad list files, each refused for its own reason, even when length and SHA-256 are right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from takedown.blocklist import DeltaFile, State, StateFile, read_delta, read_state, write_delta, write_state
from takedown.errors import VerificationFailed
from takedown.keys import Key

A, B, C = "a" * 64, "b" * 64, "c" * 64
Describe = Callable[[Path], dict[str, Any]]


def state_file(path: Path, table: Any, rows: int | None, described: Describe, shard: str = "") -> StateFile:
    pq.write_table(table, path)
    rows = table.num_rows if rows is None else rows
    return StateFile(path=path.name, rows=rows, kind="url_sha256", shard=shard, **described(path))


def strings(**columns: list[Any]) -> Any:
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def listed(*digests: str | None, kind: str = "url_sha256") -> Any:
    return strings(kind=[kind] * len(digests), digest=list(digests))


BAD_STATES = [
    ("duplicate", listed(A, A), None, "entry-duplicate"),
    ("unsorted", listed(B, A), None, "entry-order"),
    ("uppercase", listed("A" * 64), None, "entry-hex"),
    ("not hex", listed("g" * 64), None, "entry-hex"),
    ("not ascii", listed("é" * 32), None, "entry-hex"),
    ("null digest", listed(A, None), None, "entry-null"),
    ("null kind", strings(kind=[None], digest=[A]), None, "entry-null"),
    ("short digest", listed("a" * 63), None, "entry-width"),
    ("long digest", listed("a" * 65), None, "entry-width"),
    (
        "digests that are wrong in length but right on average",
        listed("a" * 63, "b" * 65),
        None,
        "entry-width",
    ),
    ("empty digest", listed(""), None, "entry-width"),
    ("another kind", listed(A, kind="img_sha256"), None, "entry-kind"),
    ("two kinds", strings(kind=["row_sha256", "url_sha256"], digest=[A, B]), None, "entry-kind"),
    ("fewer rows", listed(A), 2, "file-rows"),
    ("more rows", listed(A, B), 1, "file-rows"),
    ("no rows", listed(), 1, "file-rows"),
    ("third column", strings(kind=["url_sha256"], digest=[A], url=["x"]), None, "file-schema"),
    ("missing column", strings(digest=[A]), None, "file-schema"),
    ("other order of columns", strings(digest=[A], kind=["url_sha256"]), None, "file-schema"),
    ("binary digests", pa.table({"kind": ["url_sha256"], "digest": [b"a" * 64]}), None, "file-schema"),
    (
        "large strings",
        listed(A).cast(pa.schema([("kind", pa.large_string()), ("digest", pa.large_string())])),
        None,
        "file-schema",
    ),
    ("lists of strings", pa.table({"kind": ["url_sha256"], "digest": [[A]]}), None, "file-schema"),
]


@pytest.mark.parametrize(
    ("table", "rows", "slug"), [case[1:] for case in BAD_STATES], ids=[case[0] for case in BAD_STATES]
)
def test_a_bad_state_file_is_refused(
    tmp_path: Path, described: Describe, table: Any, rows: int | None, slug: str
) -> None:
    file = state_file(tmp_path / "list.parquet", table, rows, described)
    with pytest.raises(VerificationFailed) as caught:
        read_state(lambda path: tmp_path / path, [file], 64)
    assert caught.value.slug == slug


def test_an_entry_in_the_wrong_shard_is_refused(tmp_path: Path, described: Describe) -> None:
    file = state_file(tmp_path / "list.parquet", listed(A, B), None, described, shard="a")
    with pytest.raises(VerificationFailed) as caught:
        read_state(lambda path: tmp_path / path, [file], 64)
    assert caught.value.slug == "entry-shard"


@pytest.mark.parametrize(
    ("spoil", "slug"),
    [
        (lambda data: data[:-1], "file-length"),
        (lambda data: data + b"\0", "file-length"),
        (lambda data: b"", "file-length"),
        (lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:], "file-hash"),
        (None, "file-missing"),
    ],
    ids=["truncated", "overlong", "empty", "one bit changed", "missing"],
)
def test_an_altered_file_is_refused(
    tmp_path: Path, spoil: Callable[[bytes], bytes] | None, slug: str
) -> None:
    files = write_state(State.of([Key("url_sha256", A)]), tmp_path, "research", 1)
    path = tmp_path / files[0].path
    path.write_bytes(spoil(path.read_bytes())) if spoil else path.unlink()
    with pytest.raises(VerificationFailed) as caught:
        read_state(lambda name: tmp_path / name, files, 64)
    assert caught.value.slug == slug


@pytest.mark.parametrize("data", [b"<html>not found</html>", b"PAR1" + b"\0" * 40 + b"PAR1", b"\0" * 100])
def test_bytes_that_are_no_parquet_are_refused(tmp_path: Path, described: Describe, data: bytes) -> None:
    (tmp_path / "list.parquet").write_bytes(data)
    file = StateFile(
        "list.parquet", rows=1, kind="url_sha256", shard="", **described(tmp_path / "list.parquet")
    )
    with pytest.raises(VerificationFailed) as caught:
        read_state(lambda path: tmp_path / path, [file], 64)
    assert caught.value.slug == "file-unreadable"


def delta_rows(*rows: tuple[str | None, str | None, str | None]) -> Any:
    names = ("op", "kind", "digest")
    return strings(**{name: [row[at] for row in rows] for at, name in enumerate(names)})


ADD_B = ("add", "url_sha256", B)
BAD_DELTAS = [
    ("additions before removals", delta_rows(ADD_B, ("remove", "url_sha256", A)), (1, 1), "entry-order"),
    ("kinds out of order", delta_rows(ADD_B, ("add", "img_sha256", A)), (2, 0), "entry-order"),
    ("digests out of order", delta_rows(ADD_B, ("add", "url_sha256", A)), (2, 0), "entry-order"),
    ("duplicate", delta_rows(ADD_B, ADD_B), (2, 0), "entry-duplicate"),
    ("unknown operation", delta_rows(("drop", "url_sha256", B)), (1, 0), "delta-counts"),
    ("unknown kind", delta_rows(("add", "pdq", B)), (1, 0), "delta-counts"),
    ("operations swapped", delta_rows(ADD_B), (0, 1), "delta-counts"),
    ("uppercase", delta_rows(("add", "url_sha256", "B" * 64)), (1, 0), "entry-hex"),
    ("null digest", delta_rows(("add", "url_sha256", None)), (1, 0), "entry-null"),
    ("null operation", delta_rows((None, "url_sha256", B)), (1, 0), "entry-null"),
    ("md5 as long as sha256", delta_rows(("add", "img_md5", B)), (1, 0), "entry-width"),
    ("more rows", delta_rows(ADD_B), (2, 0), "file-rows"),
    ("state file instead", listed(B), (1, 0), "file-schema"),
]


@pytest.mark.parametrize(
    ("table", "counts", "slug"), [case[1:] for case in BAD_DELTAS], ids=[case[0] for case in BAD_DELTAS]
)
def test_a_bad_delta_file_is_refused(
    tmp_path: Path, described: Describe, table: Any, counts: tuple[int, int], slug: str
) -> None:
    honest = write_delta(tmp_path, "research", (1, State()), (2, State.of([Key("url_sha256", B)])))
    pq.write_table(table, tmp_path / honest.path)
    about = described(tmp_path / honest.path)
    file: DeltaFile = replace(honest, added=counts[0], removed=counts[1], **about)
    with pytest.raises(VerificationFailed) as caught:
        read_delta(tmp_path / honest.path, file, 64)
    assert caught.value.slug == slug


def test_a_list_of_short_prefixes_refuses_full_digests(tmp_path: Path, described: Describe) -> None:
    file = state_file(tmp_path / "list.parquet", listed(A), None, described)
    with pytest.raises(VerificationFailed) as caught:
        read_state(lambda path: tmp_path / path, [file], 7)
    assert caught.value.slug == "entry-width"
