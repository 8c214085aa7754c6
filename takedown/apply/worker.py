"""What each process of a run does: scan a piece of a shard, or deal with a whole one.

The terms come through an open file without a name, the shard and what was found through the pipe: neither is
ever a file that someone else could have written.
"""

from __future__ import annotations

import base64
import os
import pickle
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

import pyarrow as pa

from takedown import farm, patience
from takedown.apply.deal import Tell, deal
from takedown.apply.pieces import PieceOf
from takedown.apply.terms import Terms

#: Milliseconds after which unused memory goes back to the system.
_DECAY_MS = 50

_known: dict[int, Terms] = {}
#: How many rows this process may have to do with, once told.
_expected: list[int] = []


def work(task: farm.Task, tell: Tell) -> farm.Result:
    """Do one task. Raises TakedownError."""
    terms = _terms(task["terms"])
    pa.set_cpu_count(task["threads"])
    if not _expected:
        _expected.append(task["rows"])
        patience.expect(task["rows"])
    return do(terms, task, tell)


def do(terms: Terms, task: farm.Task, tell: Tell) -> farm.Result:
    """What a task asks for, in whatever process. Raises TakedownError."""
    job, piece, scanned = unpack(task["job"])
    if piece is not None:
        return {"removals": pack(terms.scanner.scan(cast(Any, PieceOf(job.shard, piece)), tell))}
    return {"counts": deal(terms, job, tell, scanned).to_json()}


def pack(value: object) -> str:
    """A value as text for the pipe."""
    return base64.b64encode(pickle.dumps(value)).decode("ascii")


def unpack(text: str) -> Any:
    """What `pack` made."""
    return pickle.loads(base64.b64decode(text))  # noqa: S301 - from the other end of our own pipe


@contextmanager
def shared(terms: Terms) -> Iterator[int]:
    """A descriptor from which processes that inherit it can read the terms."""
    with tempfile.TemporaryFile() as file:
        file.write(pickle.dumps(terms))
        file.flush()
        yield file.fileno()


def _terms(descriptor: int) -> Terms:
    if descriptor not in _known:
        content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
        _known[descriptor] = pickle.loads(content)  # noqa: S301 - a file without a name, made by our parent
    return _known[descriptor]


@contextmanager
def lean() -> Iterator[None]:
    """Give memory back between row groups: jemalloc keeps a fifth less than the others do."""
    before = pa.default_memory_pool()
    with suppress(NotImplementedError):  # not in every build of pyarrow
        pa.set_memory_pool(pa.jemalloc_memory_pool())
        pa.jemalloc_set_decay_ms(_DECAY_MS)
    try:
        yield
    finally:
        pa.set_memory_pool(before)


if __name__ == "__main__":
    with lean():
        farm.serve(work)
