"""A publisher's desk, and its repository on loopback HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from factories.publisher import Desk, key

from takedown import disk
from takedown.keys import Key


def describe(path: Path) -> dict[str, Any]:
    """Length and SHA-256 of a file, as a manifest has them."""
    return {"bytes": path.stat().st_size, "sha256": disk.sha256_file(path)}


class Server:
    """The repository on loopback HTTP; ``answer`` can replace what it says."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.answer: Callable[[str], tuple[int, bytes] | None] = lambda path: None
        server = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                other = server.answer(self.path)
                if other is None:
                    super().do_GET()
                    return
                self.send_response(other[0])
                self.send_header("Content-Length", str(len(other[1])))
                self.end_headers()
                self.wfile.write(other[1])

            def log_message(self, *arguments: object) -> None:
                """Quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "publisher")


@pytest.fixture
def make_key() -> Callable[..., Key]:
    return key


@pytest.fixture
def make_desk(tmp_path: Path) -> Callable[..., Desk]:
    return lambda name, **options: Desk(tmp_path / name, **options)


@pytest.fixture
def serve() -> Iterator[Callable[[Path], Server]]:
    """Serve a folder on loopback; stopped at the end of the test."""
    servers: list[Server] = []

    def start(folder: Path) -> Server:
        servers.append(Server(folder))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def described() -> Callable[[Path], dict[str, Any]]:
    return describe


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback only, whatever proxy the machine has."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server(desk: Desk, serve: Callable[[Path], Server]) -> Server:
    """The desk's repository on loopback HTTP."""
    return serve(desk.repository)
