"""The sum that a browser does: good for one form, in time, once; whatever else comes is no proof."""

from __future__ import annotations

import base64
import json
from typing import Any

import altcha
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.flood import proof_of_work
from portal.flood.buckets import InMemory

TOKEN = b"t" * 16


@pytest.fixture
def buckets(settings: Any) -> InMemory:
    settings.PROOF_TRIES = 50
    return InMemory()


def solved(challenge: str, **changed: Any) -> str:
    """An honest answer, or one in which parts of the challenge were changed before it was solved."""
    asked = json.loads(challenge)
    asked["parameters"].update(changed)
    made = altcha.Challenge.from_dict(asked)
    solution = altcha.solve_challenge(made, timeout=0)
    assert solution is not None
    return altcha.Payload(made, solution).to_base64()


def test_an_answer_is_taken_once(buckets: InMemory) -> None:
    answer = solved(proof_of_work.challenge(TOKEN))
    assert [proof_of_work.proven(answer, TOKEN, buckets) for _ in range(3)] == [True, False, False]


def test_an_answer_written_differently_is_still_the_same(buckets: InMemory) -> None:
    answer = solved(proof_of_work.challenge(TOKEN))
    again = json.loads(base64.b64decode(answer))
    again["solution"]["time"] = 17
    other = base64.b64encode(json.dumps(again, indent=1).encode()).decode()
    assert proof_of_work.proven(answer, TOKEN, buckets)
    assert not proof_of_work.proven(other, TOKEN, buckets)


def test_an_answer_for_another_form_is_none(buckets: InMemory) -> None:
    answer = solved(proof_of_work.challenge(b"o" * 16))
    assert not proof_of_work.proven(answer, TOKEN, buckets)


def test_an_answer_that_comes_too_late_is_none(buckets: InMemory, settings: Any) -> None:
    settings.PROOF_SECONDS = -1
    answer = solved(proof_of_work.challenge(TOKEN))
    assert not proof_of_work.proven(answer, TOKEN, buckets)


@pytest.mark.parametrize(
    "changed",
    [
        {"keyPrefix": "00"},
        {"expiresAt": 4_000_000_000},
        {"nonce": "00" * 16, "keyPrefix": ""},
        {"keyLength": 1, "keyPrefix": ""},
        {"algorithm": "SHA-384", "keyPrefix": "0"},
        {"data": None},
    ],
)
def test_an_answer_to_a_forged_sum_is_none(buckets: InMemory, changed: dict[str, Any]) -> None:
    answer = solved(proof_of_work.challenge(TOKEN), **changed)
    assert not proof_of_work.proven(answer, TOKEN, buckets)


def test_a_sum_signed_by_another_desk_is_none(buckets: InMemory, settings: Any) -> None:
    settings.SECRET_KEY = "another"
    answer = solved(proof_of_work.challenge(TOKEN))
    settings.SECRET_KEY = "ours"
    assert not proof_of_work.proven(answer, TOKEN, buckets)


def test_no_number_but_the_right_one_is_an_answer(buckets: InMemory) -> None:
    challenge = proof_of_work.challenge(TOKEN)
    right = json.loads(base64.b64decode(solved(challenge)))
    for counter in (*range(60), -1, 2**32, 1.5, "3", None, True):
        if counter == right["solution"]["counter"]:
            continue
        wrong = {**right, "solution": {**right["solution"], "counter": counter}}
        text = base64.b64encode(json.dumps(wrong).encode()).decode()
        assert not proof_of_work.proven(text, TOKEN, buckets)


@given(
    text=st.one_of(
        st.text(max_size=300),
        st.binary(max_size=300).map(lambda data: base64.b64encode(data).decode()),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(st.sampled_from(["challenge", "parameters", "solution", "data"]), inner)
            ),
        ).map(lambda value: base64.b64encode(json.dumps(value).encode()).decode()),
    )
)
def test_whatever_else_comes_is_no_answer_and_no_error(text: str) -> None:
    assert not proof_of_work.proven(text, TOKEN, InMemory())


@pytest.mark.parametrize(
    "text", ["[" * 3000, base64.b64encode(b"[" * 3000).decode(), base64.b64encode(b"1" * 3000).decode()]
)
def test_deep_and_long_answers_are_none(text: str) -> None:
    assert not proof_of_work.proven(text, TOKEN, InMemory())


def test_the_challenge_does_not_tell_the_token() -> None:
    text = proof_of_work.challenge(TOKEN)
    for form in (TOKEN.decode(), TOKEN.hex(), base64.b64encode(TOKEN).decode().rstrip("=")):
        assert form not in text
