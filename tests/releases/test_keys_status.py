"""Who can sign what, until when, and who is asked in time."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from factories.keyholders import Publisher

from takedown import cli
from takedown import publish as writer
from takedown.errors import UsageError, VerificationFailed
from takedown.publish.public_keys import read_public

MADE = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    return Publisher(tmp_path_factory.mktemp("publisher"), now=MADE)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    return Publisher(tmp_path_factory.mktemp("strict"), "strict", now=MADE)


def due(publisher: Publisher, after: timedelta) -> set[str]:
    return {one.role for one in writer.reminders(publisher.repository, MADE + after) if one.due}


@pytest.mark.parametrize(
    ("days", "roles"),
    [
        (0, set()),
        (7, set()),
        (7.01, {"snapshot", "timestamp"}),
        (69, {"snapshot", "timestamp"}),
        (69.01, {"targets", "snapshot", "timestamp"}),
        (305, {"targets", "snapshot", "timestamp"}),
        (305.01, {"root", "targets", "snapshot", "timestamp"}),
    ],
)
def test_each_role_is_due_in_time(publisher: Publisher, days: float, roles: set[str]) -> None:
    assert due(publisher, timedelta(days=days)) == roles


def test_a_strict_timestamp_is_due_after_a_day(strict: Publisher) -> None:
    assert due(strict, timedelta(hours=24)) == set()
    assert due(strict, timedelta(hours=25)) == {"timestamp"}


@pytest.mark.parametrize(
    ("after", "left", "expired"),
    [
        (timedelta(), 14, False),
        (timedelta(seconds=1), 13, False),
        (timedelta(days=14, seconds=-1), 0, False),
        (timedelta(days=14), 0, True),
        (timedelta(days=14, seconds=1), -1, True),
        (timedelta(days=30), -16, True),
    ],
)
def test_days_are_counted_down_and_expiry_is_what_readers_hold_it_for(
    publisher: Publisher, after: timedelta, left: int, expired: bool
) -> None:
    found = writer.reminders(publisher.repository, MADE + after)
    assert [one.role for one in found] == ["root", "targets", "snapshot", "timestamp"]
    assert found[3] == writer.Reminder(
        "timestamp", 1, MADE + timedelta(days=14), left, after > timedelta(days=7), expired
    )


def test_it_needs_a_repository_that_verifies(publisher: Publisher, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        writer.reminders(tmp_path)
    broken = Publisher(tmp_path / "broken")
    (broken.repository / "metadata/1.snapshot.json").write_bytes(b"{}")
    with pytest.raises(VerificationFailed):
        writer.reminders(broken.repository)


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def call(*words: object, answer: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        code = cli.main(["ceremony", *map(str, words)])
        return (code, *capsys.readouterr())

    return call


def test_the_command_says_who_can_sign_what(run: Run, tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "p")
    code, out, err = run("status", "--repository", publisher.repository)
    assert (code, err) == (0, "")
    assert "Example Lab: release 0, profile small." in out
    assert "root 1: 2 of 3 keys, until " in out
    assert "DUE" not in out + err
    assert "throw-away" not in out
    code, out, _ = run("status", "--repository", publisher.repository, "--json")
    roles = {one["role"]: one for one in json.loads(out)["roles"]}
    assert [key["name"] for key in roles["root"]["keys"]] == ["root-a", "root-b", "root-c"]
    assert [key["name"] for key in roles["targets"]["signed"]] == ["targets-a"]
    assert (roles["root"]["threshold"], roles["timestamp"]["threshold"]) == (2, 1)


def test_a_trial_is_said_to_be_one(run: Run, tmp_path: Path) -> None:
    writer.ceremony(tmp_path / "k", tmp_path / "r", publisher="Example", throwaway=True)
    code, out, _ = run("status", "--repository", tmp_path / "r")
    assert code == 0
    assert "throw-away keys of a trial" in out
    assert "root-1 (" in out  # also keys made in one go have names
    _, out, _ = run("status", "--repository", tmp_path / "r", "--json")
    assert json.loads(out)["throwaway"] is True


def test_what_has_expired_gives_the_code_of_a_list_too_old(run: Run, tmp_path: Path) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=100)
    publisher = Publisher(tmp_path / "p", now=long_ago)
    code, out, err = run("status", "--repository", publisher.repository)
    assert code == 6
    assert "Expired: targets, snapshot, timestamp;" in err
    assert "targets 1: 1 of 2 keys, EXPIRED on " in out
    code, out, _ = run("status", "--repository", publisher.repository, "--json")
    assert (code, json.loads(out)["expired"]) == (6, ["targets", "snapshot", "timestamp"])


def test_a_role_with_fewer_keys_than_its_profile_is_pointed_out(run: Run, tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "p")
    change = publisher.propose(revoke=["root-c"])
    _, out, _ = run("show", "--change", change)
    assert "root: 2 of 2 keys (1 FEWER than its profile has: add soon)" in out
    assert "GOES   root-c (" in out
    publisher.sign(change, "root-a", "root-c")
    code, _, err = run("finish", *finish_options(publisher, change))
    assert code == 2
    assert "by the new root keys; it can be signed by root-b (" in err
    publisher.sign(change, "root-b")
    assert run("finish", *finish_options(publisher, change))[0] == 0
    _, out, _ = run("status", "--repository", publisher.repository)
    assert "root 2: 2 of 2 keys (1 FEWER" in out


def finish_options(publisher: Publisher, change: Path) -> list[object]:
    return [
        "--change",
        change,
        "--repository",
        publisher.repository,
        "--online-keys",
        publisher.online,
    ]


def in_groups(public: Path) -> str:
    keyid = read_public(public).key.keyid
    assert len(keyid) == 64
    return " ".join(re.findall("....", keyid))


def test_a_holder_sees_it_is_asked_and_signs_what_was_shown(run: Run, tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "p")
    publisher.release(["a"])
    new = publisher.make("targets", "c")
    change = tmp_path / "change"
    where = ["--repository", publisher.repository, "--out", change]
    code, out, _ = run("propose", *where, "--add", new, "--revoke", "targets-a")
    assert code == 0
    for line in (
        f"COMES  targets-c ({in_groups(new)})",  # whole: another key can begin with the same digits
        "GOES   targets-a (",
        "stays  root-a (",
        "of release 1 are signed anew",
    ):
        assert line in out
    (tmp_path / "1.root.json").write_bytes(publisher.root)
    words = ["sign", "--change", change, "--root", tmp_path / "1.root.json", "--key"]
    code, out, err = run(*words, publisher.key("root-a"), answer="no\n")
    assert (code, "Signed" in out) == (2, False)
    assert "Nothing was signed" in err
    assert not (change / "signatures").exists()
    code, out, err = run(*words, publisher.key("root-a"), answer="yes\n")
    assert code == 0
    assert "Sign this change of keys? Type yes:" in err
    assert "Signed. Hand back" in out
    assert "root.json: 1 of 2 signatures" in out.partition("Signed.")[2]
    assert "ceremony finish" not in out
    code, out, _ = run(*words, publisher.key("root-b"), "--yes", "--json")
    assert [Path(one).parent.name for one in json.loads(out)["signed"]] == ["signatures"]
    _, out, _ = run("show", "--change", change, "--json")
    needs: list[dict[str, Any]] = json.loads(out)["signatures"]
    assert [(one["role"], one["by"], one["enough"]) for one in needs] == [
        ("root", "before", True),
        ("root", "after", True),
        ("targets", "before", False),
        ("targets", "after", False),
    ]


def test_lists_signed_for_longer_are_named_from_the_last_signature_on(run: Run, tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "p")
    publisher.release(["a"])
    change = tmp_path / "change"
    assert run("propose", "--repository", publisher.repository, "--targets-only", "--out", change)[0] == 0
    _, out, _ = run("sign", "--change", change, "--key", publisher.key("targets-b"), "--yes")
    after = out.partition("Signed.")[2]
    assert "3.targets.json: 1 of 1 signatures" in after
    assert "now run 'takedown ceremony finish'" in after
    code, out, _ = run("finish", *finish_options(publisher, change))
    assert (code, "metadata/3.targets.json, the lists of release 1, until" in out) == (0, True)
    assert (publisher.repository / "metadata/3.targets.json").exists()


def test_a_key_that_signs_nothing_is_told_before_the_question(run: Run, tmp_path: Path) -> None:
    publisher = Publisher(tmp_path / "p")
    change = publisher.propose()
    code, out, err = run("sign", "--change", change, "--key", publisher.key("targets-a"), answer="yes\n")
    assert (code, out, "signs nothing in this change" in err) == (2, "", True)
    assert "Type yes" not in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--keys, --repository, --publisher, or a step"),
        (["--publisher", "X", "status", "--repository", "r"], "come after its name"),
        (["propose", "--out", "c"], "Give --publisher"),
        (["propose", "--out", "c", "--publisher", "X", "--repository", "r"], "Give --publisher"),
        (["propose", "--out", "c", "--publisher", "X", "--revoke", "root-a"], "no keys to revoke"),
        (["propose", "--out", "c", "--repository", "r", "--throwaway"], "one of the three"),
        (
            ["propose", "--out", "c", "--repository", "r", "--targets-only", "--revoke", "a"],
            "one of the three",
        ),
        (["sign", "--change", "c", "--key", "k", "--root", "none.json"], "cannot be read"),
        (["show", "--change", "nowhere"], "does not hold a change of keys"),
        (["key", "--role", "root"], "--out"),
    ],
)
def test_a_call_that_makes_no_sense_gets_one_sentence(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
