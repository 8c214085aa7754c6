"""Decisions, entries and their support, withdrawals."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portal.days import today
from portal.deciding import review
from portal.models import (
    Case,
    DatasetIndex,
    Decision,
    Entry,
    Event,
    Item,
    Listing,
    Match,
    Release,
    Submission,
    Support,
    User,
)
from portal.policy import current
from portal.releasing import lists

Submit = Callable[..., Submission]
Work = Callable[[Submission], None]
Decide = Callable[..., Decision]


@pytest.fixture
def decide(alice: User, bob: User) -> Decide:
    """Two people remove all rows of a case."""

    def run(case: Case, scope: str = "address") -> Decision:
        chosen = Match.objects.filter(item__case_item__case=case, how="url-exact", via="")
        decision = review.propose_removal(case, alice, chosen.values_list("pk", flat=True), scope)
        review.confirm(decision, bob)
        return decision

    return run


@pytest.fixture
def ask(index: DatasetIndex, submit: Submit, work: Work, sample: object) -> Callable[..., tuple[Item, Case]]:
    """A worked-off submission of one sample row's address."""

    def run(row: int = 3, ground: str = "private") -> tuple[Item, Case]:
        submission = submit(sample.rows[row].url, ground=ground)
        work(submission)
        item = submission.items.get()
        return item, item.case_item.case

    return run


def _live() -> set[tuple[str, str]]:
    return set(Entry.objects.filter(supports__ended=False).values_list("kind", "digest"))


def _publish(user: User) -> Release:
    """As if a release of everything that is live had been published."""
    release = Release.objects.create(state=Release.State.PUBLISHED, seq=1, created=today())
    live = Entry.objects.filter(supports__ended=False).distinct()
    Listing.objects.bulk_create(Listing(entry=entry, edition="research", since=release) for entry in live)
    return release


def test_a_confirmed_removal_makes_entries_of_the_chosen_scope(ask: Callable, decide: Decide) -> None:
    item, case = ask()
    decision = decide(case, "file")
    item.refresh_from_db()
    assert item.state == Item.State.DECIDED
    assert {kind for kind, _ in _live()} == {"url_sha256", "img_sha256", "img_md5"}
    assert set(decision.supports.values_list("item", flat=True)) == {item.pk}


def test_an_entry_is_one_and_lives_while_anything_supports_it(ask: Callable, decide: Decide) -> None:
    first, case = ask(ground="private")
    decide(case)
    second, other = ask(ground="opt-out")
    decide(other)
    assert Entry.objects.count() == 1
    assert Support.objects.count() == 2
    assert review.withdraw(first)
    assert len(_live()) == 1
    assert review.withdraw(second)
    assert _live() == set()
    assert Entry.objects.count() == 1


def test_withdrawing_one_of_two_askers_of_a_case_leaves_the_others_support(
    ask: Callable, decide: Decide
) -> None:
    first, case = ask()
    second, same = ask()
    assert case == same
    decide(case)
    review.withdraw(first)
    assert len(_live()) == 1
    case.refresh_from_db()
    assert case.state == Case.State.REMOVED
    review.withdraw(second)
    case.refresh_from_db()
    assert (case.state, _live()) == (Case.State.WITHDRAWN, set())


def test_taking_back_what_is_public_needs_two_reviewers(
    ask: Callable, decide: Decide, alice: User, bob: User
) -> None:
    item, case = ask()
    decide(case)
    _publish(alice)
    assert not review.withdraw(item)
    assert len(_live()) == 1
    proposal = review.propose_unblock(item, alice)
    with pytest.raises(review.ReviewError, match="another person"):
        review.confirm(proposal, alice)
    review.confirm(proposal, bob)
    item.refresh_from_db()
    assert (_live(), item.state) == (set(), Item.State.WITHDRAWN)


def test_what_a_staged_release_holds_counts_as_public(ask: Callable, decide: Decide, mara: User) -> None:
    item, case = ask()
    decide(case)
    release = Release.objects.create(state=Release.State.STAGED, seq=1, created=today())
    Listing.objects.create(entry=Entry.objects.first(), edition="research", since=release)
    assert not review.withdraw(item)


