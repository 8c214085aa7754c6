"""Each row of the format's table of cases that concerns applying a list (docs/releases.md, "Client")."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import lists, shards
from factories.copies import tree, urls

from takedown.apply import apply, plan

URL = "https://host.example/Päth/a%2Fb.jpg?x=1"

#: Spellings that a browser, or a person, may take for the same address.
VARIANTS = {
    "case of the escape": "https://host.example/Päth/a%2fb.jpg?x=1",
    "escape decoded": "https://host.example/Päth/a/b.jpg?x=1",
    "decomposed": unicodedata.normalize("NFD", URL),
    "escaped": "https://host.example/P%C3%A4th/a%2Fb.jpg?x=1",
    "scheme": "http://host.example/Päth/a%2Fb.jpg?x=1",
    "case of the scheme": "HTTPS://host.example/Päth/a%2Fb.jpg?x=1",
    "case of the host": "https://HOST.example/Päth/a%2Fb.jpg?x=1",
    "case of the path": "https://host.example/päth/a%2Fb.jpg?x=1",
    "port": "https://host.example:443/Päth/a%2Fb.jpg?x=1",
    "trailing dot": "https://host.example./Päth/a%2Fb.jpg?x=1",
    "trailing space": URL + " ",
    "leading space": " " + URL,
    "line feed": URL + "\n",
    "no-break space": URL + "\N{NO-BREAK SPACE}",
    "byte order mark": "\N{ZERO WIDTH NO-BREAK SPACE}" + URL,
    "NUL": URL + "\0",
    "trailing slash": URL + "/",
    "fragment": URL + "#top",
    "empty fragment": URL + "#",
    "order of the query": URL + "&a=2",
    "no query": URL.split("?")[0],
}


@pytest.mark.parametrize("prefix_hex", [64, 12])
def test_of_all_spellings_only_the_very_same_bytes_go(tmp_path, prefix_hex):
    cells = [*VARIANTS.values(), URL]
    assert len(set(cells)) == len(cells)
    pq.write_table(
        pa.table({"URL": cells, "what": [*VARIANTS, "the address itself"]}), tmp_path / "a.parquet"
    )
    listed = lists.of_urls(URL, prefix_hex=prefix_hex)
    assert apply(listed, [tmp_path / "a.parquet"], tmp_path / "out").removed == 1
    assert urls(tmp_path / "out" / "a.parquet") == list(VARIANTS.values())


@pytest.mark.parametrize("what", VARIANTS, ids=str)
def test_a_listed_variant_is_that_variant_only(tmp_path, what):
    pq.write_table(pa.table({"url": [URL, VARIANTS[what]]}), tmp_path / "a.parquet")
    apply(lists.of_urls(VARIANTS[what]), [tmp_path / "a.parquet"], tmp_path / "out")
    assert urls(tmp_path / "out" / "a.parquet") == [URL]


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.dictionary(pa.int32(), pa.string())],
)
def test_the_bytes_count_and_not_the_type_of_the_column(tmp_path, kind):
    cells = pa.array([URL, None, VARIANTS["decomposed"]])
    pq.write_table(pa.table({"URL": cells.cast(kind)}), tmp_path / "a.parquet")
    outcome = apply(lists.of_urls(URL), [tmp_path / "a.parquet"], tmp_path / "out")
    assert (outcome.removed, outcome.rows_out, outcome.null_urls) == (1, 2, 1)


def test_a_cell_that_is_not_text_is_compared_by_its_bytes(tmp_path):
    import hashlib

    cells = pa.array([b"http://a/\xff", b"http://a/\xfe"], pa.binary())
    pq.write_table(pa.table({"URL": cells}), tmp_path / "a.parquet")
    listed = lists.FakeBlocklist({"url_sha256": [hashlib.sha256(b"http://a/\xff").hexdigest()]})
    assert apply(listed, [tmp_path / "a.parquet"], tmp_path / "out").removed == 1
    assert urls(tmp_path / "out" / "a.parquet") == [b"http://a/\xfe"]


def test_a_row_without_an_address_stays_and_is_counted(tmp_path):
    pq.write_table(pa.table({"URL": [URL, None, "", None]}), tmp_path / "a.parquet")
    outcome = apply(lists.of_urls(URL), [tmp_path / "a.parquet"], tmp_path / "out")
    assert (outcome.rows_out, outcome.null_urls, outcome.uncheckable) == (3, 2, {"null-url": 2})
    assert urls(tmp_path / "out" / "a.parquet") == [None, "", None]
    # The digest of nothing names the empty cell, never the null ones.
    outcome = apply(lists.of_urls(""), [tmp_path / "a.parquet"], tmp_path / "out")
    assert urls(tmp_path / "out" / "a.parquet") == [URL, None, None]


@pytest.mark.parametrize("run", ["plan", "apply", "in place"])
def test_a_file_without_an_address_column_is_an_error_and_no_result(tmp_path, run):
    pq.write_table(pa.table({"link": [URL], "TEXT": ["a"]}), tmp_path / "in.parquet")
    shards.laion(tmp_path / "other.parquet")
    before = tree(tmp_path)
    sources = [tmp_path / "in.parquet", tmp_path / "other.parquet"]
    listed = lists.of_urls(URL)
    if run == "plan":
        outcome = plan(listed, sources)
    elif run == "apply":
        outcome = apply(listed, sources, tmp_path / "out")
    else:
        outcome = apply(listed, sources, in_place=True, ledger=tmp_path / "ledger")
    assert [failure.error for failure in outcome.errors] == ["dataset-no-url-column"]
    assert "link, TEXT" in outcome.errors[0].message
    assert outcome.files == 1
    now = tree(tmp_path)
    assert {name: now[name] for name in before} == before
    assert not (tmp_path / "out" / "in.parquet").exists()


@pytest.mark.parametrize("in_place", [False, True])
def test_a_failed_download_leaves_the_sidecar_too(tmp_path, in_place):
    records = shards.img2dataset(tmp_path / "in", shards=1, rows=6, failed=(2, 4))[0]
    listed = lists.of_urls(records[2]["url"])
    if in_place:
        outcome = apply(listed, [tmp_path / "in"], in_place=True, ledger=tmp_path / "ledger")
    else:
        outcome = apply(listed, [tmp_path / "in"], tmp_path / "out")
    result = tmp_path / ("in" if in_place else "out") / "00000.parquet"
    assert (outcome.removed, outcome.errors) == (1, [])
    assert urls(result) == [row["url"] for row in records if row is not records[2]]


def test_a_resized_picture_is_found_by_the_digest_in_its_column(tmp_path):
    """The picture in the tar has other bytes than the one that was downloaded."""
    import hashlib

    records = shards.img2dataset(tmp_path / "in", shards=1, rows=6, failed=())[0]
    jpg = hashlib.sha256(shards.picture(3)).hexdigest()
    assert jpg != records[3]["sha256"]
    by_column = lists.FakeBlocklist({"img_sha256": [records[3]["sha256"]]})
    by_picture = lists.FakeBlocklist({"img_sha256": [jpg]})
    assert plan(by_picture, [tmp_path / "in"]).removed == 0
    assert apply(by_column, [tmp_path / "in"], tmp_path / "out").removed == 1
    assert urls(tmp_path / "out" / "00000.parquet") == [r["url"] for n, r in enumerate(records) if n != 3]


def test_of_two_entries_that_share_a_prefix_one_is_enough(tmp_path):
    shards.laion(tmp_path / "a.parquet")
    digest = lists.of_urls(shards.url(3)).digests["url_sha256"][0]
    twin = digest[:7] + ("0" if digest[7] != "0" else "1") * 57
    both = lists.FakeBlocklist({"url_sha256": [digest, twin]}, prefix_hex=7)
    one = lists.FakeBlocklist({"url_sha256": [twin]}, prefix_hex=7)
    results: list[Path] = []
    for number, listed in enumerate((both, one)):
        assert apply(listed, [tmp_path / "a.parquet"], tmp_path / f"out{number}").removed == 1
        results.append(tmp_path / f"out{number}" / "a.parquet")
    assert both.state_sha256 == one.state_sha256
    assert urls(results[0]) == urls(results[1])
    assert shards.url(3) not in urls(results[0])
