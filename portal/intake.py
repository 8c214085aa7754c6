"""Accepting a submission.

1. ``read_addresses`` and ``check_picture`` say what is wrong, beside the field, before anything is stored.
2. ``accept`` derives the receipt from the form token, seals the pictures and stores everything in one
   transaction: a receipt works if and only if the submission is durably committed.
3. After the commit the worker is poked; a lost poke is found by the sweeper.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, transaction

from portal import sealing
from portal.days import today
from portal.drafts import Draft
from portal.faults import point
from portal.models import Item, SealedPicture, Submission
from portal.policy import current
from takedown import receipt, sandbox, urls
from takedown.errors import BadImage, BadUrl, SandboxFailed


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
    problems = []
    for number, line in enumerate(text.splitlines(), start=1):
        address = line.strip()
        if not address:
            continue
        try:
            urls.canonical(address)
            addresses.setdefault(address)
        except BadUrl as error:
            problems.append(f"Line {number}: {error.sentence}")
    if len(addresses) > settings.MAX_ITEMS:
        problems.append(
            f"These are {len(addresses)} addresses; one request holds up to {settings.MAX_ITEMS}. "
            "Please send the rest in a second request."
        )
    return list(addresses), problems


def check_picture(data: bytes) -> str | None:
    """What is wrong with a picture, in one sentence, or None. It is decoded in the sandbox, and forgotten."""
    try:
        sandbox.fingerprint(data)
    except BadImage as error:
        return error.sentence
    except SandboxFailed:
        return "We could not read this picture safely. Please save it as a JPEG or PNG file and try again."
    return None


def accept(draft: Draft, addresses: Sequence[str], pictures: Sequence[bytes]) -> Accepted:
    """Store a checked submission, or find the one this form has already made.

    Args:
        draft: the answers; its token decides the receipt.
        addresses: checked addresses, as written.
        pictures: checked bytes of pictures; they leave this function sealed.

    Raises:
        NoIntakeKeyError: pictures cannot be sealed yet.
    """
    words = receipt.issue(settings.RECEIPT_PEPPER.encode(), draft.token)
    try:
        with transaction.atomic():
            submission = _store(words, draft, addresses, pictures)
    except IntegrityError:
        found = find(words)
        if found is None:
            raise
        return Accepted(words, found, repeated=True)
    point("intake.committed")
    return Accepted(words, submission, repeated=False)


def find(words: receipt.Receipt) -> Submission | None:
    """The submission of a receipt."""
    return Submission.objects.filter(lookup=_lookup(words)).first()


def _store(
    words: receipt.Receipt, draft: Draft, addresses: Sequence[str], pictures: Sequence[bytes]
) -> Submission:
    policy = current()
    submission = Submission.objects.create(
        lookup=_lookup(words),
        proof_key=words.proof_key,
        message_public_key=words.message_public_key,
        ground=draft.ground,
        policy_version=policy.version,
        note=draft.note,
        received=today(),
        due=policy.due(today()),
    )
    Item.objects.bulk_create(
        Item(submission=submission, number=number, kind=Item.Kind.URL, url=address, state=Item.State.READY)
        for number, address in enumerate(addresses, start=1)
    )
    for number, data in enumerate(pictures, start=len(addresses) + 1):
        item = Item.objects.create(
            submission=submission, number=number, kind=Item.Kind.PICTURE, state=Item.State.SEALED
        )
        key_day, box = sealing.seal(data)
        SealedPicture.objects.create(item=item, key_day=key_day, box=box)
    return submission


def _lookup(words: receipt.Receipt) -> bytes:
    """HMAC-SHA256 under the pepper: a stolen database alone cannot even test a guessed receipt."""
    return hmac.new(settings.RECEIPT_PEPPER.encode(), words.lookup_key, hashlib.sha256).digest()
