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
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from django.db.models import Max, Min, Q, QuerySet

from portal.models import Decision, DecisionMatch, Entry, Listing, Support
from portal.policy import Edition, Policy, current
from takedown.keys import Key
from takedown.publish.editions import BURIED_KIND

#: Days that a change waits for others at most.
LONGEST_WAIT = timedelta(days=14)

T = TypeVar("T")

#: Live entries by primary key.
Entries = dict[int, Key]


@dataclass(frozen=True)
class Waiting:
    """The changes of one edition that are decided and not published.

    Attributes:
        added, removed: entries that come and go.
        goes_in, goes_out: how many of these the next release would take along.
        lines: of the public delta that the edition's own changes make.
        needed: lines that they wait for.
        held: whether they still wait.
        last_day: the day on which they go with whatever is there; None where nothing is held.
    """

    added: int
    removed: int
    goes_in: int
    goes_out: int
    lines: int
    needed: int
    held: bool
    last_day: date | None

    @property
    def stay(self) -> int:
        """How many of the changes the next release would leave for later."""
        return self.added + self.removed - self.goes_in - self.goes_out


@dataclass(frozen=True)
class Plan:
    """For each edition the list of the next release, and what waits."""

    lists: dict[str, Entries]
    waiting: dict[str, Waiting]


def plan(day: date) -> Plan:
    """What a release that is built on some day would hold."""
    policy = current()
    hidden = buried(policy)
    found = Plan({}, {})
    changes: dict[str, tuple[Entries, Entries]] = {}
    for edition in policy.in_order():
        live, listed = _live(policy, edition, hidden), _listed(edition.name)
        added = {pk: key for pk, key in live.items() if pk not in listed}
        removed = {pk: key for pk, key in listed.items() if pk not in live}
        changes[edition.name] = added, removed
        _decide(policy, edition, listed, changes, found, day)
    return found


@dataclass(frozen=True)
class Buried:
    """Entries of rows that some child-safety request named, ever, by primary key.

    Also when that request was taken back since: an entry that stood among the buried ones and then appears
    in full would tell what it had been.

    Attributes:
        named: listed by an edition that buries, and by no other.
        unnamed: other digests of those rows. Listed anywhere, they would cross with the prefix of the address
            and leave few rows to choose from.
    """

    named: frozenset[int] = frozenset()
    unnamed: frozenset[int] = frozenset()


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


def lost_grounds(edition: str, before: Collection[str] | None, entries: Mapping[int, Key]) -> bool:
    """Whether entries would go only since the policy no longer carries their ground in an edition.

    Args:
        before: the grounds of the edition's last release; None where that is not known.
        entries: what the edition would list.
    """
    lost = None if before is None else set(before) - set(current().carried(edition))
    listed = Listing.objects.filter(edition=edition, until=None).values_list("entry", flat=True)
    for gone in pieces([pk for pk in listed if pk not in entries]):
        standing = Support.objects.filter(entry__in=gone, ended=False)
        if (standing if lost is None else standing.filter(decision__ground__in=lost)).exists():
            return True
    return False


def pieces(values: Iterable[T]) -> Iterator[list[T]]:
    """Values in pieces that every database takes as parameters."""
    every = list(values)
    return (every[at : at + 500] for at in range(0, len(every), 500))


def _live(policy: Policy, edition: Edition, hidden: Buried) -> Entries:
    """The entries that a standing decision supports on a ground of the edition, as far as it may list them.

    What it, or an edition of whole digests, lists already stays, whatever was asked since.
    """
    grounds = policy.carried(edition.name)
    supported = Entry.objects.filter(supports__ended=False, supports__decision__ground__in=grounds)
    alive = _keys(supported.distinct())
    kept_back = hidden.named | hidden.unnamed if edition.full else hidden.unnamed
    if kept_back:
        shown = [edition.name, *(one.name for one in policy.editions.values() if one.full)]
        standing = Listing.objects.filter(edition__in=shown, until=None).values_list("entry", flat=True)
        kept_back -= set(standing)
    return {pk: key for pk, key in alive.items() if pk not in kept_back}


def _listed(edition: str) -> Entries:
    return _keys(Entry.objects.filter(listings__edition=edition, listings__until=None))


def _keys(entries: QuerySet[Entry]) -> Entries:
    return {pk: Key(kind, digest) for pk, kind, digest in entries.values_list("pk", "kind", "digest")}


def _decide(
    policy: Policy,
    edition: Edition,
    listed: Entries,
    changes: Mapping[str, tuple[Entries, Entries]],
    found: Plan,
    day: date,
) -> None:
    """Add one edition to the plan."""
    added, removed = changes[edition.name]
    inside = policy.included(edition.name)
    elsewhere = ({pk for name in inside for pk in changes[name][at]} for at in (0, 1))
    followed_in, followed_out = elsewhere
    shown = {pk: key for name in inside for pk, key in found.lists[name].items()}
    base = {pk: key for pk, key in listed.items() if not (pk in removed and pk in followed_out)} | shown
    own_in = {pk: key for pk, key in added.items() if pk not in followed_in and pk not in base}
    own_out = {pk: key for pk, key in removed.items() if pk not in followed_out and pk not in shown}
    lines = _lines(edition.prefix_hex, base, own_in, own_out)
    few = 0 < lines < edition.min_delta_entries
    last_day = _last_day(policy.carried(edition.name), own_in, own_out, day) if few else day
    held = few and day < last_day
    kept = {pk: key for pk, key in base.items() if pk not in own_out} | own_in
    chosen = base if held else kept
    found.lists[edition.name] = chosen
    found.waiting[edition.name] = Waiting(
        added=len(added),
        removed=len(removed),
        goes_in=len(chosen.keys() - listed.keys()),
        goes_out=len(listed.keys() - chosen.keys()),
        lines=lines,
        needed=edition.min_delta_entries,
        held=held,
        last_day=last_day if held else None,
    )


def _lines(prefix_hex: int, base: Entries, own_in: Entries, own_out: Entries) -> int:
    """Lines that a public delta has for some changes of a list: twins of one prefix make none."""
    if not own_in and not own_out:
        return 0
    change = _cut(own_in.values(), prefix_hex)
    change.subtract(_cut(own_out.values(), prefix_hex))
    before = _cut(base.values(), prefix_hex)
    return sum((before[prefix] > 0) != (before[prefix] + more > 0) for prefix, more in change.items())


def _cut(keys: Iterable[Key], prefix_hex: int) -> Counter[Key]:
    return Counter(Key(kind, digest[:prefix_hex]) for kind, digest in keys)


def _last_day(grounds: Collection[str], own_in: Entries, own_out: Entries, day: date) -> date:
    """The day on which changes go at the latest: 14 days after the first, or an earlier deadline."""
    days = []
    for some in pieces(own_in):
        coming = Support.objects.filter(entry__in=some, ended=False, decision__ground__in=grounds).aggregate(
            since=Min("decision__confirmed"), due=Min("decision__case__due")
        )
        days += [coming["since"] and coming["since"] + LONGEST_WAIT, coming["due"]]
    for some in pieces(own_out):
        ended = Support.objects.filter(entry__in=some, ended=True).values("entry")
        last = ended.annotate(last=Max("ended_day")).values_list("last", flat=True)
        days += [one + LONGEST_WAIT if one else day for one in last]
    return min((one for one in days if one), default=day)
