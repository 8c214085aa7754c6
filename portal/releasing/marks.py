"""Whether anything happened that may change what a release lists, without looking at the lists.

Decisions and withdrawals are written together with an event of the trail, so the events since a moment tell.
Supports and listings are counted as well, where the database counts without reading them. A mark that is not
up to date says that something may have changed, and no more.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Max

from portal.models import Event, Listing, Support

#: Events after which every list is what it was. Any other, also one that is new here, counts as a change.
_HARMLESS = (
    *("item.in-case", "item.retried", "removal.proposed", "removal.declined"),
    *("unblock.proposed", "unblock.declined", "withdrawal.asked", "index.registered"),
    *("release.requested", "release.retried", "release.approved"),
    *("person.asked", "item.found-again", "case.appealed", "question.asked", "message.written"),
)


#: Events that are looked through; where there are more, something may have changed.
_MOST_EVENTS = 20_000


@dataclass(frozen=True)
class Mark:
    """A moment: the newest event, support and listing, and how many supports had ended."""

    event: int
    support: int
    ended: int
    listing: int

    @classmethod
    def now(cls) -> Mark:
        return cls(_newest_event(), *_counts())

    def up_to_date(self) -> bool:
        """True when nothing happened since that may change a list."""
        if _newest_event() - self.event > _MOST_EVENTS:
            return False
        since = Event.objects.filter(seq__gt=self.event).exclude(action__in=_HARMLESS)
        return not since.exists() and (self.support, self.ended, self.listing) == _counts()


def _newest_event() -> int:
    return Event.objects.aggregate(found=Max("seq"))["found"] or 0


def _counts() -> tuple[int, int, int]:
    support, listing = (noun.objects.aggregate(found=Max("pk"))["found"] or 0 for noun in (Support, Listing))
    return support, Support.objects.filter(ended=True).count(), listing
