"""A connection to exactly the address that was vetted, with a clock and a byte count in its socket.

The name is looked up once. Every address it has must be public, the socket connects to one of them as a
number, and what it reached is compared with that: an answer that changes between check and use (DNS
rebinding) changes nothing. The name itself goes into TLS (SNI and the check of the certificate) and Host.

Time and bytes are counted where they arrive, below the parsing of HTTP: neither headers that never end, nor
chunks of one byte, nor a byte now and then can take more than the limits.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from takedown.errors import FetchFailed
from takedown.fetch.public import is_public
from takedown.fetch.target import Target

#: (host, port) -> its IP addresses as text; OSError when it has none.
Resolve = Callable[[str, int], list[str]]
#: (IP address, port, seconds) -> a connected TCP socket; OSError when nobody answers.
Connect = Callable[[str, int, float], socket.socket]


@dataclass(frozen=True)
class Limits:
    """What one fetch may take.

    Attributes:
        seconds: for all of it: names, connections, redirects, bytes.
        connect_seconds: for one address of a host before the next is tried.
        addresses: how many addresses of a host are tried.
        redirects: how many are followed.
        head_bytes: of one answer's status line and headers.
        data_bytes: of the file.
    """

    seconds: float = 10.0
    connect_seconds: float = 4.0
    addresses: int = 3
    redirects: int = 3
    head_bytes: int = 65_536
    data_bytes: int = 20_000_000


class Meter:
    """The seconds a fetch has left, and the bytes that may still arrive; ``ended`` when no more will."""

    def __init__(self, limits: Limits) -> None:
        self._deadline = time.monotonic() + limits.seconds
        self.allow(0, "fetch-head")

    def left(self) -> float:
        """Seconds left.

        Raises:
            FetchFailed: fetch-too-slow, none are left.
        """
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise too_slow()
        return seconds

    def allow(self, count: int, slug: str) -> None:
        """From now on let so many bytes arrive; the slug is for when more do."""
        self._bytes, self._spent_on = count, slug
        self.ended = False

    def spend(self, count: int) -> None:
        self._bytes -= count
        self.ended = self.ended or not count
        if self._bytes < 0:
            raise FetchFailed("The server sends more than we read of one file.", slug=self._spent_on)


def too_slow() -> FetchFailed:
    return FetchFailed("The server took too long to answer; try again later.", slug="fetch-too-slow")


class _Metered(socket.socket):
    """A socket that waits no longer, and takes no more, than its meter says."""

    meter: Meter

    def recv_into(self, *arguments: Any, **named: Any) -> int:
        self.settimeout(self.meter.left())
        count = super().recv_into(*arguments, **named)
        self.meter.spend(count)
        return count


class _MeteredTls(_Metered, ssl.SSLSocket):
    """The same inside TLS: the bytes counted are those that were decrypted."""


def open_socket(
    target: Target, meter: Meter, limits: Limits, resolve: Resolve, connect: Connect, cafile: str | None
) -> socket.socket:
    """Connect to one public address of a host, and speak TLS with it where the scheme is https.

    Raises:
        FetchFailed: fetch-no-host, fetch-not-public, fetch-unreachable, fetch-tls or fetch-too-slow.
    """
    addresses = _vetted(target, _look_up(target, meter, resolve))
    plain = _reach(addresses[: limits.addresses], target.port, meter, limits, connect)
    if target.scheme == "http":
        return plain
    try:
        return _secured(plain, target, meter, cafile)
    finally:
        plain.close()  # where TLS was agreed on, its socket has taken the connection over


def _secured(plain: _Metered, target: Target, meter: Meter, cafile: str | None) -> socket.socket:
    """TLS on a connection, with the host's own name."""
    context = ssl.create_default_context(cafile=cafile)
    context.sslsocket_class = _MeteredTls
    plain.settimeout(meter.left())
    try:
        found = cast(_MeteredTls, context.wrap_socket(plain, server_hostname=target.host))
    except TimeoutError:
        raise too_slow() from None
    except (OSError, ValueError):  # a certificate that does not fit is an OSError as well
        sentence = "No secure connection could be made: the certificate or the encryption is not right."
        raise FetchFailed(sentence, slug="fetch-tls") from None
    found.meter = meter
    return found


def system_resolve(host: str, port: int) -> list[str]:
    """Ask the system, which takes as long as it likes.

    The dot says that the name is whole: no search domain of this machine is put behind it.
    """
    found = socket.getaddrinfo(f"{host}.", port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def system_connect(address: str, port: int, seconds: float) -> socket.socket:
    """Connect to a number; nothing is looked up."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    connecting = socket.socket(family, socket.SOCK_STREAM)
    try:
        connecting.settimeout(seconds)
        connecting.connect((address, port))
    except BaseException:
        connecting.close()
        raise
    return connecting


def _look_up(target: Target, meter: Meter, resolve: Resolve) -> list[str]:
    """All addresses of a host, for as long as the clock allows: resolvers know no deadline of their own."""
    if target.literal:
        return [target.host]
    answers: queue.SimpleQueue[list[str]] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolve(target.host, target.port))
        except (OSError, UnicodeError):
            answers.put([])

    threading.Thread(target=ask, daemon=True, name="fetch-resolve").start()
    try:
        found = answers.get(timeout=meter.left())
    except queue.Empty:
        raise too_slow() from None
    if not found:
        sentence = "The name of this host is not known; check the address, or try again later."
        raise FetchFailed(sentence, slug="fetch-no-host")
    return found


def _vetted(target: Target, addresses: list[str]) -> list[str]:
    """The addresses, each once, in the form in which they are compared and connected to."""
    if not all(is_public(address) for address in addresses):
        sentence = "This address leads into a private or reserved network; we do not look there."
        raise FetchFailed(sentence, slug="fetch-not-public")
    return list(dict.fromkeys(str(ipaddress.ip_address(address)) for address in addresses))


def _reach(addresses: list[str], port: int, meter: Meter, limits: Limits, connect: Connect) -> _Metered:
    for address in addresses:
        try:
            found = connect(address, port, min(limits.connect_seconds, meter.left()))
        except OSError:
            continue
        try:
            reached = ipaddress.ip_address(found.getpeername()[0])
        except OSError:  # it closed at once
            found.close()
            continue
        if reached != ipaddress.ip_address(address):
            found.close()
            sentence = "The connection went elsewhere than it should; we do not look there."
            raise FetchFailed(sentence, slug="fetch-not-public")
        metered = _Metered(fileno=found.detach())
        metered.meter = meter
        return metered
    raise FetchFailed("Nobody answers at this address; try again later.", slug="fetch-unreachable")
