"""What a release's signature covers besides its lists, and what of that a signer has to know.

1. The targets metadata holds nothing a release does not need: no delegations, no fields unknown here, and no
   expiry later than the profile allows. Signatures cannot be called back, so a far expiry is for ever.
2. All editions of a release say the same about publisher, datasets, day, oldest client and record.
3. What holders act on, and what differs from the release before, is listed for each edition.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tuf.api.metadata import Metadata, Targets

from takedown.blocklist.manifest import Manifest
from takedown.errors import VerificationFailed
from takedown.publish.keyring import Rule, expiry

#: How far apart the clocks of the machines that stage and sign may be.
SLACK = timedelta(days=1)

_COMPARED = ("publisher", "dataset_ids", "min_client", "prefix_hex", "k_min", "disposition")


@dataclass(frozen=True)
class Terms:
    """What one release says for all of its editions.

    Attributes:
        publisher, dataset_ids, min_client, created, audit_head: as in every manifest.
        expires: when the targets signature does, UTC.
    """

    publisher: str
    dataset_ids: tuple[str, ...]
    min_client: str
    created: date
    audit_head: str
    expires: datetime


@dataclass(frozen=True)
class TermChange:
    """One thing that an edition says otherwise than in the release before."""

    name: str
    before: str
    after: str


def check_signed_part(metadata: Metadata[Targets], rule: Rule, now: datetime | None) -> None:
    """Nothing when targets metadata holds no more than ``stage`` writes.

    Args:
        metadata: of the staged release.
        rule: of the targets role.
        now: the moment of the look; the clock when None.

    Raises:
        VerificationFailed: slugs ``expires-too-late``, ``delegations``, ``unknown-fields``.
    """
    signed = metadata.signed
    if signed.expires > expiry(rule, now) + SLACK:
        raise _unexpected(f"a signature that lasts longer than {rule.days} days", "expires-too-late")
    if signed.delegations is not None:
        raise _unexpected("delegations to other keys", "delegations")
    unknown = [metadata.unrecognized_fields, signed.unrecognized_fields]
    if any(unknown) or any(target.unrecognized_fields for target in signed.targets.values()):
        raise _unexpected("fields that are unknown here", "unknown-fields")


def terms_of(manifests: Iterable[Manifest], expires: datetime) -> Terms:
    """What all manifests of a release say alike.

    Raises:
        VerificationFailed: slug ``staging-disagrees``: they do not.
    """
    found = {
        Terms(one.publisher, one.dataset_ids, one.min_client, one.created, one.audit_head, expires)
        for one in manifests
    }
    if len(found) != 1:
        raise disagree("its editions name different publishers, datasets, days, clients or records")
    return found.pop()


def changed_terms(manifest: Manifest, last: Manifest | None) -> tuple[TermChange, ...]:
    """What an edition says otherwise than before; nothing for an edition's first release."""
    if last is None:
        return ()
    pairs = ((name, _text(last, name), _text(manifest, name)) for name in _COMPARED)
    return tuple(TermChange(*pair) for pair in pairs if pair[1] != pair[2])


def disagree(why: str) -> VerificationFailed:
    """The error for a staged release whose parts do not fit each other."""
    return VerificationFailed(
        f"The staged release does not hold together: {why}. Delete it and stage again.",
        slug="staging-disagrees",
    )


def _text(manifest: Manifest, name: str) -> str:
    value = getattr(manifest, name)
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _unexpected(what: str, slug: str) -> VerificationFailed:
    sentence = f"The staged release holds {what}; do not sign it, delete it and stage again."
    return VerificationFailed(sentence, slug=slug)
