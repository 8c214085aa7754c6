"""The child-safety path behind the real web server: answered before a byte of the body has come."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]
FORM = "Content-Type: application/x-www-form-urlencoded"
FILE = "Content-Type: multipart/form-data; boundary=x"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a web server without a database: what is refused needs none."""
    port = free_port()
    server = ["granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--no-ws"]
    environment = {**os.environ, "TAKEDOWN_VAR": str(tmp_path_factory.mktemp("var"))}
    environment["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    web = subprocess.Popen(
        [sys.executable, "-m", *server, "--log-level", "error", "portal.wsgi:application"],
        cwd=ROOT,
        env=environment,
    )
    try:
        wait_for("the web server", lambda: _listens(port, web))
        yield port
    finally:
        web.terminate()
        web.wait(20)


def _listens(port: int, web: subprocess.Popen[bytes]) -> bool:
    assert web.poll() is None, "the web server ended at once"
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("step", ["", "report/", "sent/"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((FILE, "Content-Length: 100"), 415),
        ((FILE, "Content-Length: 100", "Expect: 100-continue"), 415),
        ((FORM, "Content-Length: 100000000"), 413),
        ((FORM, "Transfer-Encoding: chunked"), 411),
        ((FILE, "Transfer-Encoding: chunked"), 411),
        ((FORM,), 411),
    ],
)
def test_the_answer_comes_before_the_body(
    port: int, step: str, headers: tuple[str, ...], status: int
) -> None:
    head = (f"POST /en/under-18/{step} HTTP/1.1", "Host: 127.0.0.1", *headers, "", "")
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall("\r\n".join(head).encode())
        answer = line.recv(4096)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())


def test_who_sends_a_large_body_anyway_is_cut_off(port: int) -> None:
    head = ("POST /en/under-18/sent/ HTTP/1.1", "Host: 127.0.0.1", FILE, f"Content-Length: {2**30}", "", "")
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall("\r\n".join(head).encode())
        assert line.recv(4096).startswith(b"HTTP/1.1 413 ")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            line.sendall(b"x" * 2**28)
