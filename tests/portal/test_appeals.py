"""Answers to refusals, a second look by someone new, and a look by a person where nothing was found."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import translation
from holders import Holder, holds, text_of

from portal.days import today
from portal.deciding import answers, review, second_look
from portal.deciding.answers import ANSWERS, QUESTIONS, ROUTES
from portal.letters import replies
from portal.models import Case, CaseItem, DatasetIndex, Decision, Item, Match, Message, User
from portal.policy import current

SignIn = Callable[[User], Client]

pytestmark = pytest.mark.django_db


@pytest.fixture
def holder(client: Client, index: DatasetIndex, sample: object) -> Holder:
    return holds(client, sample.rows[3].url).work()


@pytest.fixture
def refused(holder: Holder, alice: User) -> Holder:
    """Alice refused the holder's item."""
    review.refuse(Case.objects.get(), alice, "public-interest", [holder.item.pk], "for colleagues only")
    return holder


@pytest.fixture
def appealed(refused: Holder) -> Case:
    refused.post("appeal/", item="1", sure="yes")
    return CaseItem.objects.get(item=refused.item).case


def _rows(case: Case) -> list[int]:
    return list(Match.objects.filter(item__case_item__case=case).values_list("pk", flat=True))


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_is_told_in_plain_words_with_the_ways_on(
    holder: Holder, alice: User, name: str, signed_in: SignIn
) -> None:
    case = Case.objects.get()
    sent = {"answer": name, "seen": [holder.item.pk], "message": "In own words.", "reason": "internal"}
    assert signed_in(alice).post(f"/desk/case/{case.pk}/refuse/", sent).status_code == 302
    seen = holder.sees()
    assert "Not removed" in seen
    assert str(ANSWERS[name].text) in seen
    assert "In own words." in seen
    assert "internal" not in seen
    assert "Ask for a second look" in seen
    assert str(ROUTES["authority"]) in seen
    assert str(ROUTES["court"]) in seen


def test_the_reason_of_an_old_refusal_stays_with_colleagues(refused: Holder) -> None:
    Decision.objects.update(answer="", reason="an old reason")
    seen = refused.sees()
    assert "an old reason" not in seen
    assert "A reviewer decided that it stays in the dataset." in seen


@pytest.mark.parametrize("name", [*ANSWERS, "", "gone from the code"])
def test_an_answer_can_be_said_in_every_language(name: str) -> None:
    for language in current().languages:
        with translation.override(language):
            assert answers.told(name, {})
            assert all(answers.routes(name))


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_has_words_for_both_sides(name: str) -> None:
    assert QUESTIONS[name][0]
    assert answers.question(name)
    assert answers.question("nothing we know") == ""


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "Choose an answer"),
        ({"answer": "made up"}, "Choose an answer"),
        ({"answer": "other"}, "write the message too"),
        ({"answer": "other", "message": " \t"}, "write the message too"),
        ({"answer": "unclear", "message": "x" * 2001}, "more than 2,000 characters"),
    ],
)
def test_a_refusal_that_is_not_complete_changes_nothing(
    holder: Holder, alice: User, signed_in: SignIn, sent: dict[str, str], said: str
) -> None:
    case = Case.objects.get()
    page = signed_in(alice).post(f"/desk/case/{case.pk}/refuse/", {**sent, "seen": [holder.item.pk]})
    assert page.status_code == 409
    assert said in text_of(page)
    assert not Decision.objects.exists()
    assert not Message.objects.exists()


def test_everyone_whose_item_is_refused_gets_the_message_and_learns_nothing_of_the_others(
    client: Client, holder: Holder, sample: object, alice: User
) -> None:
    other = holds(client, sample.rows[3].url).work()
    case = Case.objects.get()
    replies.refuse(case, alice, "other", [holder.item.pk, other.item.pk], message="It is in the news.")
    for one in (holder, other):
        assert one.sees().count("It is in the news.") == 1
    assert Message.objects.count() == 2


def test_an_appeal_is_asked_for_once_and_says_who_decides(refused: Holder) -> None:
    asked = refused.sees("appeal/", item="1")
    assert "Ask for a second look?" in asked
    assert "did not decide this the first time" in asked
    seen = refused.sees("appeal/", item="1", sure="yes", text="Please look again.")
    assert "You asked for a second look. Someone new will decide." in seen
    assert "Please look again." in seen
    assert Message.objects.count() == 1
    refused.post("appeal/", item="1", sure="yes")
    assert Case.objects.count() == 2
    first, second = Case.objects.order_by("pk")
    assert second.appeal_of == first
    assert (first.state, second.state) == (Case.State.REFUSED, Case.State.OPEN)
    assert refused.item.appealed == today()
    assert second.due == current().due(today())


def test_whoever_decided_first_decides_nothing_of_the_appeal(appealed: Case, alice: User, bob: User) -> None:
    seen = list(appealed.case_items.values_list("item", flat=True))
    moves = [
        lambda: review.propose_removal(appealed, alice, _rows(appealed), "address"),
        lambda: review.refuse(appealed, alice, "unclear", seen),
    ]
    for move in moves:
        with pytest.raises(review.ReviewError, match="decided this the first time"):
            move()
    proposal = review.propose_removal(appealed, bob, _rows(appealed), "address")
    with pytest.raises(review.ReviewError, match="decided this the first time"):
        review.confirm(proposal, alice)
    proposal.refresh_from_db()
    appealed.refresh_from_db()
    assert (proposal.state, appealed.state) == (Decision.State.PROPOSED, Case.State.PROPOSED)


