"""What a release tells each person who asked, in the receipts log.

One record for each item and entry, the first time a release acts on it:

* ``added``         the release lists the entry, and no edition did before;
* ``stands``        the release lists it, and it was listed before;
* ``still-listed``  the item no longer supports it, and another decision does;
* ``withdrawn``     the item no longer supports it, and no edition lists it any more;
* ``refused``       once an item: nothing of it is removed.

Only what was told to be listed is told to be withdrawn: who took a request back before any release acted on
it has no leaf. A change that an edition still holds back is told when it is made. A person who was told
``still-listed`` is told ``withdrawn`` when the entry goes at last.

``Told`` rows remember what was told in which release. They are written in the transaction that makes the
release ready to sign, and go when it is discarded, so everything is told once, whatever crashes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from portal.models import Case, Decision, Item, Listing, Release, Submission, Support, Told
from portal.policy import current
from takedown.blocklist.leaves import Record

_LISTED = ("added", "stands")


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
        Told(item_id=one.item, entry_id=one.entry, action=one.record.action, release=release) for one in told
    )


def forget(release: Release) -> None:
    """A release that is discarded told nobody anything."""
    Told.objects.filter(release=release).delete()


def releases(submission: Submission) -> list[int]:
    """Numbers of the published releases that tell this submission something, ascending."""
    told = Told.objects.filter(item__submission=submission, release__state=Release.State.PUBLISHED)
    return sorted(set(told.values_list("release__seq", flat=True)))


def _coming(entries: Collection[int], standing: Collection[int]) -> Iterator[Telling]:
    """Supports whose entry is listed, and whose item was not told so."""
    fresh = _proven(Support.objects.filter(ended=False)).exclude(_was_told(*_LISTED))
    for row in _each(fresh):
        if row["entry"] in entries:
            yield _telling(row, "stands" if row["entry"] in standing else "added")


def _going(entries: Collection[int]) -> Iterator[Telling]:
    """Items that were told an entry is listed and support it no longer."""
    still = Support.objects.filter(item=OuterRef("item"), entry=OuterRef("entry"), ended=False)
    taken_back = _proven(Support.objects.filter(_was_told(*_LISTED), ~Exists(still), ended=True))
    alive = set(
        Support.objects.filter(ended=False, entry__in=taken_back.values("entry")).values_list(
            "entry", flat=True
        )
    )
    told = set(Told.objects.filter(action="still-listed").values_list("item", "entry"))
    for row in _each(taken_back.exclude(_was_told("withdrawn"))):
        if row["entry"] not in entries:
            yield _telling(row, "withdrawn")
        elif row["entry"] in alive and (row["item"], row["entry"]) not in told:
            yield _telling(row, "still-listed")


def _refused() -> Iterator[Telling]:
    untold = Item.objects.filter(
        ~Exists(Told.objects.filter(item=OuterRef("pk"), action="refused")),
        state=Item.State.DECIDED,
        case_item__case__state=Case.State.REFUSED,
        case_item__case__decisions__outcome=Decision.Outcome.REFUSE,
        submission__proof_key__isnull=False,
    )
    for pk, key in untold.values_list("pk", "submission__proof_key").distinct().order_by("pk"):
        yield Telling(pk, None, Record(bytes(key), "refused"))


def _proven(supports: QuerySet[Support]) -> QuerySet[Support]:
    """Those of submissions that were not erased: whose proof_key is gone can find no leaf."""
    return supports.filter(item__submission__proof_key__isnull=False)


def _was_told(*actions: str) -> Any:
    told = Told.objects.filter(item=OuterRef("item"), entry=OuterRef("entry"), action__in=actions)
    return Exists(told)


def _each(supports: QuerySet[Support]) -> Iterator[dict[str, Any]]:
    """Each pair of item and entry once, in a fixed order, with what a record needs."""
    seen: set[tuple[int, int]] = set()
    columns = ("item", "entry", "entry__kind", "entry__digest", "item__submission__proof_key")
    grounds = ("decision__ground", "item__submission__ground")
    for row in supports.order_by("item", "entry", "pk").values(*columns, *grounds).iterator():
        if (row["item"], row["entry"]) not in seen:
            seen.add((row["item"], row["entry"]))
            yield row


def _telling(row: dict[str, Any], action: str) -> Telling:
    key, kind, digest = bytes(row["item__submission__proof_key"]), row["entry__kind"], row["entry__digest"]
    if _restricted(row):
        return Telling(row["item"], row["entry"], Record(key, action))
    return Telling(row["item"], row["entry"], Record(key, action, kind, digest))


def _restricted(row: dict[str, Any]) -> bool:
    """Child-safety leaves name nothing: a receipt in the wrong hands must not lead to such a picture."""
    policy = current()
    return any(
        policy.ground(row[name]).restricted for name in ("decision__ground", "item__submission__ground")
    )
