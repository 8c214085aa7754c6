"""policy.toml: what is wrong is said in one sentence that names the place."""

from __future__ import annotations

import re
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
        ("answer_months = 1", "answer_months = 9", "deadlines: answer_months must be"),
        ("answer_months = 1", "answer_months = true", "deadlines: answer_months must be"),
        ("pdq_radius = 31", "pdq_radius = 65", "matching: pdq_radius must be a whole number from 0 to 64."),
        ('version = "2026-11-2"', "version = 3", "policy.toml: version must be a text."),
        ('dataset_ids = ["sample-pictures"]', "dataset_ids = 3", "publisher: dataset_ids must be a list"),
        ('disposition = "quarantine"', 'disposition = "burn"', "editions.research: disposition must be"),
        ('disposition = "quarantine"', 'disposition = ["burn"]', "editions.research: disposition must be"),
        ("k_min = 0", "k_minimum = 0", "editions.research: unknown setting 'k_minimum'"),
        ("k_min = 0", "k_min = -1", "editions.research: k_min must be"),
        (
            "prefix_hex = 64",
            "prefix_hex = 65",
            "editions.research: prefix_hex must be 4 to 16, or 64 for whole digests.",
        ),
        ("prefix_hex = 64", "prefix_hex = true", "editions.research: prefix_hex must be"),
        ("restricted = true", 'restricted = "no"', "grounds.child-safety: restricted must be true or false."),
        ('label = "Something else"', "label = 3", "grounds.other: label must be a text."),
        ('editions = ["research"]', 'editions = ["reserch"]', "reserch"),
        ('editions = ["research"]', "editions = []", "name at least one edition"),
        ("[grounds.private]", "[grounds.Private]", "small letters"),
        ("target_hours = 504", "target_hours = -1", "grounds.opt-out: target_hours must be"),
        ("[publisher]", "[publisher", "not valid TOML"),
        ("editions = []", 'editions = ["research"]', "prefix_hex of 16 or less"),
        ("min_delta_entries = 1 ", "min_delta_entries = 0 ", "editions.research: min_delta_entries must be"),
        ("min_delta_entries = 1 ", 'includes = "research" ', "editions.research: includes must be"),
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


def test_texts_of_a_language_may_stay_when_it_is_no_longer_offered(tmp_path: Path) -> None:
    offered = 'languages = ["en", "de", "fr", "es"]'
    assert offered in GOOD
    read = _read(tmp_path, GOOD.replace(offered, 'languages = ["en", "fr"]'))
    assert read.languages == ("en", "fr")
    assert {code for ground in read.grounds.values() for code in ground.texts} == {"fr"}


def test_a_missing_file_stops_the_start(settings: object, tmp_path: Path) -> None:
    settings.POLICY_FILE = tmp_path / "nowhere.toml"
    assert [error.id for error in check_policy(None)] == ["portal.E001"]


def _editions(text: str, **grounds: str) -> str:
    """A policy with these editions, and grounds that go into them."""
    head = re.sub("languages = .*", "", GOOD[: GOOD.index("# An edition is")])
    told = "".join(
        f'[grounds.{name}]\nlabel = "l"\nhelp = "h"\ntarget_hours = 24\neditions = {editions}\n'
        + ("restricted = true\n" if name == "csam" else "")
        for name, editions in grounds.items()
    )
    return f"{head}\n{text}\n{told}"


FULL = "[editions.full]\n"
SAFE = '[editions.safe]\nprefix_hex = 6\ndisposition = "purge"\n'
BOTH, ONE, SAFE_ONLY, FULL_ONLY = '["full", "safe"]', '["full"]', '["safe"]', '["full"]'


