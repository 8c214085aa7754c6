"""Accepting a submission.

1. ``read_addresses`` and checking.py say what is wrong, beside the field, before anything is stored.
2. ``accept`` derives the receipt from the form token, seals the pictures and stores everything in one
   transaction: a receipt works if and only if the submission is durably committed.
3. After the commit the worker is poked; a lost poke is found by the sweeper.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.db import transaction

from portal import sealing
from portal.days import today
from portal.drafts import Draft
from portal.faults import point
from portal.models import Item, SealedPicture, Submission
from portal.policy import current
from takedown import receipt, urls
from takedown.errors import BadUrl

#: An address copied without its scheme: a host name with a dot, then a path or nothing.
_BARE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+(/|$)", re.IGNORECASE)

#: Lines with a problem after which reading stops: a page of a thousand errors helps nobody.
MAX_PROBLEMS = 10


@dataclass(frozen=True)
class Accepted:
    """``repeated`` is True when this form had been accepted before; then nothing new was stored."""

    receipt: receipt.Receipt
    submission: Submission
    repeated: bool


def read_addresses(text: str) -> tuple[list[str], list[str]]:
    """Split the address field into addresses, one a line, each once.

    Returns:
        The addresses as written, and one sentence for each line that cannot be used.
    """
    addresses: dict[str, None] = {}
    problems: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        address = line.strip()
        if not address or address in addresses:
            continue
        if len(problems) == MAX_PROBLEMS:
            problems.append("There are more lines like these. Please correct these first.")
            break
        if len(addresses) == settings.MAX_ITEMS:
            problems.append(
                f"One request holds up to {settings.MAX_ITEMS} addresses; these are more. "
                "Please send the rest in a second request."
            )
            break
        if _BARE.match(address):
            address = f"https://{address}"  # browsers on phones hide the scheme
        try:
            urls.canonical(address)
            addresses[address] = None
        except BadUrl as error:
            problems.append(f"Line {number}: {error.sentence}")
    return list(addresses), problems


def accept(draft: Draft, addresses: Sequence[str], pictures: Sequence[bytes]) -> Accepted:
    """Store a checked submission, or find the one this form has already made.

    Args:
        draft: the answers; its token decides the receipt.
        addresses: checked addresses, as written.
        pictures: checked bytes of pictures; they leave this function sealed.

    Raises:
        NoIntakeKeyError: pictures cannot be sealed yet.
    """
    if earlier := repeated(draft):
        return earlier
    words = _words(draft)
    sealed = [sealing.seal(data) for data in pictures]
    with transaction.atomic():
        submission, ours = _insert(words, draft)
        if ours:
            _insert_items(submission, addresses, sealed)
    point("intake.committed")
    return Accepted(words, submission, repeated=not ours)


def repeated(draft: Draft) -> Accepted | None:
    """What this form has led to already, or None."""
    words = _words(draft)
    found = find(words)
    return Accepted(words, found, repeated=True) if found else None


def find(words: receipt.Receipt) -> Submission | None:
    """The submission of a receipt."""
    return Submission.objects.filter(lookup=_lookup(words)).first()


def _words(draft: Draft) -> receipt.Receipt:
    return receipt.issue(settings.RECEIPT_PEPPER.encode(), draft.token)


def _insert(words: receipt.Receipt, draft: Draft) -> tuple[Submission, bool]:
    """Insert the submission, unless the same form does so this very moment; and whether it is this call's.

    ON CONFLICT DO NOTHING instead of catching an error: a database server may write failed statements, with
    all that a person sent, into its own log.
    """
    policy = current()
    made = Submission(
        lookup=_lookup(words),
        proof_key=words.proof_key,
        message_public_key=words.message_public_key,
        ground=draft.ground,
        policy_version=policy.version,
        note=draft.note,
        received=today(),
        due=policy.due(today()),
    )
    Submission.objects.bulk_create([made], ignore_conflicts=True)
    stored = Submission.objects.get(lookup=made.lookup)
    return stored, not stored.items.exists()


def _insert_items(
    submission: Submission, addresses: Sequence[str], sealed: Sequence[tuple[date, bytes]]
) -> None:
    Item.objects.bulk_create(
        Item(submission=submission, number=number, kind=Item.Kind.URL, url=address, state=Item.State.READY)
        for number, address in enumerate(addresses, start=1)
    )
    for number, (key_day, box) in enumerate(sealed, start=len(addresses) + 1):
        item = Item.objects.create(
            submission=submission, number=number, kind=Item.Kind.PICTURE, state=Item.State.SEALED
        )
        SealedPicture.objects.create(item=item, key_day=key_day, box=box)


def _lookup(words: receipt.Receipt) -> bytes:
    """HMAC-SHA256 under the pepper: a stolen database alone cannot even test a guessed receipt."""
    return hmac.new(settings.RECEIPT_PEPPER.encode(), words.lookup_key, hashlib.sha256).digest()
