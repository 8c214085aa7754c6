"""A page in its parts, as a browser reads it: enough of HTML for tests of rules that all pages keep."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import HttpResponse

_IMPORT = re.compile(r"""^\s*(?:import|export)\b[^;'"]*['"](\./[^'"]+)['"]""", re.MULTILINE)


@dataclass
class Page:
    """Tags with their attributes in order, and the texts of title and headings."""

    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    texts: dict[str, list[str]] = field(default_factory=dict)

    def all(self, *names: str) -> list[dict[str, str]]:
        """The attributes of every tag with one of these names."""
        return [attributes for name, attributes in self.tags if name in names]

    def fields(self, action: str) -> dict[str, str]:
        """The hidden fields of the first form that leads to an address."""
        found: dict[str, str] = {}
        inside = False
        for name, attributes in self.tags:
            if name == "form":
                if inside:
                    break
                inside = attributes.get("action") == action
            elif inside and name == "input" and attributes.get("type") == "hidden":
                found[attributes["name"]] = attributes.get("value", "")
        return found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag in ("title", "h1"):
            self._open.append(tag)
            self.page.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            self._open.remove(tag)

    def handle_data(self, data: str) -> None:
        for tag in self._open:
            self.page.texts[tag][-1] += data


def read(answer: HttpResponse) -> Page:
    """A page from an answer."""
    reader = _Reader()
    reader.feed(answer.content.decode())
    return reader.page


def bytes_over_the_wire(answer: HttpResponse, page: Page) -> int:
    """The HTML as it is sent, not compressed, and the style sheets, scripts and pictures that are loaded with
    it, with gzip, as WhiteNoise keeps them. What a script loads later does not count."""
    loaded = [one["href"] for one in page.all("link")] + [one["src"] for one in page.all("script", "img")]
    files = {file for address in loaded for file in _with_imports(_file(address))}
    return len(answer.content) + sum(len(gzip.compress(file.read_bytes(), 9)) for file in files)


def _file(address: str) -> Path:
    found = finders.find(address.removeprefix("/static/"))
    assert found, f"{address} is no static file"
    return Path(found)


def _with_imports(file: Path, seen: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """A file and the modules that it imports, at first or further hand."""
    yield file
    if file.suffix != ".js" or file in seen:
        return
    for name in _IMPORT.findall(file.read_text()):
        yield from _with_imports((file.parent / name).resolve(), seen | {file})
