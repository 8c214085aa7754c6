"""One request as reviewers see it, with a case or without: its items, and the messages with its holder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from portal.deciding import lanes
from portal.deciding.answers import QUESTIONS
from portal.deciding.review import ReviewError
from portal.letters import message_keys, messages, replies
from portal.models import Item, Message, Submission
from portal.policy import current
from portal.views.staff import person, staff_page, staff_render


@dataclass(frozen=True)
class Thread:
    """The messages of one submission, opened for the desk."""

    submission: Submission
    messages: list[messages.Opened]

    @property
    def unread(self) -> bool:
        return any(not one.from_desk and not one.read for one in self.messages)


def threads(submissions: Iterable[Submission]) -> list[Thread]:
    """A thread for each submission, in their order; read from the database at once."""
    distinct = {submission.pk: submission for submission in submissions}
    opened: dict[int, list[messages.Opened]] = {pk: [] for pk in distinct}
    written = list(Message.objects.filter(submission__in=distinct).defer("for_person"))
    for message, one in zip(written, messages.for_desk(written), strict=True):
        opened[message.submission_id].append(one)
    return [Thread(submission, opened[pk]) for pk, submission in distinct.items()]


@staff_page("review_case")
@require_safe
def shown(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, _visible(request, pk))


@staff_page("review_case")
@require_POST
def write(request: HttpRequest, pk: int) -> HttpResponse:
    """A message, or a question about an item whose case then waits for the person."""
    submission = _visible(request, pk)
    text, question = messages.cleaned(request.POST.get("text", "")), request.POST.get("question", "")
    try:
        if question:
            _ask(request, submission, question, text)
        elif text:
            replies.write(submission, person(request), text)
        else:
            raise ReviewError("Write a message or choose a question, then send it.")
    except ReviewError as error:
        return _page(request, submission, problem=str(error))
    messages.mark_read(submission, from_desk=False)
    return redirect("desk:request", pk)


@staff_page("review_case")
@require_POST
def read(request: HttpRequest, pk: int) -> HttpResponse:
    """Whoever reads a message says so: pages that are only looked at change nothing."""
    messages.mark_read(_visible(request, pk), from_desk=False)
    return redirect("desk:request", pk)


def _ask(request: HttpRequest, submission: Submission, question: str, text: str) -> None:
    number = request.POST.get("item", "")[:5]
    items = submission.items.filter(state=Item.State.IN_REVIEW)
    item = items.filter(number=int(number)).first() if number.isascii() and number.isdigit() else None
    if item is None:
        raise ReviewError("Choose the item that the question is about; it has to be under review.")
    try:
        messages.ask(item, person(request), question, text)
    except messages.MessageError as error:
        raise ReviewError(replies.PROBLEMS[error.slug]) from None
    except message_keys.NoMessageKeyError:
        raise ReviewError(replies.NO_KEY) from None


def _visible(request: HttpRequest, pk: int) -> Submission:
    return get_object_or_404(lanes.submissions(person(request)), pk=pk)


def _page(request: HttpRequest, submission: Submission, problem: str = "") -> HttpResponse:
    items = list(submission.items.select_related("case_item__case").defer("fingerprint_json"))
    shown = {
        "submission": submission,
        "ground": current().ground(submission.ground),
        "items": items,
        "in_review": [item for item in items if item.state == Item.State.IN_REVIEW],
        "thread": threads([submission])[0],
        "questions": [(name, label) for name, (label, _) in QUESTIONS.items()],
        "typed": {name: request.POST.get(name, "") for name in ("text", "question", "item")},
        "most": messages.MAX_CHARACTERS,
        "problem": problem,
    }
    return staff_render(request, "desk/request.html", shown, status=409 if problem else 200)


pages = [
    path("request/<int:pk>/", shown, name="request"),
    path("request/<int:pk>/write/", write, name="request-write"),
    path("request/<int:pk>/read/", read, name="request-read"),
]
