"""A server that sends a byte now and then does not hold a sync up for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from takedown.errors import NothingToSync
from takedown.subscribe import fetch, open_blocklist, sync


class Dripping(ThreadingHTTPServer):
    """Answers everything at once, but for the named file, of which a byte comes now and then."""

    def __init__(self, folder: Path, slow: str) -> None:
        server, self.over = self, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = folder / self.path.lstrip("/")
                self.send_response(200 if path.is_file() else 404)
                self.end_headers()
                if not path.is_file():
                    return
                data = path.read_bytes()
                if slow not in path.name:
                    self.wfile.write(data)
                    return
                for at in range(len(data)):
                    self.wfile.write(data[at : at + 1])
                    if server.over.wait(0.02):
                        return

            def log_message(self, *arguments: object) -> None:
                """Quiet."""

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, *arguments: object) -> None:
        """The client went away, as it should."""


@pytest.fixture
def dripping(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Serve the desk's repository with one slow file; the address."""
    servers: list[Dripping] = []
    monkeypatch.setattr(fetch, "PATIENCE", 0.5)

    def serve(slow: str) -> str:
        servers.append(Dripping(desk.repository, slow))
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield serve
    for server in servers:
        server.over.set()
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("slow", ["timestamp.json", "targets.json", "manifest-", ".parquet"])
def test_a_file_that_drips_is_given_up(
    desk: Any, dripping: Callable[[str], str], tmp_path: Path, slow: str
) -> None:
    desk.release(["a", "b"])
    with pytest.raises(NothingToSync):
        sync(dripping(slow), desk.root, tmp_path / "state")


def test_the_list_kept_stays_in_use(desk: Any, dripping: Callable[[str], str], tmp_path: Path) -> None:
    desk.release(["a"])
    address = dripping("manifest-000002")
    assert sync(address, desk.root, tmp_path / "state").stale is None
    desk.release(["a", "b"])
    assert sync(address, desk.root, tmp_path / "state").stale == "data-unreachable"
    assert open_blocklist(tmp_path / "state").seq == 1


def test_what_comes_slowly_but_steadily_is_taken(
    desk: Any, dripping: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "LEAST_RATE", 10)
    desk.release(["a", "b"])
    assert sync(dripping("checkpoint-"), desk.root, tmp_path / "state").seq == 1
