"""Asking for removal, one thing a page. No cookie, no session, no JavaScript, no identity.

Answers travel from page to page in one signed hidden field; only the last page stores anything. The receipt
is shown in the answer to that POST, so it never stands in an address, a log or a browser's history.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from portal import checking, indexes, intake, tasks
from portal.drafts import BadDraftError, Draft
from portal.policy import current
from portal.sealing import NoIntakeKeyError
from portal.uploads import OversizedUpload

Problems = dict[str, list[str]]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask_why(request: HttpRequest) -> HttpResponse:
    """Page 1: the ground. A POST comes from "change" on a later page and carries the answers so far."""
    return _why(request, _draft(request) or Draft())


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask_what(request: HttpRequest) -> HttpResponse:
    """Page 2: addresses and a note."""
    if request.method != "POST":
        return redirect("public:ask-why")
    draft = _draft(request) or Draft()
    if "change" not in request.POST:
        draft = replace(draft, ground=request.POST.get("ground", ""))
    ground = current().grounds.get(draft.ground)
    if ground is None:
        return _why(request, draft, {"ground": ["Choose the reason that fits best."]})
    if ground.restricted:
        return redirect("public:help-under-18")
    return _what(request, draft)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask_check(request: HttpRequest) -> HttpResponse:
    """Page 3: what was answered, and the pictures."""
    if request.method != "POST":
        return redirect("public:ask-why")
    draft = _draft(request)
    if draft is None or not _open_ground(draft):
        return _start_again(request)
    draft = replace(
        draft,
        addresses=request.POST.get("addresses", ""),
        note=_CONTROL.sub("", request.POST.get("note", "").replace("\r\n", "\n")).strip(),
    )
    addresses, wrong = intake.read_addresses(draft.addresses)
    problems: Problems = {"addresses": wrong} if wrong else {}
    if len(draft.note) > settings.NOTE_CHARACTERS:
        problems["note"] = [
            f"The note has {len(draft.note)} characters; please shorten it to {settings.NOTE_CHARACTERS}."
        ]
    if problems:
        return _what(request, draft, problems)
    return _check(request, draft, addresses)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask_send(request: HttpRequest) -> HttpResponse:
    """The last step: check the pictures, store, and show the receipt."""
    if request.method != "POST":
        return redirect("public:ask-why")
    draft = _draft(request)
    if draft is None or not _open_ground(draft):
        return _start_again(request)
    if earlier := intake.repeated(draft):
        return _receipt(request, earlier)
    addresses, wrong = intake.read_addresses(draft.addresses)
    if wrong:
        return _what(request, draft, {"addresses": wrong})
    pictures, problems = _pictures(request.FILES.getlist("pictures"))
    if not addresses and not pictures and not problems:
        problems = ["Add at least one address or one picture, so that we know what to look for."]
    if len(addresses) + len(pictures) > settings.MAX_ITEMS:
        problems = [f"One request holds up to {settings.MAX_ITEMS} addresses and pictures together."]
    if draft.expired:
        draft, problems = draft.renewed(), [_TOO_OLD, *problems]
    if problems:
        return _check(request, draft, addresses, {"pictures": problems})
    try:
        accepted = intake.accept(draft, intake.Sent(addresses, pictures))
    except NoIntakeKeyError:
        return _check(request, draft, addresses, {"pictures": [_NOT_READY]}, status=503)
    if not accepted.repeated:
        tasks.poke(tasks.take_in, accepted.submission.pk)
    return _receipt(request, accepted)


_TOO_OLD = "This page was open for more than a day. Please look at it again, then press the button once more."
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_NOT_READY = "We cannot take pictures at this moment. Please try again in a few minutes; addresses work."


def _pictures(files: Sequence[UploadedFile]) -> tuple[list[bytes], list[str]]:
    """The bytes of the uploaded pictures, and one sentence for each that cannot be used."""
    if len(files) > settings.MAX_PICTURES:
        return [], [f"Please send up to {settings.MAX_PICTURES} pictures at a time; these are {len(files)}."]
    megabytes = settings.MAX_PICTURE_BYTES // 2**20
    too_large = f"It is larger than {megabytes} MB. Please save a smaller copy and send that."
    pictures = [b"" if isinstance(file, OversizedUpload) else file.read() for file in files]
    wrong = [
        too_large if isinstance(file, OversizedUpload) else problem
        for file, problem in zip(files, checking.problems(pictures), strict=True)
    ]
    named = [(f"Picture {n}: " if len(files) > 1 else "", said) for n, said in enumerate(wrong, start=1)]
    return pictures, [name + said for name, said in named if said]


def _open_ground(draft: Draft) -> bool:
    """Whether the draft has a ground on which this form takes anything."""
    ground = current().grounds.get(draft.ground)
    return ground is not None and not ground.restricted


def _receipt(request: HttpRequest, accepted: intake.Accepted) -> HttpResponse:
    shown = {
        "words": accepted.receipt.words,
        "submission": accepted.submission,
        "repeated": accepted.repeated,
    }
    return render(request, "public/receipt.html", shown)


def _draft(request: HttpRequest) -> Draft | None:
    try:
        return Draft.read(request.POST.get("draft", ""))
    except BadDraftError:
        return None


def _why(request: HttpRequest, draft: Draft, problems: Problems | None = None) -> HttpResponse:
    return _page(request, "public/ask_why.html", draft, problems, grounds=current().grounds.values())


def _what(request: HttpRequest, draft: Draft, problems: Problems | None = None) -> HttpResponse:
    return _page(request, "public/ask_what.html", draft, problems)


def _check(
    request: HttpRequest,
    draft: Draft,
    addresses: list[str],
    problems: Problems | None = None,
    status: int = 200,
) -> HttpResponse:
    return _page(
        request,
        "public/ask_check.html",
        draft,
        problems,
        status=status,
        addresses=addresses,
        ground=current().grounds[draft.ground],
        coverage=indexes.coverage(),
        megabytes=settings.MAX_PICTURE_BYTES // 2**20,
        most=settings.MAX_PICTURES,
        together=settings.MAX_FORM_BYTES // 2**20,
    )


def _page(
    request: HttpRequest,
    template: str,
    draft: Draft,
    problems: Problems | None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    shown = {"draft": draft, "problems": problems or {}, **more}
    return render(request, template, shown, status=422 if problems and status == 200 else status)


def _start_again(request: HttpRequest) -> HttpResponse:
    return render(request, "public/start_again.html", status=422)


pages = [
    path("ask/", ask_why, name="ask-why"),
    path("ask/what/", ask_what, name="ask-what"),
    path("ask/check/", ask_check, name="ask-check"),
    path("ask/send/", ask_send, name="ask-send"),
]
