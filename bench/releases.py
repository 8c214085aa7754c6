"""Releases: what building one of a million entries takes, and what a sync sends over the wire.

1. Build, review, sign and publish a first release of 1,000,000 entries, and time each step.
2. Sync it over HTTP on loopback; then again when nothing changed, and when only the signatures were renewed.
3. Release 10,000 changes and sync those.

Bytes are those of the bodies of all answers, pages for files that do not exist included; headers are not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from bench.report import at_most, goals, say, table
from takedown.keys import Key
from takedown.publish import EditionDraft, ceremony, publish, refresh, sign, stage
from takedown.subscribe import sync, verify

ENTRIES = 1_000_000
CHANGES = 10_000  # half of them removals


class Counted(ThreadingHTTPServer):
    """A folder on loopback HTTP that counts what it sends."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        self.requests = self.sent = 0
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def taken(self) -> tuple[int, int]:
        """(requests, bytes of bodies) since the last call."""
        found = self.requests, self.sent
        self.requests = self.sent = 0
        return found


class _Handler(SimpleHTTPRequestHandler):
    server: Counted

    def do_GET(self) -> None:
        self.server.requests += 1
        super().do_GET()

    def end_headers(self) -> None:
        length = next(line for line in self._headers_buffer if line.lower().startswith(b"content-length:"))
        self.server.sent += int(length.split(b":")[1])
        super().end_headers()

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


def run(folder: Path) -> None:
    repository, keys = folder / "repository", folder / "keys"
    root = ceremony(keys, repository, publisher="Example").read_bytes()
    entries = _entries(ENTRIES + CHANGES // 2)
    release = partial(_release, folder, repository, keys)
    built = release("first", entries[:ENTRIES])
    server, state = Counted(repository), folder / "state"
    lines = []

    def step(what: str, changes: int = 0) -> int:
        seconds = _timed(lambda: sync(server.url, root, state))
        requests, sent = server.taken()
        each = f"{sent / changes:.1f}" if changes else ""
        lines.append((what, requests, f"{sent:,}", each, seconds))
        return sent

    step(f"first sync, {ENTRIES:,} entries", ENTRIES)
    unchanged = step("nothing changed")
    refresh(repository, keys)
    step("signatures renewed, nothing else")
    changed = release("second", entries[CHANGES // 2 :])
    sent = step(f"{CHANGES:,} changes", CHANGES)
    seconds = _timed(lambda: verify(state))
    server.shutdown()
    table(
        f"A release of {ENTRIES:,} entries, and one of {CHANGES:,} changes to it",
        ("step", "first, s", "second, s"),
        [(name, built[name], changed[name]) for name in built],
    )
    table("Sync over HTTP", ("", "requests", "bytes", "bytes an entry", "s"), lines)
    say(f"Proving the kept list again from the root on: {seconds:.2f} s")
    goals(
        at_most(f"seconds to build a release of {ENTRIES:,}", sum(built.values()), 60),
        at_most("bytes a change", sent / CHANGES, 40),
        at_most("bytes when nothing changed", unchanged, 2_000),
    )


def _release(folder: Path, repository: Path, keys: Path, name: str, entries: list[Key]) -> dict[str, float]:
    """Seconds of each step of a release."""
    staging = folder / name
    draft = EditionDraft("research", entries)
    staged = partial(
        stage,
        repository,
        staging,
        [draft],
        publisher="Example",
        dataset_ids=["example/dataset"],
        created=date(2026, 11, 22),
        audit_head="",
    )
    steps: dict[str, Callable[[], object]] = {
        "stage (with a review)": staged,
        "review and sign": partial(sign, repository, staging, keys / "targets-1.pem"),
        "review and publish": partial(publish, repository, staging, keys),
    }
    return {step: _timed(call) for step, call in steps.items()}


def _entries(count: int) -> list[Key]:
    digests = np.random.default_rng(3).bytes(32 * count).hex()
    return [Key("url_sha256", digests[at : at + 64]) for at in range(0, 64 * count, 64)]


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
