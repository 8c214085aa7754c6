"""Files for people in a repository: what they say, and that their SQL keeps the rows that `apply` keeps."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from takedown import apply as applying
from takedown import publish as writer
from takedown.blocklist.manifest import Manifest
from takedown.keys import Key, row_sha256, url_sha256
from takedown.publish import EditionDraft, people_facts, prove_page
from takedown.publish.cover import Counts, measure
from takedown.publish.people_sql import ENGINES, METADATA, SIDECAR, filter_sql, list_sql
from takedown.subscribe import open_blocklist, sync

ATOM = "{http://www.w3.org/2005/Atom}"
SQL = {engine.name: engine for engine in ENGINES}


class Rows:
    """A dataset in which every prefix has four hundred rows."""

    name, rows = "example/dataset", 1_000_000

    def count(self, kind: str, prefixes: Any) -> Counts:
        return Counts(np.full(len(prefixes), 400), np.full(len(prefixes), 400))


def cut(name: str, keys: list[Key], prefix_hex: int) -> EditionDraft:
    cover = measure(keys, prefix_hex, [Rows()])
    return EditionDraft(name, keys, prefix_hex=prefix_hex, k_min=300, disposition="purge", cover=cover)


def text(desk: Any, name: str) -> str:
    return str((desk.repository / name).read_text("utf-8"))


def test_the_pages_say_what_the_release_holds(desk: Any, make_key: Callable[..., Key]) -> None:
    keys = [make_key(n) for n in range(1234)]
    desk.release_drafts([EditionDraft("research", keys), cut("research-safe", keys, 7)])
    root = (desk.repository / "metadata/1.root.json").read_bytes()
    for name in ("index.html", "README.md"):
        said = re.sub(r"<wbr>|</?span>", "", text(desk, name))
        assert "1,234" in said
        assert "first 7 digits" in said
        assert "300 or more" in said
        assert "2026-11-22" in said
        assert "example/dataset" in said
        assert hashlib.sha256(root).hexdigest() in said
        assert "takedown sync ADDRESS --root 1.root.json" in said
        assert "NOT EXISTS" in said
        assert "$" not in said
        assert not re.search(r"\bNOT IN\s*\(", said)
    for keyid in writer.repository.load_root(desk.repository).signed.roles["root"].keyids:
        assert keyid in text(desk, "README.md")


def test_before_the_first_release_the_pages_say_so(desk: Any) -> None:
    writer.refresh(desk.repository, desk.keys)
    assert "No release was published yet" in text(desk, "index.html")
    assert "No release was published yet" in text(desk, "README.md")
    assert not (desk.repository / "feed.xml").exists()
    for name in ("index.html", "README.md"):
        assert not re.search("feed.xml|the feed", text(desk, name))
        assert "SQL" not in text(desk, name)
        assert "--edition NAME" in text(desk, name)
    desk.release(["a"])
    for name in ("index.html", "README.md"):
        assert "feed.xml" in text(desk, name)
        assert "With SQL instead" in text(desk, name)


def test_commands_name_the_edition_and_no_package_of_an_index(desk: Any) -> None:
    desk.release(["a"])
    for name in ("index.html", "README.md"):
        assert "takedown plan laion/*.parquet --edition research" in text(desk, name)
        assert "--out clean/ --edition research" in text(desk, name)
        assert "dataset-takedown" not in text(desk, name)
        assert "from the source that the publisher names" in text(desk, name)


def test_a_trial_says_that_it_is_one(make_desk: Callable[..., Any]) -> None:
    desk = make_desk("trial", throwaway=True)
    desk.release(["a"])
    for name in ("index.html", "README.md"):
        assert "come from a trial: its keys are throw-away keys" in text(desk, name)


class Page(HTMLParser):
    """Notes tags, attributes and nesting."""

    VOID = frozenset({"meta", "link", "wbr", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_loads_nothing(desk: Any) -> None:
    staging, _ = desk.stage_drafts(
        [EditionDraft("research", [Key("url_sha256", "0" * 64)])],
        publisher="A & B <script>alert(1)</script>",
        dataset_ids=["<img src=x>", "$publisher"],
    )
    desk.sign(staging)
    desk.publish(staging)
    page = Page()
    page.feed(text(desk, "index.html"))
    assert not page.open
    tags = [tag for tag, _ in page.seen]
    assert not {"script", "img", "iframe", "form"} & set(tags)
    links = {value for _, found in page.seen for name, value in found.items() if name in ("href", "src")}
    assert links <= {"feed.xml", "metadata/1.root.json", "prove.html"}
    assert "url(" not in text(desk, "index.html")
    assert "@import" not in text(desk, "index.html")
    assert tags.count("h1") == tags.count("main") == tags.count("title") == 1
    assert ("html", {"lang": "en"}) in page.seen
    assert all("aria-label" in found for tag, found in page.seen if tag == "pre")  # scrolls by keyboard
    assert "&lt;script&gt;" in text(desk, "index.html")
    assert r"A \& B \<script\>" in text(desk, "README.md")


def test_every_colour_of_the_page_can_be_read_on_its_ground(desk: Any) -> None:
    """WCAG 1.4.3: 4.5 to 1 for text, in the light and in the dark."""
    desk.release(["a"])
    schemes = re.findall(r":root \{(.*?)\}", text(desk, "index.html"), re.DOTALL)
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", scheme))
        for ground in ("paper", "panel"):
            for ink in ("ink", "quiet", "link", "warn"):
                assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground, scheme)


def contrast(one: str, other: str) -> float:
    """The ratio that WCAG 2.2 defines."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_the_feed_is_atom_newest_first_with_days_and_stable_ids(desk: Any) -> None:
    for seq in range(1, 4):
        desk.release_drafts(
            [EditionDraft("research", [Key("url_sha256", f"{n:064x}") for n in range(seq)])],
            created=date(2026, 11, seq),
            publisher="A & B \x1b[2K",
        )
    before = entries(desk)
    assert [found["title"] for found in before] == ["Release 3", "Release 2", "Release 1"]
    assert [found["updated"] for found in before] == [f"2026-11-0{n}T00:00:00Z" for n in (3, 2, 1)]
    assert before[0]["summary"] == "research: 1 added, 0 removed, 3 entries in all."
    assert before[2]["summary"] == "research: a new list of 1 entries."
    assert len({found["id"] for found in before}) == 3
    top = ET.fromstring(text(desk, "feed.xml"))  # noqa: S314
    assert {child.tag for child in top} >= {f"{ATOM}{name}" for name in ("id", "title", "updated", "author")}
    assert top.findtext(f"{ATOM}updated") == "2026-11-03T00:00:00Z"
    desk.release_drafts([EditionDraft("research", [])], created=date(2026, 11, 9))
    assert entries(desk)[1:] == before
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", found["id"]) for found in entries(desk))


