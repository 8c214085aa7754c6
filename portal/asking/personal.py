"""Whether a note seems to hold what we do not need: a name, an e-mail address, a phone number.

A guess, for a gentle word before the note is sent; it refuses nothing, and nothing of it is kept.
"""

from __future__ import annotations

import re

_MAIL = re.compile(r"[^\s@<>()]+@[^\s@<>()]+\.[^\W\d_]{2,}")
_NUMBER = re.compile(r"(?<!\w)(?:\+|\(\+?)?\d(?:[\s().\u2011/-]{0,2}\d){6,14}(?!\w)")
#: A day or a span of years has as many digits as a phone number.
_DATE = re.compile(
    r"\b(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}|(?:19|20)\d\d\s?[-–]\s?(?:19|20)\d\d)\b"
)
_ADDRESS = re.compile(r"\bhttps?://\S+", re.IGNORECASE)
#: How people introduce themselves in the languages of the pages.
_NAME = re.compile(
    r"\b(?:my (?:full |real )?name(?: is|['’]s)|i am called|i['’]m called|name:"
    r"|mein (?:voller )?name ist|ich hei(?:ß|ss)e"
    r"|mon nom(?: complet)? est|je m['’]appelle|nom :"
    r"|mi nombre(?: completo)? es|me llamo|nombre:)(?=\s*\S)",
    re.IGNORECASE,
)


def held(note: str) -> list[str]:
    """Which of ``name``, ``mail`` and ``phone`` a note seems to hold."""
    without_links = _ADDRESS.sub(" ", note)
    found = {
        "name": _NAME.search(note),
        "mail": _MAIL.search(without_links),
        "phone": _NUMBER.search(_DATE.sub(" ", without_links)),
    }
    return [name for name, match in found.items() if match]
