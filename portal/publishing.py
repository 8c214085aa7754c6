"""From confirmed decisions to a signed release.

1. ``request`` a release manager asks; one release at a time is under way.
2. ``build``   live entries per edition -> staged files and an unsigned targets file (worker).
3. sign        on another machine, with the command line: the portal never holds a targets key.
4. ``publish`` checks the signatures, adds the online ones and uploads; the timestamp comes last (worker).

``Listing`` rows say which entry stands in which edition from which release on; they are written when a
release is built, since the build fixes what it holds, and undone when it is discarded.
"""

from __future__ import annotations

import logging
import secrets
import shutil
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction

from portal.days import today
from portal.faults import point
from portal.models import Entry, Event, Listing, Release, User
from portal.models.turns import Turn, take_turns
from portal.models.work import StaleLeaseError
from portal.policy import Edition, Policy, current
from takedown import publish as tuf
from takedown.errors import TakedownError
from takedown.keys import Key

log = logging.getLogger(__name__)

#: Edition -> its live entries by primary key.
Lists = dict[str, dict[int, Key]]


class PublishingError(Exception):
    """A step that is not possible now; the text says why and what to do."""


class _ListsChangedError(Exception):
    """A decision or withdrawal came while the lists were being written: what was staged is out of date."""


def request(user: User) -> Release:
    """Ask for the next release.

    Raises:
        PublishingError: one is under way already.
    """
    try:
        with transaction.atomic():
            release = Release.objects.create(state=Release.State.REQUESTED, created=today())
            Event.record("release.requested", release, actor=user)
    except IntegrityError:
        raise PublishingError("A release is already under way; finish or discard it first.") from None
    return release


def build(pk: int) -> bool:
    """Stage a requested release. True when it now waits for signatures."""
    release = Release.claim(pk, Release.State.REQUESTED)
    if release is None:
        return False
    # A folder of its own for each attempt: a builder that was thought dead must not touch another's work.
    release.folder = f"release-{release.pk:06d}-{secrets.token_hex(4)}"
    try:
        refuse_other_history()
        lists = _lists()
        _refuse_lost_ground(lists)
        staged = _stage(release, lists)
        point("release.staged")
        changes = [
            {
                "edition": one.name,
                "added": one.added,
                "removed": one.removed,
                "rows": one.rows,
                "state_sha256": one.state_sha256,
            }
            for one in staged.editions
        ]
        with release.finish(
            Release.State.STAGED, turn=Turn.DESK, seq=staged.seq, changes=changes, folder=release.folder
        ):
            if _lists() != lists:
                raise _ListsChangedError
            for edition, entries in lists.items():
                _list(release, edition, entries)
    except (TakedownError, _ListsChangedError) as error:
        return _failed(release, getattr(error, "slug", "lists-changed"))
    except StaleLeaseError:
        shutil.rmtree(staging(release), ignore_errors=True)
        return False
    return True


def discard(release: Release, user: User) -> None:
    """Throw a staged release away; the next one is built afresh.

    Raises:
        PublishingError: it is being published, or is public already.
    """
    can_go = (Release.State.REQUESTED, Release.State.STAGED, Release.State.NEEDS_PERSON)
    with transaction.atomic():
        take_turns(Turn.DESK)
        release.refresh_from_db()
        if is_public(release):
            raise PublishingError("This release is public already. Press “Try again” to finish it.")
        moved = Release.objects.filter(pk=release.pk, state__in=can_go).update(
            state=Release.State.DISCARDED, lease_token=None, lease_until=None
        )
        if not moved:
            raise PublishingError("This release is already being published; it cannot be discarded.")
        Listing.objects.filter(until=release).update(until=None)
        Listing.objects.filter(since=release).delete()
        Event.record("release.discarded", release, actor=user)


def retry(release: Release, user: User) -> Release:
    """Give a release that got stuck another round of attempts, from where it stopped.

    Raises:
        PublishingError: it is not stuck.
    """
    state = Release.State.PUBLISHING if release.seq else Release.State.REQUESTED
    with transaction.atomic():
        stuck = Release.objects.filter(pk=release.pk, state=Release.State.NEEDS_PERSON)
        if not stuck.update(state=state, attempts=0):
            raise PublishingError("This release is not stuck any more; look at it again.")
        Event.record("release.retried", release, actor=user)
    release.refresh_from_db()
    return release


def ask_to_publish(release: Release, user: User) -> None:
    """Hand a signed release to the worker.

    Raises:
        PublishingError: signatures are missing, or it is not waiting for them.
    """
    if not signatures(release).enough:
        raise PublishingError("The release is not signed yet. Sign it with the command shown, then publish.")
    with transaction.atomic():
        moved = Release.objects.filter(pk=release.pk, state=Release.State.STAGED).update(
            state=Release.State.PUBLISHING, attempts=0
        )
        if not moved:
            raise PublishingError("This release is not waiting for signatures.")
        Event.record("release.approved", release, actor=user)


