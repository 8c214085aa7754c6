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
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.db import transaction

from portal import sealing
from portal.asking import typed
from portal.asking.drafts import Draft
from portal.days import today
from portal.faults import point
from portal.models import Item, SealedPicture, SiteControl, Submission
from portal.policy import current
from portal.said import sentence
from takedown import receipt, urls
from takedown.errors import BadUrl
from takedown.fingerprint import Fingerprint
from takedown.keys import Key

#: An address copied without its scheme: a host name with a dot, then a path or nothing.
_BARE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+(/|$)", re.IGNORECASE)

#: Random bytes of the token that a person puts on a site to prove that it is theirs.
CONTROL_BYTES = 16


@dataclass(frozen=True)
class Sent:
    """What is to be looked for, checked; each becomes one item.

    Attributes:
        addresses: as written.
        pictures: bytes of pictures; they are stored sealed only.
        on_device: fingerprints that the person's browser made; those pictures were never sent.
        typed: the keys that each typed fingerprint may stand for.
        sites: hosts, with or without a path, of whole sites.
    """

    addresses: Sequence[str] = ()
    pictures: Sequence[bytes] = ()
    on_device: Sequence[Fingerprint] = ()
    typed: Sequence[tuple[Key, ...]] = ()
    sites: Sequence[str] = ()

    def __len__(self) -> int:
        kinds = (self.addresses, self.pictures, self.on_device, self.typed, self.sites)
        return sum(len(kind) for kind in kinds)


@dataclass(frozen=True)
class Accepted:
    """``repeated`` is True when this form had been accepted before; then nothing new was stored."""

    receipt: receipt.Receipt
    submission: Submission
    repeated: bool


def read_addresses(text: str) -> tuple[list[str], list[str]]:
    """Addresses, one a line, as written, and one sentence for each line that cannot be used."""
    return typed.lines(text, _address)


def _address(line: str) -> str:
    address = f"https://{line}" if _BARE.match(line) else line  # browsers on phones hide the scheme
    try:
        urls.canonical(address)
    except BadUrl as error:
        raise typed.BadLineError(sentence(error)) from None
    return address


def accept(draft: Draft, sent: Sent, *, slow: bool = False) -> Accepted:
    """Store a checked submission, or find the one this form has already made.

    Args:
        draft: the answers; its token decides the receipt.
        sent: what is to be looked for.
        slow: it came with many others and is worked on after them.

    Raises:
        NoIntakeKeyError: pictures cannot be sealed yet.
        ValueError: a picture, its fingerprint or a site on a restricted ground.
    """
    if current().ground(draft.ground).restricted and (sent.pictures or sent.on_device or sent.sites):
        raise ValueError("a restricted ground takes addresses and typed fingerprints only")
    if earlier := repeated(draft):
        return earlier
    words = _words(draft)
    sealed = [sealing.seal(data) for data in sent.pictures]
    with transaction.atomic():
        submission, ours = _insert(words, draft, slow)
        if ours:
            _insert_items(submission, sent, sealed)
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


def _insert(words: receipt.Receipt, draft: Draft, slow: bool) -> tuple[Submission, bool]:
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
        restricted=policy.ground(draft.ground).restricted,
        slow=slow,
        keep=draft.keep,
    )
    Submission.objects.bulk_create([made], ignore_conflicts=True)
    stored = Submission.objects.get(lookup=made.lookup)
    return stored, not stored.items.exists()


def _insert_items(submission: Submission, sent: Sent, sealed: Sequence[tuple[date, bytes]]) -> None:
    items = list(_items(sent))
    for number, item in enumerate(items, start=1):
        item.submission, item.number, item.restricted = submission, number, submission.restricted
    Item.objects.bulk_create(items)
    pictures = [item for item in items if item.state == Item.State.SEALED]
    SealedPicture.objects.bulk_create(
        SealedPicture(item=item, key_day=key_day, box=box)
        for item, (key_day, box) in zip(pictures, sealed, strict=True)
    )
    SiteControl.objects.bulk_create(
        SiteControl(item=item, token=secrets.token_hex(CONTROL_BYTES))
        for item in items
        if item.kind == Item.Kind.SITE
    )


def _items(sent: Sent) -> Iterator[Item]:
    """Items without submission and number, in the order in which they are shown."""
    ready = Item.State.READY
    for address in sent.addresses:
        yield Item(kind=Item.Kind.URL, url=address, state=ready)
    for keys in sent.typed:
        yield Item(kind=Item.Kind.FINGERPRINT, given=[list(key) for key in keys], state=ready)
    for site in sent.sites:
        yield Item(kind=Item.Kind.SITE, url=site, state=Item.State.WAITS_FOR_PROOF)
    for made in sent.on_device:
        yield Item(kind=Item.Kind.PICTURE, fingerprint_json=made.to_json(), on_device=True, state=ready)
    for _ in sent.pictures:
        yield Item(kind=Item.Kind.PICTURE, state=Item.State.SEALED)


def _lookup(words: receipt.Receipt) -> bytes:
    """HMAC-SHA256 under the pepper: a stolen database alone cannot even test a guessed receipt."""
    return hmac.new(settings.RECEIPT_PEPPER.encode(), words.lookup_key, hashlib.sha256).digest()
