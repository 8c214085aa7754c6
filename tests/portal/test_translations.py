"""Nothing on the public pages is left in English: every sentence is marked, translated, and compiled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context
from django.template.base import Node, TextNode
from django.templatetags.i18n import BlockTranslateNode

from portal import translations
from portal.policy import current

#: Text in a template that needs no translation, because it is the same everywhere.
SAME_EVERYWHERE = {"Take It Down", "StopNCII.org", "INHOPE", "JSON", "CSV", "SVG", "DNS", "TXT"}

#: Attributes that are read out or shown.
_SPOKEN = re.compile(r"""\b(?:aria-label|alt|title|placeholder|content)=("[^"]*"|'[^']*')""")


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_every_sentence_is_translated(language: str) -> None:
    assert len(translations.sentences()) > 100
    assert translations.missing(language) == []


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_the_compiled_catalogue_is_the_written_one(language: str) -> None:
    assert translations.po_file(language).with_suffix(".mo").read_bytes() == translations.compiled(language)


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_no_sentence_is_kept_that_nobody_shows(language: str) -> None:
    shown = {one.text for one in translations.sentences()}
    assert [
        message.id
        for message in translations.read(language)
        if message.id and _first(message.id) not in shown
    ] == []


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_a_translation_fills_in_the_same_values(language: str) -> None:
    """A name that is missing would hide a number; one too many would break the page."""
    for message in translations.read(language):
        if not message.id:
            continue  # the header
        forms = message.string if isinstance(message.string, (list, tuple)) else [message.string]
        ids = message.id if isinstance(message.id, (list, tuple)) else [message.id]
        allowed = {name for text in ids for name in _names(text)}
        for form in forms:
            assert _names(form) <= allowed, message.id
            if len(forms) == 1:
                assert _names(form) == allowed, message.id
            assert _tags(form) == _tags(ids[-1]), message.id


def test_the_policy_speaks_all_languages_of_the_catalogues() -> None:
    assert (
        {*translations.LANGUAGES, "en"}
        == set(current().languages)
        == {code for code, _ in settings.LANGUAGES}
    )


@pytest.mark.parametrize("path", translations.templates(), ids=lambda path: path.name)
def test_no_text_stands_outside_of_a_translation(path: Path) -> None:
    assert _bare(path) == []


def test_a_text_that_is_not_marked_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<p class="hint">Hello</p>{% load i18n %}<p aria-label="Press">{% translate "Good" %}</p>'
    )
    assert _bare(page) == ["Hello", "Press"]


def _bare(path: Path) -> list[str]:
    """Words of a template that are shown or read out and are not translated."""
    template = translations.parsed(path)
    inside = {
        id(part) for node in _all(template) if isinstance(node, BlockTranslateNode) for part in _parts(node)
    }
    text = "".join(
        node.render(Context()) if isinstance(node, TextNode) and id(node) not in inside else "\0"
        for node in _all(template)
        if isinstance(node, TextNode) or not hasattr(node, "nodelist")
    )
    spoken = [value[1:-1] for value in _SPOKEN.findall(text)]
    seen = re.split(r"<[^>]*>", re.sub(r"<(style|script|svg|code)\b.*?</\1>", "", text, flags=re.DOTALL))
    words = [one.strip() for part in (*seen, *spoken) for one in part.split("\0")]
    return [
        one for one in words if re.search(r"[^\W\d_]{2,}", one) and one not in SAME_EVERYWHERE | _TECHNICAL
    ]


#: Values of ``content`` in the head of a page.
_TECHNICAL = {"width=device-width, initial-scale=1", "noindex"}


def _all(template: object) -> list[Node]:
    return [node for top in template.nodelist for node in top.get_nodes_by_type(Node)]


def _parts(node: BlockTranslateNode) -> list[object]:
    return [*node.singular, *node.plural] if node.plural else list(node.singular)


def _first(text: object) -> str:
    return text[0] if isinstance(text, (list, tuple)) else str(text)


def _names(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", text))


def _tags(text: str) -> list[str]:
    return sorted(re.findall(r"</?\w+", text))
