"""Many pictures in one child: the same fingerprints, and only the bad picture is lost."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from factories.pictures import encode, soft
from factories.shards import picture
from PIL import Image

from takedown import sandbox_link
from takedown.confine import Limits, has_seccomp
from takedown.errors import BadImage, TakedownError
from takedown.fingerprint import Fingerprint, fingerprint
from takedown.sandbox import Sandbox, Stored
from takedown.sandbox_server import BATCH_BYTES, BATCH_PICTURES
from takedown.stored import fingerprint_stored

GOOD = [Stored(picture(number)) for number in range(6)]
EXPECTED = [fingerprint_stored(stored) for stored in GOOD]
TOO_BIG = Stored(bytes(20_000_001))
#: Needs 200 MB to read, in a file of 200 kB.
GREEDY = Stored(encode(Image.new("RGB", (7000, 7000), (1, 2, 3)), "PNG"))
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc, or limits address space")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    box = Sandbox()
    yield box
    box.close()


def short(results: list[Fingerprint | TakedownError]) -> list[str]:
    """PDQ of what could be read, the slug of the rest."""
    return [result.slug if isinstance(result, TakedownError) else result.pdq for result in results]


def test_a_batch_gives_what_each_picture_gives_alone_in_order(box: Sandbox) -> None:
    many = [GOOD[number % 6] for number in range(BATCH_PICTURES + 3)]
    assert box.fingerprint_many(many) == [EXPECTED[number % 6] for number in range(len(many))]
    assert box.fingerprint_many([]) == []
    assert EXPECTED[0].codes == fingerprint(GOOD[0].data).codes[:1]


def test_bad_pictures_among_good_ones_are_named_in_their_places(box: Sandbox) -> None:
    bad = [Stored(b""), Stored(b"<html>"), Stored(GOOD[0].data[:300]), TOO_BIG, TOO_BIG]
    mixed = [bad[0], GOOD[0], bad[1], bad[2], GOOD[1], bad[3], bad[4], GOOD[2]]
    found = short(box.fingerprint_many(mixed))
    assert found == [
        "image-empty",
        EXPECTED[0].pdq,
        "image-not-a-picture",
        "image-truncated",
        EXPECTED[1].pdq,
        "image-too-big",
        "image-too-big",
        EXPECTED[2].pdq,
    ]


def test_padding_is_cut_off_where_it_is_asked_for(box: Sandbox) -> None:
    wide = Image.fromarray(soft(200, 120, seed=5))
    square = Image.new("RGB", (200, 200), (255, 255, 255))
    square.paste(wide, (0, 40))
    data = encode(square, "PNG")
    asked = [Stored(data), Stored(data, padded=True), Stored(data, padded=True, original=(1000, 600))]
    kept, seen, known = box.fingerprint_many(asked)
    plain = fingerprint_stored(Stored(encode(wide, "PNG")))
    assert isinstance(kept, Fingerprint)
    assert isinstance(seen, Fingerprint)
    assert isinstance(known, Fingerprint)
    assert (kept.width, kept.height) == (200, 200)
    assert (seen.width, seen.height) == (known.width, known.height) == (200, 120)
    assert seen.pdq == known.pdq == plain.pdq != kept.pdq


@linux
def test_a_picture_that_kills_its_child_is_lost_alone(box: Sandbox) -> None:
    small = Sandbox(Limits(memory=400 << 20))
    found = short(small.fingerprint_many([GOOD[0], GREEDY, GOOD[1], GOOD[2]]))
    small.close()
    assert found == [EXPECTED[0].pdq, "sandbox-failed", EXPECTED[1].pdq, EXPECTED[2].pdq]


def server_of(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have sandboxes start a server that runs some code first; `server` is its module."""
    program = f"from takedown import sandbox_server as server\n{code}\nserver.serve(server.Limits(wall=0.7))"

    def start(_limits: Limits) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )

    monkeypatch.setattr(sandbox_link, "start", start)


ENDLESS = """
import time
plain = server.fingerprint_stored
server.fingerprint_stored = lambda stored: time.sleep(600) if stored.data == b"endless" else plain(stored)
"""


