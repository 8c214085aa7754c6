"""What waits for the next release, for the release page: counted beside it where that takes seconds.

1. A small desk is counted when somebody looks.
2. For a large one the worker counts, and one row of the database keeps what it found, with a mark (marks.py).
3. While the mark is up to date the row is shown. Otherwise it is shown as what it is, the last count, and a
   worker is woken. Nothing is decided by these figures: a release is built from the lists themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date

from portal.models import WaitingCount
from portal.policy import current
from portal.releasing import lists
from portal.releasing.marks import Mark
from portal.releasing.plans import Waiting

#: Supports and listings, those of the past too, up to which a page counts by itself.
SMALL = 30_000


@dataclass(frozen=True)
class Counted:
    """Changes that wait, edition by edition.

    Attributes:
        waiting: empty where nothing was counted yet.
        up_to_date: whether nothing was decided since.
    """

    waiting: dict[str, Waiting]
    up_to_date: bool


def shown(day: date, wake: Callable[[], None]) -> Counted:
    """What the page shows on some day.

    Args:
        wake: called when a worker has to count.
    """
    mark = Mark.now()
    if mark.support + mark.listing <= SMALL:
        return Counted(lists.plan(day).waiting, up_to_date=True)
    last = WaitingCount.objects.first()
    if last is not None and _fits(last, day):
        return Counted(_read(last), up_to_date=True)
    wake()
    return Counted({} if last is None else _read(last), up_to_date=False)


def count(day: date) -> None:
    """Count, unless what was counted last still holds."""
    last = WaitingCount.objects.first()
    if last is not None and _fits(last, day):
        return
    mark, waiting = Mark.now(), lists.plan(day).waiting
    told = {
        name: {**asdict(one), "last_day": one.last_day and one.last_day.isoformat()}
        for name, one in waiting.items()
    }
    values = {"day": day, "policy": _policy(), "mark": asdict(mark), "waiting": told}
    WaitingCount.objects.update_or_create(pk=1, defaults=values)


def _fits(last: WaitingCount, day: date) -> bool:
    return (last.day, last.policy) == (day, _policy()) and Mark(**last.mark).up_to_date()


def _read(last: WaitingCount) -> dict[str, Waiting]:
    found = {name: Waiting(**told) for name, told in last.waiting.items()}
    return {
        name: replace(one, last_day=one.last_day and date.fromisoformat(str(one.last_day)))
        for name, one in found.items()
    }


def _policy() -> str:
    """Tells one policy from another."""
    return hashlib.sha256(repr(current()).encode()).hexdigest()
