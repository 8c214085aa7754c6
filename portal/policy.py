"""policy.toml: grounds, editions, deadlines. Read once, checked at start, never edited by code.

What editions owe each other, and what is owed to child-safety entries, is checked here for any list that this
policy could ever make (docs/editions.md); takedown.publish.editions tests the lists themselves.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import get_language, gettext

from takedown.publish.cover import FEWEST_DIGITS, MOST_DIGITS
from takedown.publish.editions import CHILD_SAFETY_K_MIN

#: Changes that a public delta waits for, where an edition does not say.
MIN_DELTA_ENTRIES = 100

#: Days for which what was looked for in vain is kept: as it is, and where the person asked us to look again.
NOT_FOUND_DAYS, KEEP_DAYS = 30, 365

#: Days in which a person may ask for a second look by someone new: six months (DSA Art. 20(1)).
APPEAL_DAYS = 184

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class PolicyError(Exception):
    """The policy cannot be used; the text names the place and what to write there."""


@dataclass(frozen=True)
class Edition:
    """A named list of the entries of some grounds.

    Attributes:
        prefix_hex: hexadecimal digits published of each digest; 64 for all.
        k_min: fewest different digests that an entry must be buried among; 0 where digests are not cut.
        disposition: what holders do with the rows, ``quarantine`` or ``purge``.
        min_delta_entries: changes that a public delta waits for, so that none is seen alone.
        includes: editions whose every removal this one makes too.
    """

    name: str
    prefix_hex: int = 64
    k_min: int = 0
    disposition: str = "quarantine"
    min_delta_entries: int = MIN_DELTA_ENTRIES
    includes: tuple[str, ...] = ()

    @property
    def full(self) -> bool:
        """Whether it lists digests in full."""
        return self.prefix_hex > MOST_DIGITS

    @property
    def buries(self) -> bool:
        """Whether it may list child-safety entries: cut, hidden among enough others, and destroyed."""
        return not self.full and self.k_min >= CHILD_SAFETY_K_MIN and self.disposition == "purge"


@dataclass(frozen=True)
class Ground:
    """Why a removal is asked for. ``restricted`` grounds take no picture and are never shown or fetched.

    ``label`` and ``help`` are in the first language of the policy, which is the desk's; ``texts`` has both in
    the other languages that it offers. ``gone`` marks the stand-in for a ground that the policy has no more.
    """

    name: str
    label: str
    help: str
    target_hours: int
    editions: tuple[str, ...]
    restricted: bool = False
    texts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    gone: bool = False

    @property
    def title(self) -> str:
        """The label in the reader's language."""
        if self.gone:
            return gettext("A reason that is no longer offered")
        return self.texts.get(get_language() or "", (self.label, self.help))[0]

    @property
    def hint(self) -> str:
        """The help in the reader's language."""
        return self.texts.get(get_language() or "", (self.label, self.help))[1]

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
    languages: tuple[str, ...] = ("en",)
    not_found_days: int = NOT_FOUND_DAYS
    keep_days: int = KEEP_DAYS
    appeal_days: int = APPEAL_DAYS

    def carried(self, edition: str) -> list[str]:
        """The grounds whose entries an edition lists."""
        return [ground.name for ground in self.grounds.values() if edition in ground.editions]

    def restricted(self) -> list[str]:
        """The restricted grounds that some edition carries: their entries are only ever buried."""
        return [one.name for one in self.grounds.values() if one.restricted and one.editions]

    def included(self, edition: str) -> list[str]:
        """All editions that one includes, at first or further hand."""
        found: list[str] = []
        for name in self.editions[edition].includes:
            found += [one for one in (name, *self.included(name)) if one not in found]
        return found

    def followers(self, edition: str) -> list[str]:
        """An edition and all that include it, at first or further hand."""
        return [name for name in self.editions if edition in (name, *self.included(name))]

    def in_order(self) -> list[Edition]:
        """All editions, each after those it includes."""
        return sorted(self.editions.values(), key=lambda one: len(self.included(one.name)))

    def ground(self, name: str) -> Ground:
        """A ground by name; a stand-in for one the policy no longer has, so that old rows stay readable."""
        return self.grounds.get(name) or Ground(name, name, "", 24, (), gone=True)

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
    languages = _languages(told)
    keeping, appeals = told.get("keeping", {}), told.get("appeals", {})
    policy = Policy(
        version=_text(path.name, told, "version"),
        publisher=_text("publisher", _table(told, "publisher"), "name"),
        dataset_ids=tuple(_texts("publisher", _table(told, "publisher"), "dataset_ids")),
        answer_months=_whole("deadlines", _table(told, "deadlines"), "answer_months", 1, 3),
        pdq_radius=_whole("matching", _table(told, "matching"), "pdq_radius", 0, 64),
        phash_radius=_whole("matching", _table(told, "matching"), "phash_radius", 0, 12),
        editions={name: _edition(name, table) for name, table in _tables(told, "editions")},
        grounds={name: _ground(name, table, languages[1:]) for name, table in _tables(told, "grounds")},
        languages=languages,
        not_found_days=_whole("keeping", keeping, "not_found_days", 1, 3660, default=NOT_FOUND_DAYS),
        keep_days=_whole("keeping", keeping, "keep_days", 1, 3660, default=KEEP_DAYS),
        appeal_days=_whole("appeals", appeals, "days", 14, 3660, default=APPEAL_DAYS),
    )
    _check_editions_of_grounds(policy)
    policy = _with_child_safety_k_min(policy, _table(told, "editions"))
    for edition in policy.editions.values():
        _check_child_safety(policy, edition)
        _check_digits(edition)
        _check_includes(policy, edition, ())
    for edition in policy.editions.values():
        _check_nothing_stands_beside(policy, edition)
    return policy


