"""The public pages. No cookie, no session, no JavaScript, no identity.

Answers travel from page to page in one signed hidden field; only the last page stores anything. The receipt
is shown in the answer to that POST, so it never stands in an address, a log or a browser's history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import indexes, intake, review, tasks
from portal import status as item_status
from portal.drafts import BadDraftError, Draft
from portal.models import Item, Submission
from portal.policy import current
from portal.sealing import NoIntakeKeyError
from portal.uploads import OversizedUpload
from takedown import receipt
from takedown.errors import BadReceipt

Problems = dict[str, list[str]]


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    return render(request, "public/start.html", {"policy": current(), "coverage": indexes.coverage()})


@never_cache
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def ask_why(request: HttpRequest) -> HttpResponse:
    """Page 1: the ground. A POST comes from "change" on a later page and carries the answers so far."""
    return _why(request, _draft(request) or Draft())


@never_cache
@csrf_exempt
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
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def ask_check(request: HttpRequest) -> HttpResponse:
    """Page 3: what was answered, and the pictures."""
    if request.method != "POST":
        return redirect("public:ask-why")
    draft = _draft(request)
    if draft is None:
        return _start_again(request)
    draft = replace(
        draft,
        addresses=request.POST.get("addresses", "")[: settings.MAX_ITEMS * 12_000],
        note=request.POST.get("note", "").replace("\r\n", "\n").strip(),
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
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def ask_send(request: HttpRequest) -> HttpResponse:
    """The last step: check the pictures, store, and show the receipt."""
    if request.method != "POST":
        return redirect("public:ask-why")
    draft = _draft(request)
    if draft is None or draft.ground not in current().grounds or current().grounds[draft.ground].restricted:
        return _start_again(request)
    addresses, wrong = intake.read_addresses(draft.addresses)
    if wrong:
        return _what(request, draft, {"addresses": wrong})
    pictures, problems = _pictures(request.FILES.getlist("pictures"))
    if not addresses and not pictures and not problems:
        problems = ["Add at least one address or one picture, so that we know what to look for."]
    if len(addresses) + len(pictures) > settings.MAX_ITEMS:
        problems = [f"One request holds up to {settings.MAX_ITEMS} addresses and pictures together."]
    if problems:
        return _check(request, draft, addresses, {"pictures": problems})
    try:
        accepted = intake.accept(draft, addresses, pictures)
    except NoIntakeKeyError:
        return _check(request, draft, addresses, {"pictures": [_NOT_READY]}, status=503)
    if not accepted.repeated:
        for item in accepted.submission.items.all():
            tasks.poke_row(item)
    return render(
        request,
        "public/receipt.html",
        {"words": accepted.receipt.words, "submission": accepted.submission, "repeated": accepted.repeated},
    )


@require_safe
def help_under_18(request: HttpRequest) -> HttpResponse:
    return render(request, "public/help_under_18.html")


@never_cache
@csrf_exempt
@require_POST
def receipt_file(request: HttpRequest) -> HttpResponse:
    """The words as a text file, for browsers without JavaScript."""
    try:
        words = receipt.parse(request.POST.get("words", ""))
    except BadReceipt:
        return redirect("public:status")
    answer = HttpResponse(f"{words.text}\n", content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="words.txt"'
    return answer


@never_cache
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def status(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "public/status_ask.html")
    words, problem = _words(request)
    if words is None:
        return _ask_words(request, problem)
    submission = intake.find(words)
    if submission is None:
        return _ask_words(request, _UNKNOWN)
    return _status(request, words, submission)


@never_cache
@csrf_exempt
@require_POST
def withdraw(request: HttpRequest) -> HttpResponse:
    """Ask whether the person is sure; then take the item back."""
    words, problem = _words(request)
    submission = intake.find(words) if words else None
    if words is None or submission is None:
        return _ask_words(request, problem or _UNKNOWN)
    number = request.POST.get("item", "")
    item = (
        submission.items.filter(number=int(number)).first() if number.isascii() and number.isdigit() else None
    )
    if item is None or item.state in {Item.State.WITHDRAWN, Item.State.UNREADABLE}:
        return _status(request, words, submission)
    if "sure" not in request.POST:
        return render(request, "public/withdraw.html", {"words": words, "item": item})
    review.withdraw(item)
    return _status(request, words, submission)


_UNKNOWN = "We found no request under these words. Please check each word and try again."
_NOT_READY = "We cannot take pictures at this moment. Please try again in a few minutes; addresses work."


def _words(request: HttpRequest) -> tuple[receipt.Receipt | None, str]:
    try:
        return receipt.parse(request.POST.get("words", "")), ""
    except BadReceipt as error:
        return None, error.sentence


def _ask_words(request: HttpRequest, problem: str) -> HttpResponse:
    shown = {"problems": {"words": [problem]}, "typed": request.POST.get("words", "")[:300]}
    return render(request, "public/status_ask.html", shown)


def _status(request: HttpRequest, words: receipt.Receipt, submission: Submission) -> HttpResponse:
    shown = {
        "words": words,
        "submission": submission,
        "items": item_status.of(submission),
        "ground": current().grounds.get(submission.ground),
    }
    return render(request, "public/status.html", shown)


def _pictures(files: Sequence[UploadedFile]) -> tuple[list[bytes], list[str]]:
    """The bytes of the uploaded pictures, and one sentence for each that cannot be used."""
    if len(files) > settings.MAX_PICTURES:
        return [], [f"Please send up to {settings.MAX_PICTURES} pictures at a time; these are {len(files)}."]
    pictures, problems = [], []
    for number, file in enumerate(files, start=1):
        megabytes = settings.MAX_PICTURE_BYTES // 2**20
        if isinstance(file, OversizedUpload):
            wrong: str | None = f"It is larger than {megabytes} MB. Please save a smaller copy and send that."
        else:
            data = file.read()
            wrong = intake.check_picture(data)
            pictures.append(data)
        if wrong:
            problems.append(f"Picture {number}: {wrong}" if len(files) > 1 else wrong)
    return pictures, problems


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
