"""Flood control: who is slowed and who waits; nobody is refused."""

from __future__ import annotations

import json
from typing import Any

import altcha
import pytest
from django.core import signing
from django.http import HttpRequest
from django.test import RequestFactory

from portal.flood import callers, limits, proof_of_work
from portal.flood.buckets import InMemory

TOKEN, OTHER = b"t" * 16, b"o" * 16
ALICE, BOB = "203.0.113.7", "198.51.100.8"


class Time:
    """Stands in for the module ``time``: seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 1_795_000_000

    def time(self) -> float:
        return float(self.now)

    def milliseconds(self) -> int:
        return self.now * 1000


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Time:
    """The clock of everything here, and small limits."""
    made = Time()
    for module in (limits, proof_of_work, altcha.v2):
        monkeypatch.setattr(module, "time", _WithMonotonic(made))
    fresh = InMemory(made.milliseconds)
    monkeypatch.setattr(limits, "process", lambda: fresh)
    settings.PROOF_TRIES = 50
    settings.SUBMISSIONS_OF_AN_ADDRESS, settings.SUBMISSIONS_OF_ALL = (2, 60), (5, 60)
    settings.LOOKS_OF_AN_ADDRESS, settings.LOOKS_OF_ALL = (2, 720), (4, 720)  # one in 5 seconds
    settings.SUBMISSIONS_WITH_PROOF, settings.LOOKS_OF_A_PROCESS = (3, 60), (6, 3600)
    return made


class _WithMonotonic:
    def __init__(self, time: Time) -> None:
        self.time = self.monotonic = time.time


def posted(address: str = ALICE, flood: limits.Flood | None = None, **fields: str) -> HttpRequest:
    """A form that comes back from an address."""
    note = {"flood": flood.note} if flood else {}
    return RequestFactory().post("/", {**note, **fields}, REMOTE_ADDR=address)


def solved(flood: limits.Flood) -> str:
    """What the script makes of the challenge."""
    challenge = altcha.Challenge.from_dict(json.loads(flood.challenge))
    solution = altcha.solve_challenge(challenge, timeout=0)
    assert solution is not None
    return altcha.Payload(challenge, solution).to_base64()


def send(time: Time, address: str = ALICE, proof: bool = False) -> bool:
    """Fill a form in for ten seconds and send it; whether it goes into the slow lane."""
    flood = limits.fields(TOKEN)
    time.now += 10
    proven = {"proof": solved(flood)} if proof else {}
    return limits.slow(posted(address, flood, **proven), TOKEN)


def test_what_a_person_sends_is_not_slow(time: Time) -> None:
    assert send(time) is False


@pytest.mark.parametrize(("seconds", "slow"), [(0, True), (2, True), (3, False), (86_400, False)])
def test_what_comes_too_fast_to_be_typed_is_slow(time: Time, seconds: int, slow: bool) -> None:
    flood = limits.fields(TOKEN)
    time.now += seconds
    assert limits.slow(posted(flood=flood), TOKEN) is slow


def test_what_a_program_filled_in_is_slow(time: Time) -> None:
    flood = limits.fields(TOKEN)
    time.now += 10
    assert limits.slow(posted(flood=flood, topic="cheap pills", proof=solved(flood)), TOKEN) is True


@pytest.mark.parametrize(
    "note", ["", "x", "a:b:c", signing.dumps([1]), signing.dumps(["", 1, 1]), "é\x00", "x" * 100_000]
)
def test_a_note_that_is_not_ours_only_slows(time: Time, note: str) -> None:
    assert limits.slow(posted(flood=limits.Flood(note, "")), TOKEN) is True
    assert limits.wait(posted(flood=limits.Flood(note, ""))) is None


def test_a_note_of_another_form_slows(time: Time) -> None:
    flood = limits.fields(OTHER)
    time.now += 10
    assert limits.slow(posted(flood=flood), TOKEN) is True
    assert limits.slow(posted(flood=flood), OTHER) is False


def test_many_from_one_address_are_slow_and_others_are_not(time: Time) -> None:
    notes = [limits.fields(TOKEN) for _ in range(4)]
    time.now += 10
    slow = [limits.slow(posted(ALICE, note), TOKEN) for note in notes]
    assert slow == [False, False, True, True]
    assert limits.slow(posted(BOB, notes[0]), TOKEN) is False


def test_with_a_sum_many_from_one_address_are_not_slow(time: Time) -> None:
    notes = [limits.fields(TOKEN) for _ in range(5)]
    time.now += 10
    slow = [limits.slow(posted(ALICE, note, proof=solved(note)), TOKEN) for note in notes]
    assert slow == [False, False, False, True, True]  # SUBMISSIONS_WITH_PROOF
    assert limits.slow(posted(BOB, notes[0]), TOKEN) is False


def test_very_many_from_all_over_are_slow(time: Time) -> None:
    note = limits.fields(TOKEN)
    time.now += 10
    slow = [limits.slow(posted(f"198.51.{n}.1", note), TOKEN) for n in range(8)]
    assert slow == [False] * 5 + [True] * 3
    time.now += 60
    assert limits.slow(posted(BOB, note), TOKEN) is False


def test_all_who_come_through_an_onion_service_share_only_the_bucket_of_all(time: Time) -> None:
    note = limits.fields(TOKEN)
    time.now += 10
    slow = [limits.slow(posted("127.0.0.1", note), TOKEN) for _ in range(6)]
    assert slow == [False] * 5 + [True]


def test_looks_wait_for_their_turn_and_then_go_on(time: Time) -> None:
    assert [limits.wait(posted()) for _ in range(2)] == [None, None]
    asked = limits.wait(posted())
    assert asked is not None
    assert asked.wait == 5
    time.now += 5
    assert limits.wait(posted(flood=asked)) is None


def test_each_waits_longer_than_the_one_before(time: Time) -> None:
    waits = [limits.wait(posted("127.0.0.1")) for _ in range(8)]
    assert [asked.wait if asked else 0 for asked in waits] == [0, 0, 0, 0, 5, 10, 15, 20]


def test_nobody_waits_longer_than_told_and_one_address_takes_few_places(time: Time, settings: Any) -> None:
    settings.FLOOD_WAIT_SECONDS = 20
    waits = [limits.wait(posted()) for _ in range(50)]
    assert max(asked.wait for asked in waits if asked) == 20
    other = limits.wait(posted(BOB))
    assert other is not None
    assert other.wait <= 20


def test_pressing_early_keeps_the_place(time: Time) -> None:
    for _ in range(2):
        limits.wait(posted())
    asked = limits.wait(posted())
    time.now += 2
    early = limits.wait(posted(flood=asked))
    assert early is not None
    assert early.wait == 3
    time.now += 3
    assert limits.wait(posted(flood=early)) is None


def test_a_place_is_good_once(time: Time) -> None:
    for _ in range(2):
        limits.wait(posted())
    asked = limits.wait(posted())
    time.now += 5
    assert limits.wait(posted(flood=asked)) is None
    again = limits.wait(posted(flood=asked))
    assert again is not None
    assert again.note != asked.note
    time.now += again.wait
    assert limits.wait(posted(flood=again)) is None


def test_a_place_is_not_good_for_ever(time: Time, settings: Any) -> None:
    for _ in range(2):
        limits.wait(posted())
    asked = limits.wait(posted())
    time.now += settings.PROOF_SECONDS + 1
    for _ in range(2):
        limits.wait(posted())
    assert limits.wait(posted(flood=asked)) is not None


def test_with_a_sum_a_look_goes_on_at_once(time: Time) -> None:
    for _ in range(3):
        asked = limits.wait(posted())
    assert asked is not None
    assert limits.wait(posted(flood=asked, proof=solved(asked))) is None


def test_a_process_that_is_overrun_lets_sums_wait_too(time: Time) -> None:
    notes = [limits.fields(bytes([n]) * 16) for n in range(8)]
    waits = [limits.wait(posted(flood=note, proof=solved(note))) for note in notes]
    assert [asked.wait if asked else 0 for asked in waits] == [0] * 6 + [1, 1]
    time.now += 1
    assert limits.wait(posted(flood=waits[-1])) is None


@pytest.mark.parametrize(
    ("proxies", "written", "remote", "same_as"),
    [
        (0, "192.0.2.1", ALICE, ALICE),  # whoever is not told of proxies believes nobody
        (1, ALICE, "10.0.0.1", ALICE),
        (1, f"192.0.2.1, {ALICE}", "10.0.0.1", ALICE),
        (2, f"192.0.2.1, {ALICE}, 10.0.0.2", "10.0.0.1", ALICE),
        (1, f"{ALICE}:4711", "10.0.0.1", ALICE),
        (1, f"[::ffff:{ALICE}]:4711", "10.0.0.1", ALICE),
        (1, "", ALICE, None),  # came past the proxy, or the proxy says nothing
        (3, ALICE, "10.0.0.1", ALICE),
        (1, "unknown", "10.0.0.1", None),
        (0, "", "", None),  # a socket of Unix
        (0, "", "127.0.0.1", None),
        (0, "", "::1", None),
        (0, "", "10.1.2.3", None),
        (0, "", "fd00::1", None),
    ],
)
def test_who_calls(settings: Any, proxies: int, written: str, remote: str, same_as: str | None) -> None:
    settings.PROXIES = proxies
    headers = {"HTTP_X_FORWARDED_FOR": written} if written else {}
    request = RequestFactory().get("/", REMOTE_ADDR=remote, **headers)
    expected = callers.hashed(same_as, b"key") if same_as else None
    assert callers.name(request, b"key") == expected


def test_one_connection_of_ipv6_is_one_caller() -> None:
    same = {callers.hashed(f"2001:db8:1:2:{n}::1", b"key") for n in range(5)}
    assert len(same) == 1
    assert callers.hashed("2001:db8:1:3::1", b"key") not in same
    assert callers.hashed(ALICE, b"key") != callers.hashed(BOB, b"key")
    assert callers.hashed(ALICE, b"key") != callers.hashed(ALICE, b"another key")


def test_who_asks_far_too_often_gets_no_place_and_no_more_looks_than_others(
    time: Time, settings: Any
) -> None:
    """Waiting a hundred times at once is no way around the limit of one address."""
    settings.FLOOD_WAIT_SECONDS, settings.LOOKS_OF_A_PROCESS = 20, (1000, 36_000)
    asked = [flood for flood in (limits.wait(posted()) for _ in range(100)) if flood]
    time.now += 20
    through = sum(limits.wait(posted(flood=one)) is None for one in asked)
    assert through == 4  # 20 seconds, and one comes back in 5
