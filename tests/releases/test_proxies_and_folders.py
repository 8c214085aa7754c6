"""Through a proxy where the environment names one, around it where it says so, and offline from a folder."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from takedown import cli
from takedown.errors import NothingToSync
from takedown.subscribe import sync


class Proxy:
    """An HTTP proxy on loopback. It knows where ``releases.test`` is; nobody else does."""

    def __init__(self, target: str) -> None:
        self.asked: list[str] = []
        proxy, direct = self, urllib.request.build_opener(urllib.request.ProxyHandler({}))

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                proxy.asked.append(self.path)
                try:
                    with direct.open(target + urlsplit(self.path).path) as answer:
                        code, body = 200, answer.read()
                except urllib.error.HTTPError as error:
                    code, body = error.code, b""
                self.send_response(code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def proxy(desk: Any, server: Any) -> Iterator[Proxy]:
    desk.release(["a", "b"])
    made = Proxy(server.url)
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_is_used(
    desk: Any, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, proxy.url)
    result = sync("http://releases.test/", desk.root, tmp_path / "state")
    assert (result.seq, result.stale) == (1, None)
    assert "http://releases.test/metadata/timestamp.json" in proxy.asked
    assert any(path.endswith(".parquet") for path in proxy.asked)


@pytest.mark.parametrize("hosts", ["127.0.0.1", "*", "elsewhere.test, 127.0.0.1"])
def test_hosts_that_need_none_are_asked_directly(
    desk: Any, server: Any, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hosts: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("no_proxy", hosts)
    assert sync(server.url, desk.root, tmp_path / "state").seq == 1
    assert proxy.asked == []


def test_a_proxy_that_is_gone_means_nothing_to_sync(
    desk: Any, server: Any, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with pytest.raises(NothingToSync) as caught:
        sync(server.url, desk.root, tmp_path / "state")
    assert caught.value.slug == "unreachable"


def test_a_folder_by_command_and_a_number_it_must_have_reached(
    desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # a folder needs no network
    desk.release(["a"])
    root = tmp_path / "root.json"
    root.write_bytes(desk.root)
    command = ["sync", desk.repository.as_uri(), "--root", str(root), "--state", str(tmp_path / "state")]
    assert cli.main([*command, "--min-seq", "2"]) == 4
    assert "number 1" in capsys.readouterr().err
    assert not (tmp_path / "state/current.json").exists()
    assert cli.main([*command, "--min-seq", "1"]) == 0
    assert cli.main([*command, "--min-seq", "-1"]) == cli.main([*command, "--min-seq", "x"]) == 2
