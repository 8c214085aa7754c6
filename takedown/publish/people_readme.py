"""README.md of a release repository, for people who browse the files on a dataset hub."""

from __future__ import annotations

import re

from takedown.blocklist.manifest import Manifest
from takedown.publish import people_text as text
from takedown.publish.people_facts import Facts
from takedown.publish.people_sql import ENGINES, METADATA, SIDECAR, Engine, filter_sql, list_sql

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")

_SQL = """## With SQL instead

Run these in the folder of this repository. Your table is named `laion` here. Always `NOT EXISTS`, never
`NOT IN`: one null would drop every row. SQL checks no signature, so let `takedown sync` accept the same files
first. Addresses and captions must be text columns with the bytes that the dataset came with.

"""


def readme(facts: Facts) -> bytes:
    """The file as UTF-8."""
    filled = text.template("repository.md").substitute(
        publisher=_plain(facts.publisher),
        trial=f"\n**{text.TRIAL}**\n" if facts.throwaway else "",
        newest=_newest(facts),
        commands=text.commands(facts),
        root_sha256=facts.root_sha256,
        threshold=facts.root_threshold,
        root_keys="\n".join(f"  - `{key}`" for key in facts.root_keys),
        limits="\n".join(f"- {one}" for one in text.limits(facts)),
        sql=_sql(facts),
        feed=" `feed.xml` tells of new releases." if facts.history else "",
        feed_file="`feed.xml`, " if facts.history else "",
    )
    return filled.encode("utf-8")


def _newest(facts: Facts) -> str:
    if not facts.history:
        return f"## Newest release\n\n{text.NO_RELEASE}"
    newest = facts.history[0]
    lines = [f"## Newest release: {newest.seq}, {newest.created}", ""]
    if facts.dataset_ids:
        lines += [f"For {', '.join(map(_plain, facts.dataset_ids))}.", ""]
    for manifest in facts.editions:
        lines += [f"### Edition {manifest.edition}", "", "| | |", "|---|---|"]
        lines += [f"| {what} | {much} |" for what, much in text.about(manifest)]
        lines.append("")
    return "\n".join(lines).rstrip()


def _sql(facts: Facts) -> str:
    return _SQL + "".join(map(_edition_sql, facts.editions)) if facts.editions else ""


def _edition_sql(manifest: Manifest) -> str:
    head = f"### SQL for edition {manifest.edition}\n\n"
    return head + "".join(_engine_sql(engine, manifest) for engine in ENGINES)


def _engine_sql(engine: Engine, manifest: Manifest) -> str:
    made = list_sql(engine, manifest)
    if not made:
        return f"{engine.name}: {text.NO_ENTRIES}\n\n"
    metadata = filter_sql(engine, manifest.prefix_hex, METADATA)
    sidecar = filter_sql(engine, manifest.prefix_hex, SIDECAR, "sidecar")
    return (
        f"{engine.name}, for metadata with the columns URL and TEXT:\n\n```sql\n{made}\n{metadata}```\n\n"
        f"and for img2dataset's sidecars, with the same list:\n\n```sql\n{sidecar}```\n\n"
    )


def _plain(name: str) -> str:
    """A name that Markdown takes for text."""
    return _SPECIAL.sub(r"\\\1", name)
