"""Fingerprints untrusted pictures in a child process that can do nothing else.

1. ``fingerprint`` starts a server (sandbox_server.py) when this process has none that lives.
2. The bytes go to the server through a pipe, never through a file.
3. The server forks one child per picture; the child confines itself (confine.py), fingerprints and ends.
4. The answer is checked as hostile input, and the digests in it are made here again.

A fork takes as long as hashing twenty small pictures does. So ``fingerprint_many``, which is for the pictures
of a dataset copy, gives a child up to BATCH_PICTURES at a time. When the child dies or runs past a limit, the
answers before count, the picture it died on is tried again on its own, and the others go to a new child. The
limits hold for a batch as for a picture. A picture that takes a decoder over could falsify the perceptual
hashes of those behind it in its batch and nothing else; what people send is never read together.

The ``multiprocessing`` module is of no use here: task queue workers are daemonic processes, which it
forbids to have children. Every process has its own server, so as many pictures are read at once as there
are processes; threads of one process wait for each other.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import threading
from collections.abc import Sequence
from typing import Any

from takedown.confine import Limits
from takedown.errors import BadImage, SandboxFailed, TakedownError
from takedown.fingerprint import PIPELINE, Fingerprint
from takedown.images import check_size
from takedown.sandbox_link import Link
from takedown.sandbox_server import BATCH_BYTES, BATCH_PICTURES, MANY, pack
from takedown.stored import Stored

__all__ = ["BATCH_BYTES", "BATCH_PICTURES", "Limits", "Sandbox", "Stored", "close", "fingerprint"]


def fingerprint(data: bytes) -> Fingerprint:
    """Fingerprint one untrusted picture in a confined child.

    Raises:
        BadImage: the picture cannot be used, with a sentence for the person who sent it.
        SandboxFailed: the child died or ran past a limit; trying again may help.
        MissingExtra: the decoders are not installed.
    """
    return _sandbox.fingerprint(data)


def close() -> None:
    """End this process's server. The next picture starts a new one."""
    _sandbox.close()


class Sandbox:
    """Fingerprints pictures with the given limits; keeps one server, started when first needed.

    Threads may share it. A forked process inherits the object but not the server: it starts its own.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._lock = threading.Lock()
        self._server: Link | None = None
        os.register_at_fork(after_in_child=self._forget)

    def fingerprint(self, data: bytes) -> Fingerprint:
        """As the function of the same name."""
        check_size(data)
        with self._lock:
            answers = self._ask(b"f" + data)
        return _checked(_only(answers), data)

    def check(self, data: bytes) -> tuple[int, int]:
        """Decode a picture and forget it.

        Returns:
            Width and height in pixels, turned by EXIF.

        Raises:
            BadImage, SandboxFailed, MissingExtra: as ``fingerprint``.
        """
        check_size(data)
        with self._lock:
            answer = _only(self._ask(b"c" + data))
        if "bad" in answer:
            raise _bad_image(answer["bad"])
        match answer.get("size"):
            case [int(width), int(height)]:
                return width, height
        raise _failed()

    def fingerprint_many(self, pictures: Sequence[Stored]) -> list[Fingerprint | TakedownError]:
        """Fingerprint pictures of a dataset copy, many with one child.

        Returns:
            For every picture, in order, its fingerprint with a single code, or BadImage or SandboxFailed.

        Raises:
            MissingExtra: the decoders are not installed.
        """
        found: list[Fingerprint | TakedownError] = []
        while len(found) < len(pictures):
            rest = pictures[len(found) :]
            batch = _batch(rest)
            done = self._first_answers(batch) if batch else []
            found += done
            if not batch or len(done) < len(batch):
                found.append(self._alone(rest[len(done)]))
        return found

    def _first_answers(self, batch: Sequence[Stored]) -> list[Fingerprint | TakedownError]:
        """Answers up to the picture on which the child died, if it did."""
        try:
            with self._lock:
                answers = self._ask(MANY + pack(batch))
        except SandboxFailed:
            return []
        if len(answers) > len(batch):
            return []
        found: list[Fingerprint | TakedownError] = []
        for answer, picture in zip(answers, batch, strict=False):
            try:
                found.append(_checked(answer, picture.data))
            except BadImage as error:
                found.append(error)
            except SandboxFailed:
                break
        return found

    def _alone(self, picture: Stored) -> Fingerprint | TakedownError:
        """The picture in a child of its own; twice, since the machine may be short of memory."""
        try:
            check_size(picture.data)
        except BadImage as error:
            return error
        for _ in range(2):
            if found := self._first_answers([picture]):
                return found[0]
        return _failed()

    def close(self) -> None:
        """End the server, if there is one."""
        with self._lock:
            self._stop()

    def _ask(self, data: bytes) -> list[dict[str, Any]]:
        if self._server is None or not self._server.lives():
            self._stop()
            self._server = Link(self.limits)
        try:
            return self._server.ask(data)
        except (OSError, ValueError, EOFError):
            self._stop()
            raise _failed() from None
        except (
            BaseException
        ):  # a time limit, a Ctrl-C: the answer still to come must not be taken for the next
            self._stop()
            raise

    def _stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def _forget(self) -> None:
        """In a forked child: server and lock belong to the parent. Holding its pipes would keep it alive."""
        self._lock = threading.Lock()
        server, self._server = self._server, None
        if server is not None:
            server.disown()


def _failed() -> SandboxFailed:
    return SandboxFailed(
        "Reading the picture took too much time or memory and was stopped; try again, or use a smaller copy."
    )


def _batch(pictures: Sequence[Stored]) -> Sequence[Stored]:
    """The first pictures, as many as one child takes; none where the first is too large for any."""
    total = 0
    for count, picture in enumerate(pictures[:BATCH_PICTURES]):
        total += len(picture.data)
        if total > BATCH_BYTES:
            return pictures[:count]
    return pictures[:BATCH_PICTURES]


def _only(answers: list[dict[str, Any]]) -> dict[str, Any]:
    return answers[0] if len(answers) == 1 else {}


def _checked(answer: dict[str, Any], data: bytes) -> Fingerprint:
    """The fingerprint in an answer; raises what the answer says when it holds none."""
    if "bad" in answer:
        raise _bad_image(answer["bad"])
    try:
        found = Fingerprint.from_json(answer["fingerprint"])
    except (KeyError, TypeError, ValueError):
        raise _failed() from None
    digests = hashlib.sha256(data).hexdigest(), hashlib.md5(data, usedforsecurity=False).hexdigest()
    if (found.sha256, found.md5, found.pipeline) != (*digests, PIPELINE):
        raise _failed()
    return found


def _bad_image(report: object) -> TakedownError:
    match report:
        case [str(slug), str(sentence)] if re.fullmatch("image-[a-z-]{1,40}", slug):
            if len(sentence) <= 300 and sentence.isprintable():
                return BadImage(sentence, slug=slug)
    return _failed()


_sandbox = Sandbox()
atexit.register(close)
