"""What the holder of a receipt sees, and what they do: take back, keep, ask for another look, write."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from portal import terms
from portal.answering import status as item_status
from portal.deciding import review, second_look
from portal.finding import keeping
from portal.kept_pages import only_tells
from portal.letters import message_keys, messages
from portal.models import Item, Submission
from portal.views.holder import item_of, show_status, with_words
from portal.views.public_page import Problems, show
from takedown.receipt import Receipt


@only_tells
@require_http_methods(["GET", "HEAD", "POST"])
def status(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _opened(request)
    return show(request, "public/status_ask.html")


@with_words
def _opened(request: HttpRequest, words: Receipt, submission: Submission) -> HttpResponse:
    return show_status(request, words, submission)


@with_words
def withdraw(request: HttpRequest, words: Receipt, submission: Submission) -> HttpResponse:
    """Ask whether the person is sure; then take the item back."""
    item = item_of(request, submission)
    if item is None or not item_status.can_withdraw(item, getattr(item, "case_item", None)):
        return show_status(request, words, submission)
    if "sure" not in request.POST:
        return _asks(request, "withdraw", words, item)
    review.withdraw(item)
    return show_status(request, words, submission, done=_("We have noted that you take this back."))


@with_words
def appeal(request: HttpRequest, words: Receipt, submission: Submission) -> HttpResponse:
    """Ask for a second look at a refusal, with a message if the person wants."""
    item = item_of(request, submission)
    one = next((one for one in item_status.of(submission) if item and one.item.pk == item.pk), None)
    if item is None or one is None or not one.appeal_until:
        return show_status(request, words, submission)
    if "sure" not in request.POST:
        return _asks(request, "appeal", words, item)
    text = messages.cleaned(request.POST.get("text", ""))
    try:
        with transaction.atomic():
            if text:
                messages.write(submission, text)
            second_look.appeal(item)
    except (messages.MessageError, message_keys.NoMessageKeyError) as error:
        return _asks(request, "appeal", words, item, {"text": [_why_not(error, text)]})
    return show_status(
        request, words, submission, done=_("You asked for a second look. Someone new will decide.")
    )


@with_words
def ask_person(request: HttpRequest, words: Receipt, submission: Submission) -> HttpResponse:
    item = item_of(request, submission)
    done = item is not None and second_look.ask_person(item)
    return show_status(request, words, submission, done=_("A person will look.") if done else "")


@with_words
def keep(request: HttpRequest, words: Receipt, submission: Submission) -> HttpResponse:
    """Keep one item, or all that were not found, and look again until a day that is shown."""
    item = item_of(request, submission)
    items = [item] if item else list(submission.items.filter(state=Item.State.NOT_FOUND))
    kept = sum(keeping.keep(one) for one in items)
    text = ngettext(
        "We keep %(count)s item, and look again until %(day)s whenever the dataset grows.",
        "We keep %(count)s items, and look again until %(day)s whenever the dataset grows.",
        kept,
    )
    done = text % {"count": kept, "day": date_format(terms.kept_until(), "DATE_FORMAT")} if kept else ""
    return show_status(request, words, submission, done=done)


@with_words
def stop_keeping(request: HttpRequest, words: Receipt, submission: Submission) -> HttpResponse:
    item = item_of(request, submission)
    done = item is not None and keeping.stop_keeping(item)
    return show_status(request, words, submission, done=_("We look no more for this item.") if done else "")


@with_words
def message(request: HttpRequest, words: Receipt, submission: Submission) -> HttpResponse:
    """Write to the desk. The same text sent twice in a row is one message: pages are loaded again."""
    text = messages.cleaned(request.POST.get("text", ""))
    done = _("We have your message. You can read the answer here.")
    if text and text == _last_written(words, submission):
        return show_status(request, words, submission, done=done)
    try:
        messages.write(submission, text)
    except (messages.MessageError, message_keys.NoMessageKeyError) as error:
        code = 503 if isinstance(error, message_keys.NoMessageKeyError) else None
        return show_status(request, words, submission, {"text": [_why_not(error, text)]}, code=code)
    return show_status(request, words, submission, done=done)


def _last_written(words: Receipt, submission: Submission) -> str | None:
    """What the person wrote, if that is the last message there is."""
    last = submission.messages.order_by("-number").first()
    if last is None or last.from_desk:
        return None
    return messages.for_person([last], words.message_private_key)[0].text


def _why_not(error: Exception, text: str) -> str:
    """Why a message was not taken, and what to do."""
    slug = error.slug if isinstance(error, messages.MessageError) else ""
    if slug == "empty":
        return _("Write your message first, then press the button.")
    if slug == "long":
        told = _("The message has %(count)s characters; please shorten it to %(most)s.")
        return told % {"count": len(text), "most": messages.MAX_CHARACTERS}
    if slug == "many":
        return _("You have written as many messages as we can take. Please wait for our answer.")
    return _("We cannot take messages at this moment. Please try again in a few minutes.")


def _asks(
    request: HttpRequest, move: str, words: Receipt, item: Item, problems: Problems | None = None
) -> HttpResponse:
    """Ask whether the person is sure."""
    return show(
        request,
        f"public/{move}.html",
        problems,
        words=words,
        item=item,
        typed=request.POST.get("text", ""),
        most=messages.MAX_CHARACTERS,
        again={"action": f"public:{move}", "fields": {"words": words.text, "item": item.number}},
    )


pages = [
    path("status/", status, name="status"),
    path("status/withdraw/", withdraw, name="withdraw"),
    path("status/appeal/", appeal, name="appeal"),
    path("status/person/", ask_person, name="ask-person"),
    path("status/keep/", keep, name="keep"),
    path("status/stop/", stop_keeping, name="stop-keeping"),
    path("status/message/", message, name="message"),
]
