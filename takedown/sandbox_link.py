"""The server behind sandbox.py, as the process that asks sees it: start, questions and answers, end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from takedown.confine import Limits
from takedown.errors import MissingExtra, SandboxFailed
from takedown.pipes import receive, send
from takedown.sandbox_server import ANSWER, CHECK, END, LOAD, MAX_ANSWER

#: Seconds a server may take to import the decoders, to load what hashes (which may have to be compiled), and
#: to answer after its child must have ended.
START_SECONDS = 60.0
LOAD_SECONDS = 120.0
GRACE_SECONDS = 10.0

# What the server inherits: where Python and its libraries are, and nothing else.
_KEPT_ENVIRONMENT = ("PYTHONPATH", "NUMBA_CACHE_DIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_SET_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",  # a heap for each thread would reserve address space, which is limited
    "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",  # macOS: the server forks, with its one thread
}


class Link:
    """A running ``python -m takedown.sandbox_server``, ready for pictures.

    Raises:
        MissingExtra: the decoders are not installed.
        SandboxFailed: it did not start.
    """

    def __init__(self, limits: Limits) -> None:
        self._seconds = limits.wall + GRACE_SECONDS
        self._loaded = False
        self._process = start(limits)
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
        """Whether the server runs."""
        return self._process.poll() is None

    def ask(self, question: bytes) -> list[dict[str, Any]]:
        """Send the letter of a job and its pictures; wait for all that the child answers.

        Raises:
            OSError, EOFError, ValueError: the server died, took too long or talks nonsense.
        """
        if not self._loaded and not question.startswith(CHECK):
            self._exchange(LOAD, LOAD_SECONDS)
            self._loaded = True
        return self._exchange(question, self._seconds)

    def _exchange(self, question: bytes, seconds: float) -> list[dict[str, Any]]:
        send(self._questions.fileno(), question, time.monotonic() + seconds)
        answers: list[dict[str, Any]] = []
        while True:
            message = receive(self._answers.fileno(), 1 + MAX_ANSWER, time.monotonic() + seconds)
            if message == END:
                return answers
            answers.append(_parsed(message.removeprefix(ANSWER)))

    def stop(self) -> None:
        """End the server."""
        self._close_pipes()
        self._process.kill()
        self._process.wait()

    def disown(self) -> None:
        """In a forked child: close the pipes, and leave the server to its parent."""
        self._close_pipes()
        self._process.returncode = 0  # it is no child of this process: there is nothing to wait for

    def _close_pipes(self) -> None:
        self._questions.close()
        self._answers.close()


def start(limits: Limits) -> subprocess.Popen[bytes]:
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


def _parsed(answer: bytes) -> dict[str, Any]:
    """An answer of a child; empty when it is no JSON object, so that the question still comes to its end."""
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
