"""What the library says about bad input, in the reader's language.

The library speaks English and knows nothing of translations; its errors carry a slug. Here is a sentence for
each slug that what people send can lead to. A test compares the English ones with the library's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as said_now
from django.utils.translation import gettext_lazy as _

from portal.numerals import grouped
from takedown.errors import BadReceipt, TakedownError
from takedown.images import MAX_BYTES, MAX_PIXELS, MAX_SIDE
from takedown.receipt import WORDS
from takedown.urls import MAX_URL

#: Slug -> sentence, for those that need nothing but numbers of ours.
SENTENCES: Mapping[str, str | Promise] = {
    "url-empty": _("No address was given; please paste the whole address of the picture."),
    "url-control-characters": _(
        "The address holds control characters or a line break; please copy it again, one address a line."
    ),
    "url-too-long": _("An address can have at most %(most)s characters."),
    "url-scheme": _("An address starts with http:// or https://; please copy the whole address."),
    "url-host": _("The address has no valid host name after http://; please copy it again."),
    "url-userinfo": _("The address holds a user name or password before an @; please remove that part."),
    "url-port": _("The port, the number after the colon, must be between 1 and 65535."),
    "image-empty": _("The file is empty; please choose the picture again."),
    "image-too-big": _("The file is larger than %(megabytes)s MB; please send a smaller copy."),
    "image-too-many-pixels": _(
        "The picture has more than %(pixels)s million pixels or a side longer than %(side)s; please send a "
        "smaller copy."
    ),
    "image-not-a-picture": _(
        "The file is not a picture; please open the picture itself, save it, and send that file."
    ),
    "image-unsupported": _(
        "This kind of file is not supported; please save the picture as JPEG or PNG, or take a screenshot, "
        "and send that."
    ),
    "image-truncated": _(
        "The file ends before the picture does; please download or copy it again, and send it once more."
    ),
    "image-damaged": _(
        "The picture is damaged and cannot be read; please open it, save it as a new file, and send that."
    ),
    "receipt-length": _("A receipt has %(words)s words; please enter all of them, with spaces between."),
    "key-invalid": _("This is not a fingerprint that we know; please copy it again, one a line."),
}

_NUMBERS = {
    "most": grouped(MAX_URL),
    "megabytes": MAX_BYTES // 1_000_000,
    "pixels": MAX_PIXELS // 1_000_000,
    "side": grouped(MAX_SIDE),
    "words": WORDS,
}


def sentence(error: TakedownError) -> str:
    """What is wrong and what to do, for a person, in the active language."""
    made = _MADE.get(error.slug)
    if made is not None:
        return made(error)
    told = SENTENCES.get(error.slug)
    return str(told) % _NUMBERS if told else said_now("We could not use this. Please check it and try again.")


def _unknown_word(error: TakedownError) -> str:
    """Which word is none of ours, and the nearest that is; the word itself is not repeated."""
    if isinstance(error, BadReceipt) and error.near:
        text = said_now("Word %(number)s is not one that receipts are made of; did you mean “%(near)s”?")
        return text % {"number": error.number, "near": error.near}
    text = said_now("Word %(number)s is not one that receipts are made of; please compare it with your note.")
    return text % {"number": getattr(error, "number", "")}


_MADE: Mapping[str, Callable[[TakedownError], str]] = {"receipt-word": _unknown_word}
