"""The process behind sandbox.py: imports everything once, then forks one confined child per question.

1. leave the network, import the decoders, say that it is ready;
2. read a question from standard input: a letter for the job, and the bytes of one picture or of a batch. The
   first job is to load what hashes, unless pictures are only checked here;
3. fork; the child confines itself, works on the bytes it was forked with, answers for each picture, and ends;
4. pass its answers on as they come; fewer than pictures when it died or took too long over one;
5. kill the child, whatever it did, and say that this was all;
6. again from 2, until standard input is closed.

It knows no secret: its environment is bare, and it never sees anything but pictures.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from takedown.confine import Limits, confine, leave_network
from takedown.errors import BadImage, MissingExtra
from takedown.fingerprint import fingerprint, preload
from takedown.images import MAX_BYTES, decoders, measure
from takedown.pipes import receive, send
from takedown.stored import Stored, fingerprint_stored, prepare

#: Longest answer in bytes; a fingerprint takes seventy thousand, most of it the codes of all variants.
MAX_ANSWER = 131_072
#: Most pictures of a batch, and most bytes of all of them together.
BATCH_PICTURES = 256
BATCH_BYTES = MAX_BYTES
#: The job, without a picture and not confined, that loads what hashes.
LOAD = b"l"
#: First byte of a question that needs nothing loaded, and of one that holds a batch.
CHECK, MANY = b"c", b"m"
#: First byte of what goes back: an answer of the child follows, or there are no more.
ANSWER, END = b"a", b"."

# Before each picture of a batch: its length, whether it may be padded, whether further codes are wanted, and
# the original's width and height.
_PICTURE = struct.Struct(">I??II")
_LARGE = 500_000  # bytes of a batch that repays preparing: others of that size will come
_MAX_QUESTION = 1 + BATCH_BYTES + BATCH_PICTURES * _PICTURE.size


def pack(pictures: Sequence[Stored]) -> bytes:
    """A batch as the rest of a question of the job MANY."""
    parts = []
    for data, padded, original, indexed in pictures:
        parts += [_PICTURE.pack(len(data), padded, indexed, *(original or (0, 0))), data]
    return b"".join(parts)


def _fingerprint(data: bytes) -> Iterator[dict[str, Any]]:
    yield {"fingerprint": fingerprint(data).to_json()}


def _check(data: bytes) -> Iterator[dict[str, Any]]:
    yield {"size": measure(data)}


def _fingerprint_many(batch: bytes) -> Iterator[dict[str, Any]]:
    at = 0
    while at < len(batch):
        length, padded, indexed, width, height = _PICTURE.unpack_from(batch, at)
        at += _PICTURE.size + length
        original = (width, height) if width and height else None
        picture = Stored(batch[at - length : at], padded, original, indexed)
        try:
            yield {"fingerprint": fingerprint_stored(picture).to_json()}
        except BadImage as error:
            yield _bad(error)


#: What may be asked of a child, by the first byte of the question; the picture or the batch is the rest.
JOBS: dict[bytes, Callable[[bytes], Iterator[dict[str, Any]]]] = {
    b"f": _fingerprint,
    CHECK: _check,
    MANY: _fingerprint_many,
}


def serve(limits: Limits) -> None:
    """Answer pictures from standard input on standard output until it is closed."""
    answers = os.dup(1)
    with open(os.devnull, "r+b") as null:  # libraries print: that must not become an answer
        os.dup2(null.fileno(), 1)
    leave_network()
    try:
        decoders()
    except MissingExtra as error:
        _answer(answers, {"missing": error.sentence})
        return
    _answer(answers, {"ready": True})
    while True:
        try:
            question = receive(0, _MAX_QUESTION)
        except EOFError:
            return
        if question == LOAD:
            preload()
            send(answers, END)
            continue
        if question.startswith(MANY) and len(question) > _LARGE:
            prepare()  # here, once: a child would lose it
        for answer in _run_child(question, limits):
            send(answers, ANSWER + answer)  # whatever a child says, it cannot say that it was all
        send(answers, END)


def _answer(descriptor: int, content: dict[str, Any]) -> None:
    send(descriptor, json.dumps(content).encode())


def _bad(error: BadImage) -> dict[str, Any]:
    return {"bad": [error.slug, error.sentence]}


def _run_child(question: bytes, limits: Limits) -> Iterator[bytes]:
    """The child's answers as they are, BATCH_PICTURES at most; afterwards the child is gone."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        _be_child(question, limits, write_end)
    os.close(write_end)
    try:
        for _ in range(BATCH_PICTURES):
            yield receive(read_end, MAX_ANSWER, time.monotonic() + limits.wall)
    except (OSError, ValueError, EOFError):
        pass
    finally:
        os.close(read_end)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _be_child(question: bytes, limits: Limits, pipe: int) -> NoReturn:
    """Runs in the child, and never returns into the server's code."""
    try:
        kept = confine(limits, keep=pipe)
        try:
            for answer in JOBS[question[:1]](question[1:]):
                _answer(kept, answer)
        except BadImage as error:
            _answer(kept, _bad(error))
    finally:
        os._exit(0)


if __name__ == "__main__":
    serve(Limits(**json.loads(sys.argv[1])))
