"""Where else there is help, by country: hotlines from countries.toml, in the reader's language and order."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

#: Parts of the world, in the order in which people see them.
REGIONS: Mapping[str, str | Promise] = {
    "europe": _("Europe"),
    "americas": _("North and South America"),
    "asia-pacific": _("Asia and the Pacific"),
    "africa": _("Africa"),
}

#: Where most readers of a language are at home: these countries come first.
NEAR = {
    "en": ("GB", "IE", "US", "CA", "AU", "NZ", "IN", "ZA", "NG"),
    "de": ("DE", "AT", "CH", "LU", "BE"),
    "fr": ("FR", "BE", "CH", "CA", "LU"),
    "es": ("ES", "MX", "CO", "US"),
}


@dataclass(frozen=True)
class Hotline:
    name: str
    address: str


@dataclass(frozen=True)
class Country:
    """``emergency`` is the number to call in danger, where we are sure of it; else empty."""

    code: str
    region: str
    names: Mapping[str, str]
    hotlines: tuple[Hotline, ...]
    emergency: str = ""

    @property
    def name(self) -> str:
        """In the reader's language; in English where there is no other."""
        return self.names.get(get_language() or "en", self.names["en"])


@cache
def countries() -> Mapping[str, Country]:
    """All of them, by their two letters (ISO 3166-1)."""
    told = tomllib.loads((Path(__file__).parent / "countries.toml").read_text(encoding="utf-8"))
    return {
        code: Country(
            code=code,
            region=table["region"],
            names={language: table[language] for language in NEAR},
            hotlines=tuple(Hotline(*pair) for pair in table["hotlines"]),
            emergency=table.get("emergency", ""),
        )
        for code, table in told.items()
    }


def near() -> list[Country]:
    """The countries that come first for the reader's language."""
    return [countries()[code] for code in NEAR.get(get_language() or "en", NEAR["en"])]


def by_region() -> list[tuple[str | Promise, list[Country]]]:
    """Every region with its countries, in the alphabetical order of the reader's language."""
    return [
        (title, sorted((one for one in countries().values() if one.region == region), key=_alphabetical))
        for region, title in REGIONS.items()
    ]


def _alphabetical(country: Country) -> str:
    """Accents do not count: Österreich stands among the O."""
    plain = unicodedata.normalize("NFKD", country.name)
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold()