def test_two_new_people_may_remove_on_appeal(appealed: Case, bob: User, carol: User, refused: Holder) -> None:
    review.confirm(review.propose_removal(appealed, bob, _rows(appealed), "address"), carol)
    assert "We will remove it." in refused.sees()


def test_a_second_refusal_ends_it(appealed: Case, refused: Holder, bob: User) -> None:
    review.refuse(appealed, bob, "not-same-picture", [refused.item.pk])
    seen = refused.sees()
    assert str(ANSWERS["not-same-picture"].text) in seen
    assert "Ask for a second look" not in seen
    assert str(ROUTES["authority"]) in seen
    assert not second_look.appeal(refused.item)


def test_the_desk_tells_the_first_decider_and_links_both_cases(
    appealed: Case, alice: User, bob: User, signed_in: SignIn
) -> None:
    first = appealed.appeal_of
    theirs = signed_in(alice).get(f"/desk/case/{appealed.pk}/")
    assert "You decided it. Someone new has to decide this one." in text_of(theirs)
    assert 'action="/desk/case' not in theirs.content.decode()
    assert "Propose the chosen rows" in text_of(signed_in(bob).get(f"/desk/case/{appealed.pk}/"))
    assert f"Case {appealed.pk}" in text_of(signed_in(bob).get(f"/desk/case/{first.pk}/"))


@pytest.mark.parametrize(("days", "open_"), [(0, True), (184, True), (185, False)])
def test_an_appeal_is_open_as_long_as_the_policy_says(refused: Holder, days: int, open_: bool) -> None:
    Decision.objects.update(confirmed=today() - timedelta(days=days))
    assert ("Ask for a second look" in refused.sees()) is open_
    assert second_look.appeal(refused.item) is open_


@pytest.mark.parametrize("state", [state for state in Item.State if state != Item.State.DECIDED])
def test_only_what_was_refused_can_be_appealed(refused: Holder, state: str) -> None:
    Item.objects.update(state=state)
    assert not second_look.appeal(refused.item)
    refused.post("appeal/", item="1", sure="yes")
    assert Case.objects.count() == 1


def test_what_was_removed_cannot_be_appealed(holder: Holder, alice: User, bob: User) -> None:
    case = Case.objects.get()
    review.confirm(review.propose_removal(case, alice, _rows(case), "address"), bob)
    assert not second_look.appeal(holder.item)


def test_items_that_are_appealed_from_one_case_stand_together_and_others_do_not_join(
    client: Client, holder: Holder, sample: object, alice: User
) -> None:
    other = holds(client, sample.rows[3].url).work()
    review.refuse(Case.objects.get(), alice, "unclear", [holder.item.pk, other.item.pk])
    assert second_look.appeal(holder.item)
    assert second_look.appeal(other.item)
    appeal = Case.objects.get(appeal_of__isnull=False)
    assert appeal.case_items.count() == 2
    holds(client, sample.rows[3].url).work()
    assert appeal.case_items.count() == 2


def test_what_is_left_of_an_appeal_stays_an_appeal(
    client: Client, holder: Holder, sample: object, alice: User, bob: User, carol: User
) -> None:
    """Rows of one item are removed on appeal; the other's case is still not for the first decider."""
    other = holds(client, sample.rows[3].url).work()
    review.refuse(Case.objects.get(), alice, "unclear", [holder.item.pk, other.item.pk])
    for one in (holder, other):
        second_look.appeal(one.item)
    shared = holder.item.matches.get(how="url-exact", via="")
    other.item.matches.all().delete()
    appeal = Case.objects.get(appeal_of__isnull=False)
    review.confirm(review.propose_removal(appeal, bob, [shared.pk], "address"), carol)
    rest = CaseItem.objects.get(item=other.item).case
    assert rest != appeal
    with pytest.raises(review.ReviewError, match="decided this the first time"):
        review.refuse(rest, alice, "unclear", [other.item.pk])


def test_a_person_is_asked_to_look_where_the_machine_found_nothing(
    client: Client, index: DatasetIndex, signed_in: SignIn, alice: User
) -> None:
    holder = holds(client, "https://elsewhere.example/x.jpg").work()
    seen = holder.sees()
    assert "We found no row like it" in seen
    assert "Answered by a program on" in seen
    assert "Not found does not mean not there." in seen
    assert holder.item.answered == today()
    seen = holder.sees("person/", item="1")
    assert "A person will look." in seen
    assert "With a person" in seen
    holder.post("person/", item="1")
    case = Case.objects.get()
    assert (holder.item.state, holder.item.asked_person) == (Item.State.IN_REVIEW, True)
    desk = signed_in(alice)
    page = text_of(desk.get(f"/desk/case/{case.pk}/"))
    assert "The machine found nothing" in page
    assert "https://elsewhere.example/x.jpg" in page
    assert "Propose the chosen rows" not in page
    sent = {"answer": "nothing-there", "seen": [holder.item.pk]}
    assert desk.post(f"/desk/case/{case.pk}/refuse/", sent).status_code == 302
    seen = holder.sees()
    assert "A person has looked too" in seen
    assert "Ask for a second look" in seen


def test_a_case_without_rows_proposes_nothing(client: Client, index: DatasetIndex, alice: User) -> None:
    holder = holds(client, "https://elsewhere.example/x.jpg").work()
    second_look.ask_person(holder.item)
    with pytest.raises(review.ReviewError, match="at least one"):
        review.propose_removal(Case.objects.get(), alice, [], "address")


@pytest.mark.parametrize("state", [state for state in Item.State if state != Item.State.NOT_FOUND])
def test_a_person_is_asked_only_where_nothing_was_found(holder: Holder, state: str) -> None:
    Item.objects.update(state=state)
    assert not second_look.ask_person(holder.item)
    assert Case.objects.count() == 1
