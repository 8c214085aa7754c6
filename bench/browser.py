"""A real Chromium that makes fingerprints of files, with the scripts of the public pages in their own thread.

Served from the static folder on loopback; playwright, which the tests use too, starts the browser.
"""

from __future__ import annotations

import base64
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bench.desk import ROOT
from takedown.fingerprint import Fingerprint

NAMES = ("chromium", "chromium-browser", "google-chrome")
# A container often runs as root, where Chromium's own sandbox does not start; nothing foreign is opened.
_FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
_STATIC = ROOT / "portal" / "static"

_START = 'window.worker = new Worker("/portal/device/worker.js", {type: "module"})'
_ASK = """(text) => new Promise((resolve, reject) => {
  worker.onerror = ({message}) => reject(new Error(message));
  worker.onmessage = ({data}) => {
    if (data.step === "whole") resolve(JSON.stringify(data.fingerprint));
    if (data.step === "refused") reject(new Error(data.reason));
  };
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  worker.postMessage({file: new Blob([bytes])});
})"""
# Milliseconds from handing the file over to the first code, and to all, in a new thread or in the last one.
_TIME = """([text, anew]) => new Promise((resolve, reject) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  if (anew) {
    worker.terminate();
    window.worker = new Worker("/portal/device/worker.js", {type: "module"});
  }
  const began = performance.now();
  let base = 0;
  worker.onerror = ({message}) => reject(new Error(message));
  worker.onmessage = ({data}) => {
    if (data.step === "base") base = performance.now() - began;
    if (data.step === "whole") resolve([base, performance.now() - began]);
    if (data.step === "refused") reject(new Error(data.reason));
  };
  worker.postMessage({file: new Blob([bytes])});
})"""


class Browser:
    """One page with the thread that makes fingerprints.

    Attributes:
        version: of the browser, as it says itself.
    """

    def __init__(self, page: Any, version: str) -> None:
        self.version = version
        self._page = page
        page.evaluate(_START)

    def fingerprint(self, data: bytes) -> Fingerprint:
        """All codes of a file that the browser decoded itself.

        Raises:
            playwright.sync_api.Error: the script refused the picture; the message has its reason.
        """
        return Fingerprint.from_json(self._page.evaluate(_ASK, base64.b64encode(data).decode()))

    def seconds(self, data: bytes, *, anew: bool) -> tuple[float, float]:
        """How long a file takes until its first code is there, and until all are.

        Args:
            anew: start a new thread before, as for the first picture of a person; loading it counts.
        """
        base, whole = self._page.evaluate(_TIME, [base64.b64encode(data).decode(), anew])
        return base / 1e3, whole / 1e3


@contextmanager
def browser() -> Iterator[Browser | None]:
    """A browser for as long as it is needed; None where no Chromium or no playwright is installed."""
    path = next((found for found in map(shutil.which, NAMES) if found), None)
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        path = None
    if path is None:
        yield None
        return
    with _static() as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=[*_FLAGS])
        page = chromium.new_page()
        page.goto(address)
        yield Browser(page, f"Chromium {chromium.version}")
        chromium.close()


@contextmanager
def _static() -> Iterator[str]:
    """The static folder on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(_STATIC)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass
