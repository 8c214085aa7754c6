"""What reviewers do with a case: propose, confirm, send back, refuse; and what a withdrawal changes.

Every move is a compare-and-set on the case's state inside one transaction, with its event in the audit
trail. Two people for every removal and for every un-blocking of something published; the database holds
that rule too (models/decision.py).
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import models, transaction
from django.db.models import Q

from portal.days import today
from portal.models import (
    Case,
    CaseItem,
    Decision,
    DecisionMatch,
    Entry,
    Event,
    Item,
    Listing,
    Match,
    Release,
    SealedPicture,
    Support,
    User,
)
from portal.models.turns import Turn, take_turns
from portal.policy import current
from takedown.keys import PUBLISHED_KINDS, Key


class ReviewError(Exception):
    """A move that is not possible; the text says why and what to do."""


@transaction.atomic
def propose_removal(
    case: Case, user: User, matches: Collection[int], scope: str, reason: str = ""
) -> Decision:
    """Propose to remove the rows of some of the case's matches.

    Args:
        matches: primary keys of matches of this case's items.
        scope: a value of Decision.Scope.

    Raises:
        ReviewError: nothing chosen, a match of another case, an unknown scope, or someone was faster.
    """
    chosen = list(_matches_of(case).filter(pk__in=matches))
    if not chosen or len(chosen) != len(set(matches)):
        raise ReviewError("Choose at least one of the rows listed here, then propose again.")
    if scope not in Decision.Scope.values:
        raise ReviewError("Choose what to remove: these addresses, or all copies of these files.")
    if not any(match.keys_of(scope) for match in chosen):
        raise ReviewError(
            "These rows have neither an address nor a known digest, so no release can name them."
        )
    _move(case, (Case.State.OPEN,), Case.State.PROPOSED)
    decision = _decide(case, user, Decision.Outcome.REMOVE, scope=scope, reason=reason)
    DecisionMatch.objects.bulk_create(DecisionMatch(decision=decision, match=match) for match in chosen)
    Event.record("removal.proposed", decision, actor=user)
    return decision


@transaction.atomic
def refuse(case: Case, user: User, reason: str) -> Decision:
    """Decide that nothing is removed. One reviewer may; the reason is owed to the person.

    Raises:
        ReviewError: no reason, or the case is not open.
    """
    if not reason.strip():
        raise ReviewError("Write the reason: the person who asked will read it.")
    _move(case, (Case.State.OPEN,), Case.State.REFUSED)
    decision = _decide(case, user, Decision.Outcome.REFUSE, reason=reason, state=Decision.State.CONFIRMED)
    _items_of(case).update(state=Item.State.DECIDED)
    Event.record("case.refused", decision, actor=user)
    return decision


@transaction.atomic
def confirm(decision: Decision, user: User) -> None:
    """Confirm another person's proposal and let it take effect.

    Raises:
        ReviewError: it is one's own proposal, or it is no longer waiting.
    """
    if decision.proposer_id == user.pk:
        raise ReviewError("You proposed this yourself; another person has to confirm it.")
    moved = Decision.objects.filter(pk=decision.pk, state=Decision.State.PROPOSED).update(
        state=Decision.State.CONFIRMED, approver=user, confirmed=today()
    )
    if not moved:
        raise ReviewError("Someone else has already dealt with this proposal.")
    decision.refresh_from_db()
    if decision.outcome == Decision.Outcome.REMOVE:
        _remove(decision)
    else:
        _unblock(decision)
    Event.record(f"{decision.outcome}.confirmed", decision, actor=user)


@transaction.atomic
def send_back(decision: Decision, user: User) -> None:
    """The second person does not agree: the case is open again. The proposer may take a proposal back too."""
    moved = Decision.objects.filter(pk=decision.pk, state=Decision.State.PROPOSED).update(
        state=Decision.State.DECLINED, approver=user, confirmed=today()
    )
    if not moved:
        raise ReviewError("Someone else has already dealt with this proposal.")
    if decision.outcome == Decision.Outcome.REMOVE:
        _move(decision.case, (Case.State.PROPOSED,), Case.State.OPEN)
    Event.record(f"{decision.outcome}.declined", decision, actor=user)


@transaction.atomic
def withdraw(item: Item) -> bool:
    """The receipt's holder takes an item back.

    Returns:
        True when it is done; False when the removal is already public, so that two reviewers have to confirm
        the un-blocking first.
    """
    take_turns(Turn.ENTRIES)
    CaseItem.objects.filter(item=item).update(withdrawal_asked=True)
    if _is_public(item):
        Event.record("withdrawal.asked", item)
        return False
    Support.objects.filter(item=item, ended=False).update(ended=True)
    Item.objects.filter(pk=item.pk).update(state=Item.State.WITHDRAWN, lease_token=None, lease_until=None)
    SealedPicture.objects.filter(item=item).delete()
    _close_if_all_withdrawn(item)
    Event.record("item.withdrawn", item)
    return True


@transaction.atomic
def propose_unblock(item: Item, user: User) -> Decision:
    """Propose to take a published removal back for one item whose holder asked for it.

    Raises:
        ReviewError: nobody asked, or a proposal of this case is waiting already.
    """
    member = CaseItem.objects.select_related("case").filter(item=item, withdrawal_asked=True).first()
    if member is None or item.state == Item.State.WITHDRAWN:
        raise ReviewError("No withdrawal was asked for here, or it is already done.")
    if Decision.objects.filter(case=member.case, state=Decision.State.PROPOSED).exists():
        raise ReviewError("A proposal for this case is already waiting for a second person.")
    decision = _decide(member.case, user, Decision.Outcome.UNBLOCK, item=item)
    Event.record("unblock.proposed", decision, actor=user)
    return decision


@transaction.atomic
def retry(item: Item, user: User) -> Item | None:
    """Give a stuck item another round of attempts; None when it is not stuck any more."""
    start = Item.State.SEALED if SealedPicture.objects.filter(item=item).exists() else Item.State.READY
    if not Item.objects.filter(pk=item.pk, state=Item.State.NEEDS_PERSON).update(state=start, attempts=0):
        return None
    Event.record("item.retried", item, actor=user)
    item.refresh_from_db()
    return item


def _remove(decision: Decision) -> None:
    """Each published key of the chosen rows gets the support of every item of the case that still stands."""
    take_turns(Turn.ENTRIES)
    _move(decision.case, (Case.State.PROPOSED,), Case.State.REMOVED)
    wanted = {
        key
        for chosen in decision.chosen.select_related("match")
        for key in chosen.match.keys_of(decision.scope)
    }
    Entry.objects.bulk_create(
        (Entry(kind=kind, digest=digest) for kind, digest in wanted), ignore_conflicts=True
    )
    entries = [entry for kind in PUBLISHED_KINDS for entry in _entries(kind, wanted)]
    items = list(_items_of(decision.case))
    Support.objects.bulk_create(
        Support(entry=entry, decision=decision, item=item) for item in items for entry in entries
    )
    _items_of(decision.case).update(state=Item.State.DECIDED)


def _entries(kind: str, wanted: set[Key]) -> models.QuerySet[Entry]:
    return Entry.objects.filter(kind=kind, digest__in=[key.digest for key in wanted if key.kind == kind])


def _unblock(decision: Decision) -> None:
    take_turns(Turn.ENTRIES)
    Support.objects.filter(item=decision.item, ended=False).update(ended=True, ended_by=decision)
    Item.objects.filter(pk=decision.item_id).update(state=Item.State.WITHDRAWN)
    if decision.item:
        _close_if_all_withdrawn(decision.item)


def _close_if_all_withdrawn(item: Item) -> None:
    member = CaseItem.objects.select_related("case").filter(item=item).first()
    if member is None or _items_of(member.case).exists():
        return
    open_proposals = Decision.objects.filter(case=member.case, state=Decision.State.PROPOSED)
    open_proposals.update(state=Decision.State.DECLINED)
    Case.objects.filter(pk=member.case_id).update(state=Case.State.WITHDRAWN)


def _is_public(item: Item) -> bool:
    """True when an entry that this item supports stands in a release that was published or may be signed."""
    shown = ~Q(since__state=Release.State.DISCARDED)
    supported = Support.objects.filter(item=item, ended=False).values("entry")
    return Listing.objects.filter(shown, entry__in=supported).exists()


def _decide(case: Case, user: User, outcome: str, **values: object) -> Decision:
    return Decision.objects.create(
        case=case,
        outcome=outcome,
        ground=case.ground,
        policy_version=current().version,
        proposer=user,
        proposed=today(),
        **values,
    )


def _move(case: Case, before: tuple[str, ...], after: str) -> None:
    if not Case.objects.filter(pk=case.pk, state__in=before).update(state=after):
        raise ReviewError("Someone else has just worked on this case; look at it again.")
    case.state = after


def _items_of(case: Case) -> models.QuerySet[Item]:
    """The items of a case that still stand."""
    return Item.objects.filter(case_item__case=case).exclude(state=Item.State.WITHDRAWN)


def _matches_of(case: Case) -> models.QuerySet[Match]:
    return Match.objects.filter(item__in=_items_of(case))
