"""The questions of the form: which come, what is said of an answer, and that no answer is ever lost."""

from __future__ import annotations

import random

import pytest
from django.core import signing
from django.test import Client
from factories.asking import URL, answer, draft, text, to_check, to_note
from hypothesis import given
from hypothesis import strategies as st

from portal.asking.drafts import BadDraftError, Draft
from portal.asking.questions import KINDS, QUESTIONS, names
from portal.models import Submission

pytestmark = pytest.mark.django_db
MD5 = "ef" * 16
DRAFTS = st.builds(
    Draft,
    token=st.binary(min_size=16, max_size=16),
    ground=st.sampled_from(["", "private", "opt-out"]),
    have=st.lists(st.sampled_from(list(KINDS)), unique=True).map(tuple),
    addresses=st.text(),
    fingerprints=st.text(),
    site=st.text(),
    note=st.text(),
    keep=st.booleans(),
)


@given(DRAFTS)
def test_a_draft_comes_back_as_it_went_and_a_changed_one_does_not(sent: Draft) -> None:
    sealed = sent.sealed()
    assert Draft.read(sealed) == sent
    for at in (0, len(sealed) // 2, len(sealed) - 1):
        changed = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
        if changed != sealed:
            with pytest.raises(BadDraftError):
                Draft.read(changed)


@pytest.mark.parametrize(
    "answers", [["token", "private", URL, ""], {"ground": "private"}, {"token": "AA==", "x": 1}, "", 7]
)
def test_a_draft_of_another_version_starts_again(client: Client, answers: object) -> None:
    sealed = signing.dumps(answers, salt="portal.asking.drafts", compress=True)
    assert "start again" in text(client.post("/en/ask/check/", {"draft": sealed}))


@given(DRAFTS)
def test_each_thing_that_a_person_has_brings_its_question(sent: Draft) -> None:
    asked = names(sent)
    assert asked[:2] == ["why", "have"]
    assert asked[-1] == "note"
    assert asked[2:-1] == [page for kind, page in KINDS.items() if page and kind in sent.have]


def test_a_draft_of_300_long_addresses_passes_every_page(client: Client, settings: object) -> None:
    letters = random.Random(7).choices("abcdefghijklmnopqrstuvwxyz0123456789/+%&=é", k=300 * 3000)
    addresses = "\n".join(f"https://a.example/{''.join(letters[n::300])}" for n in range(300))
    check = to_check(client, addresses, pictures=False)
    assert "300 web addresses" in text(check)
    shown = client.post("/en/ask/where/", {"draft": draft(check), "changing": "yes"})
    again = answer(client, shown, "where", addresses=addresses, changing="yes")
    assert "300 web addresses" in text(again)
    assert len(draft(again)) < settings.MAX_PAGE_BYTES / 2


@pytest.mark.parametrize(
    ("step", "field", "wrong", "said"),
    [
        ("why", "ground", {}, "Please choose one of the reasons"),
        ("why", "ground", {"ground": ""}, "Please choose one of the reasons"),
        ("why", "ground", {"ground": "nonsense"}, "Please choose one of the reasons"),
        ("have", "have", {}, "Choose at least one"),
        ("have", "have", {"have": "nonsense"}, "Choose at least one"),
        ("where", "addresses", {"addresses": " \n "}, "at least one address"),
        ("where", "addresses", {"addresses": f"{URL}\nnonsense"}, "Line 2 (nonsense): "),
        ("fingerprints", "fingerprints", {"fingerprints": ""}, "at least one fingerprint"),
        ("fingerprints", "fingerprints", {"fingerprints": f"{MD5}\nnonsense"}, "Line 2 (nonsense): "),
        ("site", "site", {"site": ""}, "the name of your site"),
        ("site", "site", {"site": "example.org\nnonsense"}, "Line 2 (nonsense): "),
        ("note", "note", {"note": "x" * 501}, "1 character too long"),
        ("note", "note", {"note": "x" * 502}, "2 characters too long"),
    ],
)
def test_a_problem_is_said_on_top_and_beside_the_field(
    client: Client, step: str, field: str, wrong: dict[str, str], said: str
) -> None:
    full = to_check(client, note="kept", fingerprints=MD5, site="example.org")
    shown = client.post(f"/en/ask/{'' if step == 'why' else f'{step}/'}", {"draft": draft(full)})
    page = answer(client, shown, step, **wrong)
    html = page.content.decode()
    assert page.status_code == 422
    assert "<title>Error: " in html
    assert text(page).count(said) == 2
    assert f'<a href="#{field}">' in html
    assert f'id="{field}"' in html
    assert f'id="{field}-wrong"' in html
    assert "autofocus" in html
    assert html.count("autofocus") == 1
    kept = Draft.read(draft(page))
    others = set(wrong) ^ {"ground", "have", "addresses", "fingerprints", "site", "note"}
    assert all(getattr(kept, name) for name in others - {field})
    for typed in wrong.values():
        assert typed == "nonsense" or typed.strip().split("\n")[0] in html
    assert not Submission.objects.exists()


@pytest.mark.parametrize("step", ["have", "where", "fingerprints", "site", "note"])
def test_back_keeps_what_was_typed_even_if_it_is_wrong(client: Client, step: str) -> None:
    full = to_check(client, fingerprints=MD5, site="example.org")
    shown = client.post(f"/en/ask/{step}/", {"draft": draft(full)})
    field = QUESTIONS[step].field
    page = answer(client, shown, step, **{field: "site" if step == "have" else "not yet right"}, back="yes")
    before = names(Draft.read(draft(full)))
    assert page.status_code == 200
    assert f'action="/en/ask/{"" if step == "have" else before[before.index(step) - 1] + "/"}"' in (
        page.content.decode()
    )
    assert "not yet right" in str(getattr(Draft.read(draft(page)), field)) or step == "have"


def test_who_changes_one_answer_comes_straight_back(client: Client) -> None:
    full = to_check(client, note="my note")
    for step in ("why", "have", "where", "note"):
        shown = client.post(f"/en/ask/{'' if step == 'why' else f'{step}/'}", _changing(full))
        assert 'name="changing"' in shown.content.decode()
    why = client.post("/en/ask/", _changing(full))
    assert 'value="private" checked' in why.content.decode()
    back = answer(client, why, "why", ground="opt-out", changing="yes")
    assert "Check your answers" in text(back)
    assert Draft.read(draft(back)).ground == "opt-out"
    assert "my note" in text(back)


def test_who_goes_back_from_a_change_has_the_answers_as_they_were(client: Client) -> None:
    full = to_check(client, note="my note")
    for step, other in (("why", {"ground": "opt-out"}), ("note", {"note": "x" * 501})):
        shown = client.post(f"/en/ask/{'' if step == 'why' else f'{step}/'}", _changing(full))
        assert 'name="back"' in shown.content.decode()
        back = answer(client, shown, step, **other, changing="yes", back="yes")
        assert back.status_code == 200
        assert "Check your answers" in text(back)
        assert Draft.read(draft(back)) == Draft.read(draft(full))


def test_who_goes_back_from_what_a_change_opened_can_close_it_again(client: Client) -> None:
    shown = client.post("/en/ask/have/", _changing(to_check(client)))
    site = answer(client, shown, "have", have=["addresses", "site"], changing="yes")
    where = answer(client, site, "site", site="", changing="yes", back="yes")
    assert "Where is the picture on the web?" in text(where)
    have = answer(client, where, "where", addresses=URL, changing="yes", back="yes")
    assert "What do you have?" in text(have)
    assert "Check your answers" in text(answer(client, have, "have", have="addresses", changing="yes"))


def test_what_a_change_opens_is_asked_next_without_a_reproach(client: Client) -> None:
    shown = client.post("/en/ask/have/", _changing(to_check(client)))
    page = answer(client, shown, "have", have=["addresses", "site"], changing="yes")
    assert page.status_code == 200
    assert "Which site is yours?" in text(page)
    assert "Check your answers" in text(answer(client, page, "site", site="example.org", changing="yes"))


def test_what_was_unticked_is_not_sent_and_comes_back_when_ticked_again(client: Client) -> None:
    shown = client.post("/en/ask/have/", _changing(to_check(client, fingerprints=MD5)))
    without = answer(client, shown, "have", have="fingerprints", changing="yes")
    assert URL not in text(without)
    shown = client.post("/en/ask/have/", _changing(without))
    assert URL in text(answer(client, shown, "have", have=["addresses", "fingerprints"], changing="yes"))


def test_a_forged_or_missing_draft_starts_again(client: Client) -> None:
    for path in ("have", "where", "fingerprints", "site", "note", "check", "send"):
        for brought in ({}, {"draft": "forged"}):
            page = client.post(f"/en/ask/{path}/", {**brought, "answers": "yes"})
            assert page.status_code == 422
            assert "start again" in text(page)


def test_pages_in_the_middle_are_not_opened_by_their_address(client: Client) -> None:
    for path in ("have", "where", "fingerprints", "site", "note", "check", "send"):
        page = client.get(f"/en/ask/{path}/")
        assert (page.status_code, page.headers["Location"]) == (302, "/en/ask/")


def test_a_last_page_with_questions_open_asks_them(client: Client) -> None:
    first = client.get("/en/ask/")
    for path in ("check", "send"):
        page = client.post(f"/en/ask/{path}/", {"draft": draft(first)})
        assert page.status_code == 422
        assert "Why should it be removed?" in text(page)
    assert not Submission.objects.exists()


def test_the_restricted_ground_leads_to_help_from_every_page(client: Client) -> None:
    page = answer(client, client.get("/en/ask/"), "why", ground="child-safety")
    assert (page.status_code, page.headers["Location"]) == (302, "/en/under-18/")
    sealed = Draft(ground="child-safety", have=("addresses",), addresses=URL).sealed()
    for path in ("check", "send"):
        page = client.post(f"/en/ask/{path}/", {"draft": sealed})
        assert (page.status_code, page.headers["Location"]) == (302, "/en/under-18/")
    assert not Submission.objects.exists()


def test_faces_and_names_are_answered_with_what_can_be_done(client: Client) -> None:
    assert "never for faces or names" in text(client.get("/en/ask/"))


def test_the_same_page_is_shown_in_another_language_with_all_answers(client: Client) -> None:
    check = to_check(client, note="my note")
    for step in ("", "have/", "where/", "note/", "check/"):
        page = client.post(f"/fr/ask/{step}", {"draft": draft(check)})
        assert page.status_code == 200
        assert Draft.read(draft(page)) == Draft.read(draft(check))
        assert 'lang="fr"' in page.content.decode()


WARNED = {
    "an e-mail address": ("write to anna@mail.example", "e-mail"),
    "a phone number": ("call +49 (30) 1234-5678", "phone"),
    "an English name": ("Hello, my name is Anna", "a name"),
    "a German name": ("Ich heiße Anna", "a name"),
    "a French name": ("je m’appelle Anna", "a name"),
    "a Spanish name": ("Me llamo Anna", "a name"),
}


@pytest.mark.parametrize("name", WARNED)
def test_a_note_that_seems_to_name_someone_gets_a_word_and_goes_through(client: Client, name: str) -> None:
    note, said = WARNED[name]
    warned = answer(client, to_note(client, addresses=URL), "note", note=note)
    assert warned.status_code == 200
    assert (
        f"There seems to be {'an ' if said == 'e-mail' else '' if said == 'a name' else 'a '}{said}"
        in text(warned)
    )
    assert note in warned.content.decode()
    kind = {"e-mail": "mail", "phone": "phone", "a name": "name"}[said]
    assert f'name="warned" value="{kind}"' in warned.content.decode()
    assert "Check your answers" in text(answer(client, warned, "note", note=note, warned=kind))
    more = answer(client, warned, "note", note=f"{note}, anna@mail.example, my name is Anna", warned=kind)
    assert "Please look at your note again" in text(more)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "It was taken on 2026-11-22 in our garden, no. 12.",
        "Between 2019 and 2021, 12.11.2020, 2019-2021.",
        "See https://a.example/20191231123456/x@y.jpg",
        "The third picture from the left; it has 1024 x 768 pixels.",
        "The name of the page is in the address.",
    ],
)
def test_a_note_without_names_and_numbers_gets_no_word(client: Client, note: str) -> None:
    assert "Check your answers" in text(answer(client, to_note(client, addresses=URL), "note", note=note))


def _changing(page: object) -> dict[str, str]:
    return {"draft": draft(page), "changing": "yes"}
