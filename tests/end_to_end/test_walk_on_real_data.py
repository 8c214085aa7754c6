"""The walk on real LAION rows and the reference pictures of PDQ, with an index swapped half-way.

Addresses of the real rows are matched as text only; nothing is ever fetched.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import people
import pyarrow.parquet as pq
import pytest
from desk import Desk
from factories import real
from visitor import Visitor

pytestmark = [pytest.mark.slow]


def _respell(url: str) -> str:
    """The same address with its host in capitals, its default port and a fragment."""
    parts = urlsplit(url)
    port = {"http": 80, "https": 443}[parts.scheme]
    return parts._replace(netloc=f"{parts.netloc.upper()}:{port}", fragment="seen").geturl()


def _plain(urls: list[str]) -> str:
    """A real address that stands once in the sample and is easy to respell."""
    return next(
        url
        for url in urls
        if urls.count(url) == 1
        and url.startswith("https://")
        and url.isascii()
        and len(urlsplit(url).netloc) > 5
        and ":" not in urlsplit(url).netloc
        and "?" not in url
        and "%" not in url
    )


def _column(folder: Path, name: str) -> list[str]:
    return [one for file in sorted(folder.glob("*.parquet")) for one in pq.read_table(file)[name].to_pylist()]


@pytest.mark.parametrize("desk", ["embedded"], indirect=True)
def test_real_rows_and_pictures(desk: Desk, drawn: Path) -> None:
    data = real.shared_data()
    laion = data / "laion"
    bridges = desk.folder / "bridges"
    originals = sorted((data / "pdq").glob("bridge-[1-8]-*.jpg"))
    real.wrap(originals, bridges)
    asked = _plain(_column(laion, "URL"))

    # A desk with the two real indexes beside the sample.
    desk.reuse(drawn)
    desk.start("up")
    for name, source in (("laion", laion), ("bridges", bridges)):
        desk.takedown("index", "build", "--out", f"indexes/{name}", "--name", name, str(source))
        desk.manage("register_index", str(desk.folder / "indexes" / name))
    found = desk.json("lookup", "indexes/laion", "--url", _respell(asked))
    assert [(row["url"], row["how"]) for row in found] == [(asked, "url-canonical")]

    person = Visitor(desk.address)
    picture = data / "pdq" / "bridge-mod-blur-a-little.jpg"
    receipt = people.words(people.send(person, [_respell(asked)], [picture])[1])
    people.wait_for_status(desk, receipt, "We found rows", times=2)

    # The index of the pictures is swapped before anyone decides: what was matched stays what is removed.
    fewer = desk.folder / "fewer"
    real.wrap(originals[4:], fewer)
    desk.takedown("index", "build", "--out", "indexes/fewer", "--name", "bridges", str(fewer))
    desk.manage("register_index", str(desk.folder / "indexes" / "fewer"))
    assert people.remove_all(desk, "file") == 2
    people.release(desk)

    root = str(desk.var / "blocklist" / "metadata" / "1.root.json")
    desk.takedown("sync", f"{desk.address}/blocklist", "--root", root, "--state", "state")
    entries = _listed(desk.folder / "state")
    pictures = {("img_sha256", hashlib.sha256(file.read_bytes()).hexdigest()) for file in originals}
    addresses = {f"https://bridges.example/Photos/{file.name}" for file in originals} | {asked}
    urls = {("url_sha256", hashlib.sha256(url.encode()).hexdigest()) for url in addresses}
    assert entries == pictures | urls

    # Applied, exactly that one row of 982 is gone, and every bridge.
    report = desk.json("apply", str(laion), "--state", "state", "--out", "clean/laion")
    assert (report["rows_in"], report["rows_out"]) == (982, 981)
    assert _column(desk.folder / "clean" / "laion", "URL") == [u for u in _column(laion, "URL") if u != asked]
    report = desk.json("apply", str(bridges), "--state", "state", "--out", "clean/bridges")
    assert (report["rows_in"], report["rows_out"]) == (len(originals), 0)


def _listed(state: Path) -> set[tuple[str, str]]:
    """Every published entry the holder has, read from the files by another engine."""
    files = [str(file) for file in state.rglob("*.parquet")]
    return set(duckdb.execute("SELECT kind, digest FROM read_parquet($files)", {"files": files}).fetchall())
