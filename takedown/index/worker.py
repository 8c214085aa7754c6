"""One of the processes of a build (farm.py): reads the units it is given, one line of JSON each.

1. ``{"unit": ..., "folder": ...}`` comes in;
2. ``{"steps": n}`` goes out as rows and pictures are done, at most a few times a second;
3. ``{"done": true}`` or ``{"error": [kind, slug, sentence]}`` goes out.

It ends at once when its input closes: whoever asked is gone.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from takedown.errors import TakedownError
from takedown.hashing.pictures import PictureReader
from takedown.index.units import Unit, extract

_SECONDS_BETWEEN = 0.2


def serve() -> None:
    """Work until standard input closes."""
    questions: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_listen, args=(questions,), daemon=True).start()
    with PictureReader() as reader:
        while True:
            _work(json.loads(questions.get()), reader)


def _listen(questions: SimpleQueue[str]) -> None:
    for line in sys.stdin:
        questions.put(line)
    os._exit(0)


def _work(question: dict[str, Any], reader: PictureReader) -> None:
    steps = _Steps()
    try:
        extract(Unit.from_json(question["unit"]), Path(question["folder"]), reader, steps.add)
    except TakedownError as error:
        _say({"error": [type(error).__name__, error.slug, error.sentence]})
    else:
        steps.flush()
        _say({"done": True})


class _Steps:
    """Adds up steps, and tells of them now and then."""

    def __init__(self) -> None:
        self._count, self._told = 0, time.monotonic()

    def add(self, steps: int) -> None:
        self._count += steps
        if time.monotonic() - self._told > _SECONDS_BETWEEN:
            self.flush()

    def flush(self) -> None:
        _say({"steps": self._count})
        self._count, self._told = 0, time.monotonic()


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve()
