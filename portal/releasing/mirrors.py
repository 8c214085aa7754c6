"""Other places that releases are uploaded to: object stores, hubs, folders (setting TAKEDOWN_MIRROR).

The release is public by the local repository before any upload begins, so a mirror that fails costs nothing
but its own freshness: the desk shows it, and it is tried again until it works.
"""

from __future__ import annotations

import logging

from django.conf import settings

from portal.days import today
from portal.models import Mirror
from takedown import publish as tuf
from takedown.errors import TakedownError

log = logging.getLogger(__name__)

#: Stands in ``problem`` while an upload runs, and stays when nobody lived to finish it.
UNFINISHED = "unfinished"


def push() -> list[Mirror]:
    """Upload what is published to every mirror; returns those that failed.

    Raises:
        UsageError, VerificationFailed: the repository itself is no good.
    """
    if not settings.MIRRORS or not tuf.head(settings.REPOSITORY):
        return []
    return [mirror for mirror in shown() if not _push(mirror)]


def retry() -> list[Mirror]:
    """The same for those whose last upload failed, never came to an end, or was of an older release."""
    newest = tuf.head(settings.REPOSITORY) if settings.MIRRORS else 0
    behind = [mirror for mirror in shown() if newest and (mirror.problem or mirror.seq != newest)]
    return [mirror for mirror in behind if not _push(mirror)]


def shown() -> list[Mirror]:
    """The mirrors that the settings name, with what is known of each."""
    known = {mirror.url: mirror for mirror in Mirror.objects.filter(url__in=settings.MIRRORS)}
    return [known.get(url) or Mirror(url=url) for url in dict.fromkeys(settings.MIRRORS)]


def _push(mirror: Mirror) -> bool:
    since = mirror.since or today()
    mirror, _ = Mirror.objects.get_or_create(url=mirror.url)
    _note(mirror, problem=mirror.problem or UNFINISHED, since=since)
    try:
        done = tuf.mirror(settings.REPOSITORY, mirror.url)
    except TakedownError as error:
        log.error("mirror.failed", extra={"mirror": mirror.pk, "slug": error.slug})
        _note(mirror, problem=error.slug[:60], advice=error.sentence, since=since)
        mirror.refresh_from_db()
        return False
    _note(mirror, seq=done.seq, confirmed=today(), problem="", advice="", since=None)
    return True


def _note(mirror: Mirror, **values: object) -> None:
    Mirror.objects.filter(pk=mirror.pk).update(**values)
