"""What the holder of a receipt sees and does. The words come by POST and never stand in an address."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from portal import intake, proofs, review
from portal import status as item_status
from portal.models import Submission
from portal.policy import current
from takedown import receipt
from takedown.errors import BadReceipt


@never_cache
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
@require_POST
def withdraw(request: HttpRequest) -> HttpResponse:
    """Ask whether the person is sure; then take the item back."""
    words, problem = _words(request)
    submission = intake.find(words) if words else None
    if words is None or submission is None:
        return _ask_words(request, problem or _UNKNOWN)
    number = request.POST.get("item", "")[:5]
    item = (
        submission.items.filter(number=int(number)).first() if number.isascii() and number.isdigit() else None
    )
    if item is None or not item_status.can_withdraw(item, getattr(item, "case_item", None)):
        return _status(request, words, submission)
    if "sure" not in request.POST:
        return render(request, "public/withdraw.html", {"words": words, "item": item})
    review.withdraw(item)
    return _status(request, words, submission)


_UNKNOWN = "We found no request under these words. Please check each word and try again."


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
        "ground": current().ground(submission.ground),
        "told": proofs.releases(submission),
        "repository": request.build_absolute_uri(reverse("blocklist-start")).rstrip("/"),
        "prove_page": (settings.REPOSITORY / "prove.html").is_file(),
    }
    return render(request, "public/status.html", shown)


pages = [
    path("status/", status, name="status"),
    path("status/withdraw/", withdraw, name="withdraw"),
]
