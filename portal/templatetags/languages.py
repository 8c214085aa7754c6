"""The header and footer of public pages: this page in other languages, and the ways to the other pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.template import Context
from django.urls import Resolver404, resolve, reverse, translate_url
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from portal.policy import current

register = template.Library()

_HEADER = {
    "public:ask-why": _("Ask"),
    "public:look": _("Is my picture in there?"),
    "public:status": _("Check a request"),
}
_FOOTER = {
    "public:about": _("How it works"),
    "public:privacy": _("Privacy"),
    "public:report": _("Report"),
    "public:releases": _("Releases"),
    "public:accessibility": _("Accessibility"),
    "public:help": _("Help by country"),
}


@dataclass(frozen=True)
class Language:
    """One language of the switch: its code, its own name, and the address of this page in it."""

    code: str
    name: str
    spoken: bool
    address: str


@dataclass(frozen=True)
class Way:
    """A link to another page; ``here`` is what ARIA calls current: the page itself, or one of its steps."""

    address: str
    title: str | Promise
    here: str


@register.simple_tag(takes_context=True)
def offered_languages(context: Context) -> list[Language]:
    """The languages of the policy. ``again`` in the context names the step to go to with the answers kept:
    ``{"action": URL name, "fields": {hidden field: value}}``."""
    names = dict(settings.LANGUAGES)
    spoken = translation.get_language()
    return [
        Language(code, names[code], code == spoken, _address(context["request"], context.get("again"), code))
        for code in current().languages
    ]


@register.simple_tag(takes_context=True)
def pages_of_the_header(context: Context) -> list[Way]:
    return _ways(context["request"], _HEADER)


@register.simple_tag(takes_context=True)
def pages_of_the_footer(context: Context) -> list[Way]:
    return _ways(context["request"], _FOOTER)


def _ways(request: HttpRequest, pages: Mapping[str, str | Promise]) -> list[Way]:
    addresses = {name: reverse(name) for name in pages}
    return [Way(address, pages[name], _here(request.path, address)) for name, address in addresses.items()]


def _here(shown: str, address: str) -> str:
    return "page" if shown == address else "true" if shown.startswith(address) else ""


def _address(request: HttpRequest, again: Mapping[str, Any] | None, code: str) -> str:
    """This page, or this step of a form, in another language; the start page where there is none."""
    if again is None and _is_page(request.path_info):
        return translate_url(request.path, code)
    with translation.override(code):
        return reverse(again["action"] if again else "public:start")


def _is_page(path: str) -> bool:
    try:
        return "public" in resolve(path).namespaces
    except Resolver404:
        return False
