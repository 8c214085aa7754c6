"""Cases about the abuse of children are seen by those alone who have a role of their own for it."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client
from holders import Holder, holds, text_of

from portal.deciding import review
from portal.demo import PEOPLE
from portal.letters import messages
from portal.models import Case, DatasetIndex, Decision, Item, User
from portal.models.user import ROLES

SignIn = Callable[[User], Client]

pytestmark = pytest.mark.django_db


@pytest.fixture
def holder(client: Client, index: DatasetIndex, sample: object) -> Holder:
    return holds(client, sample.rows[3].url, ground="child-safety").work()


@pytest.fixture
def ordinary(client: Client, index: DatasetIndex, sample: object) -> Holder:
    return holds(client, sample.rows[9].url).work()


@pytest.fixture
def pages(holder: Holder) -> dict[str, str]:
    """What can be opened, and what can be pressed, of the restricted case."""
    case = Case.objects.get()
    request = f"/desk/request/{holder.submission.pk}/"
    return {
        "case": f"/desk/case/{case.pk}/",
        "request": request,
        "propose": f"/desk/case/{case.pk}/propose/",
        "refuse": f"/desk/case/{case.pk}/refuse/",
        "unblock": f"/desk/case/{case.pk}/unblock/{holder.item.pk}/",
        "retry": f"/desk/item/{holder.item.pk}/retry/",
        "write": f"{request}write/",
        "read": f"{request}read/",
    }


def test_a_reviewer_without_the_role_finds_nothing(
    pages: dict[str, str], holder: Holder, alice: User, carol: User, signed_in: SignIn
) -> None:
    messages.write(holder.submission, "Hello")
    rows = list(holder.item.matches.filter(how="url-exact").values_list("pk", flat=True))
    proposal = review.propose_removal(Case.objects.get(), carol, rows, "address")
    desk = signed_in(alice)
    for name in ("case", "request"):
        assert desk.get(pages[name]).status_code == 404
    moves = [path for name, path in pages.items() if name not in ("case", "request")]
    moves += [f"/desk/decision/{proposal.pk}/{move}/" for move in ("confirm", "send-back")]
    for path in moves:
        assert desk.post(path, {"answer": "unclear", "text": "x"}).status_code == 404, path
    queue = text_of(desk.get("/desk/cases/"))
    assert f"Case {proposal.case_id}" not in queue
    assert "Messages to read" not in queue
    proposal.refresh_from_db()
    assert proposal.state == Decision.State.PROPOSED


def test_with_the_role_it_is_in_the_queue_and_opens(
    pages: dict[str, str], holder: Holder, ordinary: Holder, carol: User, signed_in: SignIn
) -> None:
    messages.write(holder.submission, "Hello")
    desk = signed_in(carol)
    for name in ("case", "request"):
        assert desk.get(pages[name]).status_code == 200
    queue = text_of(desk.get("/desk/cases/"))
    assert all(f"Case {case.pk}" in queue for case in Case.objects.all())
    assert f"Request {holder.submission.pk}" in queue


def test_the_other_cases_are_there_for_everyone(
    holder: Holder, ordinary: Holder, alice: User, signed_in: SignIn
) -> None:
    case = ordinary.item.case_item.case
    desk = signed_in(alice)
    assert f"Case {case.pk}" in text_of(desk.get("/desk/cases/"))
    assert desk.get(f"/desk/case/{case.pk}/").status_code == 200


def test_stuck_items_of_that_lane_are_hidden_too(
    holder: Holder, alice: User, carol: User, signed_in: SignIn
) -> None:
    Item.objects.update(state=Item.State.NEEDS_PERSON, problem="index-damaged")
    assert "index-damaged" not in text_of(signed_in(alice).get("/desk/cases/"))
    assert "index-damaged" in text_of(signed_in(carol).get("/desk/cases/"))


def test_what_was_asked_under_a_ground_that_left_the_policy_stays_hidden(
    pages: dict[str, str], alice: User, signed_in: SignIn
) -> None:
    Case.objects.update(ground="an-old-ground")
    assert signed_in(alice).get(pages["case"]).status_code == 404


def test_the_role_alone_opens_no_desk(db: None, client: Client) -> None:
    dora = User.objects.create_user("dora", "correct horse battery")
    client.force_login(dora)
    assert client.get("/desk/cases/").status_code == 403


def test_the_people_of_a_trial_have_both_roles() -> None:
    assert {name for name, roles in PEOPLE.items() if "child safety" in roles} == {"ada", "ben"}
    assert all(role in ROLES for roles in PEOPLE.values() for role in roles)


def test_one_person_is_invited_with_several_roles(db: None) -> None:
    for role in ROLES:
        Group.objects.get_or_create(name=role)
    said = StringIO()
    call_command("invite", "dora", "reviewer", "child safety", stdout=said)
    assert said.getvalue().startswith("dora may sign in as reviewer and child safety with: ")
    assert set(User.objects.get().groups.values_list("name", flat=True)) == {"reviewer", "child safety"}
