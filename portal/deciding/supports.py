"""Which items keep which entries alive, and what of it is public.

An entry lives while any support for it does. An item supports the entries of those chosen rows that it
matched itself: who takes back a request takes back just that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from django.db import models

from portal.days import today
from portal.models import Case, Decision, Entry, Item, Listing, Match, Release, Support
from takedown.keys import PUBLISHED_KINDS, Key

#: A row of an index: (index primary key, row number).
Place = tuple[int, int]


def standing_items(case: Case) -> models.QuerySet[Item]:
    """The items of a case that were not taken back."""
    return Item.objects.filter(case_item__case=case).exclude(state=Item.State.WITHDRAWN)


def standing_matches(case: Case) -> models.QuerySet[Match]:
    """Their matches."""
    return Match.objects.filter(item__in=standing_items(case))


def matched(case: Case, places: Collection[Place]) -> dict[int, set[Place]]:
    """Which of these rows each standing item of the case matched; items that matched none are left out."""
    found: dict[int, set[Place]] = {}
    for match in standing_matches(case).filter(row__in={row for _, row in places}):
        if (match.index_id, match.row) in places:
            found.setdefault(match.item_id, set()).add((match.index_id, match.row))
    return found


def give(
    decision: Decision, keys: Mapping[Place, Sequence[Key]], standing: Mapping[int, Collection[Place]]
) -> None:
    """Let a confirmed removal take effect.

    Args:
        keys: the published keys of each chosen row.
        standing: the chosen rows of each item, as from ``matched``.
    """
    entries = _entries({key for some in keys.values() for key in some})
    public_now = _listed(list(entries.values())).filter(since__state=Release.State.PUBLISHED)
    stood = set(public_now.values_list("entry", flat=True))
    Support.objects.bulk_create(
        Support(entry=entry, decision=decision, item_id=item, stood=entry.pk in stood)
        for item, places in standing.items()
        for entry in {entries[key] for place in places for key in keys[place]}
    )


def end(item: Item, *, by: Decision | None = None) -> None:
    """Take an item's support back, from all its entries."""
    standing = Support.objects.filter(item=item, ended=False)
    standing.update(ended=True, ended_day=today(), ended_by=by)


def public(item: Item) -> bool:
    """True when an entry that this item supports stands in a release that was published or may be signed."""
    supported = Entry.objects.filter(supports__item=item, supports__ended=False)
    return bool(_listed(supported).exclude(since__state=Release.State.DISCARDED).exists())


def _listed(entries: Collection[Entry] | models.QuerySet[Entry]) -> models.QuerySet[Listing]:
    """Listings that no published release has ended."""
    return Listing.objects.filter(entry__in=entries).exclude(until__state=Release.State.PUBLISHED)


def _entries(wanted: Collection[Key]) -> dict[Key, Entry]:
    Entry.objects.bulk_create(
        (Entry(kind=kind, digest=digest) for kind, digest in wanted), ignore_conflicts=True
    )
    found: dict[Key, Entry] = {}
    for kind in PUBLISHED_KINDS:
        digests = [key.digest for key in wanted if key.kind == kind]
        for entry in Entry.objects.filter(kind=kind, digest__in=digests):
            found[Key(entry.kind, entry.digest)] = entry
    return found
