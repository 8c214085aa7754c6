"""How each page of the form is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from portal.asking import questions
from portal.asking.drafts import BadDraftError, Draft
from portal.asking.typed import too_many
from portal.days import today
from portal.finding import indexes
from portal.flood import limits
from portal.policy import current
from portal.views.public_page import Problems, show
from takedown.fingerprint import Fingerprint


def draft_of(request: HttpRequest) -> Draft | None:
    """The answers so far; None where they are missing or are not ours."""
    try:
        return Draft.read(request.POST.get("draft", ""))
    except BadDraftError:
        return None


def start_again(request: HttpRequest) -> HttpResponse:
    return show(request, "public/start_again.html", status=422)


def question(
    request: HttpRequest,
    name: str,
    draft: Draft,
    sentences: list[str] | None = None,
    *,
    changing: bool = False,
    warned: list[str] | None = None,
) -> HttpResponse:
    """A page with one question.

    Args:
        request: the one that it answers.
        name: of the question.
        draft: all answers so far; they fill the fields.
        sentences: what is wrong with the answer.
        changing: the person came to change one answer, and goes back to the last page afterwards.
        warned: what the note seems to hold.
    """
    more = _MORE[name]() if name in _MORE else {}
    return show(
        request,
        f"public/ask_{name}.html",
        {questions.QUESTIONS[name].field: sentences or []},
        here=f"public:ask-{name}",
        draft=draft,
        changing=changing,
        warned=warned or [],
        again=_again(name, draft, changing) if request.method == "POST" else None,
        **more,
    )


def check(
    request: HttpRequest,
    draft: Draft,
    problems: Problems | None = None,
    status: int | None = None,
    on_device: Sequence[Fingerprint] = (),
) -> HttpResponse:
    """The last page: all answers, and the pictures; fingerprints that the form brought stay in it.

    Each has 75 kB, so this is the one page that may be large. Its sender has just sent as much, and the
    picture is not here to make it anew; to keep it in the browser's storage would leave a trace on the
    device. So it goes back with the page.
    """
    policy, sent = current(), questions.answered(draft)
    told = dict(problems or {})
    if len(sent) > settings.MAX_ITEMS:
        told.setdefault("answers", [too_many()])
    return show(
        request,
        "public/ask_check.html",
        told,
        status,
        draft=draft,
        sent=sent,
        ground=policy.grounds[draft.ground],
        coverage=indexes.coverage(),
        fingerprints=[keys[0].digest for keys in sent.typed],
        not_found_days=policy.not_found_days,
        kept_until=today() + timedelta(days=policy.keep_days),
        on_device=on_device,
        device_most=max(0, settings.MAX_ITEMS - len(sent) - len(on_device)),
        most=settings.MAX_PICTURES,
        megabytes=settings.MAX_PICTURE_BYTES // 2**20,
        together=settings.MAX_FORM_BYTES // 2**20,
        flood=limits.fields(draft.token),
        again=_again("check", draft),
    )


@dataclass(frozen=True)
class _Choice:
    """One of the things that a person may have."""

    name: str
    title: str
    hint: str


def _choices() -> list[_Choice]:
    told = {
        "addresses": (
            _("Web addresses"),
            _("Of the picture, or of the page that shows it. As many as you like."),
        ),
        "pictures": (
            _("The picture itself, on this device"),
            _("Then we also find copies that were cut or changed. You add it on the last page."),
        ),
        "fingerprints": (
            _("Fingerprints"),
            _("Long rows of digits that a program made from a picture, such as SHA-256 or PDQ."),
        ),
        "site": (
            _("A whole website that is mine"),
            _("You show that it is yours with a small file on it. We do not ask who you are."),
        ),
    }
    return [_Choice(name, *told[name]) for name in questions.KINDS]


#: What the pages of some questions show beside the draft.
_MORE: Mapping[str, Callable[[], dict[str, Any]]] = {
    "why": lambda: {"grounds": current().grounds.values()},
    "have": lambda: {"choices": _choices(), "most": settings.MAX_ITEMS},
    "note": lambda: {"most": settings.NOTE_CHARACTERS},
}


def _again(name: str, draft: Draft, changing: bool = False) -> dict[str, Any]:
    """What a form must bring to show the same page in another language."""
    fields = {"draft": draft.sealed, **({"changing": "yes"} if changing else {})}
    return {"action": f"public:ask-{name}", "fields": fields}
