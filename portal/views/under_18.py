"""Pictures of abuse of someone under 18: help first, then addresses and digests as text. Never a picture.

What is sent here is compared as text and nothing else: it is not fetched, shown, or kept as a picture. The
middleware answers all but small text forms before they are read; the database refuses a picture on a
restricted ground.
"""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from portal import tasks
from portal.asking import intake
from portal.asking.drafts import Draft
from portal.asking.intake import Sent
from portal.asking.typed import read_fingerprints, too_many
from portal.flood import limits
from portal.policy import current
from portal.views import ask_pages, receipt
from portal.views.public_page import Problems, kept_for_back, same_for_everyone, show, with_scripts


@same_for_everyone
@require_safe
def help_under_18(request: HttpRequest) -> HttpResponse:
    return show(request, "public/help_under_18.html", takes_reports=bool(_ground()))


@with_scripts
@kept_for_back
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest) -> HttpResponse:
    """The form. A POST brings a draft, to read the page in another language."""
    draft = _draft(request) if request.method == "POST" else Draft(ground=_ground())
    return _form(request, draft) if draft and _ground() else redirect("public:help-under-18")


@with_scripts
@kept_for_back
@require_http_methods(["GET", "HEAD", "POST"])
def sent(request: HttpRequest) -> HttpResponse:
    """Check the lines, store them, and show the receipt with the hotlines once more."""
    if request.method != "POST" or not _ground():
        return redirect("public:help-under-18")
    draft = _draft(request)
    if draft is None:
        return ask_pages.start_again(request)
    if earlier := intake.repeated(draft):
        return _receipt(request, draft, earlier)
    draft = replace(
        draft,
        addresses=request.POST.get("addresses", ""),
        fingerprints=request.POST.get("fingerprints", ""),
    )
    given, problems = _read(draft)
    if draft.expired:
        draft, problems = draft.renewed(), {"addresses": [_too_old()], **problems}
    if problems:
        return _form(request, draft, problems)
    accepted = intake.accept(draft, given, slow=limits.slow(request, draft.token))
    if not accepted.repeated:
        tasks.poke(tasks.take_in, accepted.submission.pk)
    return _receipt(request, draft, accepted)


def _ground() -> str:
    """The first restricted ground of the policy; empty where there is none, and then there is help only."""
    return next((ground.name for ground in current().grounds.values() if ground.restricted), "")


def _draft(request: HttpRequest) -> Draft | None:
    """A draft of this path; one of the ordinary path is not taken."""
    draft = ask_pages.draft_of(request)
    return draft if draft and draft.ground == _ground() else None


def _read(draft: Draft) -> tuple[Sent, Problems]:
    """What is to be looked for, and one sentence for each line that cannot be used."""
    addresses, wrong = intake.read_addresses(draft.addresses)
    typed, unfit = read_fingerprints(draft.fingerprints)
    given = Sent(addresses=addresses, typed=typed)
    problems: Problems = {"addresses": wrong, "fingerprints": unfit}
    if not (len(given) or wrong or unfit):
        problems["addresses"] = [_("Give at least one address or one fingerprint.")]
    if len(given) > settings.MAX_ITEMS:
        problems["addresses"] = [*wrong, too_many()]
    return given, {field: sentences for field, sentences in problems.items() if sentences}


def _form(request: HttpRequest, draft: Draft, problems: Problems | None = None) -> HttpResponse:
    return show(
        request,
        "public/under_18_report.html",
        problems,
        draft=draft,
        most=settings.MAX_ITEMS,
        flood=limits.fields(draft.token),
        again={"action": "public:under-18-report", "fields": {"draft": draft.sealed}},
    )


def _receipt(request: HttpRequest, draft: Draft, accepted: intake.Accepted) -> HttpResponse:
    page, step = "public/under_18_sent.html", "public:under-18-sent"
    return receipt.shown(request, draft, accepted, page=page, step=step)


def _too_old() -> str:
    return _(
        "This page was open for more than a day. Please look at it again, then press the button once more."
    )


pages = [
    path("under-18/", help_under_18, name="help-under-18"),
    path("under-18/report/", report, name="under-18-report"),
    path("under-18/sent/", sent, name="under-18-sent"),
]
