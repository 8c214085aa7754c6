"""What the holder of the receipt is told about each item: one state, one sentence, nothing of others."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.formats import date_format

from portal import lists
from portal.days import today
from portal.models import Case, CaseItem, Decision, Item, Listing, Release, Submission, Support
from portal.policy import current

#: What went wrong with a picture -> what to do, where the general sentence is not enough.
_UNREADABLE = {
    "key-gone": "We did not get to this picture in time and it is deleted. Please send it again.",
}


@dataclass(frozen=True)
class ItemStatus:
    """``tone`` is one of waiting, done, plain, problem; ``can_withdraw`` says whether to offer that."""

    item: Item
    title: str
    sentence: str
    tone: str
    can_withdraw: bool
    coverage: dict[str, int] | None


def of(submission: Submission) -> list[ItemStatus]:
    """The status of every item, in the order in which they were sent."""
    return [_item(item) for item in submission.items.select_related("case_item__case")]


def _item(item: Item) -> ItemStatus:
    member: CaseItem | None = getattr(item, "case_item", None)
    title, sentence, tone = _told(item, member)
    return ItemStatus(item, title, sentence, tone, can_withdraw(item, member), item.coverage)


def can_withdraw(item: Item, member: CaseItem | None) -> bool:
    """Whether there is something to take back that was not taken back already."""
    if item.state in {Item.State.WITHDRAWN, Item.State.UNREADABLE}:
        return False
    return member is None or not (member.withdrawal_asked or member.case.state == Case.State.REFUSED)


def _told(item: Item, member: CaseItem | None) -> tuple[str, str, str]:
    match item.state:
        case Item.State.SEALED:
            return (
                "Received",
                "Your picture waits to be turned into a fingerprint. Then it is deleted.",
                "waiting",
            )
        case Item.State.READY:
            return "Checking", "We are comparing it with the dataset. This takes a minute or two.", "waiting"
        case Item.State.NOT_FOUND:
            return "Not found", "We found no row like it among the rows we can compare.", "plain"
        case Item.State.UNREADABLE:
            general = (
                "We could not read this picture, and it is deleted. Please send it again as JPEG or PNG."
            )
            return "Please send again", _UNREADABLE.get(item.problem, general), "problem"
        case Item.State.NEEDS_PERSON:
            return "A problem on our side", "A person will look into it. You need not do anything.", "problem"
        case Item.State.WITHDRAWN:
            return "Withdrawn", "You took this back.", "plain"
    if member is None:
        return "Checking", "We are comparing it with the dataset. This takes a minute or two.", "waiting"
    return _decided(item, member)


def _decided(item: Item, member: CaseItem) -> tuple[str, str, str]:
    if member.withdrawal_asked:
        return "Withdrawal asked", "It is in a release, so two people will confirm taking it back.", "waiting"
    if member.case.state == Case.State.REFUSED:
        decision = member.case.decisions.filter(outcome=Decision.Outcome.REFUSE).last()
        why = decision.reason if decision else ""
        return "Not removed", f"A reviewer decided: {why} You can ask again and tell us more.", "done"
    if item.state != Item.State.DECIDED:
        return "Found", "We found rows that look right. A person is looking at them.", "waiting"
    return _released(item)


def _released(item: Item) -> tuple[str, str, str]:
    """Named only when every entry of the item that is listed at all stands in a published release."""
    supports = item.supports.filter(ended=False).exclude(entry__in=lists.buried(current()).unnamed)
    entries = supports.values("entry")
    shown = Listing.objects.filter(entry__in=entries, since__state=Release.State.PUBLISHED)
    shown = shown.exclude(until__state=Release.State.PUBLISHED)
    if shown.values("entry").distinct().count() < entries.distinct().count():
        return "Decided", f"We will remove it. {_to_come(supports)}", "done"
    drops = "Everyone who holds a copy and applies our list drops these rows."
    if not supports.filter(stood=False).exists():
        return "Already removed", f"It was in our list before you asked. {drops}", "done"
    seq = max((seq for seq in shown.values_list("since__seq", flat=True) if seq is not None), default=0)
    return f"Removed in release {seq}", drops, "done"


def _to_come(supports: QuerySet[Support]) -> str:
    """When what is decided goes out: with the release that is being made, or when its wait ends."""
    standing = Listing.objects.filter(entry__in=supports.values("entry"), until=None)
    last_day = lists.waits_until(supports.exclude(entry__in=standing.values("entry")))
    if last_day is None or last_day <= today():
        return "It goes into the next release."
    return (
        "It waits for other removals, so that nobody sees which one you asked for, and goes into a release "
        f"by {date_format(last_day, 'j F Y')} at the latest."
    )
