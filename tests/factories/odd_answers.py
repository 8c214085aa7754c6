"""Answers of servers that are not taken."""

from __future__ import annotations

import gzip

OK = b"HTTP/1.1 200 OK\r\n"


def redirect(location: str, status: int = 302) -> bytes:
    """An answer that sends on, and wants to be remembered."""
    return f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\nSet-Cookie: a=b\r\n\r\n".encode()


def _bomb() -> bytes:
    return gzip.compress(bytes(2_000_000))


#: What it is, the slug that says so, and the answer. The cap is 1,000 bytes, 5,000 for a head.
REFUSED: list[tuple[str, str, bytes]] = [
    ("too long as announced", "fetch-too-large", OK + b"Content-Length: 1001\r\n\r\n"),
    ("too long without a word", "fetch-too-large", OK + b"\r\n" + b"x" * 1001),
    (
        "too long in chunks",
        "fetch-too-large",
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1001 + b"0\r\n\r\n",
    ),
    ("gzip", "fetch-packed", OK + b"Content-Encoding: gzip\r\n\r\n" + _bomb()),
    ("brotli", "fetch-packed", OK + b"Content-Encoding: br\r\n\r\nx"),
    ("packed twice", "fetch-packed", OK + b"Content-Encoding: identity\r\nContent-Encoding: gzip\r\n\r\nx"),
    ("gzip in transfer", "fetch-unreadable", OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    (
        "two frames",
        "fetch-unreadable",
        OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    ("two lengths", "fetch-unreadable", OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
    ("length with a sign", "fetch-unreadable", OK + b"Content-Length: +1\r\n\r\nx"),
    ("length below nothing", "fetch-unreadable", OK + b"Content-Length: -1\r\n\r\nx"),
    ("length in words", "fetch-unreadable", OK + b"Content-Length: one\r\n\r\nx"),
    ("length without end", "fetch-unreadable", OK + b"Content-Length: " + b"9" * 4000 + b"\r\n\r\nx"),
    ("a head of one line", "fetch-head", OK + b"X: " + b"x" * 60_000),
    ("a head of many lines", "fetch-head", OK + (b"X: " + b"y" * 200 + b"\r\n") * 90),
    ("more headers than are read", "fetch-unreadable", OK + b"X: y\r\n" * 200 + b"\r\n"),
    ("a line that is no header", "fetch-unreadable", OK + b"no header\r\nContent-Length: 1\r\n\r\nx"),
    ("a header that begins with a space", "fetch-unreadable", OK + b" X: y\r\n\r\nx"),
    ("continue for ever", "fetch-head", b"HTTP/1.1 100 Continue\r\n\r\n" * 5000),
    ("no HTTP", "fetch-unreadable", b"SSH-2.0-OpenSSH_9.2\r\n"),
    ("a bare page", "fetch-unreadable", b"<html>hello</html>\r\n"),
    ("a radio", "fetch-unreadable", b"ICY 200 OK\r\n\r\n"),
    ("a status that is none", "fetch-unreadable", b"HTTP/1.1 2xx OK\r\n\r\n"),
    ("an early end", "fetch-cut-short", OK + b"Content-Length: 9\r\n\r\nabcd"),
    ("an early end in a chunk", "fetch-cut-short", OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nabcd"),
    ("chunks that never end", "fetch-cut-short", OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"),
    ("a chunk below nothing", "fetch-unreadable", OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nabcd\r\n"),
    ("a chunk of words", "fetch-cut-short", OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabcd\r\n"),
    (
        "chunks that are mostly frame",
        "fetch-too-large",
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + (b"1;" + b"x" * 500 + b"\r\na\r\n") * 100,
    ),
    (
        "a trailer for ever",
        "fetch-too-large",
        OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n" + b"X: y\r\n" * 9000,
    ),
    ("nothing", "fetch-broken", b""),
    ("half a head", "fetch-cut-short", b"HTTP/1.1 200"),
    ("a redirect to nowhere", "fetch-redirect", b"HTTP/1.1 302 Found\r\n\r\n"),
    (
        "a redirect to two places",
        "fetch-redirect",
        b"HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\n\r\n",
    ),
    ("a redirect that is folded", "fetch-redirect", redirect("/a\r\n b")),
    ("a redirect to a long place", "fetch-redirect", redirect("/" + "a" * 4500)),
]
