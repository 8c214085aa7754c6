"""What else an index holds of the page or the site of an address. Guesses, for people to go through.

A page address is welcome: people know where they saw a picture, not always its own address.
"""

from __future__ import annotations

from dataclasses import replace

from takedown.index import Hit, Index
from takedown.urls import canonical

#: Most rows that are proposed for one address.
MAX_ROWS = 50
#: A host with more rows than this is a platform and not somebody's site: others' pictures are no guess.
OWN_SITE_ROWS = 1_000
#: Rows that are looked through for those of one page or folder; those of a platform are too many to read.
LOOKED_THROUGH = 10_000


def of(url: str, index: Index) -> list[Hit]:
    """Rows under the address itself, else in its folder, else on its host where that is no platform.

    Raises:
        BadUrl: it is no address.
    """
    page = canonical(url).partition("?")[0].rstrip("/")
    folder = page.rpartition("/")[0]
    host = "/".join(page.split("/")[:3])
    places = dict.fromkeys(place for place in (page, folder, host) if place.startswith(host))
    for place in places:
        most = OWN_SITE_ROWS if place == host else LOOKED_THROUGH
        if 0 < index.count_site(place) <= most and (hits := index.find_site(place, MAX_ROWS)):
            return [replace(hit, how="same-site") for hit in hits]
    return []
