"""A listener on loopback that stands for every place a fetch could go to."""

from __future__ import annotations

import contextlib
import socket
import threading


class Trap:
    """Listens on loopback, takes every connection, says one thing, and remembers that it was there.

    ``says`` maps the address that was meant to the bytes of an answer.
    """

    def __init__(self) -> None:
        self.says: dict[str, bytes] = {}
        self.meant: list[tuple[str, int]] = []
        self.heard = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def connect(self, address: str, port: int, seconds: float) -> socket.socket:
        """In the place of the system's own: all roads lead here."""
        self.meant.append((address, port))
        found = Pretending(socket.AF_INET, socket.SOCK_STREAM)
        found.settimeout(seconds)
        found.connect(self._listening.getsockname())
        found.peer = address
        return found

    def close(self) -> None:
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.heard += 1
            meant = self.meant[-1][0] if self.meant else ""
            with connection, contextlib.suppress(OSError):  # whoever came may be gone again
                connection.recv(65536)
                connection.sendall(self.says.get(meant, b"HTTP/1.0 200 OK\r\n\r\ntrapped"))


class Pretending(socket.socket):
    """A connection to loopback that says it reached the address that was meant."""

    peer = ""

    def getpeername(self) -> tuple[str, int]:
        return self.peer, 80
