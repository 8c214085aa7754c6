"""A small server on loopback: the static folder, and whatever a test puts there."""

from __future__ import annotations

import contextlib
import mimetypes
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from portal.static_headers import confine_scripts

STATIC = Path(__file__).resolve().parents[2] / "portal" / "static"
#: What the public pages with these scripts send (portal/settings.py).
POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; img-src 'self' blob:; "
    "connect-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'"
)
Answer = tuple[bytes, str, dict[str, str]]


class Site:
    """Pages and files on loopback.

    Attributes:
        address: scheme, host and port.
        posted: bodies of the forms that were sent.
        asked: paths in the order in which they were asked for.
    """

    def __init__(self) -> None:
        self.made: dict[str, Answer] = {"/favicon.ico": (b"", "image/x-icon", {})}
        self.posted: list[bytes] = []
        self.asked: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"

    def put(self, name: str, content: bytes | str, kind: str = "", policy: str = "") -> str:
        """Serve some content; returns its address.

        Args:
            kind: its MIME type; by the ending of the name when empty.
            policy: its content security policy.
        """
        data = content.encode() if isinstance(content, str) else content
        headers = {"Content-Security-Policy": policy} if policy else {}
        self.made[f"/{name}"] = (data, kind or _kind(name), headers)
        return f"{self.address}/{name}"

    def answer(self, path: str) -> Answer | None:
        self.asked.append(path)
        if path in self.made:
            return self.made[path]
        file = (STATIC / path.removeprefix("/static/")).resolve()
        if path.startswith("/static/") and file.is_relative_to(STATIC) and file.is_file():
            headers: dict[str, str] = {}
            confine_scripts(headers, str(file), path)
            return file.read_bytes(), _kind(file.name), headers
        return None


def _kind(name: str) -> str:
    return "text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0] or "text/html"


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._send(site.answer(self.path.partition("?")[0]))

        def do_POST(self) -> None:
            site.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            self._send((b"<!doctype html><title>sent</title>sent", "text/html", {}))

        def _send(self, found: Answer | None) -> None:
            content, kind, headers = found or (b"not found", "text/plain", {})
            self.send_response(200 if found else 404)
            for name, value in {"Content-Type": f"{kind}; charset=utf-8", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a page that was left
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
