"""The pictures of a form, and the fingerprints that a browser made instead of sending them.

Every one that cannot be used gets a sentence with its number; its file name is never looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.asking import checking
from portal.asking.uploads import OversizedUpload
from portal.said import sentence
from takedown.errors import BadImage
from takedown.fingerprint import PIPELINE, Fingerprint
from takedown.images import MAX_PIXELS, MAX_SIDE

#: Longest fingerprint that a browser sends, in characters: some 1,150 codes of 64 digits, and a little more.
MAX_FINGERPRINT = 100_000
#: What a picture may be said to be: any other word would be one that a browser leaves with us.
_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "HEIC")


def uploaded(files: Sequence[UploadedFile]) -> tuple[list[bytes], list[str]]:
    """The bytes of the pictures of a form, each checked, and one sentence for each that cannot be used."""
    if len(files) > settings.MAX_PICTURES:
        return [], [_too_many(len(files))]
    too_large = sentence(BadImage("", slug="image-too-big"))
    found = [b"" if isinstance(file, OversizedUpload) else file.read() for file in files]
    wrong = [
        too_large if isinstance(file, OversizedUpload) else problem
        for file, problem in zip(files, checking.problems(found), strict=True)
    ]
    return found, _numbered(wrong)


def made_on_device(texts: Sequence[str]) -> tuple[list[Fingerprint], list[str]]:
    """Fingerprints from a browser, each once, and one sentence for each that cannot be used.

    Several parts of one picture are several fingerprints.
    """
    found: dict[tuple[str, str], Fingerprint] = {}
    wrong: list[str | None] = []
    for text in texts[: settings.MAX_ITEMS + 1]:
        made = _fingerprint(text)
        wrong.append(None if made else _unfit())
        if made:
            found.setdefault((made.sha256, made.pdq), made)
    return list(found.values()), _numbered(wrong)


def _fingerprint(text: str) -> Fingerprint | None:
    """None where it is none, or was made in another way than ours are: those cannot be compared."""
    try:
        made = Fingerprint.from_json(text) if len(text) <= MAX_FINGERPRINT else None
    except ValueError:
        return None
    return made if made and _ours(made) else None


def _ours(made: Fingerprint) -> bool:
    """Whether our program could have made this in a browser: anyone may send anything."""
    sides = (made.width, made.height)
    fits = min(sides) >= 1 and max(sides) <= MAX_SIDE and made.width * made.height <= MAX_PIXELS
    known = made.pipeline == PIPELINE and made.format in _FORMATS and made.pdq_quality <= 100
    return fits and known and not made.more


def _numbered(problems: Sequence[str | None]) -> list[str]:
    """The sentences, with the number of their picture where there are several."""
    if len(problems) == 1:
        return [problem for problem in problems if problem]
    return [
        _("Picture %(number)s: %(problem)s") % {"number": number, "problem": problem}
        for number, problem in enumerate(problems, start=1)
        if problem
    ]


def _too_many(count: int) -> str:
    told = ngettext(
        "Please send up to %(most)s pictures at a time; this is %(count)s.",
        "Please send up to %(most)s pictures at a time; these are %(count)s.",
        count,
    )
    return told % {"most": settings.MAX_PICTURES, "count": count}


def _unfit() -> str:
    return _(
        "This fingerprint does not fit our programs of today. Please load the page again and choose the "
        "picture once more, or send the picture."
    )
