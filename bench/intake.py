"""Durable submissions and receipt look-ups a second, through HTTP, from a real server with SQLite.

1. Prepare a desk in a folder of its own and start one Granian process, as ``manage.py up`` does.
2. Visitors (visitors.py), in a process of their own, fill the form in and send it: 1,500 requests, 8 threads.
3. Kill the server without warning; count the stored submissions against the receipts that were shown.
4. Start it again; every receipt is looked up.

No worker runs beside it. Load and server share the machine, so the server alone would do better. The kill
shows that nothing lived in the process's memory only; it is no power cut.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from bench.report import agree, race, ratio, table

ROOT = Path(__file__).resolve().parent.parent
REQUESTS = 1_500
THREADS = 8
SECONDS = 40  # after which visitors begin nothing new, for each of the three things they do
COMMITS = 300


def run(folder: Path) -> None:
    environment = _environment(folder)
    subprocess.run([sys.executable, "manage.py", "prepare"], cwd=ROOT, env=environment, check=True)
    with _server(environment) as address:
        sent = _visit("send", address, {"requests": REQUESTS})
    agree("no submission was answered", bool(sent["words"]))
    stored = _stored(folder / "var" / "portal.sqlite3")
    with _server(environment) as address:
        asked = _visit("ask", address, {"words": sent["words"]})
    commits = _bare_commits(folder / "bare.sqlite3")
    timings = {
        "nothing asked of it (/healthz)": asked["health"],
        "form pages, nothing stored": sent["pages"],
        "submission stored": sent["sent"],
        "receipt look-up": asked["found"],
    }
    rows = [_row(name, timing, sent["sent"]) for name, timing in timings.items()]
    rows.append(
        ("bare SQLite commits, one thread", COMMITS, commits, "", "", ratio(commits, _rate(sent["sent"])))
    )
    head = ("", "answered", "requests/s", "p50 ms", "p95 ms", "rate, x submissions")
    table(f"{REQUESTS:,} submissions of one address each from {THREADS} threads, SQLite", head, rows)
    shown = len(sent["words"])
    lost = [(shown, stored, shown - stored, sent["failed"] + asked["failed"])]
    table("after the kill", ("receipts shown", "in the database", "lost", "other answers"), lost)


def _row(name: str, timing: dict[str, Any], base: dict[str, Any]) -> tuple[object, ...]:
    times = sorted(timing["latencies"])
    agree(f"the server answered nothing: {name}", bool(times))
    p50, p95 = (times[int(len(times) * share)] * 1e3 for share in (0.5, 0.95))
    return name, len(times), _rate(timing), p50, p95, ratio(_rate(timing), _rate(base))


def _rate(timing: dict[str, Any]) -> float:
    return float(len(timing["latencies"]) / timing["seconds"])


def _environment(folder: Path) -> dict[str, str]:
    """A desk with the defaults, whatever is set outside."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "TAKEDOWN_VAR": str(folder / "var"), "DJANGO_SETTINGS_MODULE": "portal.settings"}


@contextmanager
def _server(environment: dict[str, str]) -> Iterator[str]:
    """A Granian process in a group of its own, with the options of ``manage.py up``; killed at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    threads = str(2 * (os.cpu_count() or 1))
    options = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    options += ["--blocking-threads", threads, "--no-ws", "--log-level", "warning"]
    command = [sys.executable, "-m", "granian", *options, "portal.wsgi:application"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        _wait_for(port, process)
        yield f"127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError("The web server did not start; its message stands above.")


def _visit(what: str, address: str, more: dict[str, Any]) -> dict[str, Any]:
    """Run the visitors in a process of their own, so that they do not share Python's lock with this one."""
    order = {"what": what, "address": address, "threads": THREADS, "seconds": SECONDS, **more}
    command = [sys.executable, "-m", "bench.visitors"]
    done = subprocess.run(
        command, cwd=ROOT, input=json.dumps(order).encode(), stdout=subprocess.PIPE, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


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
