"""The desk's own key pair: what people write to the desk is sealed to its public half.

The pair lies in one folder of its own, outside the database: whoever has a copy of the database reads no
message, and a page that takes one needs the public half only. Reviewers read messages in the web process,
which may run as another user than the worker that made the pair: so its group may read it. It is made once
and kept as long as messages are; it belongs into the backup of keys, apart from the database's.
"""

from __future__ import annotations

import fcntl
import os

from django.conf import settings
from nacl.public import PrivateKey, PublicKey

from portal.sealing import write_whole


class NoMessageKeyError(Exception):
    """The half that is needed is not here: it was never made, or it is not ours to read."""


def make() -> None:
    """Make the pair where there is none. Safe at any moment."""
    folder = settings.MESSAGE_KEYS
    folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    with os.fdopen(os.open(folder / ".lock", os.O_CREAT | os.O_RDWR, 0o600), "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "desk.key").exists():
            write_whole(folder / "desk.key", bytes(PrivateKey.generate()), 0o640)
        if not (folder / "desk.pub").exists():
            write_whole(folder / "desk.pub", bytes(private().public_key), 0o644)


def public() -> PublicKey:
    """The half that messages are sealed to. Raises NoMessageKeyError."""
    return PublicKey(_read("desk.pub"))


def private() -> PrivateKey:
    """The half that opens them. Raises NoMessageKeyError."""
    return PrivateKey(_read("desk.key"))


def _read(name: str) -> bytes:
    try:
        return bytes((settings.MESSAGE_KEYS / name).read_bytes())
    except OSError:
        raise NoMessageKeyError from None
