"""The page with the words that are the only way back, and the words as a file."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import path
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_POST

from portal.asking.drafts import Draft
from portal.asking.intake import Accepted
from portal.days import today
from portal.finding import control
from portal.models import Item, SiteControl, Submission
from portal.policy import current
from portal.views.public_page import never_stored, show
from takedown import receipt
from takedown.errors import BadReceipt


def shown(
    request: HttpRequest,
    draft: Draft,
    accepted: Accepted,
    page: str = "public/receipt.html",
    step: str = "public:ask-send",
) -> HttpResponse:
    """The receipt, in the answer to the form that led to it. The browser is asked to forget that form.

    Args:
        request: the form.
        draft: its answers.
        accepted: what came of it.
        page: the template.
        step: name of the address that the form was sent to.
    """
    submission = accepted.submission
    answer = show(
        request,
        page,
        words=accepted.receipt.words,
        submission=submission,
        looked_at=current().ground(submission.ground).target(submission.received),
        kept_until=submission.received + timedelta(days=current().keep_days),
        proofs=_proofs(submission),
        repeated=accepted.repeated and "seen" not in request.POST,
        again={"action": step, "fields": {"draft": draft.sealed, "seen": "yes"}},
    )
    add_never_cache_headers(answer)
    answer["Clear-Site-Data"] = '"cache"'
    return answer


@never_stored
@require_POST
def receipt_file(request: HttpRequest) -> HttpResponse:
    """The words as a text file. It names neither this site nor what was asked, for it may be found."""
    try:
        words = receipt.parse(request.POST.get("words", ""))
    except BadReceipt:
        return redirect("public:status")
    text = render_to_string("public/receipt.txt", {"words": words, "today": today()})
    answer = HttpResponse(text, content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="words.txt"'
    return answer


def _proofs(submission: Submission) -> list[control.Instructions]:
    """What is to be done for each site that waits for a proof."""
    waiting = SiteControl.objects.filter(item__submission=submission, item__state=Item.State.WAITS_FOR_PROOF)
    return [control.instructions(one) for one in waiting.select_related("item").order_by("item__number")]


pages = [path("receipt.txt", receipt_file, name="receipt-file")]
