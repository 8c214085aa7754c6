"""What the holder of the receipt is told about each item: one state, one sentence, nothing of others.

``of`` asks a fixed number of questions to the database, however many items the submission has. The words
stand in standing.py and answers.py and are said in the reader's language.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from django.utils.formats import date_format

from portal import terms
from portal.answering import compared, outcomes
from portal.answering.outcomes import Outcome
from portal.answering.standing import STAGES, STANDINGS, Standing
from portal.days import today
from portal.deciding import answers
from portal.finding import control
from portal.letters import messages
from portal.models import Case, CaseItem, Decision, Item, Match, Submission


@dataclass(frozen=True)
class ItemStatus:
    """One item as its holder sees it. What is shown of it is worked out only when it is."""

    item: Item
    name: str
    decision: Decision | None = None
    outcome: Outcome | None = None

    @property
    def standing(self) -> Standing:
        return STANDINGS[self.name]

    @property
    def title(self) -> str:
        return str(self.standing.title) % self._told

    @property
    def sentence(self) -> str:
        """Why it stays, where it does; otherwise what happens with it."""
        if self.name == "stays":
            decision = self.decision
            return answers.told(decision.answer, decision.answer_parameters) if decision else ""
        return str(self.standing.sentence) % self._told

    @property
    def question(self) -> str:
        """What we want to know, in the reader's language."""
        return answers.question(messages.asked(self.item))

    @property
    def coverage(self) -> str:
        erased = self.name == "forgotten" and self.item.kind == Item.Kind.FINGERPRINT  # and so is its kind
        return "" if erased or self.name == "withdrawn" else compared.sentence(self.item)

    @property
    def decided(self) -> date | None:
        """The day of the decision, where there is one."""
        decides = self.standing.stage in {"removed", "stays"}
        return self.decision.confirmed if decides and self.decision else None

    @property
    def answered(self) -> date | None:
        """The day on which the machine found nothing."""
        return self.item.answered if self.standing.stage == "nothing" else None

    @property
    def erased_on(self) -> date | None:
        """The day on which what was looked for is erased, unless it is kept by choice."""
        kept = self.name != "not-found" or self.item.keep_until
        return None if kept else terms.erased_on(self.item)

    @property
    def kept_until(self) -> date | None:
        return self.item.keep_until if self.name == "not-found" else None

    @property
    def proof(self) -> control.Instructions | None:
        """What to do to show that the site is one's own."""
        return control.instructions(self.item.control) if self.name == "proof" else None

    @property
    def last_look(self) -> str:
        """Why the last look at the site proved nothing."""
        return str(control.reason(self.item.control)) if self.name == "proof" else ""

    @property
    def appeal_until(self) -> date | None:
        """The last day for an appeal, while it is open."""
        decision = self.decision if self.name == "stays" and not self.item.appealed else None
        if decision is None or decision.confirmed is None or not answers.can_appeal(decision.answer):
            return None
        last = terms.appeal_until(decision.confirmed)
        return last if today() <= last else None

    @property
    def routes(self) -> list[str]:
        """Where else to turn to."""
        return answers.routes(self.decision.answer) if self.name == "stays" and self.decision else []

    @property
    def can_withdraw(self) -> bool:
        return can_withdraw(self.item, getattr(self.item, "case_item", None))

    @cached_property
    def _told(self) -> dict[str, object]:
        outcome = self.outcome or Outcome("")
        return {"seq": outcome.seq, "day": date_format(outcome.by, "DATE_FORMAT") if outcome.by else ""}


@dataclass(frozen=True)
class _Facts:
    """What the database knows about a submission's items beside their own rows."""

    decisions: dict[int, Decision] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    found_later: frozenset[int] = frozenset()


def of(submission: Submission) -> list[ItemStatus]:
    """The status of every item, in the order in which they were sent."""
    items = list(submission.items.select_related("case_item__case", "control").defer("fingerprint_json"))
    facts = _facts(submission, {item.state for item in items})
    return [_item(item, facts) for item in items]


def stages(items: list[ItemStatus]) -> dict[str, int]:
    """How many items there are of each stage, of those that have any."""
    counts = dict.fromkeys(STAGES, 0)
    for one in items:
        counts[one.standing.stage] += 1
    return {stage: count for stage, count in counts.items() if count}


def can_withdraw(item: Item, member: CaseItem | None) -> bool:
    """Whether there is something to take back that was not taken back already."""
    if item.state in {Item.State.WITHDRAWN, Item.State.UNREADABLE, Item.State.FORGOTTEN}:
        return False
    return member is None or not (member.withdrawal_asked or member.case.state == Case.State.REFUSED)


def _facts(submission: Submission, states: set[str]) -> _Facts:
    """Asked only where some item is in a state that needs it."""
    found_later: frozenset[int] = frozenset()
    if Item.State.IN_REVIEW in states:
        later = Match.objects.filter(item__submission=submission, via=Match.LOOKED_AGAIN)
        found_later = frozenset(later.values_list("item", flat=True).distinct())
    if Item.State.DECIDED not in states:
        return _Facts(found_later=found_later)
    confirmed = Decision.objects.filter(
        case__case_items__item__submission=submission, state=Decision.State.CONFIRMED
    ).exclude(outcome=Decision.Outcome.UNBLOCK)
    decisions = {one.case_id: one for one in confirmed.distinct().order_by("pk")}
    return _Facts(decisions, outcomes.of(submission), found_later)


def _item(item: Item, facts: _Facts) -> ItemStatus:
    member: CaseItem | None = getattr(item, "case_item", None)
    name, outcome = _name(item, member, facts), facts.outcomes.get(item.pk)
    if name == "decided":
        name = outcome.kind if outcome else "stood"  # every digest of its rows is buried already
    decision = facts.decisions.get(member.case_id) if member else None
    return ItemStatus(item, name, decision, outcome)


def _name(item: Item, member: CaseItem | None, facts: _Facts) -> str:
    """Which standing an item has; ``decided`` where the releases say which."""
    if member and member.withdrawal_asked and item.state != Item.State.WITHDRAWN:
        return "withdrawal-asked"
    match item.state:
        case Item.State.READY if item.submission.slow:
            return "slow"
        case Item.State.UNREADABLE if item.problem == "key-gone":
            return "key-gone"
        case Item.State.IN_REVIEW:
            return _in_review(item, facts)
        case Item.State.DECIDED if member and member.case.state == Case.State.REFUSED:
            return "stays"
        case Item.State.DECIDED:
            return "decided"
    return _BY_STATE[item.state]


def _in_review(item: Item, facts: _Facts) -> str:
    if messages.asked(item):
        return "question"
    if item.appealed:
        return "second-look"
    if item.asked_person:
        return "with-person"
    return "found-later" if item.answered or item.pk in facts.found_later else "found"


_BY_STATE: dict[str, str] = {
    Item.State.SEALED: "received",
    Item.State.READY: "checking",
    Item.State.NOT_FOUND: "not-found",
    Item.State.UNREADABLE: "unreadable",
    Item.State.NEEDS_PERSON: "our-problem",
    Item.State.WITHDRAWN: "withdrawn",
    Item.State.WAITS_FOR_PROOF: "proof",
    Item.State.FORGOTTEN: "forgotten",
}