def entries(desk: Any) -> list[dict[str, str]]:
    top = ET.fromstring(text(desk, "feed.xml"))  # noqa: S314
    names = ("id", "title", "updated", "summary")
    found = [
        {name: entry.findtext(f"{ATOM}{name}") or "" for name in names} for entry in top.iter(f"{ATOM}entry")
    ]
    assert all(all(entry.values()) for entry in found)
    assert all(entry.find(f"{ATOM}link[@rel='alternate']") is not None for entry in top.iter(f"{ATOM}entry"))
    return found


def test_the_feed_stays_short(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_facts, "RELEASES_TOLD", 3)
    for seq in range(1, 6):
        desk.release(range(seq))
    assert [found["title"] for found in entries(desk)] == ["Release 5", "Release 4", "Release 3"]


@pytest.mark.parametrize("damage", [None, b"{}"])
def test_history_ends_where_an_older_manifest_is_lost_or_altered(desk: Any, damage: bytes | None) -> None:
    for seq in range(1, 5):
        desk.release(range(seq))
    path = desk.repository / "editions/research/manifest-000002.json"
    path.unlink() if damage is None else path.write_bytes(damage)
    writer.refresh(desk.repository, desk.keys)
    assert [found["title"] for found in entries(desk)] == ["Release 4", "Release 3"]


def test_nothing_in_the_pages_names_an_entry(desk: Any, make_key: Callable[..., Key]) -> None:
    keys = [make_key(n) for n in range(50)]
    desk.release_drafts([EditionDraft("research", keys)])
    for name in ("index.html", "README.md", "feed.xml"):
        said = re.sub(r"<wbr>|</?span>", "", text(desk, name))
        assert not any(key.digest[:16] in said for key in keys)


