"""The last page of the form, with all answers and the pictures, and what happens when it is sent.

The receipt is shown in the answer to that POST, so it never stands in an address, a log or a browser's
history. Nothing was stored before.
"""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from portal import tasks
from portal.asking import intake, pictures, questions
from portal.asking.drafts import Draft
from portal.asking.typed import too_many
from portal.flood import limits
from portal.sealing import NoIntakeKeyError
from portal.views import ask_pages, receipt
from portal.views.public_page import Problems, kept_for_back, with_scripts


@with_scripts
@kept_for_back
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest) -> HttpResponse:
    """The last page, from another language or by its Back button."""
    draft = ask_pages.draft_of(request)
    if request.method != "POST":
        return redirect("public:ask-why")
    return check_page(request, draft) if draft else ask_pages.start_again(request)


@with_scripts
@kept_for_back
@require_http_methods(["GET", "HEAD", "POST"])
def send(request: HttpRequest) -> HttpResponse:
    """Check what was added, store everything, and show the receipt."""
    if request.method != "POST":
        return redirect("public:ask-why")
    draft = ask_pages.draft_of(request)
    if draft is None:
        return ask_pages.start_again(request)
    if earlier := intake.repeated(draft):
        return receipt.shown(request, draft, earlier)
    draft = replace(draft, keep="keep" in request.POST)
    if questions.unanswered(draft) or questions.restricted(draft):
        return check_page(request, draft)
    sent, problems = _read(request, draft)
    if draft.expired:
        draft, problems = draft.renewed(), {"answers": [_too_old()], **problems}
    if problems:
        return ask_pages.check(request, draft, problems, on_device=sent.on_device)
    return _accepted(request, draft, sent)


def check_page(request: HttpRequest, draft: Draft) -> HttpResponse:
    """The last page; or the first question whose answer does not hold."""
    if questions.restricted(draft):
        return redirect("public:help-under-18")
    if name := questions.unanswered(draft):
        wrong = questions.QUESTIONS[name].problems(draft)
        return ask_pages.question(request, name, draft, wrong, changing=True)
    return ask_pages.check(request, draft)


def _accepted(request: HttpRequest, draft: Draft, sent: intake.Sent) -> HttpResponse:
    try:
        accepted = intake.accept(draft, sent, slow=limits.slow(request, draft.token))
    except NoIntakeKeyError:
        return ask_pages.check(request, draft, {"pictures": [_not_ready()]}, 503, sent.on_device)
    if not accepted.repeated:
        tasks.poke(tasks.take_in, accepted.submission.pk)
    return receipt.shown(request, draft, accepted)


def _read(request: HttpRequest, draft: Draft) -> tuple[intake.Sent, Problems]:
    """Everything that is to be looked for, and what is wrong with what this page added."""
    problems: Problems = {}
    sent = questions.answered(draft)
    if "pictures" in draft.have:
        uploaded, wrong = pictures.uploaded(request.FILES.getlist("pictures"))
        made, unfit = pictures.made_on_device(request.POST.getlist("device"))
        sent = replace(sent, pictures=uploaded, on_device=made)
        problems = {field: said for field, said in {"pictures": wrong, "device": unfit}.items() if said}
    if not len(sent) and not problems:
        problems["pictures"] = [_("Add at least one picture, so that we know what to look for.")]
    if len(sent) > settings.MAX_ITEMS:
        problems["answers"] = [too_many()]
    return sent, problems


def _too_old() -> str:
    return _(
        "This page was open for more than a day. Please look at it again, then press the button once more."
    )


def _not_ready() -> str:
    return _("We cannot take pictures at this moment. Please try again in a few minutes; addresses work.")
