"""What reviewers do with a case: propose, confirm, send back, refuse; and what a withdrawal changes.

Every move first takes its turn (Turn.DESK), then is a compare-and-set on the case's state inside one
transaction, with its event in the audit trail. Two people for every removal and for every un-blocking of
something published; the database holds that rule too (models/decision.py). An appeal is a case of its own,
which names the one that was decided first: whoever decided that decides nothing here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import Q

from portal.days import today
from portal.deciding import erasing, supports
from portal.deciding.answers import ANSWERS
from portal.models import (
    Case,
    CaseItem,
    Decision,
    DecisionMatch,
    Event,
    Item,
    Match,
    SealedPicture,
    User,
)
from portal.models.turns import Turn, take_turns
from portal.policy import current
from takedown.publish.editions import BURIED_KIND


class ReviewError(Exception):
    """A move that is not possible; the text says why and what to do."""


@contextmanager
def move() -> Iterator[None]:
    """One transaction at a time changes cases, decisions and supports."""
    with transaction.atomic():
        take_turns(Turn.DESK)
        yield


def propose_removal(
    case: Case, user: User, matches: Collection[int], scope: str, reason: str = ""
) -> Decision:
    """Propose to remove the rows of some of the case's matches.

    Args:
        matches: primary keys of matches of this case's items.
        scope: a value of Decision.Scope.

    Raises:
        ReviewError: nothing chosen, a match of another case, an unknown scope, someone was faster, or the
            user decided this before an appeal.
    """
    with move():
        _must_be_new_to(case, user)
        chosen = list(supports.standing_matches(case).filter(pk__in=matches))
        if not chosen or len(chosen) != len(set(matches)):
            raise ReviewError("Choose at least one of the rows listed here, then propose again.")
        if scope not in Decision.Scope.values:
            raise ReviewError("Choose what to remove: these addresses, or all copies of these files.")
        if current().ground(case.ground).restricted and not _by_address(chosen, scope):
            raise ReviewError(
                "Child-safety rows are removed by their address alone: choose “these addresses only”, and "
                "leave rows without an address to the hotline."
            )
        if not any(match.keys_of(scope) for match in chosen):
            raise ReviewError("These rows have neither address nor known digest; no release can name them.")
        _step(case, Case.State.OPEN, Case.State.PROPOSED)
        decision = _decide(case, user, Decision.Outcome.REMOVE, scope=scope, reason=reason)
        DecisionMatch.objects.bulk_create(DecisionMatch(decision=decision, match=match) for match in chosen)
        Event.record("removal.proposed", decision, actor=user)
    return decision


def refuse(case: Case, user: User, answer: str, seen: Collection[int], reason: str = "") -> Decision:
    """Decide that nothing is removed. One reviewer may; an answer is owed to the person.

    Args:
        answer: name of what the person is told (answers.py).
        seen: primary keys of the items that the reviewer looked at.
        reason: for colleagues.

    Raises:
        ReviewError: no answer, the case is not open, another request has joined it meanwhile, or the user
            decided this before an appeal.
    """
    if answer not in ANSWERS:
        raise ReviewError("Choose an answer: the person who asked will read it.")
    with move():
        _must_be_new_to(case, user)
        if supports.standing_items(case).exclude(pk__in=seen).exists():
            raise ReviewError("Another request has joined this case. Look at it again before you decide.")
        _step(case, Case.State.OPEN, Case.State.REFUSED)
        values = {"reason": reason, "state": Decision.State.CONFIRMED, "confirmed": today()}
        decision = _decide(case, user, Decision.Outcome.REFUSE, answer=answer, **values)
        supports.standing_items(case).update(state=Item.State.DECIDED, problem="")
        Event.record("case.refused", decision, actor=user)
    return decision


def confirm(decision: Decision, user: User) -> None:
    """Confirm another person's proposal and let it take effect.

    Raises:
        ReviewError: it is one's own proposal, it is no longer waiting, its ground has fallen away, or the
            user decided this before an appeal.
    """
    if decision.proposer_id == user.pk:
        raise ReviewError("You proposed this yourself; another person has to confirm it.")
    with move():
        _close(decision, Decision.State.CONFIRMED, user)
        decision.refresh_from_db()
        if decision.outcome == Decision.Outcome.REMOVE:
            _must_be_new_to(decision.case, user)
            _remove(decision)
        else:
            _unblock(decision)
        Event.record(f"{decision.outcome}.confirmed", decision, actor=user)


def send_back(decision: Decision, user: User) -> None:
    """The second person does not agree: the case is open again. The proposer may take a proposal back too.

    Raises:
        ReviewError: the proposal is no longer waiting.
    """
    with move():
        _close(decision, Decision.State.DECLINED, user)
        if decision.outcome == Decision.Outcome.REMOVE:
            _step(decision.case, Case.State.PROPOSED, Case.State.OPEN)
        Event.record(f"{decision.outcome}.declined", decision, actor=user)


def withdraw(item: Item) -> bool:
    """The receipt's holder takes an item back. Asking twice changes nothing.

    Returns:
        True when it is done; False when the removal is already public (or signed for), so that two reviewers
        have to confirm the un-blocking first.
    """
    with move():
        item.refresh_from_db()
        if item.state in {Item.State.WITHDRAWN, Item.State.UNREADABLE}:
            return True
        public = supports.public(item)
        asked = CaseItem.objects.filter(item=item, withdrawal_asked=False).update(withdrawal_asked=True)
        if public:
            if asked:
                Event.record("withdrawal.asked", item)
            return False
        supports.end(item)
        erasing.erase([item.pk], Item.State.WITHDRAWN)
        _close_if_all_withdrawn(item)
        Event.record("item.withdrawn", item)
    return True


def propose_unblock(item: Item, user: User) -> Decision:
    """Propose to take a published removal back for one item whose holder asked for it.

    Raises:
        ReviewError: nobody asked, or a proposal of this case is waiting already.
    """
    with move():
        member = CaseItem.objects.select_related("case").filter(item=item, withdrawal_asked=True).first()
        if member is None or Item.objects.get(pk=item.pk).state == Item.State.WITHDRAWN:
            raise ReviewError("No withdrawal was asked for here, or it is already done.")
        if Decision.objects.filter(case=member.case, state=Decision.State.PROPOSED).exists():
            raise ReviewError("A proposal for this case is already waiting for a second person.")
        decision = _decide(member.case, user, Decision.Outcome.UNBLOCK, item=item)
        Event.record("unblock.proposed", decision, actor=user)
    return decision


def decided_before(case: Case, user: User) -> bool:
    """Whether a case is an appeal against what this person decided."""
    first = Decision.objects.filter(case__appeals=case, state=Decision.State.CONFIRMED)
    return first.filter(Q(proposer=user) | Q(approver=user)).exists()


def retry(item: Item, user: User) -> Item | None:
    """Give a stuck item another round of attempts; None when it is not stuck any more."""
    with move():
        sealed = SealedPicture.objects.filter(item=item).exists()
        start = Item.State.SEALED if sealed else Item.State.READY
        stuck = Item.objects.filter(pk=item.pk, state=Item.State.NEEDS_PERSON)
        if not stuck.update(state=start, attempts=0):
            return None
        Event.record("item.retried", item, actor=user)
    item.refresh_from_db()
    return item


def _must_be_new_to(case: Case, user: User) -> None:
    """An appeal is decided by people who did not decide the first time."""
    if decided_before(case, user):
        raise ReviewError(
            "You decided this the first time. An appeal is for someone new: leave it to a colleague."
        )


def _by_address(chosen: Collection[Match], scope: str) -> bool:
    """Whether rows would be listed by nothing but their addresses, where two kinds cannot cross."""
    kinds = {key.kind for match in chosen for key in match.keys_of(scope)}
    return scope == Decision.Scope.ADDRESS and kinds <= {BURIED_KIND}


def _remove(decision: Decision) -> None:
    """Make the entries of the chosen rows live, each supported by the items that matched its row."""
    chosen = {
        (match.index_id, match.row): match.keys_of(decision.scope)
        for match in Match.objects.filter(pk__in=decision.chosen.values("match"))
    }
    standing = supports.matched(decision.case, chosen)
    if set(chosen) != {place for places in standing.values() for place in places}:
        raise ReviewError("Someone took their request back meanwhile. Send this back and look at it again.")
    _step(decision.case, Case.State.PROPOSED, Case.State.REMOVED)
    supports.give(decision, chosen, standing)
    Item.objects.filter(pk__in=standing).update(state=Item.State.DECIDED, problem="")
    _move_others(decision.case, decided=standing)


def _move_others(case: Case, decided: Collection[int]) -> None:
    """Items that no chosen row answers go into a new open case: they are owed a decision of their own."""
    others = CaseItem.objects.filter(case=case, item__in=supports.standing_items(case)).exclude(
        item__in=decided
    )
    if others.exists():
        same = {name: getattr(case, name) for name in ("ground", "target", "due", "appeal_of")}
        rest = Case.objects.create(**same)
        others.update(case=rest)
        Event.record("case.split", rest)


def _unblock(decision: Decision) -> None:
    if decision.item is None:
        return
    supports.end(decision.item, by=decision)
    erasing.erase([decision.item.pk], Item.State.WITHDRAWN)
    _close_if_all_withdrawn(decision.item)


def _close_if_all_withdrawn(item: Item) -> None:
    """A case whose items were all taken back is closed, and so is its waiting proposal."""
    member = CaseItem.objects.select_related("case").filter(item=item).first()
    if member is None or supports.standing_items(member.case).exists():
        return
    waiting = Decision.objects.filter(case=member.case, state=Decision.State.PROPOSED)
    waiting.update(state=Decision.State.DECLINED)
    Case.objects.filter(pk=member.case_id).update(state=Case.State.WITHDRAWN)


def _close(decision: Decision, state: str, user: User) -> None:
    moved = Decision.objects.filter(pk=decision.pk, state=Decision.State.PROPOSED).update(
        state=state, approver=user, confirmed=today()
    )
    if not moved:
        raise ReviewError("Someone else has already dealt with this proposal.")


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


def _step(case: Case, before: str, after: str) -> None:
    if not Case.objects.filter(pk=case.pk, state=before).update(state=after):
        raise ReviewError("Someone else has just worked on this case; look at it again.")
