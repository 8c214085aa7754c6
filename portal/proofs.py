"""What a release tells each person who asked, in the receipts log.

One record for each item and entry when what the release does differs from what the item was last told:

* ``added``         the release lists the entry, and no edition did before;
* ``stands``        the release lists it, and it was listed before;
* ``still-listed``  the item no longer supports it, and another decision does;
* ``withdrawn``     the item no longer supports it, and no edition lists it;
* ``refused``       once an item: nothing of it is removed.

Only what was told to be listed is told to be withdrawn: who took a request back before any release acted on
it has no leaf. A change that an edition still holds back is told when it is made. Whoever was told
``still-listed`` hears ``withdrawn`` when the entry goes at last, and the other way round when it comes back.

``Told`` rows remember what was told in which release. They are written in the transaction that makes the
release ready to sign, and go when it is discarded, so nothing is told twice, whatever crashes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from portal.models import Case, Decision, Item, Listing, Release, Submission, Support, Told
from portal.policy import current
from takedown.blocklist.leaves import Record


@dataclass(frozen=True)
class Telling:
    """One thing to tell: to whom, about what, and the record that goes into the log."""

    item: int
    entry: int | None
    record: Record


def tellings(entries: Collection[int]) -> list[Telling]:
    """What a release has to tell.

    Args:
        entries: primary keys of all entries that it lists, in any edition.
    """
    standing = set(Listing.objects.filter(until=None).values_list("entry", flat=True))
    return [*_coming(entries, standing), *_going(entries), *_refused()]


def remember(release: Release, told: Iterable[Telling]) -> None:
    """Write down what a release tells; in the transaction that makes it ready to sign."""
    Told.objects.bulk_create(
        Told(item_id=one.item, entry_id=one.entry, action=one.record.action, release_id=release.pk)
        for one in told
    )


def forget(release: Release) -> None:
    """A release that is discarded told nobody anything."""
    Told.objects.filter(release=release).delete()


def releases(submission: Submission) -> list[int]:
    """Numbers of the published releases that tell this submission something, ascending."""
    told = Told.objects.filter(item__submission=submission, release__state=Release.State.PUBLISHED)
    return sorted({seq for seq in told.values_list("release__seq", flat=True) if seq is not None})


def _coming(entries: Collection[int], standing: Collection[int]) -> Iterator[Telling]:
    """Supports whose entry is listed, and whose item was told nothing of it yet."""
    for row in _each(_proven(Support.objects.filter(~Exists(_told()), ended=False))):
        if row["entry"] in entries:
            yield _telling(row, "stands" if row["entry"] in standing else "added")


def _going(entries: Collection[int]) -> Iterator[Telling]:
    """Items that were told an entry is listed and support it no longer."""
    own = Support.objects.filter(item=OuterRef("item"), entry=OuterRef("entry"), ended=False)
    others = Support.objects.filter(entry=OuterRef("entry"), ended=False)
    ended = _proven(Support.objects.filter(~Exists(own), ended=True))
    last = Subquery(_told().order_by("-release_id").values("action")[:1])
    for row in _each(ended.annotate(last=last, alive=Exists(others)).exclude(last=None), "last", "alive"):
        action = "still-listed" if row["entry"] in entries else "withdrawn"
        leaves_later = action == "still-listed" and not row["alive"]
        if action != row["last"] and not leaves_later:
            yield _telling(row, action)


def _refused() -> Iterator[Telling]:
    untold = Item.objects.filter(
        ~Exists(Told.objects.filter(item=OuterRef("pk"), action="refused")),
        state=Item.State.DECIDED,
        case_item__case__state=Case.State.REFUSED,
        case_item__case__decisions__outcome=Decision.Outcome.REFUSE,
        submission__proof_key__isnull=False,
    )
    for pk, key in untold.values_list("pk", "submission__proof_key").distinct().order_by("pk"):
        yield Telling(pk, None, Record(bytes(key or b""), "refused"))


def _proven(supports: QuerySet[Support]) -> QuerySet[Support]:
    """Those of submissions that were not erased: whose proof_key is gone can find no leaf."""
    return supports.filter(item__submission__proof_key__isnull=False)


def _told() -> QuerySet[Told]:
    """What the item of a support was told about its entry; for a subquery."""
    return Told.objects.filter(item=OuterRef("item"), entry=OuterRef("entry"))


def _each(supports: QuerySet[Support], *more: str) -> Iterator[dict[str, Any]]:
    """Each pair of item and entry once, in a fixed order, with what a record needs."""
    seen: set[tuple[int, int]] = set()
    restricted = {name for name, ground in current().grounds.items() if ground.restricted}
    columns = ("item", "entry", "entry__kind", "entry__digest", "item__submission__proof_key")
    grounds = ("decision__ground", "item__submission__ground")
    for row in supports.order_by("item", "entry", "pk").values(*columns, *grounds, *more).iterator():
        if (row["item"], row["entry"]) not in seen:
            seen.add((row["item"], row["entry"]))
            row["restricted"] = not restricted.isdisjoint(row[name] for name in grounds)
            yield row


def _telling(row: dict[str, Any], action: str) -> Telling:
    key, kind, digest = bytes(row["item__submission__proof_key"]), row["entry__kind"], row["entry__digest"]
    if row["restricted"]:
        # A receipt in the wrong hands must not lead to such a picture.
        return Telling(row["item"], row["entry"], Record(key, action))
    return Telling(row["item"], row["entry"], Record(key, action, kind, digest))
