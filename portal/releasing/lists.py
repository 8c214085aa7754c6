"""What the next release lists: what is decided, less what still waits for company.

A delta that tells one change tells which row somebody asked about. So the changes of an edition wait until
there are ``min_delta_entries`` of them, 14 days at most, and never past the deadline of a case behind them:

1. editions are looked at in order, each after those it includes;
2. a change that waits in an included edition too is decided there, and followed: a smaller list stays inside
   a larger one in every release;
3. the changes that are left are the edition's own. Additions and removals count alike, in lines of the
   public delta, and wait together or go together;
4. where no line would change (an entry shares its prefix with another) there is nothing to wait for.

Nobody stores when an entry began to wait: it is the day of the decision, or the day its last support ended.
Sets of entries are masks over one book of them all (book.py), so that a million take seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeVar

import numpy as np
from django.db.models import Max, Min, Q, QuerySet

from portal.models import Decision, DecisionMatch, Entry, Listing, Support
from portal.policy import Edition, Policy, current
from portal.releasing.book import MANY, Book, Entries, Mask, Pks, batches
from portal.releasing.plans import Buried, Plan, Waiting
from takedown.keys import Key
from takedown.publish.editions import BURIED_KIND

#: Days that a change waits for others at most.
LONGEST_WAIT = timedelta(days=14)

T = TypeVar("T")


@dataclass(frozen=True)
class _Facts:
    """What the database says, read once: supports and listings first, so that the book has all they name."""

    book: Book
    hidden: Buried
    supported: dict[str, Mask]
    listed: dict[str, Mask]

    @classmethod
    def read(cls, policy: Policy) -> _Facts:
        live = Support.objects.filter(ended=False).values_list("entry", "decision__ground")
        standing = Listing.objects.filter(until=None).values_list("entry", "edition")
        supported, listed, hidden = _by_name(live), _by_name(standing), buried(policy)
        book = Book.read()
        masks = ({name: book.mask(pks) for name, pks in one.items()} for one in (supported, listed))
        return cls(book, hidden, *masks)

    def supported_by(self, grounds: Collection[str]) -> Mask:
        return self.book.union(self.supported[name] for name in grounds if name in self.supported)

    def listed_in(self, editions: Collection[str]) -> Mask:
        return self.book.union(self.listed[name] for name in editions if name in self.listed)


def plan(day: date) -> Plan:
    """What a release that is built on some day would hold."""
    policy = current()
    facts = _Facts.read(policy)
    found = Plan(facts.book, facts.hidden, {}, {}, {})
    changes: dict[str, tuple[Mask, Mask]] = {}
    for edition in policy.in_order():
        live, listed = _live(policy, edition, facts), facts.listed_in([edition.name])
        found.listed[edition.name] = listed
        changes[edition.name] = live & ~listed, listed & ~live
    for edition in policy.in_order():
        _decide(policy, edition, changes, found, day)
    return found


def buried(policy: Policy) -> Buried:
    """What child-safety requests named; nothing while no edition carries such a ground."""
    names = policy.restricted()
    if not names:
        return Buried()
    asked = Q(decision__ground__in=names) | Q(item__submission__ground__in=names)
    entries = dict(Support.objects.filter(asked).values_list("entry", "entry__kind"))
    entries |= _of_rows(names)
    named = frozenset(pk for pk, kind in entries.items() if kind == BURIED_KIND)
    return Buried(named, frozenset(entries) - named)


def _of_rows(names: Collection[str]) -> dict[int, str]:
    """Every entry, with its kind, that is a digest of a row chosen on one of these grounds."""
    chosen = DecisionMatch.objects.filter(
        decision__ground__in=names, decision__state=Decision.State.CONFIRMED
    )
    keys = {
        Key(*pair)
        for told in chosen.values_list("match__keys", flat=True).iterator()
        for pairs in told.values()
        for pair in pairs
    }
    found: dict[int, str] = {}
    for some in pieces(key.digest for key in keys):
        for pk, kind, digest in Entry.objects.filter(digest__in=some).values_list("pk", "kind", "digest"):
            if Key(kind, digest) in keys:
                found[pk] = kind
    return found


def waiting_ends(decided: Iterable[tuple[str, date | None, date]]) -> date | None:
    """The day up to which removals may be held back; None where no edition holds back.

    Found from their own days alone. What others asked for may end the wait sooner, and is told to nobody.

    Args:
        decided: of each its ground, the day it was confirmed, and the deadline of its case.
    """
    policy, days = current(), []
    for ground, since, due in decided:
        carriers = policy.ground(ground).editions
        names = {one for name in carriers for one in (name, *policy.included(name))}
        if since and any(policy.editions[name].min_delta_entries > 1 for name in names):
            days.append(min(since + LONGEST_WAIT, due))
    return max(days, default=None)


def lost_grounds(planned: Plan, edition: str, before: Collection[str] | None) -> bool:
    """Whether entries would go only since the policy no longer carries their ground in an edition.

    Args:
        planned: the next release.
        before: the grounds of the edition's last release; None where that is not known.
    """
    lost = None if before is None else set(before) - set(current().carried(edition))
    gone = Entries(planned.book, planned.listed[edition] & ~planned.lists[edition].mask)
    for some in pieces(gone):
        standing = Support.objects.filter(entry__in=some, ended=False)
        if (standing if lost is None else standing.filter(decision__ground__in=lost)).exists():
            return True
    return False


def pieces(values: Iterable[T]) -> Iterator[list[T]]:
    """Values in pieces that every database takes as parameters."""
    return batches(values, 500)


def _by_name(rows: QuerySet[Any, tuple[int, str]]) -> dict[str, Pks]:
    """Primary keys of entries by the name that stands beside each."""
    found: dict[str, list[Pks]] = {}
    for some in batches(rows.iterator(chunk_size=MANY)):
        pks, names = (np.array(column) for column in zip(*some, strict=True))
        for name in np.unique(names).tolist():
            found.setdefault(name, []).append(pks[names == name])
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _live(policy: Policy, edition: Edition, facts: _Facts) -> Mask:
    """The entries that a standing decision supports on a ground of the edition, as far as it may list them.

    What it, or an edition of whole digests, lists already stays, whatever was asked since. An entry that it
    lists and another edition buries stays as long as anything supports it: gone here and not there, it would
    be the one that is buried.
    """
    alive, hidden = facts.supported_by(policy.carried(edition.name)), facts.hidden
    listed = facts.listed_in([edition.name])
    if not edition.buries:
        alive |= listed & facts.book.mask(hidden.named) & facts.supported_by(facts.supported)
    kept_back = hidden.unnamed if edition.buries else hidden.named | hidden.unnamed
    if not kept_back:
        return alive
    shown = listed | facts.listed_in([one.name for one in policy.editions.values() if one.full])
    return alive & ~(facts.book.mask(kept_back) & ~shown)


def _decide(
    policy: Policy, edition: Edition, changes: Mapping[str, tuple[Mask, Mask]], found: Plan, day: date
) -> None:
    """Add one edition to the plan."""
    book, listed = found.book, found.listed[edition.name]
    added, removed = changes[edition.name]
    followed_in, followed_out, shown = book.none(), book.none(), book.none()
    for name in policy.included(edition.name):
        followed_in |= changes[name][0]
        followed_out |= changes[name][1]
        shown |= found.lists[name].mask
    base = listed & ~(removed & followed_out) | shown
    own_in, own_out = added & ~followed_in & ~base, removed & ~followed_out & ~shown
    kept = base & ~own_out | own_in
    lines = book.differing_lines(edition.prefix_hex, base, kept)
    few = 0 < lines < edition.min_delta_entries
    coming = {name: Entries(book, own_in & ~found.listed[name]) for name in policy.followers(edition.name)}
    last_day = _last_day(policy, coming, Entries(book, own_out), day) if few else day
    held = few and day < last_day
    chosen = base if held else kept
    found.lists[edition.name] = Entries(book, chosen)
    found.waiting[edition.name] = Waiting(
        added=int(added.sum()),
        removed=int(removed.sum()),
        goes_in=int((chosen & ~listed).sum()),
        goes_out=int((listed & ~chosen).sum()),
        lines=lines,
        needed=edition.min_delta_entries,
        held=held,
        last_day=last_day if held else None,
    )


def _last_day(policy: Policy, coming: Mapping[str, Entries], own_out: Iterable[int], day: date) -> date:
    """The day on which changes go at the latest: 14 days after the first, or an earlier deadline.

    Args:
        coming: what is to come in the edition, and in each that has to follow it, which waits as long.
    """
    days = []
    for name, entries in coming.items():
        standing = Support.objects.filter(ended=False, decision__ground__in=policy.carried(name))
        for some in pieces(entries):
            first = standing.filter(entry__in=some).aggregate(
                since=Min("decision__confirmed"), due=Min("decision__case__due")
            )
            days += [first["since"] and first["since"] + LONGEST_WAIT, first["due"]]
    for some in pieces(own_out):
        ended = Support.objects.filter(entry__in=some, ended=True).values("entry")
        last = ended.annotate(last=Max("ended_day")).values_list("last", flat=True)
        days += [one + LONGEST_WAIT if one else day for one in last]
    return min((one for one in days if one), default=day)
