"""What the page and the README say alike: the commands, the limits, and where the proof is."""

from __future__ import annotations

from importlib import resources
from string import Template

from takedown.blocklist.entry import FULL
from takedown.blocklist.manifest import Manifest
from takedown.publish.people_facts import Facts

TRIAL = "These lists come from a trial: its keys are throw-away keys, and nothing here should be relied on."
NO_RELEASE = "No release was published yet."
NO_ENTRIES = "The list of this edition holds no entry yet."

_FULL_LIMIT = (
    "Whoever holds the dataset can hash all its addresses in about an hour and see which rows a full digest "
    "names. No list that works without asking a server can prevent this. Do not publish which rows went."
)
_CUT_LIMIT = (
    "Where an edition's digests are cut, an entry names every row that shares its first digits, and does not "
    "tell which of them was meant. The others are removed as well: that is the price of the cover."
)
_OTHERS_LIMIT = (
    "A list names rows of the dataset; it cannot remove a picture from the web, from other datasets, or from "
    "a model that was trained already."
)


def template(name: str) -> Template:
    """A template of this package."""
    return Template(resources.files("takedown").joinpath(f"data/{name}").read_text("utf-8"))


def commands(facts: Facts) -> str:
    """What a holder types; the edition is always named, since a second one may come."""
    edition = f" --edition {facts.editions[0].edition if facts.editions else 'NAME'}"
    return "\n".join(
        [
            "takedown sync ADDRESS --root 1.root.json",
            f"takedown plan laion/*.parquet{edition}",
            f"takedown apply laion/*.parquet --out clean/{edition}",
        ]
    )


def limits(facts: Facts) -> list[str]:
    """What no list can hide, or what this one does about it."""
    cut = [one for one in facts.editions if one.prefix_hex < FULL]
    full = not facts.editions or len(cut) < len(facts.editions)
    return [*([_FULL_LIMIT] if full else []), *([_CUT_LIMIT] if cut else []), _OTHERS_LIMIT]


def about(manifest: Manifest) -> list[tuple[str, str]]:
    """(what, how much) of one edition."""
    counted = [(f"by {kind}", f"{rows:,}") for kind, rows in sorted(manifest.count_by_kind.items())]
    cut = "whole" if manifest.prefix_hex >= FULL else f"first {manifest.prefix_hex} digits"
    rows = [
        ("entries", f"{manifest.rows:,}"),
        *counted,
        ("digests", cut),
        ("matching rows", {"purge": "removed", "quarantine": "set aside"}[manifest.disposition]),
    ]
    return [*rows, ("rows under any entry", f"{manifest.k_min:,} or more")] if manifest.k_min else rows
