"""Sites, prefixes, several indexes at once, plans and doubts: asked of the library and of the command."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import shards
from hypothesis import given, settings
from hypothesis import strategies as st

from takedown import cli
from takedown.errors import BadKey, BadUrl
from takedown.index import Hit, build_index, doubt, open_index, plan
from takedown.index.addresses import under_site

HOSTS = st.sampled_from(["a.example", "A.example", "www.a.example", "a.example:8080", "b.example"])
PATHS = st.lists(st.sampled_from(["photos", "photo", "Photos", "anna", "annabel", "%61nna"]), max_size=3)
ENDS = st.sampled_from(["", "/", "/x.jpg", "?w=3", "#top"])


@st.composite
def urls(draw: st.DrawFn) -> str:
    path = "/".join(draw(PATHS))
    return f"{draw(st.sampled_from(['http', 'https']))}://{draw(HOSTS)}/{path}{draw(ENDS)}"


def index_of(folder: Path, cells: list[str | None], name: str = "x", **columns: Any) -> Path:
    pq.write_table(pa.table({"url": pa.array(cells, pa.string()), **columns}), folder / f"{name}.parquet")
    build_index(folder / name, [folder / f"{name}.parquet"])
    return folder / name


@settings(max_examples=30, deadline=None)
@given(cells=st.lists(st.one_of(st.none(), urls()), min_size=1, max_size=30), asked=urls())
def test_a_site_is_every_row_that_lies_under_it(
    cells: list[str | None], asked: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    index = open_index(index_of(tmp_path_factory.mktemp("site"), cells))
    prefix = asked.partition("?")[0].partition("#")[0]
    under = [row for row, cell in enumerate(cells) if under_site(prefix, cell)]
    assert index.find_site(prefix) == [Hit(row, "site") for row in under]
    assert index.find_site(prefix, limit=2) == [Hit(row, "site") for row in under[:2]]
    host = prefix.split("/")[2]
    assert index.count_site(host) == sum(under_site(f"https://{host}", cell) for cell in cells)


@pytest.mark.parametrize(
    ("prefix", "slug"),
    [
        ("", "url-empty"),
        ("word", "site-host"),
        ("a.example/?q=1", "site-query"),
        ("ftp://a.example", "url-scheme"),
    ],
)
def test_what_is_no_site_says_so(tmp_path: Path, prefix: str, slug: str) -> None:
    index = open_index(index_of(tmp_path, ["https://a.example/"]))
    with pytest.raises(BadUrl) as caught:
        index.find_site(prefix)
    assert caught.value.slug == slug


def test_rows_under_a_prefix_are_counted(tmp_path: Path) -> None:
    cells = [f"https://a.example/{number}" for number in range(2000)]
    index = open_index(index_of(tmp_path, cells))
    digests = [hashlib.sha256(cell.encode()).hexdigest() for cell in cells]
    for prefix in ("0", "a", "7f", "7fe", digests[3][:16], "F"):
        expected = sum(digest.startswith(prefix.lower()) for digest in digests)
        assert index.count_prefix("url_sha256", prefix) == expected
    for bad in ("", "xyz", "0" * 17, "é", " 1"):
        with pytest.raises(BadKey):
            index.count_prefix("url_sha256", bad)


def ask(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, Any]:
    code = cli.main([*map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_several_indexes_answer_together_and_rows_lead_to_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = hashlib.sha256(b"picture").hexdigest()
    one = index_of(tmp_path, ["https://a.example/1.jpg"], "one", sha256=[digest])
    cells = ["https://b.example/", "https://a.example/1-300x200.jpg", "https://a.example/1.jpg"]
    two = index_of(tmp_path, cells, "two", sha256=[digest, None, None])
    code, found = ask(capsys, "lookup", one, two, "--url", "http://a.example/1.jpg")
    assert code == 0
    told = [(hit["index"], hit["row"], hit["how"], hit["via"]) for hit in found]
    assert told == [
        ("one", 0, "url-canonical", None),
        ("two", 2, "url-canonical", None),
        ("two", 1, "size-variant", None),
        ("two", 0, "sha256", "same-file"),
    ]
    code, found = ask(capsys, "lookup", one, two, "--url", "http://a.example/1.jpg", "--exact-only")
    assert [(hit["index"], hit["row"]) for hit in found] == [("one", 0), ("two", 2)]
    assert cli.main(["lookup", str(one), str(two), "--url", "http://a.example/1.jpg"]) == 0
    text = capsys.readouterr().out
    assert "it shares the file of a row above" in text
    assert "one: Compared with 1 of 1 rows." in text


def test_counts_under_a_prefix_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = index_of(tmp_path, ["https://a.example/1.jpg"])
    prefix = hashlib.sha256(b"https://a.example/1.jpg").hexdigest()[:6]
    assert ask(capsys, "lookup", folder, "--url-sha256-prefix", prefix) == (0, {"x": 1})
    code, error = ask(capsys, "lookup", folder, "--url-sha256-prefix", "nothex")
    assert (code, error["error"]) == (3, "key-invalid")


@pytest.mark.parametrize(
    "arguments",
    [
        ["index", "build", "in", "--out", "o", "--memory", "lots"],
        ["index", "build", "in", "--out", "o", "--memory", "2"],
        ["index", "build", "in", "--out", "o", "--workers", "0"],
        ["index", "build", "in", "--out", "o", "--workers", "-1"],
        ["index", "plan", "in", "--seconds", "soon"],
        ["index", "attach", "x", "t"],
        ["index", "verify", "x", "--rows", "none"],
        ["lookup", "x"],
        ["lookup", "x", "--site", "a.example", "--url", "https://a.example"],
    ],
)
def test_a_wrong_call_is_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_plan_counts_what_a_build_then_finds(tmp_path: Path) -> None:
    shards.laion(tmp_path / "in" / "a.parquet", 500)
    shards.laion(tmp_path / "in" / "b.parquet", 300)
    expected = plan([tmp_path / "in"], seconds=1)
    info = build_index(tmp_path / "x", [tmp_path / "in"])
    assert (expected.rows, expected.shards, expected.sampled) == (800, 2, 800)
    assert expected.keys == info.coverage
    assert abs(expected.disk_bytes - info.bytes) < 0.2 * info.bytes
    assert 0 < expected.seconds < 60


def test_a_plan_of_pictures_samples_pictures(tmp_path: Path) -> None:
    shards.img2dataset(tmp_path / "in", shards=2, rows=4, failed=())
    expected = plan([tmp_path / "in"], seconds=600)
    assert (expected.rows, expected.sampled) == (8, 8)
    assert (expected.keys.url, expected.keys.pdq) == (8, 8)


def test_doubting_asks_rows_for_themselves(tmp_path: Path) -> None:
    folder = index_of(tmp_path, [f"https://a.example/{n}" for n in range(40)])
    found = doubt(open_index(folder), sample=10)
    assert (found.shards, found.rows) == (1, 10)
    assert cli.main(["index", "verify", str(folder)]) == 0
    (tmp_path / "x.parquet").unlink()
    assert cli.main(["index", "verify", str(folder)]) == 3


@pytest.mark.parametrize("files", [False, True])
def test_a_plan_of_pictures_counts_what_a_build_then_finds(files: bool, tmp_path: Path) -> None:
    source = tmp_path / "in"
    if files:
        source.mkdir()
        for number in range(40):
            (source / f"{number}.jpg").write_bytes(shards.picture(number))
    else:
        shards.img2dataset(source, shards=2, rows=20, failed=())
    expected = plan([source], seconds=30)
    info = build_index(tmp_path / "x", [source])
    assert expected.keys == info.coverage
    assert 0.5 * info.bytes < expected.disk_bytes < info.bytes
