"""Canonical JSON: one object, one spelling in bytes; and strict reading of objects that came from outside.

Canonical here means UTF-8, keys sorted, no spaces, no floating-point numbers, one line feed at the end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import date
from typing import NoReturn

from takedown.errors import VerificationFailed

#: Largest integer that every JSON reader keeps exactly (RFC 8259, section 6).
MAX_INTEGER = 2**53 - 1

_SHA256 = re.compile(r"[0-9a-f]{64}")


def to_bytes(value: object) -> bytes:
    """The one canonical spelling of a JSON value made of dict, list, str, int, bool and None."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8") + b"\n"


def from_bytes(data: bytes, what: str) -> object:
    """Read canonical JSON; any other spelling of the same value is refused.

    Args:
        data: the bytes of the file.
        what: what the file is, for the sentence ("manifest").

    Raises:
        VerificationFailed: not JSON, not canonical, keys twice, or numbers that are not whole.
    """
    try:
        value = json.loads(data.decode("utf-8"), parse_float=_no_float, parse_constant=_no_float)
        spelled = to_bytes(value)
    except (ValueError, RecursionError) as error:
        raise broken(what, "is not JSON of the expected form") from error
    if spelled != data:  # also catches keys given twice: the value keeps one of them only
        raise broken(what, "is not in canonical form")
    return value


def broken(what: str, why: str) -> VerificationFailed:
    """The error for a file that does not hold what it must."""
    sentence = f"The {what} {why}; it was thrown away. Try again later or tell the publisher."
    return VerificationFailed(sentence, slug=f"{what.replace(' ', '-')}-invalid")


class Fields:
    """Typed, strict access to one JSON object: exactly the named fields, each of its type.

    Args:
        value: the JSON value that should be an object.
        names: every field it must have; any other field is refused.
        what: what the object is, for the sentence.

    Raises:
        VerificationFailed: here and in every method, when the value is of another form.
    """

    def __init__(self, value: object, names: Iterable[str], what: str) -> None:
        self.what = what
        if not isinstance(value, dict) or set(value) != set(names):
            self.fail("does not have exactly the fields of this format")
        self._value: dict[str, object] = value

    def fail(self, why: str) -> NoReturn:
        raise broken(self.what, why)

    def raw(self, name: str) -> object:
        return self._value[name]

    def text(self, name: str, longest: int = 200) -> str:
        value = self._value[name]
        if not isinstance(value, str) or len(value) > longest:
            self.fail(f"has a bad field {name}")
        return value

    def count(self, name: str, least: int = 0, most: int = MAX_INTEGER) -> int:
        value = self._value[name]
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.fail(f"has a bad field {name}")
        return value

    def sha256(self, name: str) -> str:
        value = self.text(name)
        if not _SHA256.fullmatch(value):
            self.fail(f"has a bad field {name}")
        return value

    def sha256_or(self, name: str, other: str | None) -> str | None:
        """A SHA-256 in hex, or exactly the value ``other`` that stands for "none yet"."""
        return other if self._value[name] == other else self.sha256(name)

    def choice(self, name: str, allowed: Iterable[str]) -> str:
        value = self.text(name)
        if value not in allowed:
            self.fail(f"has a bad field {name}")
        return value

    def day(self, name: str) -> date:
        value = self.text(name)
        try:
            found = date.fromisoformat(value)
        except ValueError:
            self.fail(f"has a bad field {name}")
        if found.isoformat() != value:
            self.fail(f"has a bad field {name}")
        return found

    def items(self, name: str, most: int) -> list[object]:
        value = self._value[name]
        if not isinstance(value, list) or len(value) > most:
            self.fail(f"has a bad field {name}")
        return value


def _no_float(text: str) -> NoReturn:
    raise ValueError("only whole numbers")
