"""Asking for removal, one thing a page. No cookie, no session, no JavaScript, no identity.

Answers travel from page to page in one signed hidden field; only the last page stores anything. Every page
of a question answers three kinds of POST:

* with ``answers``: the answer is read; the next page follows, or this one again with what is wrong;
* with ``back`` too: the answer is kept as it is, and the page before follows; who came to change one answer
  returns to the last page, with the answer as it was;
* with the draft alone: the page itself, to change an answer or to read it in another language.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_http_methods

from portal.asking import personal, questions
from portal.asking.drafts import Draft
from portal.views import ask_pages, receipt, sending
from portal.views.public_page import kept_for_back, with_scripts


def _asks(name: str) -> Callable[..., HttpResponseBase]:
    """The view of one question."""

    @with_scripts
    @kept_for_back
    @require_http_methods(["GET", "HEAD", "POST"])
    def view(request: HttpRequest) -> HttpResponse:
        draft = ask_pages.draft_of(request) if request.method == "POST" else None
        if name == "why" and "draft" not in request.POST:
            draft = Draft()
        if request.method != "POST" and name != "why":
            return redirect("public:ask-why")
        if draft is None:
            return ask_pages.start_again(request)
        if name not in questions.names(draft):  # a page left open, from before another answer
            return sending.check_page(request, draft)
        if "answers" in request.POST:
            return _taken(request, name, draft)
        return ask_pages.question(request, name, draft, changing="changing" in request.POST)

    return view


def _taken(request: HttpRequest, name: str, before: Draft) -> HttpResponse:
    """What follows on an answer."""
    changing = "changing" in request.POST
    draft = questions.QUESTIONS[name].take(before, request.POST)
    if "back" in request.POST and changing and not questions.unanswered(before):
        return sending.check_page(request, before)
    if "back" in request.POST:
        asked = questions.names(draft)
        earlier = asked[max(0, asked.index(name) - 1)]
        return ask_pages.question(request, earlier, draft, changing=changing)
    if wrong := questions.QUESTIONS[name].problems(draft):
        return ask_pages.question(request, name, draft, wrong, changing=changing)
    if questions.restricted(draft):
        return redirect("public:help-under-18")
    held = personal.held(draft.note) if name == "note" else []
    if set(held) - set(request.POST.getlist("warned")):
        return ask_pages.question(request, name, draft, changing=changing, warned=held)
    if following := _following(name, draft, changing):
        return ask_pages.question(request, following, draft, changing=changing)
    return sending.check_page(request, draft)


def _following(name: str, draft: Draft, changing: bool) -> str:
    """The next question; for who changed one answer only what that left open; empty for the last page."""
    if changing:
        return questions.unanswered(draft)
    asked = questions.names(draft)
    return asked[asked.index(name) + 1] if name != asked[-1] else ""


pages = [
    path("ask/", _asks("why"), name="ask-why"),
    *(path(f"ask/{name}/", _asks(name), name=f"ask-{name}") for name in questions.QUESTIONS if name != "why"),
    path("ask/check/", sending.check, name="ask-check"),
    path("ask/send/", sending.send, name="ask-send"),
    *receipt.pages,
]
