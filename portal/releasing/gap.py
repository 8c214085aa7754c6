"""How far this database and the repository are apart, for one: after a restore from an older copy.

A desk whose database does not end at the published release builds nothing (``other-history``). This says what
is missing: which releases, and which entries stand in the published lists and not in the database's, or the
other way round. Published lists name digests and no reasons, so nothing is put back into the database: nobody
could say who decided it, or on which ground.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q

from portal.models import Listing, Release
from takedown.blocklist.manifest import Manifest
from takedown.blocklist.rebuild import rebuild
from takedown.blocklist.state import State
from takedown.keys import Key
from takedown.publish.live import without
from takedown.publish.repository import load_head


@dataclass(frozen=True)
class EditionGap:
    """One edition's difference, as it is published: cut to the edition's digits."""

    name: str
    only_published: tuple[Key, ...]
    only_here: tuple[Key, ...]


@dataclass(frozen=True)
class Gap:
    """``known`` is the newest release of this database, ``published`` that of the repository."""

    known: int
    published: int
    editions: tuple[EditionGap, ...]

    @property
    def closed(self) -> bool:
        return self.known == self.published and not any(
            one.only_published or one.only_here for one in self.editions
        )


def measure() -> Gap:
    """Compare the published lists with the listings of the releases that this database knows.

    Raises:
        UsageError: there is no repository.
        VerificationFailed: it does not verify by its own keys.
    """
    head = load_head(settings.REPOSITORY)
    newest = Release.objects.filter(state=Release.State.PUBLISHED).order_by("-seq").first()
    editions = tuple(_edition(manifest) for manifest, _ in head.manifests.values())
    return Gap((newest.seq or 0) if newest else 0, head.seq, editions)


def _edition(manifest: Manifest) -> EditionGap:
    published = rebuild(lambda path: settings.REPOSITORY / path, manifest)
    here = State.of(_listed(manifest.edition), manifest.prefix_hex)
    return EditionGap(manifest.edition, tuple(without(published, here)), tuple(without(here, published)))


def _listed(edition: str) -> Iterator[Key]:
    """What the newest release that this database knows to be public lists."""
    public = Release.State.PUBLISHED
    standing = Listing.objects.filter(
        Q(until=None) | ~Q(until__state=public), edition=edition, since__state=public
    )
    rows = standing.values_list("entry__kind", "entry__digest").iterator(chunk_size=20_000)
    return (Key(*pair) for pair in rows)