def test_a_child_that_takes_too_long_over_one_picture_loses_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    server_of(ENDLESS, monkeypatch)
    box = Sandbox()
    began = time.monotonic()
    found = short(box.fingerprint_many([GOOD[0], Stored(b"endless"), GOOD[1]]))
    assert found == [EXPECTED[0].pdq, "sandbox-failed", EXPECTED[1].pdq]
    assert time.monotonic() - began < 120
    box.close()


def test_a_server_that_dies_again_and_again_costs_its_pictures_only(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Dying(sandbox_link.Link):
        asked = 0

        def ask(self, question: bytes) -> list[dict[str, Any]]:
            Dying.asked += 1
            if GOOD[1].data in question:
                self._process.kill()
            return super().ask(question)

    monkeypatch.setattr("takedown.sandbox.Link", Dying)
    other = Sandbox()
    found = short(other.fingerprint_many(GOOD[:3]))
    other.close()
    # Nothing of the first batch came back, so that the first picture is tried alone, too.
    assert found == [EXPECTED[0].pdq, "sandbox-failed", EXPECTED[2].pdq]


FORGED = json.dumps(json.loads(EXPECTED[0].to_json()) | {"md5": "0" * 32})


@pytest.mark.parametrize(
    "answers",
    [
        [{}],
        [{"fingerprint": FORGED}],
        [{"bad": ["image-<b>", "A sentence."]}],
        [{"fingerprint": EXPECTED[1].to_json()}],  # of another picture
        [{"fingerprint": EXPECTED[0].to_json()}] * 4,  # more than were asked for
        [],
    ],
    ids=str,
)
def test_answers_that_a_hijacked_child_might_give_are_not_believed(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]
) -> None:
    monkeypatch.setattr(box, "_ask", lambda _: answers)
    assert short(box.fingerprint_many(GOOD[:1])) == ["sandbox-failed"]


def test_a_forged_answer_costs_nothing_behind_it(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    true_ask, calls = box._ask, []

    def forge_first(question: bytes) -> list[dict[str, Any]]:
        calls.append(question)
        answers = true_ask(question)
        return [answers[0], {"fingerprint": FORGED}, *answers[2:]] if len(calls) == 1 else answers

    monkeypatch.setattr(box, "_ask", forge_first)
    assert box.fingerprint_many(GOOD) == EXPECTED


HOSTILE = """
from takedown.pipes import send

def hostile(pipe, content):
    if "fingerprint" in content:
        for message in (server.END, b"[" * 9000, b"\\xff", b"7", server.ANSWER):
            send(pipe, message)
    plain(pipe, content)

plain, server._answer = server._answer, hostile
"""


def test_a_child_cannot_say_that_its_answers_were_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a child writes arrives as an answer, even when it looks like the server's own mark."""
    server_of(HOSTILE, monkeypatch)
    box = Sandbox()
    assert short(box.fingerprint_many(GOOD[:2])) == ["sandbox-failed"] * 2
    assert box.check(GOOD[0].data) == (96, 96)  # nothing was left over for the next question
    assert short(box.fingerprint_many([Stored(b"<html>")])) == ["image-not-a-picture"]
    box.close()


@linux
@pytest.mark.skipif(not has_seccomp(), reason="no seccomp filter for this machine")
def test_a_batch_is_read_by_one_child_and_as_large_as_allowed(box: Sandbox) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)
    large = Stored(encode(Image.fromarray(noise), "PNG"))
    count = BATCH_BYTES // len(large.data) + 2
    found = box.fingerprint_many([large] * count)
    assert len(set(short(found))) == 1
    assert all(isinstance(one, Fingerprint) for one in found)


def test_both_kinds_of_question_share_a_server(box: Sandbox) -> None:
    assert box.fingerprint(GOOD[0].data) == fingerprint(GOOD[0].data)
    assert box.fingerprint_many(GOOD[:1]) == EXPECTED[:1]
    with pytest.raises(BadImage):
        box.fingerprint(b"<html>")
    assert box.check(GOOD[0].data) == (96, 96)
