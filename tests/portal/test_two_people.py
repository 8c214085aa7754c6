"""No removal by one person: the database refuses it, whatever the code does."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction

from portal.days import today
from portal.deciding import review
from portal.models import Case, DatasetIndex, Decision, Match, Submission, User

Submit = Callable[..., Submission]
Work = Callable[[Submission], None]


@pytest.fixture
def case(index: DatasetIndex, submit: Submit, work: Work, sample: object) -> Case:
    submission = submit(sample.rows[3].url)
    work(submission)
    return Case.objects.get()


def _insert(case: Case, outcome: str, state: str, proposer: int | None, approver: int | None) -> None:
    """Straight into the table, past every rule in Python."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO portal_decision (case_id, outcome, scope, ground, policy_version, reason, answer,"
            " answer_parameters, state, proposer_id, approver_id, proposed)"
            " VALUES (%s, %s, 'file', 'private', '1', '', '', '{}', %s, %s, %s, %s)",
            [case.pk, outcome, state, proposer, approver, today()],
        )


@pytest.mark.parametrize("outcome", ["remove", "unblock"])
@pytest.mark.parametrize("who", ["nobody", "only a proposer", "only an approver", "the same person twice"])
def test_raw_sql_cannot_confirm_alone(case: Case, alice: User, outcome: str, who: str) -> None:
    proposer = alice.pk if who in {"only a proposer", "the same person twice"} else None
    approver = alice.pk if who in {"only an approver", "the same person twice"} else None
    with pytest.raises(IntegrityError, match="decision_two_people"):
        _insert(case, outcome, "confirmed", proposer, approver)


def test_raw_sql_with_two_people_is_fine(case: Case, alice: User, bob: User) -> None:
    _insert(case, "remove", "confirmed", alice.pk, bob.pk)
    assert Decision.objects.get().approver == bob


def test_raw_sql_cannot_make_a_confirmed_decision_nobodys(case: Case, alice: User, bob: User) -> None:
    _insert(case, "remove", "confirmed", alice.pk, bob.pk)
    for column in ("approver_id", "proposer_id"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE portal_decision SET {column} = NULL")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE portal_decision SET approver_id = proposer_id")


def test_a_refusal_needs_one_person_but_not_none(case: Case, alice: User) -> None:
    with pytest.raises(IntegrityError, match="decision_two_people"):
        _insert(case, "refuse", "confirmed", None, None)
    _insert(case, "refuse", "confirmed", alice.pk, None)


def test_one_cannot_confirm_ones_own_proposal(case: Case, alice: User) -> None:
    decision = review.propose_removal(case, alice, [Match.objects.first().pk], "file")
    with pytest.raises(review.ReviewError, match="another person"):
        review.confirm(decision, alice)


@pytest.mark.django_db(transaction=True)
def test_of_many_approvals_at_once_one_counts(
    index: DatasetIndex, submit: Submit, work: Work, sample: object, alice: User, bob: User
) -> None:
    work(submit(sample.rows[3].url))
    decision = review.propose_removal(Case.objects.get(), alice, [Match.objects.first().pk], "file")
    barrier, outcomes = threading.Barrier(12), []

    def approve() -> None:
        barrier.wait()
        try:
            review.confirm(Decision.objects.get(pk=decision.pk), bob)
            outcomes.append("confirmed")
        except review.ReviewError:
            outcomes.append("too late")
        finally:
            connection.close()

    threads = [threading.Thread(target=approve) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["confirmed"] + ["too late"] * 11
