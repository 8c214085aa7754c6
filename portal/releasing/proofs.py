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

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from numpy.typing import NDArray

from portal.models import Case, Decision, Item, Release, Submission, Support, Told
from portal.policy import current
from portal.releasing import bulk
from portal.releasing.book import MANY, Pks, batches
from portal.releasing.plans import Plan
from takedown.blocklist.leaves import ACTIONS, PROOF_KEY_BYTES, Record
from takedown.keys import PUBLISHED_KINDS

#: What a record needs of a support.
_COLUMNS = ("pk", "item_id", "entry_id", "entry__kind", "entry__digest", "item__submission__proof_key")
_GROUNDS = ("decision__ground", "item__submission__ground")


@dataclass(frozen=True)
class Telling:
    """One thing to tell: to whom, about what, and the record that goes into the log."""

    item: int
    entry: int | None
    record: Record


@dataclass(frozen=True, eq=False)
class Tellings:
    """Many of them in arrays, a row each: as objects, a million take a gigabyte.

    Attributes:
        support, item, entry: primary keys; 0 for the support and entry of a refusal, which is about none.
        kind, digest: place in PUBLISHED_KINDS and hex text; the text is empty where nothing is named.
        proof_key: uint8[N, 32].
        action: number in ACTIONS.
    """

    support: Pks
    item: Pks
    entry: Pks
    kind: NDArray[np.uint8]
    digest: NDArray[np.bytes_]
    proof_key: NDArray[np.uint8]
    action: NDArray[np.uint8]

    @classmethod
    def joined(cls, parts: Iterable[Tellings]) -> Tellings:
        """All of some, one after the other."""
        every = [_NOTHING, *parts]
        return cls(*(np.concatenate([getattr(part, one.name) for part in every]) for one in fields(cls)))

    def chosen(self, rows: NDArray[Any]) -> Tellings:
        """Some rows, by a mask or in another order."""
        return Tellings(*(getattr(self, one.name)[rows] for one in fields(self)))

    def once(self) -> Tellings:
        """Each pair of item and entry once, by its first support, in a fixed order."""
        found = self.chosen(np.lexsort((self.support, self.entry, self.item)))
        first = np.ones(len(found), dtype=np.bool_)
        first[1:] = (found.item[1:] != found.item[:-1]) | (found.entry[1:] != found.entry[:-1])
        return found.chosen(first)

    def __len__(self) -> int:
        return len(self.action)

    def __iter__(self) -> Iterator[Telling]:
        for item, entry, record in zip(self.item.tolist(), self.entry.tolist(), self.records(), strict=True):
            yield Telling(item, entry or None, record)

    def actions(self) -> list[str]:
        """Their names."""
        names = {number: name for name, number in ACTIONS.items()}
        return [names[number] for number in self.action.tolist()]

    def records(self) -> Iterator[Record]:
        """What goes into the log, made one by one."""
        keys = (key.tobytes() for key in self.proof_key)
        for key, action, kind, digest in zip(
            keys, self.actions(), self.kind.tolist(), self.digest.tolist(), strict=True
        ):
            named = (PUBLISHED_KINDS[kind], digest.decode("ascii")) if digest else (None, None)
            yield Record(key, action, *named)


def tellings(plan: Plan) -> Tellings:
    """What a release has to tell."""
    entries, standing = plan.listed_then(), plan.listed_now()
    return Tellings.joined([_coming(entries, standing), _going(entries), _refused()])


def remember(release: Release, told: Tellings) -> None:
    """Write down what a release tells; in the transaction that makes it ready to sign."""
    entries = [entry or None for entry in told.entry.tolist()]
    columns = {"item_id": told.item.tolist(), "entry_id": entries, "action": told.actions()}
    bulk.insert(Told, columns, release_id=release.pk)


def forget(release: Release) -> None:
    """A release that is discarded told nobody anything."""
    Told.objects.filter(release=release).delete()


def releases(submission: Submission) -> list[int]:
    """Numbers of the published releases that tell this submission something, ascending."""
    told = Told.objects.filter(item__submission=submission, release__state=Release.State.PUBLISHED)
    return sorted({seq for seq in told.values_list("release__seq", flat=True) if seq is not None})


def _coming(entries: Pks, standing: Pks) -> Tellings:
    """Supports whose entry is listed, and whose item was told nothing of it yet."""

    def choose(entry: Pks) -> NDArray[np.uint8]:
        listed = np.where(_among(entry, standing), ACTIONS["stands"], ACTIONS["added"])
        return np.where(_among(entry, entries), listed, 0).astype(np.uint8)

    return _each(_proven(Support.objects.filter(~Exists(_told()), ended=False)), choose)


