"""Fingerprints of a shard's pictures, made in sandboxes: a dataset copy is trusted no more than uploads.

A picture that cannot be read has no fingerprint. A child that dies on a picture gets two more tries, since
the machine may have been short of memory (sandbox.py). When one picture after the other fails so, a picture
that is known to be good is tried: if that fails too, the sandbox does not work here, and the work stops.

img2dataset makes pictures square with white bands unless it is told otherwise: those are cut off, by the size
that the row gives where it gives one (borders.py).
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType
from typing import NamedTuple

from takedown.dataset import Piece, RowBatch, Shard
from takedown.errors import SandboxFailed, TakedownError
from takedown.fingerprint import Fingerprint
from takedown.sandbox import BATCH_BYTES, BATCH_PICTURES, Sandbox, Stored

#: After so many pictures in a row on which the child died the sandbox is put to the test.
_MAX_FAILURES = 20
#: A whole PNG of one pixel.
_GOOD = Stored(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
        "3a7e9b550000000a4944415478da63680000008200818dd6a6490000000049454e44ae426082"
    )
)

#: Row of a shard -> width and height of its picture as downloaded.
Sizes = Mapping[int, tuple[int, int]]


class Picture(NamedTuple):
    """A picture's row in its shard, the digests of its file, and its fingerprint unless it is unreadable."""

    row: int
    sha256: bytes
    md5: bytes
    fingerprint: Fingerprint | None


class PictureReader:
    """Some sandboxes with a thread for each; they start with the first picture and end with the block.

    Args:
        sandboxes: that work at a time; one keeps one core busy.
        indexed: make the further codes that an index holds.
    """

    def __init__(self, sandboxes: int = 1, *, indexed: bool = False) -> None:
        self._indexed = indexed
        self._sandboxes = [Sandbox() for _ in range(sandboxes)]
        self._idle: SimpleQueue[Sandbox] = SimpleQueue()
        for sandbox in self._sandboxes:
            self._idle.put(sandbox)
        self._pool = ThreadPoolExecutor(sandboxes)
        self._failures = 0

    def __enter__(self) -> PictureReader:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _t: TracebackType | None) -> None:
        self._pool.shutdown(cancel_futures=True)
        for sandbox in self._sandboxes:
            sandbox.close()

    def read(self, shard: Shard, piece: Piece | None = None, sizes: Sizes | None = None) -> Iterator[Picture]:
        """Every picture of a shard, or of a piece of it, in the order of its files.

        Args:
            shard: nothing comes from one without pictures.
            piece: one of its pieces.
            sizes: of the pictures as downloaded; read from the rows when None.

        Raises:
            BadDataset: the shard is damaged.
            MissingExtra: what reads pictures is not installed.
            SandboxFailed: the sandbox does not work on this machine.
        """
        if sizes is None:
            sizes = original_sizes(shard, piece)
        waiting: deque[Future[list[Picture]]] = deque()
        for batch in self._batches(shard, piece, sizes):
            waiting.append(self._pool.submit(self._read, batch))
            if len(waiting) > len(self._sandboxes):  # one more, so that none has to wait for its batch
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()

    def _batches(self, shard: Shard, piece: Piece | None, sizes: Sizes) -> Iterator[list[tuple[int, Stored]]]:
        """Pictures with their rows, as many at a time as a sandbox reads with one child."""
        padded = may_be_padded(shard)
        batch: list[tuple[int, Stored]] = []
        total = 0
        for row, content in shard.pictures(piece):
            if batch and (len(batch) == BATCH_PICTURES or total + len(content) > BATCH_BYTES):
                yield batch
                batch, total = [], 0
            batch.append((row, Stored(content, padded, sizes.get(row), self._indexed)))
            total += len(content)
        if batch:
            yield batch

    def _read(self, batch: list[tuple[int, Stored]]) -> list[Picture]:
        sandbox = self._idle.get()
        try:
            results = sandbox.fingerprint_many([stored for _, stored in batch])
            for result in results:
                self._doubt(sandbox, result)
        finally:
            self._idle.put(sandbox)
        return [
            _picture(row, stored.data, result) for (row, stored), result in zip(batch, results, strict=True)
        ]

    def _doubt(self, sandbox: Sandbox, result: Fingerprint | TakedownError) -> None:
        """Raise SandboxFailed when it is the sandbox that does not work."""
        self._failures = self._failures + 1 if isinstance(result, SandboxFailed) else 0
        if self._failures >= _MAX_FAILURES:
            (found,) = sandbox.fingerprint_many([_GOOD])
            if isinstance(found, TakedownError):
                raise found
            self._failures = 0


def original_sizes(shard: Shard, piece: Piece | None = None) -> Sizes:
    """Width and height of the pictures as downloaded, where the rows of a shard that may be padded say so.

    Raises:
        BadDataset: the shard is damaged.
    """
    found: dict[int, tuple[int, int]] = {}
    if may_be_padded(shard):
        for batch in shard.rows(columns=("url", "width", "height"), piece=piece):
            found |= sizes_of(batch)
    return found


def sizes_of(batch: RowBatch) -> dict[int, tuple[int, int]]:
    """The sizes in a batch of rows, those that make sense, by row of the shard."""
    if batch.width is None or batch.height is None:
        return {}
    sizes = zip(batch.width.to_pylist(), batch.height.to_pylist(), strict=True)
    return {batch.first + at: (w, h) for at, (w, h) in enumerate(sizes) if _is_length(w) and _is_length(h)}


def may_be_padded(shard: Shard) -> bool:
    """Whether img2dataset wrote the pictures of a shard."""
    return shard.kind in ("img2dataset", "files")


def _is_length(pixels: int | None) -> bool:
    return pixels is not None and 0 < pixels < 2**31


def _picture(row: int, content: bytes, result: Fingerprint | TakedownError) -> Picture:
    if isinstance(result, Fingerprint):
        return Picture(row, bytes.fromhex(result.sha256), bytes.fromhex(result.md5), result)
    md5 = hashlib.md5(content, usedforsecurity=False).digest()
    return Picture(row, hashlib.sha256(content).digest(), md5, None)