@pytest.mark.parametrize(
    ("text", "grounds", "said"),
    [
        # Child safety: buried wherever it is listed.
        (FULL + SAFE + 'includes = ["full"]\n', {"private": BOTH, "csam": SAFE_ONLY}, None),
        # An entry of another list that is reported would begin to be listed here: that points at it.
        (FULL + SAFE, {"private": BOTH, "csam": SAFE_ONLY}, "it must include full"),
        (FULL + SAFE, {"private": ONE, "csam": SAFE_ONLY}, "it must include full"),
        (
            SAFE.replace("safe", "blurred") + SAFE.replace("= 6", "= 5"),
            {"private": '["blurred"]', "csam": SAFE_ONLY},
            "it must include blurred",
        ),
        (
            SAFE.replace("safe", "hidden") + "k_min = 300\n" + SAFE,
            {"private": '["hidden"]', "csam": SAFE_ONLY},
            None,
        ),
        (FULL + SAFE, {"private": BOTH, "csam": "[]"}, None),
        (FULL, {"private": ONE, "csam": ONE}, "editions.full carries the restricted ground csam"),
        (FULL + SAFE, {"private": BOTH, "csam": BOTH}, "editions.full carries the restricted ground csam"),
        (SAFE + "k_min = 299\n", {"csam": SAFE_ONLY}, "k_min of 300 or more"),
        (SAFE + "k_min = 0\n", {"csam": SAFE_ONLY}, "k_min of 300 or more"),
        (SAFE + "k_min = 300\n", {"csam": SAFE_ONLY}, None),
        (SAFE + "k_min = 5000\n", {"csam": SAFE_ONLY}, None),
        (SAFE.replace("purge", "quarantine"), {"csam": SAFE_ONLY}, 'disposition = "purge"'),
        (SAFE.replace("= 6", "= 64"), {"csam": SAFE_ONLY}, "prefix_hex of 16 or less"),
        (SAFE.replace("= 6", "= 16"), {"csam": SAFE_ONLY}, None),
        (SAFE.replace("= 6", "= 17"), {"csam": SAFE_ONLY}, "editions.safe: prefix_hex must be 4 to"),
        (SAFE.replace("= 6", "= 63"), {"private": SAFE_ONLY}, "editions.safe: prefix_hex must be 4 to"),
        (SAFE.replace("= 6", "= 3"), {"private": SAFE_ONLY}, "editions.safe: prefix_hex must be 4 to"),
        # The floor holds for every edition that carries it, also a second one.
        (
            SAFE + SAFE.replace("safe", "other").replace("purge", "quarantine"),
            {"private": SAFE_ONLY, "csam": '["safe", "other"]'},
            "editions.other",
        ),
        # k_min means something only where digests are cut.
        (FULL + "k_min = 300\n", {"private": ONE}, "k_min must be 0"),
        (SAFE.replace("purge", "quarantine") + "k_min = 20\n", {"private": SAFE_ONLY}, None),
        # Includes: a smaller list is inside a larger one, whatever is decided.
        (FULL + SAFE + 'includes = ["full"]\n', {"private": ONE}, "name safe there too"),
        (
            FULL + SAFE + 'includes = ["full"]\n',
            {"private": BOTH, "wrong": FULL_ONLY},
            "grounds.wrong: goes into full, which safe includes",
        ),
        (FULL + SAFE + 'includes = ["fool"]\n', {"private": BOTH}, "no such edition"),
        (SAFE + 'includes = ["safe"]\n', {"private": SAFE_ONLY}, "includes it in turn"),
        (
            FULL + 'includes = ["safe"]\n' + SAFE + 'includes = ["full"]\n',
            {"private": BOTH},
            "safe, which publishes fewer digits",
        ),
        (
            "".join(f"[editions.{one}]\nincludes = ['{other}']\n" for one, other in ("ab", "bc", "ca")),
            {"private": '["a", "b", "c"]'},
            "includes it in turn",
        ),
        # Whoever includes the edition that buries must carry the ground, and so must bury as well.
        (
            SAFE + '[editions.all]\nincludes = ["safe"]\nprefix_hex = 6\n',
            {"private": '["safe", "all"]', "csam": SAFE_ONLY},
            "name all there too",
        ),
        (
            SAFE + '[editions.all]\nincludes = ["safe"]\nprefix_hex = 5\n',
            {"private": '["safe", "all"]', "csam": '["safe", "all"]'},
            "editions.all carries the restricted ground csam",
        ),
        (
            SAFE + '[editions.all]\nincludes = ["safe"]\nprefix_hex = 5\ndisposition = "purge"\n',
            {"private": '["safe", "all"]', "csam": '["safe", "all"]'},
            None,
        ),
        # At second hand: all includes safe, which includes full.
        (
            FULL + SAFE + 'includes = ["full"]\n[editions.all]\nincludes = ["safe"]\nprefix_hex = 6\n',
            {"private": BOTH},
            "name all there too",
        ),
    ],
)
def test_what_editions_owe_each_other_and_child_safety(
    tmp_path: Path, text: str, grounds: dict[str, str], said: str | None
) -> None:
    policy_text = _editions(text, **grounds)
    if said is None:
        assert _read(tmp_path, policy_text)
        return
    with pytest.raises(policy.PolicyError) as caught:
        _read(tmp_path, policy_text)
    assert said in str(caught.value)


def test_an_edition_that_buries_has_the_least_k_min_where_it_names_none(tmp_path: Path) -> None:
    safe = SAFE + 'includes = ["full"]\n'
    found = _read(tmp_path, _editions(FULL + safe, private=BOTH, csam=SAFE_ONLY))
    assert {name: one.k_min for name, one in found.editions.items()} == {"full": 0, "safe": 300}
    assert found.editions["safe"].min_delta_entries == 100


def test_editions_come_after_those_they_include(tmp_path: Path) -> None:
    text = "[editions.c]\nincludes = ['b']\n[editions.b]\nincludes = ['a']\n[editions.a]\n"
    found = _read(tmp_path, _editions(text, private='["a", "b", "c"]'))
    assert [one.name for one in found.in_order()] == ["a", "b", "c"]
    assert found.included("c") == ["b", "a"]


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
