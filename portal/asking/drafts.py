"""A person's answers on their way through the form, in one signed hidden field.

No cookie, no session, nothing stored until the last page is sent. The field also carries the form token, a
random number from which the receipt follows: a form that is sent twice leads to one and the same receipt.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field, replace
from typing import Self

from django.conf import settings
from django.core import signing

_SALT = "portal.asking.drafts"


class BadDraftError(Exception):
    """The hidden field is missing or was changed."""


@dataclass(frozen=True)
class Draft:
    """Answers so far. ``token`` is 16 random bytes, made when the form is first answered.

    ``have`` names what the person has to look for (the pages to ask); texts are as typed. ``expired`` tells
    that the form is older than DRAFT_SECONDS: it may still show the receipt it led to, but makes no new
    submission before the person has seen it again.
    """

    token: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    ground: str = ""
    have: tuple[str, ...] = ()
    addresses: str = ""
    fingerprints: str = ""
    site: str = ""
    note: str = ""
    keep: bool = False
    expired: bool = field(default=False, compare=False)

    def renewed(self) -> Self:
        """The same answers in a fresh form."""
        return replace(self, token=secrets.token_bytes(16), expired=False)

    def sealed(self) -> str:
        """The signed text for the hidden field."""
        answers = {name: getattr(self, name) for name in _ANSWERS if getattr(self, name)}
        answers["token"] = urlsafe_b64encode(self.token).decode()
        return signing.dumps(answers, salt=_SALT, compress=True)

    @classmethod
    def read(cls, text: str) -> Self:
        """Open a hidden field.

        Raises:
            BadDraftError: not signed by us, or by a version that asked other questions.
        """
        try:
            answers = signing.loads(text, salt=_SALT)
            token, have = urlsafe_b64decode(answers["token"]), tuple(answers.get("have", ()))
            draft = cls(**{**answers, "token": token, "have": have})
        except (signing.BadSignature, ValueError, TypeError, KeyError):
            raise BadDraftError from None
        try:
            signing.loads(text, salt=_SALT, max_age=settings.DRAFT_SECONDS)
        except signing.SignatureExpired:
            return replace(draft, expired=True)
        return draft


_ANSWERS = ("ground", "have", "addresses", "fingerprints", "site", "note", "keep")
