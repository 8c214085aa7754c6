"""Fingerprints untrusted pictures in a child process that can do nothing else.

1. ``fingerprint`` starts a server (sandbox_server.py) when this process has none that lives.
2. The bytes go to the server through a pipe, never through a file.
3. The server forks one child per picture; the child confines itself (confine.py), fingerprints and ends.
4. The answer is checked as hostile input, and the digests in it are made here again.

The ``multiprocessing`` module is of no use here: task queue workers are daemonic processes, which it
forbids to have children. Every process has its own server, so as many pictures are read at once as there
are processes; threads of one process wait for each other.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from takedown.confine import Limits
from takedown.errors import BadImage, MissingExtra, SandboxFailed, TakedownError
from takedown.fingerprint import PIPELINE, Fingerprint
from takedown.images import check_size
from takedown.pipes import receive, send
from takedown.sandbox_server import MAX_ANSWER

__all__ = ["Limits", "Sandbox", "close", "fingerprint"]

#: Seconds a server may take to import everything, and to answer after its child must have ended.
START_SECONDS = 60.0
GRACE_SECONDS = 10.0

# What the server inherits: where Python and its libraries are, and nothing else.
_KEPT_ENVIRONMENT = ("PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_SET_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",  # a heap for each thread would reserve address space, which is limited
    "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",  # macOS: the server forks, with its one thread
}


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
        self._server: _Server | None = None
        os.register_at_fork(after_in_child=self._forget)

    def fingerprint(self, data: bytes) -> Fingerprint:
        """As the function of the same name."""
        check_size(data)
        with self._lock:
            answer = self._ask(b"f" + data)
        return _checked(answer, data)

    def check(self, data: bytes) -> tuple[int, int]:
        """Decode a picture and forget it.

        Returns:
            Width and height in pixels, turned by EXIF.

        Raises:
            BadImage, SandboxFailed, MissingExtra: as ``fingerprint``.
        """
        check_size(data)
        with self._lock:
            answer = self._ask(b"c" + data)
        if "bad" in answer:
            raise _bad_image(answer["bad"])
        match answer.get("size"):
            case [int(width), int(height)]:
                return width, height
        raise _failed()

    def close(self) -> None:
        """End the server, if there is one."""
        with self._lock:
            self._stop()

    def _ask(self, data: bytes) -> dict[str, Any]:
        if self._server is None or not self._server.lives():
            self._stop()
            self._server = _Server(self.limits)
        try:
            return self._server.ask(data, self.limits.wall + GRACE_SECONDS)
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


class _Server:
    """A running ``python -m takedown.sandbox_server``, ready for pictures."""

    def __init__(self, limits: Limits) -> None:
        self._process = _start(limits)
        assert self._process.stdin is not None  # noqa: S101 - both are pipes: for the type checker
        assert self._process.stdout is not None  # noqa: S101
        self._questions, self._answers = self._process.stdin, self._process.stdout
        os.set_blocking(self._questions.fileno(), False)
        try:
            greeting = json.loads(
                receive(self._answers.fileno(), MAX_ANSWER, time.monotonic() + START_SECONDS)
            )
        except (OSError, ValueError, EOFError):
            self.stop()
            raise SandboxFailed("The process that reads pictures did not start; please try again.") from None
        if "missing" in greeting:
            self.stop()
            raise MissingExtra(greeting["missing"])

    def lives(self) -> bool:
        return self._process.poll() is None

    def ask(self, data: bytes, seconds: float) -> dict[str, Any]:
        """Send a picture and wait for the answer.

        Raises:
            OSError, EOFError, ValueError: the server died, took too long or talks nonsense.
        """
        deadline = time.monotonic() + seconds
        send(self._questions.fileno(), data, deadline)
        answer = json.loads(receive(self._answers.fileno(), MAX_ANSWER, deadline))
        return answer if isinstance(answer, dict) else {}

    def stop(self) -> None:
        self._close_pipes()
        self._process.kill()
        self._process.wait()

    def disown(self) -> None:
        self._close_pipes()
        self._process.returncode = 0  # it is no child of this process: there is nothing to wait for

    def _close_pipes(self) -> None:
        self._questions.close()
        self._answers.close()


def _start(limits: Limits) -> subprocess.Popen[bytes]:
    package = str(Path(__file__).resolve().parent.parent)
    environment = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (package, environment.get("PYTHONPATH"))))
    return subprocess.Popen(
        # -P keeps the working directory off the path.
        [sys.executable, "-P", "-m", "takedown.sandbox_server", json.dumps(asdict(limits))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        cwd="/",
        env=environment | _SET_ENVIRONMENT,
        start_new_session=True,  # Ctrl-C is for the parent; a closed pipe then ends the server
    )


def _failed() -> SandboxFailed:
    return SandboxFailed(
        "Reading the picture took too much time or memory and was stopped; try again, or use a smaller copy."
    )


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
