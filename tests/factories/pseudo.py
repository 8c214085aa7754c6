"""A language that nobody speaks: every text that can be translated comes out between ⟦ and ⟧.

What a page shows outside of them would be shown in English to everyone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser

from django.utils.translation import trans_real

#: Parts whose text is the same in every language: what was sent, words of a receipt, commands.
SAME = {"code", "pre", "script", "style", "textarea"}
SAME_CLASSES = {"address", "words", "command", "same"}
_VOID = {"br", "input", "img", "link", "meta", "hr", "wbr"}
_SPOKEN = ("aria-label", "alt", "title", "placeholder")


@contextmanager
def marked(monkeypatch: object) -> Iterator[None]:
    """All catalogues answer with the text itself, between marks."""

    def one(self: object, message: str) -> str:
        return f"⟦{message}⟧" if message else message

    def many(self: object, singular: str, plural: str, number: float) -> str:
        return f"⟦{singular if number == 1 else plural}⟧"

    with monkeypatch.context() as patch:
        patch.setattr(trans_real.DjangoTranslation, "gettext", one)
        patch.setattr(trans_real.DjangoTranslation, "ngettext", many)
        trans_real.translation.cache_clear() if hasattr(trans_real.translation, "cache_clear") else None
        yield


class _Texts(HTMLParser):
    def __init__(self, language: str) -> None:
        super().__init__()
        self.language = language
        self.found: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        same = tag in SAME or bool(SAME_CLASSES & set(given.get("class", "").split()))
        same = same or given.get("lang", self.language) != self.language
        hidden = any(one for _, one in self._open) or same
        if not hidden:
            self.found += [given[name] for name in _SPOKEN if given.get(name)]
        if tag not in _VOID:
            self._open.append((tag, same))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not any(same for _, same in self._open):
            self.found.append(data)


def unmarked(html: str, language: str) -> list[str]:
    """The words of a page that no catalogue gave: shown or read out, outside of all marks."""
    texts = _Texts(language)
    texts.feed(html)
    texts.close()
    rest = re.sub(r"⟦[^⟦⟧]*⟧", "", _inner("\0".join(texts.found)))
    words = (one.strip() for one in rest.split("\0"))
    return [one for one in words if re.search(r"[^\W\d_]{2,}", one)]


def _inner(text: str) -> str:
    """A marked text may hold another one as its value: take the inner ones out first."""
    before = ""
    while before != text:
        before, text = text, re.sub(r"⟦([^⟦⟧]*)⟦[^⟦⟧]*⟧", r"⟦\1", text)
    return text
