"""The questions of the form: which come, in which order, how an answer is read, and what is wrong with it.

Which questions come follows from what a person says they have. Nothing here shows or stores anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from django.conf import settings
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.asking.drafts import Draft
from portal.asking.intake import Sent, read_addresses
from portal.asking.typed import read_fingerprints, read_sites
from portal.policy import current

#: What a person may have to look for, in the order of its question -> the question about it, if there is one.
#: Pictures are asked for on the page that sends.
KINDS = {"addresses": "where", "pictures": "", "fingerprints": "fingerprints", "site": "site"}

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Question:
    """One question, and the page that asks it.

    Attributes:
        field: name and HTML id of its (first) field.
        take: the draft with the answer that a form brought, as it is.
        problems: one sentence for each thing that is wrong with the answer in a draft.
    """

    field: str
    take: Callable[[Draft, QueryDict], Draft]
    problems: Callable[[Draft], list[str]]


def names(draft: Draft) -> list[str]:
    """The questions that this person is asked, in order."""
    return ["why", "have", *(page for kind, page in KINDS.items() if page and kind in draft.have), "note"]


def unanswered(draft: Draft) -> str:
    """The first question whose answer is missing or cannot be used; empty when nothing is wrong."""
    return next((name for name in names(draft) if QUESTIONS[name].problems(draft)), "")


def answered(draft: Draft) -> Sent:
    """What is to be looked for, without pictures."""
    return Sent(
        addresses=read_addresses(draft.addresses)[0] if "addresses" in draft.have else (),
        typed=read_fingerprints(draft.fingerprints)[0] if "fingerprints" in draft.have else (),
        sites=read_sites(draft.site)[0] if "site" in draft.have else (),
    )


def restricted(draft: Draft) -> bool:
    """Whether the reason is one on which this form takes nothing: it has a path of its own."""
    return current().ground(draft.ground).restricted


def _why(draft: Draft) -> list[str]:
    return [] if draft.ground in current().grounds else [_("Please choose one of the reasons.")]


def _have(draft: Draft) -> list[str]:
    return [] if draft.have else [_("Choose at least one, so that we know what to look for.")]


def _where(draft: Draft) -> list[str]:
    found, problems = read_addresses(draft.addresses)
    return (
        problems if found or problems else [_("Enter at least one address, or go back and untick addresses.")]
    )


def _fingerprints(draft: Draft) -> list[str]:
    found, problems = read_fingerprints(draft.fingerprints)
    if found or problems:
        return problems
    return [_("Enter at least one fingerprint, or go back and untick fingerprints.")]


def _site(draft: Draft) -> list[str]:
    found, problems = read_sites(draft.site)
    return problems if found or problems else [_("Enter the name of your site, or go back and untick it.")]


def _note(draft: Draft) -> list[str]:
    over = len(draft.note) - settings.NOTE_CHARACTERS
    if over <= 0:
        return []
    told = ngettext(
        "The note is %(over)s character too long. Please shorten it to %(most)s.",
        "The note is %(over)s characters too long. Please shorten it to %(most)s.",
        over,
    )
    return [told % {"over": over, "most": settings.NOTE_CHARACTERS}]


def _plain(text: str) -> str:
    """Without control characters; lines end as they are stored."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


QUESTIONS = {
    "why": Question("ground", lambda draft, sent: replace(draft, ground=sent.get("ground", "")), _why),
    "have": Question(
        "have",
        lambda draft, sent: replace(draft, have=tuple(one for one in KINDS if one in sent.getlist("have"))),
        _have,
    ),
    "where": Question(
        "addresses", lambda draft, sent: replace(draft, addresses=sent.get("addresses", "")), _where
    ),
    "fingerprints": Question(
        "fingerprints",
        lambda draft, sent: replace(draft, fingerprints=sent.get("fingerprints", "")),
        _fingerprints,
    ),
    "site": Question("site", lambda draft, sent: replace(draft, site=sent.get("site", "")), _site),
    "note": Question("note", lambda draft, sent: replace(draft, note=_plain(sent.get("note", ""))), _note),
}