def _going(entries: Pks) -> Tellings:
    """Items that were told an entry is listed and support it no longer."""
    own = Support.objects.filter(item=OuterRef("item"), entry=OuterRef("entry"), ended=False)
    others = Support.objects.filter(entry=OuterRef("entry"), ended=False)
    ended = _proven(Support.objects.filter(~Exists(own), ended=True))
    last = Subquery(_told().order_by("-release_id").values("action")[:1])

    def choose(entry: Pks, last: Sequence[str], alive: Sequence[bool]) -> NDArray[np.uint8]:
        listed = _among(entry, entries)
        action = np.where(listed, ACTIONS["still-listed"], ACTIONS["withdrawn"])
        nothing_new = action == np.array([ACTIONS[name] for name in last])
        leaves_later = listed & ~np.array(alive, dtype=np.bool_)
        return np.where(nothing_new | leaves_later, 0, action).astype(np.uint8)

    return _each(ended.annotate(last=last, alive=Exists(others)).exclude(last=None), choose, "last", "alive")


def _refused() -> Tellings:
    untold = Item.objects.filter(
        ~Exists(Told.objects.filter(item=OuterRef("pk"), action="refused")),
        state=Item.State.DECIDED,
        case_item__case__state=Case.State.REFUSED,
        case_item__case__decisions__outcome=Decision.Outcome.REFUSE,
        submission__proof_key__isnull=False,
    )
    rows = untold.values_list("pk", "submission__proof_key").distinct().order_by("pk")
    return Tellings.joined(
        _tellings([(0, pk, 0, PUBLISHED_KINDS[0], "", key) for pk, key in some], ACTIONS["refused"])
        for some in batches(rows.iterator(chunk_size=MANY))
    )


def _proven(supports: QuerySet[Support]) -> QuerySet[Support]:
    """Those of submissions that were not erased: whose proof_key is gone can find no leaf."""
    return supports.filter(item__submission__proof_key__isnull=False)


def _told() -> QuerySet[Told]:
    """What the item of a support was told about its entry; for a subquery."""
    return Told.objects.filter(item=OuterRef("item"), entry=OuterRef("entry"))


def _each(supports: QuerySet[Support], choose: Callable[..., NDArray[np.uint8]], *more: str) -> Tellings:
    """What some supports have to tell.

    Args:
        choose: from entries, and the columns of ``more``, to the numbers of actions; 0 tells nothing.
    """
    restricted = {name for name, ground in current().grounds.items() if ground.restricted}
    found = []
    for some in batches(supports.values_list(*_COLUMNS, *_GROUNDS, *more).iterator(chunk_size=MANY)):
        columns = list(zip(*some, strict=True))
        action = choose(np.array(columns[2], dtype=np.int64), *columns[len(_COLUMNS) + len(_GROUNDS) :])
        told = [row for row, one in zip(some, action.tolist(), strict=True) if one]
        if told:
            found.append(_tellings([_named(row, restricted) for row in told], action[action > 0]))
    return Tellings.joined(found).once()


def _named(row: tuple[Any, ...], restricted: set[str]) -> tuple[Any, ...]:
    """The columns of a record: a receipt in the wrong hands must not lead to a picture of child abuse."""
    pk, item, entry, kind, digest, key, *grounds = row[: len(_COLUMNS) + len(_GROUNDS)]
    return pk, item, entry, kind, "" if not restricted.isdisjoint(grounds) else digest, key


def _tellings(rows: Sequence[tuple[Any, ...]], action: Any) -> Tellings:
    support, item, entry, kind, digest, key = zip(*rows, strict=True)
    return Tellings(
        support=np.array(support, dtype=np.int64),
        item=np.array(item, dtype=np.int64),
        entry=np.array(entry, dtype=np.int64),
        kind=np.array([PUBLISHED_KINDS.index(one) for one in kind], dtype=np.uint8),
        digest=np.array(digest, dtype="S64"),
        proof_key=np.frombuffer(b"".join(key), dtype=np.uint8).reshape(-1, PROOF_KEY_BYTES),
        action=np.broadcast_to(np.asarray(action, dtype=np.uint8), len(rows)),
    )


def _among(some: Pks, ascending: Pks) -> NDArray[np.bool_]:
    """Which of some numbers are among others."""
    if not len(ascending):
        return np.zeros(len(some), dtype=np.bool_)
    at = np.minimum(np.searchsorted(ascending, some), len(ascending) - 1)
    found: NDArray[np.bool_] = ascending[at] == some
    return found


#: No tellings; so that joining none has the right types.
_NOTHING = Tellings(
    support=np.empty(0, dtype=np.int64),
    item=np.empty(0, dtype=np.int64),
    entry=np.empty(0, dtype=np.int64),
    kind=np.empty(0, dtype=np.uint8),
    digest=np.empty(0, dtype="S64"),
    proof_key=np.empty((0, PROOF_KEY_BYTES), dtype=np.uint8),
    action=np.empty(0, dtype=np.uint8),
)
