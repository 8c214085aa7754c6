"""What a reviewer gets to see. Cases about the abuse of children are a lane of their own.

Such a case is found by its ground, and by its items too: a ground may leave the policy, and what was asked
under it stays as it is.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from portal.models import Case, CaseItem, Item, Submission, User
from portal.policy import current


def cases(user: User) -> QuerySet[Case]:
    """The cases that someone may look at."""
    found = Case.objects.all()
    if user.has_perm("portal.review_restricted"):
        return found
    restricted = CaseItem.objects.filter(case=OuterRef("pk"), item__restricted=True)
    return found.exclude(ground__in=_grounds()).exclude(Exists(restricted))


def items(user: User) -> QuerySet[Item]:
    """The items that someone may look at."""
    found = Item.objects.all()
    if user.has_perm("portal.review_restricted"):
        return found
    return found.filter(restricted=False).exclude(submission__ground__in=_grounds())


def submissions(user: User) -> QuerySet[Submission]:
    """The submissions whose messages someone may read."""
    found = Submission.objects.all()
    if user.has_perm("portal.review_restricted"):
        return found
    return found.filter(restricted=False).exclude(ground__in=_grounds())


def _grounds() -> list[str]:
    return [name for name, ground in current().grounds.items() if ground.restricted]
