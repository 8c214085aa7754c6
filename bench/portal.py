"""The public side over HTTP, from real processes with SQLite, and fingerprints in a real browser.

1. Prepare a desk in a folder of its own and start web, worker and clock, as ``manage.py up`` does.
2. Open the pages that only tell, one kind after the other, as fast as they come.
3. For a minute send RATE requests a second, one address each, the worker matching meanwhile. Kill all
   processes without warning; count the stored submissions against the receipts that were shown.
4. Start the web again; look receipts up at a steady rate, then as fast as they come.
5. Fingerprint a picture of 12 megapixels in a Chromium, where one is installed (device.py).

Load and desk share the machine, so the desk alone would do better. The kill shows that nothing lived in a
process's memory only; it is no power cut.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from bench import device
from bench.desk import THREADS, Desk, visit
from bench.report import agree, at_least, at_most, goals, race, ratio, table

PAGES = (
    "/en/",
    "/de/about/",
    "/fr/privacy/",
    "/es/help/",
    "/en/under-18/",
    "/en/ask/",
    "/en/status/",
    "/healthz",
)
PAGE_SECONDS = 4
RATE, MINUTE = 60, 60  # requests a second, seconds
LOOK_UPS, LOOK_UP_RATE = 600, 25
COMMITS = 300


def run(folder: Path) -> None:
    desk = Desk(folder)
    drafts = desk.drafts([f"https://pictures.example/bench/{n}.jpg" for n in range(RATE * MINUTE)])
    with desk.serve(worker=True) as address:
        pages = {path: _pages(address, path) for path in PAGES}
        sent = visit("send", address, drafts, rate=RATE, threads=4 * THREADS)
    words = sent["found"]
    agree("no submission was answered", bool(words))
    stored = _stored(desk.database)
    with desk.serve(worker=False) as address:
        steady = visit("ask", address, words[:LOOK_UPS], rate=LOOK_UP_RATE)
        asked = visit("ask", address, words[:LOOK_UPS])
    _report_pages(pages)
    _report_requests(sent, steady, asked, _bare_commits(folder / "bare.sqlite3"))
    lost = [(len(words), stored, len(words) - stored, sent["failed"])]
    table("after the kill", ("receipts shown", "in the database", "lost", "other answers"), lost)
    device.run(folder)


def _pages(address: str, path: str) -> dict[str, Any]:
    visit("pages", address, [path] * 50)  # a first look makes what is kept ready
    return visit("pages", address, [path] * 20_000, seconds=PAGE_SECONDS)


def _report_pages(pages: dict[str, dict[str, Any]]) -> None:
    base = _rate(pages["/healthz"])
    rows = [
        (path, found["found"][0] if found["found"] else "", *_times(found), ratio(_rate(found), base))
        for path, found in pages.items()
    ]
    head = ("", "bytes of HTML", "answered", "requests/s", "p50 ms", "p95 ms", "rate, x /healthz")
    table(f"public pages, {THREADS} visitors who ask again at once", head, rows)
    told = min(_rate(found) for path, found in pages.items() if path not in ("/healthz", "/en/ask/"))
    goals(at_least("slowest of the pages that only tell, requests/s", told, 500))


def _report_requests(
    sent: dict[str, Any], steady: dict[str, Any], asked: dict[str, Any], commits: float
) -> None:
    rows = [
        (f"submission stored, {RATE} due a second", *_times(sent), ratio(_rate(sent), commits)),
        (f"receipt look-up, {LOOK_UP_RATE} due a second", *_times(steady), ""),
        (f"receipt look-up, {THREADS} at once", *_times(asked), ratio(_rate(asked), commits)),
        ("bare SQLite commits, one thread", COMMITS, commits, "", "", ratio(commits, commits)),
    ]
    table(
        "requests of one address each",
        ("", "answered", "a second", "p50 ms", "p95 ms", "x bare commits"),
        rows,
    )
    goals(
        at_least("durable submissions/s", _rate(sent), 50),
        at_most("their p95, ms", _p95(sent), 300),
        at_most(f"receipt look-up p95, ms, at {LOOK_UP_RATE}/s", _p95(steady), 20),
    )


def _times(timing: dict[str, Any]) -> tuple[object, ...]:
    times = sorted(timing["latencies"])
    agree("the server answered nothing", bool(times))
    return len(times), _rate(timing), times[len(times) // 2] * 1e3, _p95(timing)


def _p95(timing: dict[str, Any]) -> float:
    times = sorted(timing["latencies"])
    return float(times[int(len(times) * 0.95)] * 1e3)


def _rate(timing: dict[str, Any]) -> float:
    return float(len(timing["latencies"]) / timing["seconds"])


def _stored(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT count(*) FROM portal_submission").fetchone()[0])


def _bare_commits(file: Path) -> float:
    """Commits a second of one small row each, with the portal's promises: WAL, flushed before it returns."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (a BLOB);")

        def commits() -> None:
            for _ in range(COMMITS):
                connection.execute("INSERT INTO t VALUES (randomblob(300))")

        return COMMITS / race({"": commits}, most=3)[""].median
