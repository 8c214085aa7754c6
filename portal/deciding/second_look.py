"""What the holder of a receipt may ask for after an answer: a look by a person, or a decision by someone new.

``ask_person``  the machine found nothing: the item goes into a case without matches.
``appeal``      a reviewer refused: the item goes into a new case that names the one decided first. Once an
                item, and as long as the policy says. Items of one case that are appealed stand together.
"""

from __future__ import annotations

from portal import terms
from portal.days import today
from portal.deciding.review import move
from portal.models import Case, CaseItem, Decision, Event, Item
from portal.policy import current


def ask_person(item: Item) -> bool:
    """Put an item that the machine found nothing for before a person. True when it now is.

    What was looked for is kept until the decision, whatever was chosen before.
    """
    with move():
        waits = Item.objects.filter(pk=item.pk, state=Item.State.NOT_FOUND)
        if not waits.update(state=Item.State.IN_REVIEW, asked_person=True):
            return False
        case = _case(item)
        CaseItem.objects.create(case=case, item=item)
        Event.record("person.asked", case)
    return True


def appeal(item: Item) -> bool:
    """Ask for a second look at a refusal by someone new. True when there now is a case for it."""
    with move():
        member = CaseItem.objects.select_related("case").filter(item=item).first()
        if member is None or not _may_appeal(member):
            return False
        first = member.case
        case = Case.objects.filter(appeal_of=first, state=Case.State.OPEN).first() or _case(item, first)
        CaseItem.objects.filter(pk=member.pk).update(case=case)
        Item.objects.filter(pk=item.pk).update(state=Item.State.IN_REVIEW, appealed=today())
        Event.record("case.appealed", case)
    return True


def _may_appeal(member: CaseItem) -> bool:
    """Whether the item's case was refused, for the first time, and not too long ago."""
    untouched = Item.objects.filter(pk=member.item_id, state=Item.State.DECIDED, appealed=None)
    refusal = member.case.decisions.filter(outcome=Decision.Outcome.REFUSE).last()
    return (
        member.case.state == Case.State.REFUSED
        and refusal is not None
        and refusal.confirmed is not None
        and today() <= terms.appeal_until(refusal.confirmed)
        and untouched.exists()
    )


def _case(item: Item, first: Case | None = None) -> Case:
    """A new case with deadlines that begin today, since it was asked for today."""
    ground = current().ground(item.submission.ground)
    return Case.objects.create(
        ground=ground.name, target=ground.target(today()), due=current().due(today()), appeal_of=first
    )
