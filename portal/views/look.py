"""Is my picture in there? An address or a fingerprint is looked for, and nothing is kept.

The answer is as long whether something was found or not, and takes about as long: whoever sees the line but
not the page learns little.
"""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path
from django.utils.cache import patch_cache_control
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_http_methods

from portal.asking.drafts import Draft
from portal.finding import indexes, looking, matching
from portal.flood import limits
from portal.views.public_page import Problems, kept_for_back, show, with_scripts

#: Bytes that what was found takes on the page; more than any text of ours needs.
ROOM = 2048

_FORM = "application/x-www-form-urlencoded"


@with_scripts
@kept_for_back
@require_http_methods(["GET", "HEAD", "POST"])
def look(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _form(request)
    if request.content_type != _FORM:  # a picture: it is not read
        return show(request, "public/look_refused.html", status=415)
    asked, problems = looking.read(request.POST)
    if any(problems.values()):
        return _form(request, asked, dict(problems))
    if flood := limits.wait(request):
        waiting = _form(request, asked, flood=flood, status=429)
        waiting["Retry-After"] = str(flood.wait)
        return waiting
    return _answer(request, asked)


def _form(
    request: HttpRequest,
    asked: looking.Asked | None = None,
    problems: Problems | None = None,
    flood: limits.Flood | None = None,
    status: int | None = None,
) -> HttpResponse:
    """The form, with whatever was typed; and with the seconds to wait, where there are too many."""
    return show(
        request,
        "public/look.html",
        problems,
        status,
        typed=_typed(request),
        made_on_device=asked.on_device if asked else (),
        most=settings.LOOKS_IN_ONE,
        coverage=indexes.coverage(),
        flood=flood or limits.fields(secrets.token_bytes(16)),
        again=_again(request),
    )


def _answer(request: HttpRequest, asked: looking.Asked) -> HttpResponse:
    typed = _typed(request)
    have = {"addresses": asked.addresses, "pictures": asked.on_device, "fingerprints": asked.typed}
    page = show(
        request,
        "public/look_answer.html",
        answers=[(answer, _padded(answer)) for answer in looking.answers(asked)],
        coverage=indexes.coverage(),
        draft=Draft(
            have=tuple(kind for kind, given in have.items() if given),
            addresses=typed["addresses"],
            fingerprints=typed["fingerprints"],
        ),
        pictures=len(asked.on_device),
        again=_again(request),
    )
    patch_cache_control(page, no_transform=True)  # compressed, its length would tell again
    return page


def _padded(answer: looking.Answer) -> SafeString:
    """What was found, in as many bytes as every other answer takes."""
    shown = {"counts": answer.counts, "most": matching.MAX_MATCHES}
    text = render_to_string("public/look_found.html", shown).strip()
    taken = len(text.encode())
    return mark_safe(text + " " * (-taken % ROOM))  # noqa: S308 - a rendered template and spaces


def _typed(request: HttpRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "") for name in ("addresses", "fingerprints")}


def _again(request: HttpRequest) -> dict[str, Any] | None:
    """How the same answer is had in another language. Fingerprints of pictures are too long to carry."""
    if request.method != "POST" or not any(_typed(request).values()):
        return None
    return {"action": "public:look", "fields": _typed(request)}


pages = [path("look/", look, name="look")]
