"""What a repository's keys and signatures are, and which of them want attention soon.

Root and targets need people, who need time to meet: they are due long before they expire. Snapshot and
timestamp are signed by a machine every day; when half of their time is gone, that machine has stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, Root

from takedown.blocklist.root import THROWAWAY_FIELD
from takedown.publish.keyring import PROFILE_FIELD, PUBLISHER_FIELD, profile_of
from takedown.publish.public_keys import ROLES
from takedown.publish.repository import Head, load_head
from takedown.publish.root_change import key_name
from takedown.publish.root_change_sign import NamedKey

#: Days before expiry at which people are asked; other roles are due when half of their time is gone.
NOTICE_DAYS = {"root": 60, "targets": 21}


@dataclass(frozen=True)
class Reminder:
    """One role's signed metadata and when it expires.

    Attributes:
        days_left: whole days until then, rounded down; negative once it has expired.
        due: somebody should sign it anew now.
        expired: readers refuse it.
    """

    role: str
    version: int
    expires: datetime
    days_left: int
    due: bool
    expired: bool = False


@dataclass(frozen=True)
class RoleStatus:
    """Who can sign for a role.

    Attributes:
        threshold: signatures needed.
        wanted: keys that the profile has; with fewer, each lost key counts.
        keys: whoever can give one.
        signed: whoever did on what is in force now.
        reminder: when that expires.
    """

    role: str
    threshold: int
    wanted: int
    keys: tuple[NamedKey, ...]
    signed: tuple[NamedKey, ...]
    reminder: Reminder


@dataclass(frozen=True)
class Status:
    """Who can sign what in a repository."""

    publisher: str
    profile: str
    throwaway: bool
    seq: int
    roles: tuple[RoleStatus, ...]

    @property
    def expired(self) -> tuple[str, ...]:
        """Roles whose metadata readers refuse by now."""
        return tuple(one.role for one in self.roles if one.reminder.expired)


def reminders(repository: Path, now: datetime | None = None) -> list[Reminder]:
    """When each role's metadata expires, root first, and which of them are due.

    Args:
        repository: the release repository; it is only read.
        now: the moment of the look; the clock when None.

    Raises:
        UsageError: the folder is not a release repository.
        VerificationFailed: it does not verify by its own keys.
    """
    return [one.reminder for one in key_status(repository, now).roles]


def key_status(repository: Path, now: datetime | None = None) -> Status:
    """Who can sign what, how many have to, and until when what is signed lasts.

    Raises:
        UsageError: the folder is not a release repository.
        VerificationFailed: it does not verify by its own keys.
    """
    head, moment = load_head(repository), now or datetime.now(UTC)
    fields = head.root.signed.unrecognized_fields
    return Status(
        publisher=str(fields.get(PUBLISHER_FIELD)),
        profile=str(fields.get(PROFILE_FIELD)),
        throwaway=fields.get(THROWAWAY_FIELD) is True,
        seq=head.seq,
        roles=tuple(_role(head, role, moment) for role in ROLES),
    )


def _role(head: Head, role: str, now: datetime) -> RoleStatus:
    root: Root = head.root.signed
    metadata: Metadata[Any] = getattr(head, role)
    found = root.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    keys = tuple(NamedKey(key_name(root, keyid, role), keyid) for keyid in root.roles[role].keyids)
    signed = tuple(key for key in keys if key.keyid in found.signed)
    threshold, wanted = root.roles[role].threshold, profile_of(root)[role].keys
    return RoleStatus(role, threshold, wanted, keys, signed, _reminder(root, metadata, now))


def _reminder(root: Root, metadata: Metadata[Any], now: datetime) -> Reminder:
    signed, role = metadata.signed, metadata.signed.type
    left: timedelta = signed.expires - now
    notice = NOTICE_DAYS.get(role, profile_of(root)[role].days / 2)
    due = left < timedelta(days=notice)
    return Reminder(role, signed.version, signed.expires, left.days, due, signed.is_expired(now))