def test_an_unblocking_nobody_asked_for_is_refused(ask: Callable, decide: Decide, alice: User) -> None:
    item, case = ask()
    decide(case)
    _publish(alice)
    with pytest.raises(review.ReviewError, match="No withdrawal"):
        review.propose_unblock(item, alice)


def test_withdrawing_before_a_decision_closes_the_case_and_its_proposal(ask: Callable, alice: User) -> None:
    item, case = ask()
    proposal = review.propose_removal(case, alice, Match.objects.values_list("pk", flat=True), "file")
    assert review.withdraw(item)
    case.refresh_from_db()
    proposal.refresh_from_db()
    assert (case.state, proposal.state) == (Case.State.WITHDRAWN, Decision.State.DECLINED)


def test_a_proposal_can_be_sent_back_and_made_again(ask: Callable, alice: User, bob: User) -> None:
    _, case = ask()
    chosen = Match.objects.values_list("pk", flat=True)
    review.send_back(review.propose_removal(case, alice, chosen, "file"), bob)
    case.refresh_from_db()
    assert case.state == Case.State.OPEN
    review.confirm(review.propose_removal(case, bob, chosen, "file"), alice)
    assert _live()


@pytest.mark.parametrize("answer", ["", " ", "The picture shows a public building."])
def test_a_refusal_needs_one_of_the_answers(ask: Callable, alice: User, answer: str) -> None:
    item, case = ask()
    with pytest.raises(review.ReviewError, match="Choose an answer"):
        review.refuse(case, alice, answer, [item.pk])
    assert not Decision.objects.exists()


def test_a_refusal_keeps_the_name_of_its_answer_and_the_policy_and_answers_every_item(
    ask: Callable, alice: User
) -> None:
    item, case = ask()
    decision = review.refuse(case, alice, "public-interest", [item.pk], "A public building.")
    item.refresh_from_db()
    assert item.state == Item.State.DECIDED
    assert _live() == set()
    assert (decision.answer, decision.answer_parameters) == ("public-interest", {})
    assert decision.policy_version == current().version


@pytest.mark.parametrize("chosen", ["nothing", "another case's", "one of each"])
def test_only_rows_of_the_case_can_be_chosen(ask: Callable, alice: User, chosen: str) -> None:
    mine, case = ask(3)
    other, _ = ask(9)
    picks = {
        "nothing": [],
        "another case's": [other.matches.first().pk],
        "one of each": [mine.matches.first().pk, other.matches.first().pk],
    }[chosen]
    with pytest.raises(review.ReviewError, match="at least one"):
        review.propose_removal(case, alice, picks, "file")
    with pytest.raises(review.ReviewError, match="Choose what"):
        review.propose_removal(case, alice, [mine.matches.first().pk], "everything")


def test_a_second_proposal_finds_the_case_taken(ask: Callable, alice: User, bob: User) -> None:
    _, case = ask()
    chosen = Match.objects.values_list("pk", flat=True)
    review.propose_removal(case, alice, chosen, "file")
    with pytest.raises(review.ReviewError, match="Someone else"):
        review.propose_removal(Case.objects.get(), bob, chosen, "file")


def test_every_step_is_in_the_trail_and_a_change_to_it_shows(ask: Callable, decide: Decide) -> None:
    _, case = ask()
    decide(case)
    actions = list(Event.objects.values_list("action", flat=True))
    assert actions == ["index.registered", "item.in-case", "removal.proposed", "remove.confirmed"]
    assert Event.first_broken() is None
    Event.objects.filter(seq=3).update(action="case.refused")
    assert Event.first_broken() == 3
    Event.objects.filter(seq=3).update(action="removal.proposed")
    Event.objects.filter(seq=2).delete()
    assert Event.first_broken() == 2


def test_waiting_counts_what_the_next_release_would_change(
    ask: Callable, decide: Decide, alice: User
) -> None:
    _item, case = ask()
    decide(case)
    waiting = lists.plan(today()).waiting["research"]
    assert (waiting.added, waiting.removed, waiting.goes_in) == (1, 0, 1)
    _publish(alice)
    waiting = lists.plan(today()).waiting["research"]
    assert (waiting.added, waiting.removed, waiting.goes_in) == (0, 0, 0)
