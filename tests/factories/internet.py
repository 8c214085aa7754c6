"""An internet on loopback: names, addresses and servers that answer in any way, also badly."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

from factories.trap import Pretending

#: What a server does with a connection once it has read the head of a request, or what it says.
Behaviour = Callable[[socket.socket], None] | bytes


class Internet:
    """Put servers into it, then give ``resolve`` and ``connect`` to a fetch.

    ``heard`` are the heads of all requests, ``server_names`` what TLS was asked for, ``looked_up`` the names
    that were, in order.
    """

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}
        self.looked_up: list[str] = []
        self.tried: list[tuple[str, int]] = []
        self.heard: list[bytes] = []
        self.server_names: list[str | None] = []
        self.over = threading.Event()
        self._ports: dict[tuple[str, int], int] = {}
        self._listening: list[socket.socket] = []

    def serve(
        self, host: str, address: str, behaviour: Behaviour, *, tls: ssl.SSLContext | None = None
    ) -> None:
        """A host with one address, and a server there: port 443 with TLS, 80 without."""
        self.names.setdefault(host, [address])
        listening = socket.create_server(("127.0.0.1", 0))
        self._listening.append(listening)
        self._ports[address, 443 if tls else 80] = listening.getsockname()[1]
        if tls:
            tls.sni_callback = lambda _socket, name, _context: self.server_names.append(name)
        threading.Thread(target=self._accept, args=(listening, behaviour, tls), daemon=True).start()

    def resolve(self, host: str, port: int) -> list[str]:
        self.looked_up.append(host)
        if host not in self.names:
            raise socket.gaierror
        return self.names[host]

    def connect(self, address: str, port: int, seconds: float) -> socket.socket:
        self.tried.append((address, port))
        if (address, port) not in self._ports:
            raise ConnectionRefusedError
        found = Pretending(socket.AF_INET, socket.SOCK_STREAM)
        found.settimeout(seconds)
        found.connect(("127.0.0.1", self._ports[address, port]))
        found.peer = address
        return found

    def close(self) -> None:
        self.over.set()
        for listening in self._listening:
            listening.close()

    def _accept(self, listening: socket.socket, behaviour: Behaviour, tls: ssl.SSLContext | None) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection, behaviour, tls), daemon=True).start()

    def _answer(self, plain: socket.socket, behaviour: Behaviour, tls: ssl.SSLContext | None) -> None:
        with plain, contextlib.suppress(OSError):  # whoever asks may go away at any moment
            connection = tls.wrap_socket(plain, server_side=True) if tls else plain
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            self.heard.append(head)
            if isinstance(behaviour, bytes):
                connection.sendall(behaviour)
            else:
                behaviour(connection)
            connection.close()
