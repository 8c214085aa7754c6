"""Fingerprints of a shard's pictures, made in sandboxes: a build trusts its sources no more than uploads.

A picture that cannot be read is left out of the perceptual search and counted; it stays a row with whatever
else is known of it. A child that dies gets one more try, since the machine may have been short of memory.
When one child after the other dies it is not the pictures' fault, and the build stops.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType
from typing import NamedTuple

from takedown.dataset import Piece, Shard
from takedown.errors import BadImage, SandboxFailed
from takedown.fingerprint import Fingerprint
from takedown.sandbox import Sandbox

#: Sandboxes that work at a time, and pictures held in memory at a time.
WORKERS = 2
_AHEAD = 8

#: So many pictures in a row on which the child died mean that the sandbox does not work here.
_MAX_FAILURES = 20


class Picture(NamedTuple):
    """A picture's row in its shard, the digests of its file, and its fingerprint unless it is unreadable."""

    row: int
    sha256: bytes
    md5: bytes
    fingerprint: Fingerprint | None


class PictureReader:
    """Some sandboxes with a thread for each; they start with the first picture and end with the block."""

    def __init__(self) -> None:
        self._sandboxes = [Sandbox() for _ in range(WORKERS)]
        self._idle: SimpleQueue[Sandbox] = SimpleQueue()
        for sandbox in self._sandboxes:
            self._idle.put(sandbox)
        self._pool = ThreadPoolExecutor(WORKERS)
        self._failures = 0

    def __enter__(self) -> PictureReader:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _t: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=True)
        for sandbox in self._sandboxes:
            sandbox.close()

    def read(self, shard: Shard, piece: Piece | None = None) -> Iterator[Picture]:
        """Every picture of a shard, or of a piece of it, in the order of its files; nothing where a shard has none.

        Raises:
            BadDataset: the shard is damaged.
            MissingExtra: what reads pictures is not installed.
            SandboxFailed: the sandbox does not work on this machine.
        """
        waiting: deque[Future[Picture]] = deque()
        for row, content in shard.pictures(piece):
            waiting.append(self._pool.submit(self._read, row, content))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _read(self, row: int, content: bytes) -> Picture:
        sandbox = self._idle.get()
        try:
            fingerprint = self._fingerprint(sandbox, content)
        finally:
            self._idle.put(sandbox)
        md5 = hashlib.md5(content, usedforsecurity=False).digest()
        return Picture(row, hashlib.sha256(content).digest(), md5, fingerprint)

    def _fingerprint(self, sandbox: Sandbox, content: bytes) -> Fingerprint | None:
        try:
            fingerprint = _second_try(sandbox, content)
        except BadImage:
            fingerprint = None
        except SandboxFailed:
            self._failures += 1
            if self._failures >= _MAX_FAILURES:
                raise
            return None
        self._failures = 0
        return fingerprint


def _second_try(sandbox: Sandbox, content: bytes) -> Fingerprint:
    try:
        return sandbox.fingerprint(content)
    except SandboxFailed:
        return sandbox.fingerprint(content)
