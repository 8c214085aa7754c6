"""policy.toml: grounds, editions, deadlines. Read once, checked at start, never edited by code."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

#: Fewest rows a prefix must bury a child-safety entry among (docs/releases.md, "Cover").
CHILD_SAFETY_K_MIN = 300

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class PolicyError(Exception):
    """The policy cannot be used; the text names the place and what to write there."""


@dataclass(frozen=True)
class Edition:
    """A named list: how many hex digits are published, and how many rows each entry must cover at least."""

    name: str
    prefix_hex: int = 64
    k_min: int = 0
    disposition: str = "quarantine"


@dataclass(frozen=True)
class Ground:
    """Why a removal is asked for. ``restricted`` grounds take no picture and are never shown or fetched."""

    name: str
    label: str
    help: str
    target_hours: int
    editions: tuple[str, ...]
    restricted: bool = False

    def target(self, received: date) -> date:
        """The day on which the target hours end, counted from the end of the day of receipt."""
        return received + timedelta(days=-(-self.target_hours // 24))


@dataclass(frozen=True)
class Policy:
    version: str
    publisher: str
    dataset_ids: tuple[str, ...]
    answer_months: int
    pdq_radius: int
    phash_radius: int
    editions: Mapping[str, Edition]
    grounds: Mapping[str, Ground]

    def ground(self, name: str) -> Ground:
        """A ground by name; a stand-in for one the policy no longer has, so that old rows stay readable."""
        return self.grounds.get(name) or Ground(name, name, "This ground is no longer offered.", 24, ())

    def due(self, received: date) -> date:
        """The last day for an answer: the same day ``answer_months`` later, or that month's last day where
        it has no such day (Regulation 1182/71, Art. 3(2)(c))."""
        months = received.month - 1 + self.answer_months
        year, month = received.year + months // 12, months % 12 + 1
        last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
        return date(year, month, min(received.day, last))


def read(path: Path) -> Policy:
    """Read and check a policy.

    Raises:
        PolicyError: the file is missing, is not TOML, or breaks a rule.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise PolicyError(f"The policy file {path.name} cannot be read; set TAKEDOWN_POLICY.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(f"The policy file {path.name} is not valid TOML: {error}.") from None
    policy = Policy(
        version=_text(told, "version"),
        publisher=_text(_table(told, "publisher"), "name"),
        dataset_ids=tuple(_texts(_table(told, "publisher"), "dataset_ids")),
        answer_months=_whole(_table(told, "deadlines"), "answer_months", 1, 3),
        pdq_radius=_whole(_table(told, "matching"), "pdq_radius", 0, 64),
        phash_radius=_whole(_table(told, "matching"), "phash_radius", 0, 12),
        editions={name: _edition(name, table) for name, table in _tables(told, "editions")},
        grounds={name: _ground(name, table) for name, table in _tables(told, "grounds")},
    )
    _check_editions_of_grounds(policy)
    _check_child_safety(policy)
    return policy


def current() -> Policy:
    """The policy in force. Changing the file needs a restart, as every promise is shown with its version."""
    return _read_once(Path(settings.POLICY_FILE))


_read_once = cache(read)


def _edition(name: str, table: Mapping[str, Any]) -> Edition:
    _only_known(f"editions.{name}", table, Edition)
    disposition = table.get("disposition", "quarantine")
    if disposition not in {"quarantine", "purge"}:
        raise PolicyError(f'editions.{name}: disposition must be "quarantine" or "purge".')
    prefix_hex = _whole(table, "prefix_hex", 4, 64, default=64)
    return Edition(name, prefix_hex, _whole(table, "k_min", 0, 10**9, default=0), disposition)


def _ground(name: str, table: Mapping[str, Any]) -> Ground:
    _only_known(f"grounds.{name}", table, Ground)
    return Ground(
        name=name,
        label=_text(table, "label"),
        help=_text(table, "help"),
        target_hours=_whole(table, "target_hours", 1, 24 * 92),
        editions=tuple(_texts(table, "editions")),
        restricted=bool(table.get("restricted", False)),
    )


def _check_editions_of_grounds(policy: Policy) -> None:
    for ground in policy.grounds.values():
        for name in ground.editions:
            if name not in policy.editions:
                raise PolicyError(f"grounds.{ground.name}: there is no edition {name!r} under [editions].")
        if not ground.editions and not ground.restricted:
            raise PolicyError(f"grounds.{ground.name}: name at least one edition.")


def _check_child_safety(policy: Policy) -> None:
    """A full digest names its row to anyone who holds the dataset, so those entries are only ever buried."""
    for ground in policy.grounds.values():
        for edition in (policy.editions[name] for name in ground.editions if ground.restricted):
            buried = edition.prefix_hex < 64 and edition.k_min >= CHILD_SAFETY_K_MIN
            if not buried or edition.disposition != "purge":
                raise PolicyError(
                    f"editions.{edition.name} carries the restricted ground {ground.name}: it needs "
                    f'prefix_hex below 64, k_min of {CHILD_SAFETY_K_MIN} or more, and disposition = "purge".'
                )


def _only_known(place: str, table: Mapping[str, Any], noun: type) -> None:
    unknown = set(table) - {field.name for field in fields(noun)}
    if unknown:
        raise PolicyError(f"{place}: unknown setting {sorted(unknown)[0]!r}; please check its spelling.")


def _tables(told: Mapping[str, Any], name: str) -> list[tuple[str, Mapping[str, Any]]]:
    tables = _table(told, name)
    for key, table in tables.items():
        if not _NAME.fullmatch(key) or len(key) > 40 or not isinstance(table, dict):
            raise PolicyError(f"[{name}.{key}]: names are small letters, digits and hyphens, 40 at most.")
    return list(tables.items())


def _table(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = told.get(name)
    if not isinstance(table, dict) or not table:
        raise PolicyError(f"The policy needs a section [{name}].")
    return table


def _text(table: Mapping[str, Any], name: str) -> str:
    value = table.get(name)
    if not isinstance(value, str) or not value.strip():
        raise PolicyError(f"{name} must be a text.")
    return value


def _texts(table: Mapping[str, Any], name: str) -> list[str]:
    value = table.get(name)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise PolicyError(f"{name} must be a list of texts.")
    return value


def _whole(table: Mapping[str, Any], name: str, low: int, high: int, *, default: int | None = None) -> int:
    value = table.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise PolicyError(f"{name} must be a whole number from {low} to {high}.")
    return value
