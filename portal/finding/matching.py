"""From sealed bytes to a fingerprint, and from an item to its matches and its case.

``fingerprint_item``                       ``match_item``
1. claim the item                          1. claim the item
2. open the sealed bytes                   2. ask every index in use
3. fingerprint them in the sandbox         3. expand each hit once over all of them (second hop)
4. store it and delete the bytes           4. store matches with their published keys, join or open a case;
                                              or answer that nothing was found

Both do their work between two short transactions; a worker that lost its lease changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from django.db import transaction

from portal import sealing
from portal.days import today
from portal.faults import point
from portal.finding import indexes, neighbours, sites
from portal.models import Case, CaseItem, DatasetIndex, Event, Item, Match, SealedPicture
from portal.models.turns import Turn, take_turns
from portal.models.work import StaleLeaseError
from portal.policy import current
from takedown import sandbox
from takedown.errors import BadImage, TakedownError
from takedown.index import Hit, Hop, Index, second_hops
from takedown.keys import Row, Scope, keys

log = logging.getLogger(__name__)

#: More matches than this for one item say "a picture that is everywhere"; the nearest are kept.
MAX_MATCHES = 1000

#: Scopes for which a match keeps its published keys.
SCOPES: tuple[Scope, ...] = ("address", "file", "caption")

#: Ways of finding that say "maybe": never chosen for a reviewer, and no reason to join cases.
GUESSES = frozenset({"size-variant", "same-site", "phash"})

#: Ways of finding that join no cases: guesses, and the many rows of a site that stay together.
APART = GUESSES | {sites.HOW}

#: Indexes and their rows, ready to be asked.
Opened = list[tuple[DatasetIndex, Index]]


@dataclass(frozen=True)
class Found:
    """One row of one index, how it was found, and by which second hop (empty: directly)."""

    index: DatasetIndex
    row: Row
    hit: Hit
    via: str = ""


def fingerprint_item(pk: int) -> bool:
    """Fingerprint a sealed picture. True when the item now waits for matching."""
    item = Item.claim(pk, Item.State.SEALED)
    if item is None:
        return False
    point("fingerprint.claimed")
    try:
        fingerprint = sandbox.fingerprint(sealing.unseal(item.sealed.key_day, bytes(item.sealed.box)))
    except (BadImage, sealing.KeyGoneError) as error:
        return _unreadable(item, getattr(error, "slug", "key-gone"))
    except TakedownError as error:
        log.warning("item.failed", extra={"item": pk, "attempt": item.attempts, "slug": error.slug})
        item.fail(error.slug)
        return False
    point("fingerprint.computed")
    try:
        with item.finish(Item.State.READY, turn=Turn.DESK, fingerprint_json=fingerprint.to_json()):
            SealedPicture.objects.filter(item=item).delete()
    except StaleLeaseError:
        return False
    point("fingerprint.stored")
    return True


def match_item(pk: int) -> bool:
    """Match an item against the indexes in use. True when it now stands in a case."""
    item = Item.claim(pk, Item.State.READY)
    if item is None:
        return False
    point("match.claimed")
    try:
        found = search(item)
    except TakedownError as error:
        log.warning("item.failed", extra={"item": pk, "attempt": item.attempts, "slug": error.slug})
        item.fail(error.slug)
        return False
    state = Item.State.IN_REVIEW if found else Item.State.NOT_FOUND
    answer = {} if found else _answer(item)
    try:
        with item.finish(state, turn=Turn.DESK, coverage=indexes.coverage(), **answer):
            if found:
                # What is found after an answer has deadlines of its own.
                store(item, found, since=today() if item.answered else item.submission.received)
    except StaleLeaseError:
        return False
    point("match.stored")
    return bool(found)


def search(item: Item, opened: Opened | None = None) -> list[Found]:
    """Everything some indexes hold about an item: direct hits first, then second hops, then guesses.

    Args:
        item: may be one that is not stored.
        opened: indexes to ask; all in use where None.
    """
    opened = indexes.in_use() if opened is None else opened
    found: dict[tuple[int, int], Found] = {}
    for one in _direct(item, opened):
        found.setdefault((one.index.pk, one.row.row), one)
    if item.kind != Item.Kind.SITE:  # who proves a site proves nothing about copies on others
        _add_second_hops(found, opened)
    for one in _guesses(item, opened, alone=not found):
        found.setdefault((one.index.pk, one.row.row), one)
    return list(found.values())[:MAX_MATCHES]


def _answer(item: Item) -> dict[str, date | None]:
    """What is kept with the answer that nothing was found; looking again moves neither day."""
    if item.answered:
        return {}
    keep = timedelta(days=current().keep_days)
    return {"answered": today(), "keep_until": today() + keep if item.submission.keep else None}


def expire_sealed() -> int:
    """Ask again for pictures whose intake key was destroyed: nobody can open them. How many there were."""
    gone = SealedPicture.objects.filter(key_day__lte=today() - timedelta(days=sealing.KEEP_DAYS))
    with transaction.atomic():
        take_turns(Turn.DESK)  # before looking, so that no worker finishes one of them in between
        asked = Item.objects.filter(pk__in=gone.values("item")).update(
            state=Item.State.UNREADABLE,
            problem="key-gone",
            answered=today(),
            lease_token=None,
            lease_until=None,
        )
        gone.delete()
    return asked


def _direct(item: Item, opened: Opened) -> Iterator[Found]:
    policy = current()
    fingerprint = item.fingerprint
    for index, open_ in opened:
        if item.kind == Item.Kind.URL:
            hits = open_.find_url(item.url)
        elif item.kind == Item.Kind.SITE:
            hits = sites.hits(item, index, open_, MAX_MATCHES)
        elif item.given:
            hits = _typed(item.given, open_)
        elif fingerprint:
            hits = open_.find_fingerprint(fingerprint, policy.pdq_radius, policy.phash_radius)
            # A 64-bit hash has chance hits at web scale: a second opinion, never a match alone.
            hits = [hit for hit in hits if hit.how != "phash"]
        else:
            hits = []
        yield from _with_rows(index, open_, hits)


def _typed(given: list[list[str]], open_: Index) -> list[Hit]:
    """Rows with one of the digests of a typed fingerprint, then those that look alike, each once."""
    radius = {"pdq": current().pdq_radius, "phash": current().phash_radius}
    found: dict[int, Hit] = {}
    for kind, digits in sorted(given, key=lambda key: key[0] in radius):
        digest = bytes.fromhex(digits)
        hits = (
            open_.find_near(kind, digest, radius[kind]) if kind in radius else open_.find_digest(kind, digest)
        )
        for hit in hits:
            found.setdefault(hit.row, hit)
    return list(found.values())


def _guesses(item: Item, opened: Opened, *, alone: bool) -> Iterator[Found]:
    """Other sizes of an address; and for one that no row has, what else we hold of its page or site."""
    if item.kind != Item.Kind.URL:
        return
    sizes = [one for index, open_ in opened for one in _with_rows(index, open_, open_.find_family(item.url))]
    yield from sizes
    if alone and not sizes:
        for index, open_ in opened:
            yield from _with_rows(index, open_, neighbours.of(item.url, open_))


def _add_second_hops(found: dict[tuple[int, int], Found], opened: Opened) -> None:
    """Rows of any index with the same exact URL, the same file or the same PDQ as a row already found.

    No more than a case can hold: a file that is everywhere has millions of copies, and each is a row to read.
    """
    by_pk = {index.pk: open_ for index, open_ in opened}
    hops: dict[tuple[int, int], Hop] = {}
    rows = [(by_pk[one.index.pk], one.row) for one in found.values()]
    for hop in second_hops(rows, [open_ for _, open_ in opened]):
        if len(found) + len(hops) >= MAX_MATCHES:
            break
        key = (opened[hop.place][0].pk, hop.hit.row)
        if key not in found:
            hops.setdefault(key, hop)
    for place, (index, open_) in enumerate(opened):
        some = [hop for hop in hops.values() if hop.place == place]
        for one, hop in zip(_with_rows(index, open_, [hop.hit for hop in some]), some, strict=True):
            found[index.pk, one.row.row] = replace(one, via=hop.via)


def _with_rows(index: DatasetIndex, open_: Index, hits: list[Hit]) -> Iterator[Found]:
    kept = hits[:MAX_MATCHES]
    for hit, row in zip(kept, open_.rows([hit.row for hit in kept]), strict=True):
        yield Found(index, row, hit)


def store(item: Item, found: list[Found], *, since: date, via: str = "") -> None:
    """Keep what was found and put the item into a case; inside the transaction that moves it on.

    Args:
        since: the day from which the deadlines of a new case count.
        via: how all of it came here, where that is more than a second hop.
    """
    Match.objects.bulk_create(
        Match(
            item=item,
            index=one.index,
            row=one.row.row,
            how=one.hit.how,
            distance=one.hit.distance,
            variant=one.hit.variant or "",
            via=via or one.via,
            by=one.hit.by or "",
            keys={scope: keys(one.row, scope) for scope in SCOPES},
        )
        for one in found
    )
    case = _case_for(item, found, since)
    CaseItem.objects.create(case=case, item=item)
    Event.record("item.in-case", case)


def _case_for(item: Item, found: list[Found], since: date) -> Case:
    """The open case about the same picture on the same ground, or a new one. A guess joins no cases, and
    nothing joins an appeal."""
    submission, ground = item.submission, current().ground(item.submission.ground)
    target, due = ground.target(since), current().due(since)
    if since == submission.received:
        due = submission.due  # as it was promised
    rows: dict[int, list[int]] = {}
    for one in found:
        if one.hit.how not in APART:
            rows.setdefault(one.index.pk, []).append(one.row.row)
    for index, numbers in rows.items():
        shared = Match.objects.filter(index=index, row__in=numbers).exclude(how__in=APART)
        case = Case.objects.filter(
            state=Case.State.OPEN,
            ground=ground.name,
            appeal_of=None,
            case_items__item__in=shared.values("item"),
        ).first()
        if case:
            Case.objects.filter(pk=case.pk).update(target=min(case.target, target), due=min(case.due, due))
            return case
    return Case.objects.create(ground=ground.name, target=target, due=due)


def _unreadable(item: Item, slug: str) -> bool:
    """The picture itself is the problem: it is deleted, and the person is asked to send it again."""
    try:
        with item.finish(Item.State.UNREADABLE, turn=Turn.DESK, problem=slug, answered=today()):
            SealedPicture.objects.filter(item=item).delete()
    except StaleLeaseError:
        return False
    log.info("item.unreadable", extra={"item": item.pk, "slug": slug})
    return False
