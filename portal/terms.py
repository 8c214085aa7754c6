"""The days that people are promised: until when something is kept, erased, or may be asked for."""

from __future__ import annotations

from datetime import date, timedelta

from portal.days import today
from portal.models import Item
from portal.policy import current


def kept_until() -> date:
    """The last day on which something is kept that is chosen to be kept today."""
    return today() + timedelta(days=current().keep_days)


def erased_on(item: Item) -> date:
    """The first day on which what was looked for in vain is erased."""
    answered = item.answered or item.submission.received
    unasked = answered + timedelta(days=current().not_found_days + 1)
    return max(unasked, item.keep_until + timedelta(days=1) if item.keep_until else today())


def appeal_until(decided: date) -> date:
    """The last day on which a refusal can be appealed."""
    return decided + timedelta(days=current().appeal_days)