def test_the_same_release_gives_the_same_pages_and_a_refresh_mends_them(desk: Any) -> None:
    desk.release(["a"])
    before = {name: (desk.repository / name).read_bytes() for name in ("index.html", "README.md", "feed.xml")}
    (desk.repository / "index.html").write_bytes(b"torn")
    (desk.repository / "feed.xml").unlink()
    stamp = (desk.repository / "README.md").stat().st_mtime_ns
    writer.refresh(desk.repository, desk.keys)
    assert {name: (desk.repository / name).read_bytes() for name in before} == before
    assert (desk.repository / "README.md").stat().st_mtime_ns == stamp  # what is right is not touched
    assert writer.is_published(desk.repository, desk.folder / "staging-1")
    (desk.repository / "README.md").write_bytes(b"torn")
    desk.publish(desk.folder / "staging-1")  # a rerun mends as well
    assert (desk.repository / "README.md").read_bytes() == before["README.md"]


def test_the_page_for_proofs_is_there_and_told_of(desk: Any) -> None:
    desk.release(["a"])
    assert (desk.repository / "prove.html").read_bytes() == prove_page.page()
    assert 'href="prove.html"' in text(desk, "index.html")
    assert "prove.html" in text(desk, "README.md")


URLS = [f"https://example.org/{n}.jpg" for n in range(60)]


@pytest.fixture
def copies(tmp_path: Path) -> dict[str, Path]:
    """Metadata as LAION's and a sidecar as img2dataset's, with every kind of null."""
    urls: list[str | None] = [*URLS, URLS[7], URLS[7], None, None, None, "", "https://example.org/é.jpg"]
    captions: list[str | None] = [f"caption {n}" for n in range(60)]
    captions += ["another", None, "no address", None, "", "empty address", "ümlaut\n"]
    digests = [hashlib.sha256(str(n).encode()).hexdigest() if n % 3 else None for n in range(len(urls))]
    md5 = [hashlib.md5(str(n).encode()).hexdigest() if n % 4 else None for n in range(len(urls))]
    for folder, table in {
        "metadata": pa.table({"n": range(len(urls)), "URL": urls, "TEXT": captions}),
        "sidecar": pa.table(
            {"n": range(len(urls)), "url": urls, "caption": captions, "sha256": digests, "md5": md5}
        ),
    }.items():
        (tmp_path / folder).mkdir()
        pq.write_table(table, tmp_path / folder / "part.parquet")
    return {name: tmp_path / name for name in ("metadata", "sidecar")}


def row(url: str | None, caption: str | None) -> Key:
    return Key("row_sha256", row_sha256(url, caption).hex())


def address(url: str) -> Key:
    return Key("url_sha256", url_sha256(url).hex())


def steps() -> Iterator[list[Key]]:
    """The lists of three releases: a full state, and two deltas that add, remove, and add again."""
    files = [
        Key("img_sha256", hashlib.sha256(b"20").hexdigest()),
        Key("img_md5", hashlib.md5(b"21").hexdigest()),
    ]
    pairs = [row(URLS[7], "another"), row(None, "no address"), row("", "empty address"), row(None, None)]
    many = [Key("url_sha256", hashlib.sha256(f"other {n}".encode()).hexdigest()) for n in range(400)]
    yield [*many, *map(address, URLS[:5]), *pairs[:2], *files]
    yield [*many, *map(address, URLS[2:8]), *pairs, files[0]]
    yield [*many, *map(address, [*URLS[1:4], "https://example.org/é.jpg", ""]), *pairs, *files]


def kept_by_apply(desk: Any, source: Path, tmp_path: Path) -> list[int]:
    sync(desk.url, desk.root, tmp_path / "state")
    listing = open_blocklist(tmp_path / "state", "research")
    out = tmp_path / f"clean-{source.name}"
    outcome = applying.apply(listing, [source], out, ledger=tmp_path / "ledger")
    assert not outcome.errors
    numbers: list[int] = pq.read_table(out / "part.parquet")["n"].to_pylist()
    return numbers


def statements(desk: Any, engine: str, table: str) -> list[str]:
    """The SQL that the README shows for an engine, without the fences: the list, and the rows to keep."""
    blocks = re.findall(r"```sql\n(.*?)```", text(desk, "README.md"), re.DOTALL)
    place = [one.name for one in ENGINES].index(engine) * 2
    made, kept = blocks[place], blocks[place + 1]
    first, _, metadata = made.partition(";\n\nSELECT")
    return [f"{first};", f"SELECT{metadata}" if table == "metadata" else kept]


