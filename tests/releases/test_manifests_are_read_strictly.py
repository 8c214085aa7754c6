"""The manifest: one spelling, all fields, and nothing that points outside its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takedown.blocklist import Manifest, canonical
from takedown.errors import VerificationFailed

SHA = "0123456789abcdef" * 4
FIELDS = [
    "format",
    "publisher",
    "dataset_ids",
    "edition",
    "prefix_hex",
    "k_min",
    "seq",
    "created",
    "prev_manifest_sha256",
    "state",
    "deltas",
    "state_sha256",
    "count_by_kind",
    "disposition",
    "min_client",
    "log",
    "audit_head",
]


def good() -> dict[str, Any]:
    """A manifest at release 3 with a full state at 2 and two deltas."""
    file = {"path": "editions/research/state/000002/url_sha256.00.parquet", "bytes": 10, "sha256": SHA}
    deltas = [
        {
            "from": start,
            "to": start + 1,
            "path": f"editions/research/delta/{start:06d}-{start + 1:06d}.parquet",
            "bytes": 5,
            "sha256": SHA,
            "added": 1,
            "removed": 0,
            "from_state": str(start) * 64,
            "to_state": str(start + 1) * 64,
        }
        for start in (1, 2)
    ]
    return {
        "format": 1,
        "publisher": "Example",
        "dataset_ids": ["example/dataset"],
        "edition": "research",
        "prefix_hex": 64,
        "k_min": 0,
        "seq": 3,
        "created": "2026-11-22",
        "prev_manifest_sha256": SHA,
        "state": {"seq": 2, "files": [{**file, "rows": 2, "kind": "url_sha256", "shard": ""}]},
        "deltas": deltas,
        "state_sha256": "3" * 64,
        "count_by_kind": {"url_sha256": 3},
        "disposition": "quarantine",
        "min_client": "0.1.0",
        "log": {"size": 0, "root": SHA},
        "audit_head": "",
    }


def put(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    """A change of one field, ``a/0/b`` deep."""

    def change(manifest: dict[str, Any]) -> None:
        *way, last = [int(step) if step.isdecimal() else step for step in path.split("/")]
        place: Any = manifest
        for step in way:
            place = place[step]
        place[last] = value

    return change


BAD = [
    put("format", 2),
    put("format", True),
    put("publisher", None),
    put("publisher", "x" * 201),
    put("dataset_ids", "example"),
    put("dataset_ids", ["a", "a"]),
    put("dataset_ids", [1]),
    put("edition", "../research"),
    put("edition", "Research"),
    put("edition", "other"),
    put("prefix_hex", 0),
    put("prefix_hex", 65),
    put("prefix_hex", "64"),
    put("k_min", -1),
    put("seq", 0),
    put("seq", 4),
    put("seq", 2**60),
    put("created", "2026-11-31"),
    put("created", "20261122"),
    put("created", "2026-11-22T00:00:00Z"),
    put("prev_manifest_sha256", ""),
    put("prev_manifest_sha256", SHA.upper()),
    put("state", None),
    put("state/seq", 4),
    put("state/seq", 0),
    put("state/files/0/path", "../../etc/passwd"),
    put("state/files/0/path", "editions/research/state/000003/url_sha256.00.parquet"),
    put("state/files/0/bytes", 0),
    put("state/files/0/sha256", "x"),
    put("state/files/0/rows", -1),
    put("state/files/0/kind", "pdq"),
    put("state/files/0/shard", "g"),
    put("state/files/0/shard", "000"),
    put("deltas", []),
    put("deltas/0/to", 3),
    put("deltas/1/from", 1),
    put("deltas/1/to_state", SHA),
    put("deltas/1/from_state", SHA),
    put("deltas/1/path", "/delta.parquet"),
    put("deltas/1/added", 1.0),
    put("state_sha256", SHA),
    put("state_sha256", "3" * 63),
    put("count_by_kind", {"pdq": 3}),
    put("count_by_kind", {"url_sha256": 0}),
    put("count_by_kind", []),
    put("disposition", "delete"),
    put("min_client", 1),
    put("log/size", -1),
    put("log/root", ""),
    put("audit_head", "x"),
    put("extra", 1),
    lambda manifest: manifest.pop("audit_head"),
    lambda manifest: manifest["log"].pop("root"),
    lambda manifest: manifest["deltas"].pop(0) and manifest["state"].update(seq=1),
    lambda manifest: manifest["state"]["files"].append(manifest["state"]["files"][0]),
    lambda manifest: manifest["deltas"].extend(manifest["deltas"] * 13),
]


def test_every_field_of_the_format_is_there_and_comes_back() -> None:
    data = canonical.to_bytes(good())
    manifest = Manifest.from_bytes(data)
    assert manifest.to_bytes() == data
    assert sorted(json.loads(data)) == sorted(FIELDS)
    assert (manifest.rows, manifest.steps(3), manifest.steps(0)) == (3, (), None)
    assert [delta.end for delta in manifest.steps(1) or ()] == [2, 3]


@pytest.mark.parametrize("change", BAD, ids=range(len(BAD)))
def test_a_bad_field_is_refused(change: Callable[[dict[str, Any]], None]) -> None:
    manifest = good()
    change(manifest)
    data = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    with pytest.raises(VerificationFailed) as caught:
        Manifest.from_bytes(data)
    assert caught.value.slug == "manifest-invalid"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null\n",
        b"[]\n",
        b"{}\n",
        b"<html></html>",
        b"\xff\xfe{}",
        b"\xef\xbb\xbf" + canonical.to_bytes(good()),
        canonical.to_bytes(good())[:-1],
        canonical.to_bytes(good()) + b" ",
        canonical.to_bytes(good()).replace(b'"seq":3', b'"seq":3,"seq":3'),
        canonical.to_bytes(good()).replace(b'"k_min":0', b'"k_min":NaN'),
        canonical.to_bytes(good()).replace(b'"k_min":0', b'"k_min":0.0'),
        canonical.to_bytes(good()).replace(b'"k_min":0', b'"k_min":' + b"9" * 5000),
        canonical.to_bytes(good()).replace(b"Example", b"\\ud800"),
        json.dumps(good()).encode(),
        b"[" * 100_000,
        b'{"a":' * 10_000,
        b" " * 4_000_001,
    ],
    ids=range(18),
)
def test_other_spellings_and_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(VerificationFailed):
        Manifest.from_bytes(data)


@settings(max_examples=300)
@given(st.integers(0, len(canonical.to_bytes(good())) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_read_as_the_other_manifest_it_is(at: int, mask: int) -> None:
    data = bytearray(canonical.to_bytes(good()))
    data[at] ^= mask
    try:
        manifest = Manifest.from_bytes(bytes(data))
    except VerificationFailed:
        return
    assert manifest.to_bytes() == bytes(data)
