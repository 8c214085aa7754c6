"""Fetching one file: hop by hop, each vetted anew, within limits for all of them together.

``http.client`` is given a socket that is connected already, and never connects by itself. It has no proxies,
no cookies, no pools and, other than urllib3, no log of its own: nothing that was asked for is written
anywhere.
"""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass
from email.errors import FirstHeaderLineIsContinuationDefect, MissingHeaderBodySeparatorDefect
from io import DEFAULT_BUFFER_SIZE
from socket import socket

from takedown.errors import FetchFailed
from takedown.fetch.pinned import (
    Connect,
    Limits,
    Meter,
    Resolve,
    open_socket,
    system_connect,
    system_resolve,
    too_slow,
)
from takedown.fetch.target import Target, follow, read_target

USER_AGENT = "dataset-takedown (one look by a person at a removal desk; not a crawler)"

_REDIRECTS = (301, 302, 303, 307, 308)
_LENGTH = re.compile(r"[0-9]{1,18}")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,63}/[a-z0-9!#$&^_.+-]{1,63}")
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Fetched:
    """An answer.

    Attributes:
        url: where it came from in the end.
        status: of HTTP; whatever is no redirect, so it may say that there is no such file.
        content_type: such as ``image/jpeg``, without parameters; empty where the server gives none.
        data: the file, at most ``Limits.data_bytes``.
    """

    url: str
    status: int
    content_type: str
    data: bytes


def fetch(
    url: str,
    *,
    resolve: Resolve = system_resolve,
    connect: Connect = system_connect,
    limits: Limits | None = None,
    same_host: bool = False,
    cafile: str | None = None,
) -> Fetched:
    """Get what stands at an address.

    Args:
        url: as a person gave it.
        resolve, connect: how names are looked up and connections made; the system's own but in tests.
        limits: seconds and bytes; the usual ones when omitted.
        same_host: refuse a redirect to any other host, be it one with ``www.`` before it.
        cafile: certificates to trust instead of the system's.

    Raises:
        FetchFailed: nothing was fetched; its slug says why (docs/fetching.md lists them).
    """
    limits = limits or Limits()
    meter = Meter(limits)
    target = read_target(url)
    for _ in range(limits.redirects + 1):
        with open_socket(target, meter, limits, resolve, connect, cafile) as sock:
            try:
                answer = _ask(sock, target, meter, limits)
            except TimeoutError:
                raise too_slow() from None
            except http.client.IncompleteRead:
                raise _cut_short() from None
            except OSError:
                raise FetchFailed("The connection broke; try again later.", slug="fetch-broken") from None
            except (http.client.HTTPException, ValueError):
                raise _unreadable() from None
        if isinstance(answer, Fetched):
            return answer
        if same_host and answer.host != target.host:
            sentence = "The site sends us on to another host, which would prove nothing about this one."
            raise FetchFailed(sentence, slug="fetch-other-host")
        target = answer
    raise FetchFailed("The server sends us on and on; we stop here.", slug="fetch-redirects")


def _ask(sock: socket, target: Target, meter: Meter, limits: Limits) -> Fetched | Target:
    """One request on a connected socket: the file, or where it is said to be."""
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.auto_open, connection.sock = 0, sock
    meter.allow(limits.head_bytes + DEFAULT_BUFFER_SIZE, "fetch-head")  # the file begins in the same buffer
    headers = {
        "Host": target.authority,
        "User-Agent": USER_AGENT,
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    sock.settimeout(meter.left())
    connection.request("GET", target.path, headers=headers)
    with connection.getresponse() as response:
        if meter.ended:  # before the empty line after the headers
            raise _cut_short()
        _check_head(response, limits)
        if response.status in _REDIRECTS:
            return follow(target, _only(response, "Location"))
        # Chunks have a frame around each; with frames as long as what they hold, it is a waste of ours.
        meter.allow(2 * limits.data_bytes + limits.head_bytes, "fetch-too-large")
        return Fetched(target.url, response.status, _content_type(response), _data(response, limits))


def _check_head(response: http.client.HTTPResponse, limits: Limits) -> None:
    """Refuse what could be read in two ways, or grows when it is unpacked."""
    broken = (FirstHeaderLineIsContinuationDefect, MissingHeaderBodySeparatorDefect)
    if any(isinstance(defect, broken) for defect in response.msg.defects):
        raise _unreadable()
    lengths = set(response.headers.get_all("Content-Length", []))
    transfer = [one.strip().lower() for one in response.headers.get_all("Transfer-Encoding", [])]
    if transfer not in ([], ["chunked"]) or (transfer and lengths) or len(lengths) > 1:
        raise _unreadable()
    if not all(_LENGTH.fullmatch(length) for length in lengths):
        raise _unreadable()
    if any(int(length) > limits.data_bytes for length in lengths):
        raise _too_large(limits)
    packed = response.headers.get_all("Content-Encoding", [])
    if any(one.strip().lower() not in ("", "identity") for one in packed):
        sentence = "The server sends the file packed although we asked for it as it is; we do not unpack it."
        raise FetchFailed(sentence, slug="fetch-packed")


def _data(response: http.client.HTTPResponse, limits: Limits) -> bytes:
    data = bytearray()
    while block := response.read(_BLOCK):
        data += block
        if len(data) > limits.data_bytes:
            raise _too_large(limits)
    if response.length:  # what is left of the Content-Length
        raise _cut_short()
    return bytes(data)


def _only(response: http.client.HTTPResponse, name: str) -> str:
    """A header that must be there once."""
    values = response.headers.get_all(name, [])
    if len(values) != 1:
        raise FetchFailed("The server sends us on without saying where to.", slug="fetch-redirect")
    return str(values[0]).strip()


def _content_type(response: http.client.HTTPResponse) -> str:
    told = str(response.headers.get("Content-Type", "")).partition(";")[0].strip().lower()
    return told if _TYPE.fullmatch(told) else ""


def _too_large(limits: Limits) -> FetchFailed:
    most = limits.data_bytes // 1_000_000
    return FetchFailed(f"The file is larger than {most} MB; we read no more.", slug="fetch-too-large")


def _unreadable() -> FetchFailed:
    return FetchFailed("The server's answer is not HTTP as it should be.", slug="fetch-unreadable")


def _cut_short() -> FetchFailed:
    return FetchFailed("The file broke off before its end; try again later.", slug="fetch-cut-short")
