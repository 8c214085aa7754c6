"""Messages over pipes: eight bytes of length, then the content; every wait has a deadline.

Deadlines are instants of ``time.monotonic()``; ``math.inf`` waits for ever
(on descriptors that block).
"""

from __future__ import annotations

import math
import os
import select
import struct
import time

_LENGTH = struct.Struct(">Q")
_WRITE, _READ = 1 << 16, 1 << 20


def send(descriptor: int, content: bytes, deadline: float = math.inf) -> None:
    """Write one message. The deadline holds only on a descriptor that does not block.

    Raises:
        OSError: the other side is gone, or (TimeoutError) the deadline has passed.
    """
    message = memoryview(_LENGTH.pack(len(content)) + content)
    while message:
        _wait(descriptor, select.POLLOUT, deadline)
        message = message[os.write(descriptor, message[:_WRITE]) :]


def receive(descriptor: int, longest: int, deadline: float = math.inf) -> bytes:
    """Read one message of at most ``longest`` bytes.

    Raises:
        EOFError: the other side is gone.
        OSError: reading failed, or (TimeoutError) the deadline has passed.
        ValueError: the message is longer than allowed.
    """
    (length,) = _LENGTH.unpack(_read(descriptor, _LENGTH.size, deadline))
    if length > longest:
        raise ValueError("the message is longer than allowed")
    return _read(descriptor, length, deadline)


def _read(descriptor: int, length: int, deadline: float) -> bytes:
    content = bytearray()
    while len(content) < length:
        _wait(descriptor, select.POLLIN, deadline)
        chunk = os.read(descriptor, min(length - len(content), _READ))
        if not chunk:
            raise EOFError
        content += chunk
    return bytes(content)


def _wait(descriptor: int, event: int, deadline: float) -> None:
    if math.isinf(deadline):
        return  # the call that follows blocks by itself, and a confined child may not poll
    poller = select.poll()
    poller.register(descriptor, event)
    milliseconds = (deadline - time.monotonic()) * 1000
    if milliseconds <= 0 or not poller.poll(milliseconds):
        raise TimeoutError
