"""The catalogues of the public pages: which sentences there are, and what is still to be translated.

1. ``sentences`` collects them from where they are shown: the templates, as Django itself reads them, and the
   calls of gettext in Python;
2. ``update`` brings the .po file of a language up to date: new sentences come in empty, those that are gone
   go, and a translation stays as long as its sentence stands unchanged;
3. ``compiled`` is the .mo file that belongs to a .po file. Both are committed, so that running the desk
   needs no tools.

Babel, which reads and writes the files, is installed for development only.
"""

from __future__ import annotations

import ast
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from django.template import Template, engines
from django.template.base import Node
from django.templatetags.i18n import BlockTranslateNode, TranslateNode

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "portal" / "locale"
LANGUAGES = ("de", "fr", "es")

#: Function of django.utils.translation -> whether it takes a plural too.
_CALLS = {"gettext": False, "gettext_lazy": False, "ngettext": True, "ngettext_lazy": True}


#: Stands in a compiled catalogue, whose form wants a date: the same text gives the same bytes.
_NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, order=True)
class Sentence:
    """A text as it stands in the source; ``plural`` is empty where there is one form only."""

    text: str
    plural: str
    place: str


def sentences() -> list[Sentence]:
    """Every text that can be translated, once, in the order of the files it stands in."""
    found: dict[tuple[str, str], Sentence] = {}
    for one in (*_in_templates(), *_in_python()):
        found.setdefault((one.text, one.plural), one)
    return list(found.values())


def templates() -> list[Path]:
    """The templates of the public side, pages and the receipt's text file; the desk speaks English."""
    folder = ROOT / "templates"
    return [folder / "base.html", *sorted(one for one in (folder / "public").rglob("*") if one.is_file())]


def parsed(path: Path) -> Template:
    """A template's nodes, without the templates it extends or includes."""
    return engines["django"].from_string(path.read_text(encoding="utf-8")).template  # type: ignore[attr-defined, no-any-return]


def po_file(language: str) -> Path:
    return FOLDER / language / "LC_MESSAGES" / "django.po"


def read(language: str) -> Catalog:
    from babel.messages.pofile import read_po

    with po_file(language).open("rb") as file:
        return read_po(file, locale=language)


def update(language: str) -> int:
    """Bring the catalogue of a language up to date and compile it; how many sentences want a translation."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import write_po

    known = read(language) if po_file(language).exists() else Catalog(locale=language)
    made = Catalog(locale=language, fuzzy=False, header_comment=f"# Texts of the public pages: {language}")
    for one in sentences():
        before = known.get(one.text)
        keep = before and before.string if before and bool(before.pluralizable) == bool(one.plural) else None
        made.add((one.text, one.plural) if one.plural else one.text, keep or None, locations=[(one.place, 1)])
    po_file(language).parent.mkdir(parents=True, exist_ok=True)
    written = io.BytesIO()
    write_po(written, made, width=110, include_lineno=False, sort_by_file=False, omit_header=False)
    po_file(language).write_bytes(_without_dates(written.getvalue()))
    po_file(language).with_suffix(".mo").write_bytes(compiled(language))
    return len(missing(language))


def compiled(language: str) -> bytes:
    """The .mo file of a catalogue."""
    from babel.messages.mofile import write_mo

    catalogue, written = read(language), io.BytesIO()
    catalogue.creation_date = catalogue.revision_date = _NO_DATE
    write_mo(written, catalogue)
    return written.getvalue()


def missing(language: str) -> list[str]:
    """Sentences without a whole translation: absent, empty in some form, or marked as a guess."""
    catalogue = read(language)
    return [one.text for one in sentences() if not _whole(catalogue, one)]


def _whole(catalogue: Catalog, one: Sentence) -> bool:
    found = catalogue.get(one.text)
    if found is None or found.fuzzy or bool(found.pluralizable) != bool(one.plural):
        return False
    forms = found.string if isinstance(found.string, (list, tuple)) else [found.string]
    return all(forms) and (not one.plural or len(forms) == catalogue.num_plurals)


def _in_templates() -> Iterator[Sentence]:
    for path in templates():
        place = str(path.relative_to(ROOT))
        for node in _nodes(parsed(path)):
            if isinstance(node, TranslateNode):
                yield Sentence(str(node.filter_expression.var.literal).replace("%", "%%"), "", place)
            elif isinstance(node, BlockTranslateNode):
                singular = node.render_token_list(node.singular)[0]
                plural = node.render_token_list(node.plural)[0] if node.plural else ""
                yield Sentence(singular, plural, place)


def _nodes(template: Template) -> Iterator[Node]:
    for node in template.nodelist:
        yield from node.get_nodes_by_type(Node)


def _in_python() -> Iterator[Sentence]:
    for path in sorted((ROOT / "portal").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = _imported(tree)
        place = str(path.relative_to(ROOT))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if (function := names.get(node.func.id)) is not None:
                texts = [one.value for one in node.args if isinstance(one, ast.Constant)]
                if texts and isinstance(texts[0], str):
                    yield Sentence(texts[0], str(texts[1]) if _CALLS[function] else "", place)


def _imported(tree: ast.Module) -> dict[str, str]:
    """Name in a module -> the function of Django that it stands for."""
    return {
        one.asname or one.name: one.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for one in node.names
        if one.name in _CALLS
    }


def _without_dates(text: bytes) -> bytes:
    """A catalogue tells no time of day and nobody's name; it changes only when a text does."""
    dropped = (
        b'"POT-Creation-Date',
        b'"PO-Revision-Date',
        b'"Last-Translator',
        b'"Language-Team',
        b'"Generated-By',
    )
    kept = [
        line
        for line in text.split(b"\n")
        if not line.startswith((*dropped, b'"Report-Msgid', b'"Project-Id'))
    ]
    return b"\n".join(kept)
