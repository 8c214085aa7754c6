"""The rows of a site, for the item of someone who has proven to control it."""

from __future__ import annotations

from portal.models import Case, DatasetIndex, Item, Match
from takedown.index import Hit, Index

#: How such rows are called in a match.
HOW = "site"


def hits(item: Item, index: DatasetIndex, opened: Index, most: int) -> list[Hit]:
    """At most so many rows of an index under a site, in the order of their numbers.

    A site may have more rows than a case can hold. Rows that were removed for an earlier request for the same
    site are passed over, so that asking again goes on where the last request ended; when none are left, they
    are what is found.
    """
    earlier = Match.objects.filter(index=index, how=HOW, item__url=item.url)
    removed = set(
        earlier.filter(item__case_item__case__state=Case.State.REMOVED).values_list("row", flat=True)
    )
    found = opened.find_site(item.url, most + len(removed))
    return ([hit for hit in found if hit.row not in removed] or found)[:most]


def count(item: Item, opened: list[tuple[DatasetIndex, Index]]) -> int:
    """About how many rows all indexes have under a site: exact for a host, a bound above for deeper paths."""
    return sum(one.count_site(item.url) for _, one in opened)
