"""Logs that cannot name anyone: an event code, numbers and error classes, never a message text.

``log.info("item.matched", extra={"item": 7, "ms": 12})`` writes ``INFO portal item.matched item=7 ms=12``.
Whatever is not a plain code or an allowed field is dropped, whoever logs it: libraries like to put
addresses and arguments into their messages.
"""

from __future__ import annotations

import logging
import re
import traceback

#: Fields a record may carry, all of them numbers or codes of ours.
FIELDS = ("item", "case", "decision", "release", "mirror", "index", "count", "attempt", "ms", "slug", "seq")

_CODE = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")


class EventFormatter(logging.Formatter):
    """Format a record as level, logger, event code, allowed fields and, for errors, where it happened."""

    def format(self, record: logging.LogRecord) -> str:
        ours = record.name.split(".")[0] == "portal"
        event = str(record.msg) if ours and _CODE.fullmatch(str(record.msg)) else "event"
        parts = [record.levelname, record.name, event]
        parts += [f"{name}={record.__dict__[name]}" for name in FIELDS if name in record.__dict__ and ours]
        if record.exc_info and record.exc_info[1]:
            parts.append(where(record.exc_info[1]))
        return " ".join(parts)


def where(error: BaseException) -> str:
    """The class of an error and the file and line it came from; never its text, which may quote input."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else "?"
    return f"error={type(error).__name__} at={place}"