def publish(pk: int) -> bool:
    """Publish a signed release. True when holders can see it. Safe to repeat after a crash."""
    release = Release.claim(pk, Release.State.PUBLISHING)
    if release is None:
        return False
    try:
        tuf.publish(settings.REPOSITORY, staging(release), settings.ONLINE_KEYS)
    except TakedownError as error:
        return _failed(release, error.slug)
    point("release.uploaded")
    try:
        with release.finish(Release.State.PUBLISHED, turn=Turn.DESK):
            Event.record("release.published", release)
    except StaleLeaseError:
        return False
    return True


def refuse_other_history() -> None:
    """Nothing when the newest release this database knows is the one that is published.

    Otherwise this is a restored or another database: a release built from it would drop entries that two
    people approved, and nobody would have decided that.

    Raises:
        TakedownError: slug ``other-history``.
    """
    last = Release.objects.filter(state=Release.State.PUBLISHED).order_by("-seq").first()
    known = (last.seq, {one["edition"]: one["state_sha256"] for one in last.changes}) if last else (0, {})
    if tuf.states(settings.REPOSITORY) != known:
        raise TakedownError(
            "What is published does not come from this database (an older copy, or another desk's). Restore "
            "the newest copy, or give this desk a repository of its own.",
            slug="other-history",
        )


def tidy() -> None:
    """Delete staging folders that no release under way needs. The web cannot: it only reads there."""
    needed = set(Release.objects.exclude(state__in=Release.ENDED).values_list("folder", flat=True))
    building = Release.objects.filter(state=Release.State.REQUESTED).exists()
    if building or not settings.STAGING.exists():
        return
    for folder in settings.STAGING.glob("release-*"):
        if folder.name not in needed:
            shutil.rmtree(folder, ignore_errors=True)


def waiting() -> dict[str, tuple[int, int]]:
    """Per edition, how many entries the next release would add and remove as things stand."""
    counts = {}
    for edition, entries in _lists().items():
        listed = set(Listing.objects.filter(edition=edition, until=None).values_list("entry", flat=True))
        counts[edition] = (len(set(entries) - listed), len(listed - set(entries)))
    return counts


def signatures(release: Release) -> tuf.Signatures:
    """How many valid targets signatures the staged release carries, and how many it needs."""
    return tuf.signatures(settings.REPOSITORY, staging(release))


def is_public(release: Release) -> bool:
    """True when holders can see this very release, whatever the database says of it."""
    return release.seq is not None and tuf.is_published(settings.REPOSITORY, staging(release))


def staging(release: Release) -> Path:
    return settings.STAGING / (release.folder or f"release-{release.pk:06d}")


def _failed(release: Release, slug: str) -> bool:
    log.error("release.failed", extra={"release": release.pk, "slug": slug})
    release.fail(slug)
    if release.seq is None:
        shutil.rmtree(staging(release), ignore_errors=True)
    return False


def _lists() -> Lists:
    """The entries that a standing decision supports on a ground of each edition."""
    policy = current()
    return {edition: _live(policy, edition) for edition in policy.editions}


def _live(policy: Policy, edition: str) -> dict[int, Key]:
    grounds = [ground.name for ground in policy.grounds.values() if edition in ground.editions]
    alive = Entry.objects.filter(supports__ended=False, supports__decision__ground__in=grounds).distinct()
    return {pk: Key(kind, digest) for pk, kind, digest in alive.values_list("pk", "kind", "digest")}


def _refuse_lost_ground(lists: Lists) -> None:
    """A ground that the policy renamed, or took from an edition, must not un-block what people decided."""
    for edition, entries in lists.items():
        listed = Entry.objects.filter(listings__edition=edition, listings__until=None)
        if listed.exclude(pk__in=list(entries)).filter(supports__ended=False).exists():
            raise TakedownError(
                "policy.toml no longer carries a ground that listed entries stand on; put it back.",
                slug="policy-lost-ground",
            )


def _stage(release: Release, lists: Lists) -> tuf.Staged:
    policy = current()
    return tuf.stage(
        settings.REPOSITORY,
        staging(release),
        [_draft(policy.editions[name], entries) for name, entries in lists.items()],
        publisher=policy.publisher,
        dataset_ids=list(policy.dataset_ids),
        created=release.created,
        audit_head=Event.head(),
    )


def _draft(edition: Edition, entries: dict[int, Key]) -> tuf.EditionDraft:
    return tuf.EditionDraft(
        name=edition.name,
        keys=entries.values(),
        prefix_hex=edition.prefix_hex,
        k_min=edition.k_min,
        disposition=edition.disposition,
    )


def _list(release: Release, edition: str, entries: dict[int, Key]) -> None:
    standing = dict(Listing.objects.filter(edition=edition, until=None).values_list("entry", "pk"))
    gone = [pk for entry, pk in standing.items() if entry not in entries]
    Listing.objects.filter(pk__in=gone).update(until=release)
    Listing.objects.bulk_create(
        Listing(entry_id=entry, edition=edition, since=release) for entry in entries if entry not in standing
    )
