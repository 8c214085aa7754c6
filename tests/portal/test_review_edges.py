"""Withdrawals, joins and splits at awkward moments."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from portal import demo
from portal.deciding import review
from portal.finding import matching
from portal.models import Case, CaseItem, DatasetIndex, Entry, Item, Match, Submission, User
from portal.releasing import publishing

Submit = Callable[..., Submission]
Work = Callable[[Submission], None]


@pytest.fixture
def two_rows(
    index: DatasetIndex, submit: Submit, work: Work, sample: object
) -> tuple[Item, Item, Case, Match, Match]:
    """One case with two items that share a row, and a second row that only the first item matched."""
    mine = submit(sample.rows[3].url)
    work(mine)
    yours = submit(sample.rows[3].url)
    work(yours)
    first, second = mine.items.get(), yours.items.get()
    shared = second.matches.filter(how="url-exact", via="").get()
    second.matches.exclude(pk=shared.pk).delete()
    other = sample.rows[9].url
    row = matching.indexes.opened(index).find_url(other)[0].row
    only_mine = Match.objects.create(
        item=first,
        index=index,
        row=row,
        how="url-exact",
        keys={**shared.keys, "address": [["url_sha256", "ab" * 32]]},
    )
    assert first.case_item.case == second.case_item.case
    return first, second, first.case_item.case, shared, only_mine


def test_a_row_whose_only_asker_left_cannot_be_confirmed(two_rows: tuple, alice: User, bob: User) -> None:
    mine, _, case, shared, only_mine = two_rows
    decision = review.propose_removal(case, alice, [shared.pk, only_mine.pk], "address")
    review.withdraw(mine)
    with pytest.raises(review.ReviewError, match="took their request back"):
        review.confirm(decision, bob)
    assert not Entry.objects.exists()
    review.send_back(decision, bob)
    review.confirm(review.propose_removal(case, alice, [shared.pk], "address"), bob)
    assert Entry.objects.count() == 1


def test_an_item_that_no_chosen_row_answers_gets_a_case_of_its_own(
    two_rows: tuple, alice: User, bob: User
) -> None:
    mine, yours, case, _, only_mine = two_rows
    decision = review.propose_removal(case, alice, [only_mine.pk], "address")
    review.confirm(decision, bob)
    mine.refresh_from_db()
    yours.refresh_from_db()
    assert (mine.state, yours.state) == (Item.State.DECIDED, Item.State.IN_REVIEW)
    rest = CaseItem.objects.get(item=yours).case
    assert rest != case
    assert rest.state == Case.State.OPEN
    assert set(decision.supports.values_list("item", flat=True)) == {mine.pk}


def test_each_item_supports_the_rows_it_matched_and_no_others(
    two_rows: tuple, alice: User, bob: User
) -> None:
    mine, yours, case, shared, only_mine = two_rows
    review.confirm(review.propose_removal(case, alice, [shared.pk, only_mine.pk], "address"), bob)
    assert mine.supports.count() == 2
    assert yours.supports.count() == 1
    review.withdraw(mine)
    assert set(Entry.objects.filter(supports__ended=False).values_list("digest", flat=True)) == {
        shared.keys["address"][0][1]
    }


def test_a_refusal_covers_only_what_the_reviewer_saw(
    index: DatasetIndex, submit: Submit, work: Work, sample: object, alice: User
) -> None:
    first = submit(sample.rows[3].url)
    work(first)
    seen = [first.items.get().pk]
    work(submit(sample.rows[3].url))
    case = Case.objects.get()
    with pytest.raises(review.ReviewError, match="has joined"):
        review.refuse(case, alice, "public-interest", seen)
    review.refuse(case, alice, "public-interest", CaseItem.objects.values_list("item", flat=True))


def test_nothing_joins_a_case_that_is_not_open(
    index: DatasetIndex, submit: Submit, work: Work, sample: object, alice: User
) -> None:
    work(submit(sample.rows[3].url))
    review.propose_removal(Case.objects.get(), alice, [Match.objects.first().pk], "address")
    work(submit(sample.rows[3].url))
    assert Case.objects.count() == 2


def test_another_items_guess_joins_no_case(
    index: DatasetIndex, submit: Submit, work: Work, sample: object
) -> None:
    one = next(one for one in sample.addresses if one.spelling == "size variant")
    work(submit(one.address))
    work(submit(one.url))
    assert Case.objects.count() == 2


def test_taking_back_twice_is_told_once(
    index: DatasetIndex, submit: Submit, work: Work, sample: object, alice: User
) -> None:
    submission = submit(sample.rows[3].url)
    work(submission)
    item = submission.items.get()
    assert review.withdraw(item)
    assert review.withdraw(item)
    actions = list(matching.Event.objects.values_list("action", flat=True))
    assert actions.count("item.withdrawn") == 1


def test_a_refused_item_has_nothing_to_take_back(
    index: DatasetIndex, submit: Submit, work: Work, sample: object, alice: User
) -> None:
    from portal.answering.status import can_withdraw

    submission = submit(sample.rows[3].url)
    work(submission)
    item = submission.items.get()
    review.refuse(item.case_item.case, alice, "public-interest", [item.pk])
    item.refresh_from_db()
    assert not can_withdraw(item, CaseItem.objects.get(item=item))


@pytest.mark.django_db(transaction=True)
def test_approving_and_taking_back_at_once_never_block_each_other(
    index: DatasetIndex, submit: Submit, work: Work, sample: object, alice: User, bob: User
) -> None:
    """Whoever comes first, both end, and nothing that was taken back stays live."""
    for _ in range(8):
        submission = submit(sample.rows[3].url)
        work(submission)
        item = submission.items.get()
        case = item.case_item.case
        chosen = item.matches.filter(how="url-exact", via="").values_list("pk", flat=True)
        decision = review.propose_removal(case, alice, chosen, "address")
        barrier, failures = threading.Barrier(2), []

        def run(
            move: Callable[[], object], barrier: threading.Barrier = barrier, failures: list = failures
        ) -> None:
            barrier.wait()
            try:
                move()
            except review.ReviewError:
                pass
            except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
                failures.append(error)
            finally:
                connection.close()

        moves = [lambda: review.confirm(decision, bob), lambda: review.withdraw(item)]  # noqa: B023
        threads = [threading.Thread(target=run, args=[move]) for move in moves]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert failures == []
        assert not item.supports.filter(ended=False).exists()


def test_the_lists_of_a_release_are_those_of_one_moment(
    index: DatasetIndex,
    submit: Submit,
    work: Work,
    sample: object,
    alice: User,
    bob: User,
    mara: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A withdrawal while the files are written: what was staged is thrown away and built again."""
    demo.hold_ceremony(lambda _: None)
    submission = submit(sample.rows[3].url)
    work(submission)
    item = submission.items.get()
    chosen = item.matches.filter(how="url-exact", via="").values_list("pk", flat=True)
    review.confirm(review.propose_removal(item.case_item.case, alice, chosen, "address"), bob)
    release = publishing.request(mara)
    monkeypatch.setattr(publishing, "point", lambda _: review.withdraw(item))
    assert not publishing.build(release.pk)
    release.refresh_from_db()
    assert (release.state, release.problem) == ("requested", "lists-changed")
    monkeypatch.undo()
    assert publishing.build(release.pk)
    release.refresh_from_db()
    assert [(change["added"], change["rows"]) for change in release.changes] == [(0, 0)]


def test_child_safety_rows_are_removed_by_their_address_alone(
    index: DatasetIndex, submit: Submit, work: Work, sample: object, alice: User
) -> None:
    """Listed by two kinds as well, a row would be found where their prefixes cross."""
    work(submit(sample.rows[3].url, ground="child-safety"))
    case = Case.objects.get()
    chosen = Match.objects.filter(how="url-exact").values_list("pk", flat=True)
    for scope in ("file", "caption"):
        with pytest.raises(review.ReviewError, match="by their address alone"):
            review.propose_removal(case, alice, chosen, scope)
    assert review.propose_removal(case, alice, chosen, "address").scope == "address"
