"""The process behind sandbox.py: imports everything once, then forks one confined child per picture.

1. leave the network, import decoders and hashes, say that it is ready;
2. read a question from standard input: a letter for the job, and the bytes of one picture;
3. fork; the child confines itself, works on the bytes it was forked with, answers, and ends;
4. kill the child, whatever it did, and pass its answer on; no answer when it died or took too long;
5. again from 2, until standard input is closed.

It knows no secret: its environment is bare, and it never sees anything but pictures.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

from takedown.confine import Limits, confine, leave_network
from takedown.errors import BadImage, MissingExtra
from takedown.fingerprint import fingerprint, preload
from takedown.images import MAX_BYTES, read_pixels
from takedown.pipes import receive, send

#: Longest answer in bytes; a fingerprint takes one thousand.
MAX_ANSWER = 16_384


def _fingerprint(data: bytes) -> dict[str, Any]:
    return {"fingerprint": fingerprint(data).to_json()}


def _check(data: bytes) -> dict[str, Any]:
    picture = read_pixels(data)
    return {"size": [picture.width, picture.height]}


#: What may be asked of a child, by the first byte of the question; the picture is the rest.
JOBS: dict[bytes, Callable[[bytes], dict[str, Any]]] = {b"f": _fingerprint, b"c": _check}


def serve(limits: Limits) -> None:
    """Answer pictures from standard input on standard output until it is closed."""
    answers = os.dup(1)
    with open(os.devnull, "r+b") as null:  # libraries print: that must not become an answer
        os.dup2(null.fileno(), 1)
    leave_network()
    try:
        preload()
    except MissingExtra as error:
        _answer(answers, {"missing": error.sentence})
        return
    _answer(answers, {"ready": True})
    while True:
        try:
            question = receive(0, MAX_BYTES + 1)
        except EOFError:
            return
        send(answers, _run_child(question, limits))


def _answer(descriptor: int, content: dict[str, Any]) -> None:
    send(descriptor, json.dumps(content).encode())


def _run_child(question: bytes, limits: Limits) -> bytes:
    """The child's answer as it is, or ``{}``; afterwards the child is gone."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        _be_child(question, limits, write_end)
    os.close(write_end)
    try:
        return receive(read_end, MAX_ANSWER, time.monotonic() + limits.wall)
    except (OSError, ValueError, EOFError):
        return b"{}"
    finally:
        os.close(read_end)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _be_child(question: bytes, limits: Limits, pipe: int) -> NoReturn:
    """Runs in the child, and never returns into the server's code."""
    try:
        kept = confine(limits, keep=pipe)
        try:
            _answer(kept, JOBS[question[:1]](question[1:]))
        except BadImage as error:
            _answer(kept, {"bad": [error.slug, error.sentence]})
    finally:
        os._exit(0)


if __name__ == "__main__":
    serve(Limits(**json.loads(sys.argv[1])))
