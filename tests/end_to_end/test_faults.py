"""kill -9 at the worst moments: nothing that was answered is lost, nothing is done twice."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from base64 import b64decode
from http.client import RemoteDisconnected
from pathlib import Path
from urllib.error import URLError

import people
import psycopg
import pytest
from desk import Desk, wait_for
from visitor import Visitor

pytestmark = [pytest.mark.slow]

#: Moments in the life of a picture at which its worker is killed.
POINTS = [
    "fingerprint.claimed",
    "fingerprint.computed",
    "fingerprint.stored",
    "match.claimed",
    "match.stored",
]


@pytest.fixture
def prepared(desk: Desk, drawn: Path) -> Desk:
    desk.reuse(drawn)
    desk.manage("prepare", "--demo")
    return desk


def _picture(desk: Desk, name: str = "mirrored.jpg") -> Path:
    return desk.var / "sample" / "try" / name


def _body(message: bytes) -> bytes:
    return b64decode(json.loads(message)["body"])


def _count(desk: Desk, what: str) -> int:
    """How many rows a table of the portal has, asked of the database itself."""
    url = desk.environment.get("DATABASE_URL", "")
    query = f"SELECT count(*) FROM portal_{what}"
    if url:
        with psycopg.connect(url) as connection:
            return int(connection.execute(query).fetchone()[0])
    import sqlite3

    with sqlite3.connect(desk.var / "portal.sqlite3") as connection:
        return int(connection.execute(query).fetchone()[0])


def test_a_worker_killed_at_any_moment_loses_nothing(prepared: Desk) -> None:
    """Every picture is fingerprinted and matched once, whenever its worker died, and its bytes are gone."""
    desk = prepared
    desk.start("web")
    desk.start("clock")
    for number, point in enumerate(POINTS, start=1):
        worker = desk.start("worker", CRASH_AT=point)
        receipt = people.words(people.send(Visitor(desk.address), pictures=[_picture(desk)])[1])
        wait_for(f"the worker's death at {point}", lambda worker=worker: worker.poll() is not None)
        desk.kill("worker")
        desk.start("worker")
        people.wait_for_status(desk, receipt, "We found rows")
        desk.kill("worker")
        assert _count(desk, "caseitem") == number
    assert _count(desk, "sealedpicture") == 0
    assert _count(desk, "match WHERE via = ''") == len(POINTS)


def test_a_broker_that_forgets_everything_loses_nothing(prepared: Desk) -> None:
    """Messages are pokes: with all of them gone the sweeper finds the rows."""
    desk = prepared
    desk.start("web")
    receipt = people.words(people.send(Visitor(desk.address), pictures=[_picture(desk)])[1])
    queue = desk.var / "broker" / "queue"
    for message in queue.glob("*") if queue.exists() else ():
        message.unlink()
    if prefix := desk.environment.get("TAKEDOWN_BROKER_PREFIX"):
        import redis

        server = redis.Redis.from_url(desk.environment["TAKEDOWN_BROKER_URL"])
        for key in server.scan_iter(f"{prefix}*"):
            server.delete(key)
    desk.start("worker")
    desk.start("clock")
    people.wait_for_status(desk, receipt, "We found rows")
    assert _count(desk, "sealedpicture") == 0


def test_a_broker_that_never_answers_costs_a_moment_and_no_submission(prepared: Desk) -> None:
    """It accepts connections and is silent, the worst kind of dead."""
    desk = prepared
    with socket.create_server(("127.0.0.1", 0)) as silent:
        desk.start("web", TAKEDOWN_BROKER_URL=f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        asked = time.monotonic()
        receipt = people.words(people.send(Visitor(desk.address), pictures=[_picture(desk)])[1])
        assert time.monotonic() - asked < 30
    desk.start("worker")
    desk.start("clock")
    people.wait_for_status(desk, receipt, "We found rows")


def test_messages_hold_row_ids_only(prepared: Desk) -> None:
    desk = prepared
    desk.start("web")
    address = "https://canary-7f2b.example/never-in-a-broker.jpg"
    people.send(Visitor(desk.address), [address], [_picture(desk)])
    if prefix := desk.environment.get("TAKEDOWN_BROKER_PREFIX"):
        import redis

        server = redis.Redis.from_url(desk.environment["TAKEDOWN_BROKER_URL"])
        stored = [server.dump(key) for key in server.scan_iter(f"{prefix}*")]
        messages = [one for key in server.scan_iter(f"{prefix}pokes*") for one in server.lrange(key, 0, -1)]
    else:
        messages = stored = [file.read_bytes() for file in (desk.var / "broker" / "queue").iterdir()]
    assert len(messages) == 1  # one poke for the whole submission
    arguments = [json.loads(_body(message))[:2] for message in messages]
    assert arguments == [[[1], {}]]
    assert all(b"canary" not in one and b"never-in-a" not in one for one in [*stored, *map(_body, messages)])


def test_an_answer_lost_after_the_commit_is_shown_again(prepared: Desk) -> None:
    """The web dies between commit and answer; the same form, sent again, gets the one receipt."""
    desk = prepared
    desk.start("web", CRASH_AT="intake.committed")
    visitor = Visitor(desk.address)
    check = people.fill(visitor, ["https://a.example/"])
    with pytest.raises((URLError, RemoteDisconnected, ConnectionError, socket.timeout)):
        visitor.press(check, "Send the request", [])
    desk.kill("web")
    assert _count(desk, "submission") == 1
    desk.start("web")
    receipt = people.words(visitor.press(check, "Send the request", []))
    assert people.words(visitor.press(check, "Send the request", [])) == receipt
    assert (_count(desk, "submission"), _count(desk, "item")) == (1, 1)
    assert "1 item" in people.status(visitor, receipt)


def test_the_web_works_while_the_private_intake_keys_are_away(prepared: Desk, tmp_path: Path) -> None:
    """The web only seals. Its environment points to no private keys at all; the worker's does."""
    desk = prepared
    desk.start("web", TAKEDOWN_INTAKE_PRIVATE=str(tmp_path / "nowhere"))
    receipt = people.words(people.send(Visitor(desk.address), pictures=[_picture(desk)])[1])
    assert _count(desk, "sealedpicture") == 1
    assert not (tmp_path / "nowhere").exists()
    desk.start("worker")
    desk.start("clock")
    people.wait_for_status(desk, receipt, "We found rows")
    assert _count(desk, "sealedpicture") == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
@pytest.mark.parametrize("desk", ["embedded"], indirect=True)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP], ids=lambda number: number.name)
def test_nothing_outlives_the_supervisor(desk: Desk, drawn: Path, number: signal.Signals) -> None:
    desk.reuse(drawn)
    up = desk.start("up")
    os.kill(up.pid, number)
    up.wait(30)
    assert wait_for("the port to be free", lambda: not desk.answers(), 30)
