"""policy.toml: what is wrong is said in one sentence that names the place."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from django.conf import settings

from portal import policy
from portal.apps import check_policy

GOOD = settings.POLICY_FILE.read_text()


def _read(tmp_path: Path, text: str) -> policy.Policy:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    return policy.read(file)


def test_the_shipped_policy_is_good() -> None:
    read = policy.read(settings.POLICY_FILE)
    assert next(iter(read.grounds)) == "private"
    assert read.grounds["child-safety"].restricted
    assert read.editions["research"].prefix_hex == 64


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[deadlines]", "[deadline]", "[deadlines]"),
        ("answer_months = 1", "answer_months = 9", "answer_months"),
        ("answer_months = 1", "answer_months = true", "answer_months"),
        ('version = "2026-11-1"', "version = 3", "version"),
        ('disposition = "quarantine"', 'disposition = "burn"', "disposition"),
        ("k_min = 0", "k_minimum = 0", "k_minimum"),
        ("prefix_hex = 64", "prefix_hex = 65", "prefix_hex"),
        ('editions = ["research"]', 'editions = ["reserch"]', "reserch"),
        ('editions = ["research"]', "editions = []", "name at least one edition"),
        ("[grounds.private]", "[grounds.Private]", "small letters"),
        ("target_hours = 504", "target_hours = -1", "target_hours"),
        ("[publisher]", "[publisher", "not valid TOML"),
        ("editions = []", 'editions = ["research"]', "prefix_hex below 64"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(policy.PolicyError) as caught:
        _read(
            tmp_path,
            GOOD.replace(old, new, 1) if new != 'editions = ["research"]' else GOOD.replace(old, new),
        )
    assert said in str(caught.value)


def test_a_missing_file_stops_the_start(settings: object, tmp_path: Path) -> None:
    settings.POLICY_FILE = tmp_path / "nowhere.toml"
    assert [error.id for error in check_policy(None)] == ["portal.E001"]


def test_child_safety_entries_may_only_be_buried(tmp_path: Path) -> None:
    carried = GOOD.replace("editions = []", 'editions = ["safe"]')
    buried = '[editions.safe]\nprefix_hex = 6\nk_min = 300\ndisposition = "purge"\n\n[grounds.private]'
    assert _read(tmp_path, carried.replace("[grounds.private]", buried)).grounds["child-safety"].editions
    for weaker in ("k_min = 299", "prefix_hex = 64", 'disposition = "quarantine"'):
        name = weaker.split(" = ")[0]
        strong = next(line for line in buried.splitlines() if line.startswith(name))
        with pytest.raises(policy.PolicyError, match="child-safety"):
            _read(tmp_path, carried.replace("[grounds.private]", buried.replace(strong, weaker)))


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (date(2026, 11, 22), date(2026, 12, 22)),
        (date(2026, 1, 31), date(2026, 2, 28)),
        (date(2028, 1, 31), date(2028, 2, 29)),
        (date(2026, 12, 31), date(2027, 1, 31)),
        (date(2026, 3, 31), date(2026, 4, 30)),
    ],
)
def test_a_month_is_a_calendar_month(received: date, due: date) -> None:
    assert policy.read(settings.POLICY_FILE).due(received) == due


def test_target_hours_end_on_a_day() -> None:
    grounds = policy.read(settings.POLICY_FILE).grounds
    assert grounds["intimate"].target(date(2026, 11, 22)) == date(2026, 11, 23)
    assert grounds["opt-out"].target(date(2026, 11, 22)) == date(2026, 12, 13)