def as_duckdb(statement: str) -> str:
    """The SQL of another engine with its functions and places spelled as DuckDB has them; all else stays."""
    spelled = re.sub(
        r"CREATE OR REPLACE EXTERNAL TABLE (\S+)\s+OPTIONS \(format = 'PARQUET', uris = \['gs://YOUR-BUCKET/(.*?)'\]\)",
        r"CREATE OR REPLACE VIEW \1 AS SELECT * FROM read_parquet('\2')",
        statement,
    )
    spelled = re.sub(r"parquet\.`(.*?)`", r"read_parquet('\1')", spelled)
    spelled = re.sub(r"sha2\((.*?), 256\)", r"sha256(\1)", spelled)
    return re.sub(r"TO_HEX\((SHA256\()", r"(\1", spelled)


@pytest.mark.parametrize("prefix_hex", [64, 7])
@pytest.mark.parametrize("table", ["metadata", "sidecar"])
def test_the_sql_keeps_the_rows_that_apply_keeps(
    desk: Any, copies: dict[str, Path], tmp_path: Path, table: str, prefix_hex: int, monkeypatch: Any
) -> None:
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed")
    release_all(desk, prefix_hex)
    expected = kept_by_apply(desk, copies[table], tmp_path)
    entries_listed = open_blocklist(tmp_path / "state", "research").manifest.rows
    monkeypatch.chdir(desk.repository)
    for engine in ENGINES:
        connection = duckdb.connect()
        name = "laion" if table == "metadata" else "sidecar"
        connection.execute("CREATE SCHEMA takedown")
        connection.execute(
            f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{copies[table]}/part.parquet')"
        )
        made, keep = statements(desk, engine.name, table)
        assert made.count("delta/") == 2
        if engine.name != "DuckDB":
            made, keep = as_duckdb(made), as_duckdb(keep)
        connection.execute(made)
        assert sorted(found[0] for found in connection.execute(keep).fetchall()) == expected
        listed = connection.execute(f"SELECT count(*) FROM {engine.table}").fetchone()
        assert listed == (entries_listed,)
    assert 0 < len(expected) < 67


def release_all(desk: Any, prefix_hex: int) -> None:
    for keys in steps():
        # Lists that are cut so short are of no use but here, and hide among rows that are not counted.
        draft = EditionDraft("research", keys, prefix_hex=prefix_hex, disposition="purge")
        if prefix_hex < 64:
            counted = measure(keys, prefix_hex, [Rows()])
            draft = EditionDraft("research", keys, prefix_hex=prefix_hex, disposition="purge", cover=counted)
        desk.release_drafts([draft])


@pytest.mark.parametrize("engine", [engine.name for engine in ENGINES])
@pytest.mark.parametrize(("prefix_hex", "sha", "md5"), [(64, 64, 32), (40, 40, 32), (7, 7, 7)])
def test_every_statement_cuts_as_the_edition_does(engine: str, prefix_hex: int, sha: int, md5: int) -> None:
    said = filter_sql(SQL[engine], prefix_hex, SIDECAR, "sidecar")
    cuts = [int(found) for found in re.findall(r", 1, ([0-9]+)\)", said)]
    assert cuts == [sha, sha, sha, md5]
    assert said.count("NOT EXISTS") == 4
    assert filter_sql(SQL[engine], prefix_hex, METADATA).count("NOT EXISTS") == 2


def test_an_empty_list_has_no_sql(desk: Any) -> None:
    desk.release([])
    manifest = Manifest.from_bytes((desk.repository / "editions/research/manifest-000001.json").read_bytes())
    assert all(list_sql(engine, manifest) == "" for engine in ENGINES)
    assert "holds no entry yet" in text(desk, "index.html")


def test_a_release_that_was_given_up_is_in_no_statement(desk: Any, make_key: Callable[..., Key]) -> None:
    """Its files can lie in the folder that a statement reads as a whole."""
    desk.release([])
    staging, _ = desk.stage_drafts([EditionDraft("research", [make_key("x", "img_md5"), make_key("y")])])
    shutil.copytree(staging / "editions", desk.repository / "editions", dirs_exist_ok=True)
    desk.release(["a", "b"])
    shown = sorted(path.name for path in (desk.repository / "editions/research/state/000002").iterdir())
    assert shown == ["url_sha256.00.parquet"]
