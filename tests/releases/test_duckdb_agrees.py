"""The anti-join of docs/releases.md, run by DuckDB over a published state file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from factories import covers

from takedown.keys import Key
from takedown.publish import EditionDraft
from takedown.subscribe import open_blocklist, sync

duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed")

ANTI_JOIN = """
SELECT d.* FROM laion d WHERE NOT EXISTS
  (SELECT 1 FROM blocklist b WHERE b.kind = 'url_sha256' AND b.digest = substr(sha256(d.URL), 1, :prefix_hex))
"""

URLS = [f"https://example.org/{n}.jpg" for n in range(50)]
#: Spellings that are other bytes, and so other rows: only exact bytes are listed.
VARIANTS = [
    "https://example.org/é1.jpg",
    "https://example.org/e\u03011.jpg",
    URLS[0] + " ",
    URLS[1].upper(),
    URLS[2] + "%2F",
]


def listed(url: str) -> Key:
    return Key("url_sha256", hashlib.sha256(url.encode()).hexdigest())


@pytest.mark.parametrize("prefix_hex", [64, 7, 1])
@pytest.mark.parametrize("where", ["repository", "reader"])
def test_the_anti_join_keeps_exactly_the_rows_that_are_not_listed(
    desk: Any, tmp_path: Path, prefix_hex: int, where: str
) -> None:
    removed = [*URLS[:10], VARIANTS[0]]
    keys = [*map(listed, removed), Key("img_md5", "a" * 32)]
    cover = covers.cover_of(keys, prefix_hex) if prefix_hex < 64 else None
    draft = EditionDraft("research", keys, prefix_hex=prefix_hex, cover=cover)
    desk.release_drafts([draft])
    sync(desk.url, desk.root, tmp_path / "state")
    opened = open_blocklist(tmp_path / "state")
    files = (
        [*desk.repository.rglob("state/*/*.parquet")] if where == "repository" else opened.files("url_sha256")
    )

    connection = duckdb.connect()
    connection.execute("CREATE TABLE laion (URL VARCHAR)")
    connection.executemany("INSERT INTO laion VALUES (?)", [[url] for url in [*URLS, *VARIANTS, None]])
    connection.execute(
        f"CREATE VIEW blocklist AS SELECT * FROM read_parquet({[str(path) for path in files]})"
    )
    kept = [
        row[0] for row in connection.execute(ANTI_JOIN.replace(":prefix_hex", str(prefix_hex))).fetchall()
    ]

    digests = set(opened.entries("url_sha256"))
    expected = [url for url in [*URLS, *VARIANTS] if listed(url).digest[:prefix_hex] not in digests]
    assert sorted(filter(None, kept)) == sorted(expected)
    assert kept.count(None) == 1  # a row without an address is never dropped
    if prefix_hex == 64:
        assert sorted(expected) == sorted(set(URLS + VARIANTS) - set(removed))
