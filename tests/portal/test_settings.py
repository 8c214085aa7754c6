"""Settings that are wrong stop the start with the variable's name."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal import environment
from portal.apps import check_production


@pytest.mark.parametrize(
    ("value", "read"),
    [("8", 8), ("", 5), (" 12 ", 12)],
)
def test_numbers(monkeypatch: pytest.MonkeyPatch, value: str, read: int) -> None:
    monkeypatch.setenv("SOME_NUMBER", value)
    assert environment.number("SOME_NUMBER", 5) == read


def test_what_is_no_number_or_switch_or_database_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SOME_NAME", "perhaps")
    for reader in (
        lambda: environment.number("SOME_NAME", 5),
        lambda: environment.switch("SOME_NAME", default=True),
        lambda: environment.secret("SOME_NAME", tmp_path / "secret"),
    ):
        with pytest.raises(ImproperlyConfigured, match="SOME_NAME"):
            reader()
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        environment.database("mysql://x", sqlite_default=tmp_path / "x")


def test_a_secret_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "one"
    made = environment.secret("NO_SUCH_VARIABLE", file)
    assert len(made) >= environment.SECRET_CHARACTERS
    assert environment.secret("NO_SUCH_VARIABLE", file) == made
    assert file.stat().st_mode & 0o077 == 0


def test_databases_are_read_from_urls(tmp_path: Path) -> None:
    assert environment.database("", sqlite_default=tmp_path / "a")["NAME"] == tmp_path / "a"
    read = environment.database("postgresql://desk:p%40ss@db.example:5433/portal", sqlite_default=tmp_path)
    assert (read["USER"], read["PASSWORD"], read["HOST"], read["PORT"], read["NAME"]) == (
        "desk",
        "p@ss",
        "db.example",
        "5433",
        "portal",
    )


def test_production_refuses_what_is_fine_for_a_trial(settings: object) -> None:
    from portal import demo

    assert check_production(None) == []
    demo.hold_ceremony(lambda _: None)
    settings.PRODUCTION = True
    settings.BROKER_URL = "filesystem://"
    settings.DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3"}}
    assert [error.id for error in check_production(None)] == ["portal.E002", "portal.E003", "portal.E004"]
