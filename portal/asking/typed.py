"""What people type, one a line: fingerprints and sites; each line is used, or has a sentence that helps.

A fingerprint is read as programs print it: bare digits, ``sha256:...``, ``SHA256 (file) = ...``, the output
of sha256sum with a file name behind it (which is dropped), base64 as in ``sha256-...=``.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.said import sentence
from takedown.errors import BadUrl
from takedown.keys import WIDTHS, Key
from takedown.urls import canonical

#: Lines with a problem after which reading stops: a page of a thousand errors helps nobody.
MAX_PROBLEMS = 10

#: Characters of a line that a problem repeats, so that its line is found; they fit a phone's.
SHOWN = 24

#: Kinds of digest that a typed fingerprint may be, by its width in bytes. The digits do not tell a SHA-256
#: from a PDQ, so both are looked for.
_BY_WIDTH = {
    width: [kind for kind in ("sha256", "pdq", "sha1", "md5") if WIDTHS[kind] == width]
    for width in (16, 20, 32)
}
_NAMES = {"sha256": "sha256", "sha1": "sha1", "md5": "md5", "pdq": "pdq", "urlsha256": "url_sha256"}
_NAME = re.compile(r"(sha-?256|sha-?1|md5|pdq|url[_-]sha-?256)\b(?:\s*\([^)]*\))?\s*[:=-]?\s*", re.IGNORECASE)
_PAIRS = re.compile(r"[0-9a-f]{2}(?:[ :-]?[0-9a-f]{2})*", re.IGNORECASE)
_PHASH = re.compile(r"(?:p-?hash\s*[:=]?\s*)?[0-9a-f]{16}|p-?hash\b.*", re.IGNORECASE)
#: PhotoDNA: 144 bytes, in hex, in base64, or as numbers with commas.
_PHOTODNA = re.compile(
    r"photo-?dna\b.*|[0-9a-f]{288}|[0-9A-Za-z+/]{192}|\d{1,3}(?:,\s*\d{1,3}){143}", re.IGNORECASE
)
_HOST = re.compile(r"(?:[a-z0-9_-]+\.)+(?=[a-z0-9-]*[a-z])[a-z0-9-]+")

Read = TypeVar("Read")


class BadLineError(ValueError):
    """A line cannot be used; the text is a sentence for the person."""


def lines(text: str, read: Callable[[str], Read]) -> tuple[list[Read], list[str]]:
    """Read a field one line at a time; empty lines are passed over, repeated ones count once.

    Args:
        text: as typed.
        read: makes something of a line without spaces around it, or raises BadLineError.

    Returns:
        What was made of the good lines, and one sentence for each of the others.
    """
    found: dict[Read, None] = {}
    problems: list[str] = []
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        if not line.strip():
            continue
        if len(problems) == MAX_PROBLEMS:
            problems.append(_("There are more lines like these. Please correct these first."))
            break
        try:
            found.setdefault(read(line.strip()))
        except BadLineError as error:
            problems.append(
                _("Line %(number)s: %(problem)s") % {"number": _place(number, line), "problem": error}
            )
        if len(found) > settings.MAX_ITEMS:
            found.popitem()
            problems.append(too_many())
            break
    return list(found), problems


def _place(number: int, line: str) -> str:
    """The number of a line and how it begins: fields have no numbers beside their lines.

    What stands before an @ may be a password and stays out.
    """
    shown = "".join(one for one in line.rpartition("@")[2].strip() if one.isprintable())
    begin = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
    return f"{number} ({begin})" if begin else str(number)


def too_many() -> str:
    """What to say where a request has more than it may hold."""
    return ngettext(
        "One request holds up to %(most)s item. Please send the rest in a second request.",
        "One request holds up to %(most)s items. Please send the rest in a second request.",
        settings.MAX_ITEMS,
    ) % {"most": settings.MAX_ITEMS}


def read_fingerprints(text: str) -> tuple[list[tuple[Key, ...]], list[str]]:
    """Fingerprints, one a line: for each the keys that it may stand for, and a sentence for each bad line."""
    return lines(text, _fingerprint)


def read_sites(text: str) -> tuple[list[str], list[str]]:
    """Whole sites, one a line: canonical ``host`` or ``host/path``, and a sentence for each bad line."""
    return lines(text, _site)


def _fingerprint(line: str) -> tuple[Key, ...]:
    if _PHOTODNA.fullmatch(line):
        raise BadLineError(
            _(
                "This looks like a PhotoDNA fingerprint, which we cannot compare. "
                "Please give the SHA-256, SHA-1, MD5 or PDQ of the picture."
            )
        )
    if _PHASH.fullmatch(line):
        raise BadLineError(
            _(
                "This short kind of fingerprint fits many different pictures by chance. "
                "Please give the SHA-256, SHA-1, MD5 or PDQ of the picture."
            )
        )
    name = _NAME.match(line)
    value = line[name.end() :] if name else line
    word = value.split(maxsplit=1)[0] if value else ""
    digest = _hex(value) or _hex(word) or _base64(word)
    kinds = _BY_WIDTH.get(len(digest) // 2, [])
    if name:
        named = _NAMES[re.sub("[_-]", "", name[1].lower())]
        kinds = [named] if len(digest) == 2 * WIDTHS[named] else []
    if not kinds:
        raise _unknown()
    return tuple(Key(kind, digest) for kind in kinds)


def _unknown() -> BadLineError:
    return BadLineError(
        _(
            "This is not a fingerprint that we know. A SHA-256 or PDQ has 64 digits, a SHA-1 has 40 and an "
            "MD5 has 32; the digits are 0 to 9 and a to f."
        )
    )


def _hex(text: str) -> str:
    """The digits of a digest, which may stand in pairs; nothing if it is something else."""
    digits = re.sub("[ :-]", "", text) if _PAIRS.fullmatch(text) else ""
    return digits.lower() if len(digits) // 2 in _BY_WIDTH else ""


def _base64(text: str) -> str:
    """The same from base64 in either alphabet, with or without its padding."""
    bare = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True).hex()
    except ValueError:
        return ""


def _site(line: str) -> str:
    try:
        form = canonical(line if "://" in line else f"https://{line}").removeprefix("https://")
    except BadUrl as error:
        raise (_unnamed() if error.slug == "url-host" else BadLineError(sentence(error))) from None
    if "?" in form:
        raise BadLineError(_("A site ends with its path. Please remove the question mark and what follows."))
    site = form.rstrip("/")
    if not _HOST.fullmatch(site.partition("/")[0]):
        raise _unnamed()
    return site


def _unnamed() -> BadLineError:
    return BadLineError(_("Please write the name of the site, such as example.org, without a port."))
