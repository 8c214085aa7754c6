"""From confirmed decisions to a signed release.

1. ``request`` a release manager asks; one release at a time is under way.
2. ``build``   live entries per edition -> staged files and an unsigned targets file (worker).
3. sign        on another machine, with the command line: the portal never holds a targets key.
4. ``publish`` checks the signatures, adds the online ones and uploads; the timestamp comes last (worker).

``Listing`` rows say which entry stands in which edition from which release on; they are written when a
release is built, since the build fixes what it holds, and undone when it is discarded. What a release holds
is for lists.py to say, what it covers for covering.py, and what it tells each person for proofs.py.
"""

from __future__ import annotations

import logging
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from portal.days import today
from portal.faults import point
from portal.models import Event, Listing, Release, User
from portal.models.turns import Turn, take_turns
from portal.models.work import StaleLeaseError
from portal.policy import current
from portal.releasing import bulk, carried, covering, lists, proofs
from portal.releasing.book import Entries
from portal.releasing.marks import Mark
from portal.releasing.plans import Buried, Plan
from portal.releasing.proofs import Tellings
from takedown import publish as tuf
from takedown.blocklist.state import State
from takedown.errors import TakedownError

log = logging.getLogger(__name__)


class PublishingError(Exception):
    """A step that is not possible now; the text says why and what to do."""


class _ListsChangedError(TakedownError):
    """A decision or withdrawal came while the lists were being written: what was staged is out of date."""

    default_slug = "lists-changed"


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
        mark, plan = Mark.now(), lists.plan(today())
        carried.refuse_lost(plan)
        told = proofs.tellings(plan)
        drafts = _drafts(plan)
        staged = _stage(release, drafts, told)
        point("release.staged")
        values = {"seq": staged.seq, "changes": _changes(plan, drafts, staged), "folder": release.folder}
        with release.finish(Release.State.STAGED, turn=Turn.DESK, advice="", **values):
            if not mark.up_to_date() and not lists.plan(today()).same_lists(plan):
                raise _ListsChangedError("Something was decided meanwhile; it is built once more.")
            for edition in plan.lists:
                _list(release, edition, plan)
            proofs.remember(release, told)
    except TakedownError as error:
        return _failed(release, error)
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
        proofs.forget(release)
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
        return _failed(release, error)
    point("release.uploaded")
    try:
        with release.finish(Release.State.PUBLISHED, turn=Turn.DESK, advice=""):
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
            "the newest copy, or give this desk a repository of its own; manage.py release_gap tells more.",
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


def signatures(release: Release) -> tuf.Signatures:
    """How many valid targets signatures the staged release carries, and how many it needs."""
    return tuf.signatures(settings.REPOSITORY, staging(release))


def is_public(release: Release) -> bool:
    """True when holders can see this very release, whatever the database says of it."""
    return release.seq is not None and tuf.is_published(settings.REPOSITORY, staging(release))


def staging(release: Release) -> Path:
    return settings.STAGING / (release.folder or f"release-{release.pk:06d}")


def _failed(release: Release, error: TakedownError) -> bool:
    log.error("release.failed", extra={"release": release.pk, "slug": error.slug})
    Release.objects.filter(pk=release.pk, lease_token=release.lease_token).update(advice=error.sentence)
    release.fail(error.slug)
    if release.seq is None:
        shutil.rmtree(staging(release), ignore_errors=True)
    return False


def _drafts(plan: Plan) -> list[tuf.EditionDraft]:
    policy = current()
    bare = covering.in_full(policy, plan)
    return [
        tuf.EditionDraft(
            name=name,
            keys=entries.state(),
            prefix_hex=policy.editions[name].prefix_hex,
            k_min=policy.editions[name].k_min,
            disposition=policy.editions[name].disposition,
            includes=policy.editions[name].includes,
            cover=covering.cover(policy, policy.editions[name], entries, bare),
            buried=_buried_by(name, entries, plan.hidden),
        )
        for name, entries in plan.lists.items()
    ]


def _buried_by(edition: str, entries: Entries, hidden: Buried) -> State:
    """The child-safety entries in an edition that carries such a ground."""
    if not carried.restricted(edition):
        return State()
    return entries.book.keys(entries.mask & entries.book.mask(hidden.named))


def _stage(release: Release, drafts: Sequence[tuf.EditionDraft], told: Tellings) -> tuf.Staged:
    policy = current()
    return tuf.stage(
        settings.REPOSITORY,
        staging(release),
        drafts,
        publisher=policy.publisher,
        dataset_ids=list(policy.dataset_ids),
        created=release.created,
        audit_head=Event.head(),
        records=told.records(),
    )


def _changes(plan: Plan, drafts: Sequence[tuf.EditionDraft], staged: tuf.Staged) -> list[dict[str, Any]]:
    """What the desk keeps of a release, edition by edition."""
    policy, covers = current(), {draft.name: draft.cover for draft in drafts}
    has_buried = {draft.name for draft in drafts if isinstance(draft.buried, State) and len(draft.buried)}
    order = list(plan.lists)
    return [
        {
            "edition": one.name,
            "added": one.added,
            "removed": one.removed,
            "rows": one.rows,
            "state_sha256": one.state_sha256,
            "grounds": policy.carried(one.name),
            "buried": carried.buried_since(one.name, one.name in has_buried),
            "held": plan.waiting[one.name].stay if plan.waiting[one.name].held else 0,
            "cover": covering.to_json(covers[one.name]),
        }
        for one in sorted(staged.editions, key=lambda one: order.index(one.name))
    ]


def _list(release: Release, edition: str, plan: Plan) -> None:
    listed, chosen = plan.listed[edition], plan.lists[edition].mask
    for gone in lists.pieces(Entries(plan.book, listed & ~chosen)):
        Listing.objects.filter(entry__in=gone, edition=edition, until=None).update(until=release)
    coming = Entries(plan.book, chosen & ~listed).pks.tolist()
    bulk.insert(Listing, {"entry_id": coming}, edition=edition, since_id=release.pk)
