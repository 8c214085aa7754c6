"""Signatures run out: the online ones are renewed here by the clock, people are reminded of the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from takedown import publish as tuf
from takedown.publish.keyring import PROFILES

#: The clock comes by every six hours, and may be a little early.
_EARLY = timedelta(hours=1)

#: What to do about a signature that runs out, by role.
_ADVICE = {
    "root": "Ask the holders of the root keys to sign a new one: takedown ceremony.",
    "targets": "Build, sign and publish a release, even an empty one: that renews it.",
    "snapshot": "The desk renews it by itself: check that worker and clock run.",
    "timestamp": "The desk renews it by itself: check that worker and clock run.",
}


@dataclass(frozen=True)
class Due:
    """A signature that wants attention, and what to do."""

    role: str
    expires: datetime
    days_left: int
    expired: bool
    advice: str


def renew(now: datetime | None = None) -> bool:
    """Sign snapshot and timestamp again when it is time; whether it was.

    Every six hours where they last two days (profile ``strict``), else once a day: each renewal leaves a
    file in the repository.

    Raises:
        UsageError, VerificationFailed: the repository is not one, or its online keys are not here.
    """
    now = now or timezone.now()
    status = tuf.key_status(settings.REPOSITORY, now)
    rules = PROFILES.get(status.profile, PROFILES["small"])
    every = timedelta(hours=6 if rules["timestamp"].days <= 2 else 24)
    online = [role.reminder for role in status.roles if role.role in ("snapshot", "timestamp")]
    signed = min(one.expires - timedelta(days=rules[one.role].days) for one in online)
    if now - signed < every - _EARLY:
        return False
    tuf.refresh(settings.REPOSITORY, settings.ONLINE_KEYS, now=now)
    return True


def due() -> list[Due]:
    """Which signatures want attention; none before there is a repository.

    Raises:
        VerificationFailed: the repository does not verify by its own keys.
    """
    if not (settings.REPOSITORY / "metadata" / "timestamp.json").exists():
        return []
    return [
        Due(one.role, one.expires, one.days_left, one.expired, _ADVICE[one.role])
        for one in tuf.reminders(settings.REPOSITORY)
        if one.due
    ]
