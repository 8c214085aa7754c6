"""The desk's pages: who gets in, and that its buttons do what they say."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from portal.models import Case, DatasetIndex, Decision, Item, Match, Submission, User
from portal.views.case_rows import groups

DESK = [
    "/desk/cases/",
    "/desk/case/1/",
    "/desk/releases/",
]
ACTIONS = [
    "/desk/case/1/propose/",
    "/desk/case/1/refuse/",
    "/desk/case/1/unblock/1/",
    "/desk/decision/1/confirm/",
    "/desk/decision/1/send-back/",
    "/desk/item/1/retry/",
    "/desk/releases/build/",
    "/desk/releases/1/publish/",
    "/desk/releases/1/discard/",
]


@pytest.fixture
def case(
    index: DatasetIndex,
    submit: Callable[..., Submission],
    work: Callable[[Submission], None],
    sample: object,
) -> Case:
    work(submit(sample.rows[3].url))
    return Case.objects.get()


@pytest.mark.django_db
@pytest.mark.parametrize("path", DESK)
def test_strangers_are_sent_to_sign_in(client: Client, path: str) -> None:
    assert client.get(path).headers["Location"].startswith("/desk/sign-in/")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ACTIONS)
def test_strangers_can_do_nothing(client: Client, path: str) -> None:
    assert client.post(path).headers["Location"].startswith("/desk/sign-in/")


def test_each_role_sees_its_own_pages(signed_in: Callable, alice: User, mara: User, case: Case) -> None:
    reviewer, manager = signed_in(alice), signed_in(mara)
    assert reviewer.get("/desk/").headers["Location"] == "/desk/cases/"
    assert manager.get("/desk/").headers["Location"] == "/desk/releases/"
    assert reviewer.get("/desk/releases/").status_code == 403
    assert manager.get("/desk/cases/").status_code == 403
    assert reviewer.post("/desk/releases/build/").status_code == 403
    assert manager.post(f"/desk/case/{case.pk}/refuse/", {"reason": "x"}).status_code == 403


def test_signing_in_by_name_and_password(client: Client, alice: User) -> None:
    wrong = client.post("/desk/sign-in/", {"username": "alice", "password": "wrong"})
    assert "do not fit together" in wrong.content.decode()
    right = client.post("/desk/sign-in/", {"username": "alice", "password": "correct horse battery"})
    assert right.headers["Location"] == "/desk/"
    assert right.cookies["sessionid"]["path"] == "/desk/"


def test_forms_of_the_desk_need_its_token(alice: User, case: Case) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(f"/desk/case/{case.pk}/refuse/", {"reason": "x"}).status_code == 403
    assert not Decision.objects.exists()


def test_two_people_remove_rows_through_the_pages(
    signed_in: Callable, alice: User, bob: User, case: Case, sample: object
) -> None:
    ours, theirs = signed_in(alice), signed_in(bob)
    assert f"Case {case.pk}" in ours.get("/desk/cases/").content.decode()
    page = ours.get(f"/desk/case/{case.pk}/").content.decode()
    assert sample.rows[3].url in page
    assert sample.rows[3].caption in page
    match = Match.objects.first()
    ours.post(f"/desk/case/{case.pk}/propose/", {"match": [match.pk], "scope": "file", "reason": "clear"})
    decision = Decision.objects.get()
    own = ours.post(f"/desk/decision/{decision.pk}/confirm/")
    assert own.status_code == 409
    assert "another person has to confirm" in own.content.decode()
    theirs.post(f"/desk/decision/{decision.pk}/confirm/")
    case.refresh_from_db()
    assert case.state == Case.State.REMOVED
    assert "alice and bob" in theirs.get(f"/desk/case/{case.pk}/").content.decode()


def test_a_wrong_move_says_what_to_do_and_changes_nothing(
    signed_in: Callable, alice: User, case: Case
) -> None:
    desk = signed_in(alice)
    for sent in ({}, {"match": ["999"], "scope": "file"}, {"match": ["x", "²"], "scope": "file"}):
        page = desk.post(f"/desk/case/{case.pk}/propose/", sent)
        assert page.status_code == 409
        assert "There is a problem" in page.content.decode()
    typed = desk.post(f"/desk/case/{case.pk}/propose/", {"scope": "address", "reason": "typed before"})
    assert "typed before" in typed.content.decode()
    assert 'value="address" id="scope-address" checked' in typed.content.decode()
    assert "checked>" not in typed.content.decode().split("What came in")[0]
    assert desk.post(f"/desk/case/{case.pk}/refuse/", {"reason": ""}).status_code == 409
    assert not Decision.objects.exists()


def test_a_case_whose_source_is_gone_still_opens(
    signed_in: Callable, alice: User, case: Case, sample: object
) -> None:
    hidden = sample.pictures.rename(sample.pictures.with_name("away"))
    try:
        page = signed_in(alice).get(f"/desk/case/{case.pk}/")
        assert page.status_code == 200
        assert "cannot be read at the moment" in page.content.decode()
    finally:
        hidden.rename(sample.pictures)


def test_a_stuck_item_can_be_tried_again(signed_in: Callable, alice: User, submit: Callable) -> None:
    item = submit("https://a.example/x.jpg").items.get()
    Item.objects.update(state=Item.State.NEEDS_PERSON, problem="index-damaged")
    desk = signed_in(alice)
    assert "index-damaged" in desk.get("/desk/cases/").content.decode()
    desk.post(f"/desk/item/{item.pk}/retry/")
    item.refresh_from_db()
    assert (item.state, item.attempts) == (Item.State.READY, 0)


def test_rows_are_grouped_and_guesses_come_last(case: Case) -> None:
    found, problem = groups(case)
    assert problem == ""
    assert [group.guess for group in found] == sorted(group.guess for group in found)
    assert len({(group.index.pk, group.number) for group in found}) == len(found)
