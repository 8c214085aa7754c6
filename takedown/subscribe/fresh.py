"""How fresh a kept list is: when it was last found to be the newest, and until when signatures say so.

Nothing here decides what may be used: a list that cannot be confirmed any more is used with a warning.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata

from takedown import disk
from takedown.blocklist import canonical
from takedown.errors import TakedownError
from takedown.subscribe import store
from takedown.subscribe.store import Current

CONFIRMED = "confirmed.json"

_ROLES = ("root", "timestamp", "snapshot", "targets")


def confirm(state_dir: Path, current: Current, now: datetime | None = None) -> None:
    """Remember that today a list was proven to be the newest."""
    day = (now or datetime.now(UTC)).date()
    if confirmed(state_dir, current) != day:
        value = {"folder": current.folder.name, "day": day.isoformat()}
        disk.write(state_dir / CONFIRMED, canonical.to_bytes(value))


def confirmed(state_dir: Path, current: Current) -> date | None:
    """The day on which a list was last proven to be the newest; None where that is not known."""
    try:
        data = (state_dir / CONFIRMED).read_bytes()
        fields = canonical.Fields(canonical.from_bytes(data, "list"), ("folder", "day"), "list")
        return fields.day("day") if fields.text("folder") == current.folder.name else None
    except (TakedownError, OSError):
        return None


def expiry(state_dir: Path) -> datetime | None:
    """When the first of the signatures expires that say which list is the newest; None where none is kept."""
    try:
        data = [(state_dir / store.METADATA / f"{role}.json").read_bytes() for role in _ROLES]
        return min(Metadata.from_bytes(one).signed.expires for one in data)
    except (RepositoryError, OSError):
        return None


def expiry_warnings(state_dir: Path, now: datetime | None = None) -> tuple[str, ...]:
    """What a person who goes on with the kept list should know about its age."""
    expires = expiry(state_dir)
    if expires is None:
        return ("Nothing says any more that this list is the newest; run 'takedown sync'.",)
    if expires > (now or datetime.now(UTC)):
        return ()
    sentence = (
        f"The signatures that say this list is the newest expired on {expires.date().isoformat()}; "
        "run 'takedown sync', and tell the publisher if that does not help."
    )
    return (sentence,)
