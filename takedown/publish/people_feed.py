"""The Atom feed of releases (RFC 4287): newest first, one entry a release, days and counts only."""

from __future__ import annotations

import uuid
from datetime import date
from xml.etree import ElementTree as ET

from takedown.publish.people_facts import Facts, Past, Step

_ATOM = "http://www.w3.org/2005/Atom"


def feed(facts: Facts) -> bytes:
    """The feed as XML. There must be a release to tell about.

    Ids follow from the first root file and the number of the release, so that they stay the same wherever
    the repository is served.
    """
    ET.register_namespace("", _ATOM)
    name = uuid.uuid5(uuid.NAMESPACE_OID, facts.root_sha256)
    top = ET.Element(_tag("feed"), {"{http://www.w3.org/XML/1998/namespace}lang": "en"})
    _add(top, "title", f"Removal lists of {facts.publisher}")
    _add(top, "id", name.urn)
    _add(top, "updated", _moment(facts.history[0].created))
    _add(_add(top, "author"), "name", facts.publisher)
    _add(top, "link", rel="self", href="feed.xml", type="application/atom+xml")
    _add(top, "link", rel="alternate", href="index.html", type="text/html")
    for release in facts.history:
        _entry(top, release, uuid.uuid5(name, str(release.seq)))
    ET.indent(top)
    text: bytes = ET.tostring(top, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def told(step: Step) -> str:
    """One edition of a release in a sentence."""
    if step.added is None or step.removed is None:
        return f"{step.edition}: a new list of {step.rows:,} entries."
    return f"{step.edition}: {step.added:,} added, {step.removed:,} removed, {step.rows:,} entries in all."


def _entry(top: ET.Element, release: Past, name: uuid.UUID) -> None:
    entry = _add(top, "entry")
    _add(entry, "title", f"Release {release.seq}")
    _add(entry, "id", name.urn)
    _add(entry, "updated", _moment(release.created))
    _add(entry, "link", rel="alternate", href="index.html", type="text/html")
    _add(entry, "summary", " ".join(map(told, release.steps)), type="text")


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, _tag(name), attributes)
    element.text = text
    return element


def _tag(name: str) -> str:
    return f"{{{_ATOM}}}{name}"


def _moment(day: date) -> str:
    """The day, as RFC 3339 wants it; no release says at what time it was made."""
    return f"{day.isoformat()}T00:00:00Z"