def current() -> Policy:
    """The policy in force. Changing the file needs a restart, as every promise is shown with its version."""
    return _read_once(Path(settings.POLICY_FILE))


_read_once = cache(read)


def _edition(name: str, table: Mapping[str, Any]) -> Edition:
    place = f"editions.{name}"
    _only_known(place, table, Edition)
    disposition = table.get("disposition", "quarantine")
    if disposition not in ("quarantine", "purge"):
        raise PolicyError(f'{place}: disposition must be "quarantine" or "purge".')
    return Edition(
        name=name,
        prefix_hex=_prefix_hex(place, table),
        k_min=_whole(place, table, "k_min", 0, 10**9, default=0),
        disposition=disposition,
        min_delta_entries=_whole(place, table, "min_delta_entries", 1, 10**6, default=MIN_DELTA_ENTRIES),
        includes=tuple(_texts(place, table, "includes")) if "includes" in table else (),
    )


def _languages(told: Mapping[str, Any]) -> tuple[str, ...]:
    """The languages of the public pages; English, the desk's own, comes first."""
    offered = tuple(_texts("languages", told, "languages")) if "languages" in told else ("en",)
    known = [code for code, _ in settings.LANGUAGES]
    if offered[:1] != ("en",) or len(set(offered)) < len(offered) or not set(offered) <= set(known):
        raise PolicyError(f'languages: a list of some of {", ".join(known)}, each once, "en" first.')
    return offered


def _ground(name: str, table: Mapping[str, Any], languages: Sequence[str]) -> Ground:
    place = f"grounds.{name}"
    # Texts of a language that is not offered now may stay for the day when it is again.
    known = {code for code, _ in settings.LANGUAGES[1:]}
    _only_known(place, {key: value for key, value in table.items() if key not in known}, Ground)
    restricted = table.get("restricted", False)
    if not isinstance(restricted, bool):
        raise PolicyError(f"{place}: restricted must be true or false.")
    return Ground(
        name=name,
        label=_text(place, table, "label"),
        help=_text(place, table, "help"),
        target_hours=_whole(place, table, "target_hours", 1, 24 * 92),
        editions=tuple(_texts(place, table, "editions")),
        restricted=restricted,
        texts={code: _translated(f"{place}.{code}", table.get(code)) for code in languages},
    )


def _translated(place: str, table: object) -> tuple[str, str]:
    """Label and help of a ground in one more language."""
    if not isinstance(table, dict) or set(table) != {"label", "help"}:
        raise PolicyError(f"[{place}] is needed, with label and help, as `languages` offers that language.")
    return _text(place, table, "label"), _text(place, table, "help")


def _check_editions_of_grounds(policy: Policy) -> None:
    for ground in policy.grounds.values():
        for name in ground.editions:
            if name not in policy.editions:
                raise PolicyError(f"grounds.{ground.name}: there is no edition {name!r} under [editions].")
        if not ground.editions and not ground.restricted:
            raise PolicyError(f"grounds.{ground.name}: name at least one edition.")


def _with_child_safety_k_min(policy: Policy, told: Mapping[str, Any]) -> Policy:
    """An edition that carries a restricted ground and names no k_min has the least that it may have."""
    carriers = {name for ground in policy.restricted() for name in policy.grounds[ground].editions}
    editions = {
        name: replace(edition, k_min=CHILD_SAFETY_K_MIN)
        if name in carriers and "k_min" not in told[name]
        else edition
        for name, edition in policy.editions.items()
    }
    return replace(policy, editions=editions)


def _check_digits(edition: Edition) -> None:
    if edition.full and edition.k_min:
        raise PolicyError(
            f"editions.{edition.name}: whole digests bury nothing, so k_min must be 0; or choose a "
            f"prefix_hex of {MOST_DIGITS} or less."
        )


def _check_child_safety(policy: Policy, edition: Edition) -> None:
    """A full digest names its row to anyone who holds the dataset, so those entries are only ever buried."""
    carried = [name for name in policy.carried(edition.name) if policy.grounds[name].restricted]
    if carried and not edition.buries:
        raise PolicyError(
            f"editions.{edition.name} carries the restricted ground {carried[0]}: it needs prefix_hex of "
            f'{MOST_DIGITS} or less, k_min of {CHILD_SAFETY_K_MIN} or more, and disposition = "purge". '
            "Listed in full anywhere, such an entry would be pointed at."
        )


def _check_includes(policy: Policy, edition: Edition, above: tuple[str, ...]) -> None:
    """What an edition removes, every edition that includes it removes too, whatever is decided."""
    for name in edition.includes:
        other = policy.editions.get(name)
        if other is None:
            raise PolicyError(f"editions.{edition.name}: includes {name!r}, and there is no such edition.")
        if name == edition.name or name in above:
            raise PolicyError(f"editions.{edition.name}: includes {name}, which includes it in turn.")
        if other.prefix_hex < edition.prefix_hex:
            raise PolicyError(
                f"editions.{edition.name}: includes {name}, which publishes fewer digits and so removes "
                f"more; prefix_hex must be {other.prefix_hex} or less."
            )
        missing = set(policy.carried(name)) - set(policy.carried(edition.name))
        if missing:
            raise PolicyError(
                f"grounds.{sorted(missing)[0]}: goes into {name}, which {edition.name} includes; name "
                f"{edition.name} there too."
            )
        _check_includes(policy, other, (*above, edition.name))


def _check_nothing_stands_beside(policy: Policy, edition: Edition) -> None:
    """A row may be listed before it is reported. Where both lists have it then, the report changes neither;
    otherwise the first digits of what another list names would begin to be listed."""
    if not any(policy.grounds[name].restricted for name in policy.carried(edition.name)):
        return
    included = policy.included(edition.name)
    beside = [one.name for one in policy.editions.values() if not one.buries and one.name not in included]
    if beside:
        raise PolicyError(
            f"editions.{edition.name} carries a restricted ground: it must include {beside[0]}, or what both "
            "list after a report would be pointed at."
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


def _text(place: str, table: Mapping[str, Any], name: str) -> str:
    value = table.get(name)
    if not isinstance(value, str) or not value.strip():
        raise PolicyError(f"{place}: {name} must be a text.")
    return value


def _texts(place: str, table: Mapping[str, Any], name: str) -> list[str]:
    value = table.get(name)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise PolicyError(f"{place}: {name} must be a list of texts.")
    return value


def _whole(
    place: str, table: Mapping[str, Any], name: str, low: int, high: int, *, default: int | None = None
) -> int:
    value = table.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise PolicyError(f"{place}: {name} must be a whole number from {low} to {high}.")
    return value


def _prefix_hex(place: str, table: Mapping[str, Any]) -> int:
    """With fewer digits much of a dataset may go; what more of them cover, but not all, cannot be counted."""
    value = table.get("prefix_hex", 64)
    if type(value) is not int or (value != 64 and not FEWEST_DIGITS <= value <= MOST_DIGITS):
        raise PolicyError(
            f"{place}: prefix_hex must be {FEWEST_DIGITS} to {MOST_DIGITS}, or 64 for whole digests."
        )
    return value
