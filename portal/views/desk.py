"""The reviewers' pages: the queue, a case, and the buttons on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView
from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST, require_safe

from portal.days import today
from portal.deciding import lanes, review
from portal.deciding.answers import ANSWERS
from portal.letters import messages, replies
from portal.models import Case, CaseItem, Decision, DecisionMatch, Item, Message
from portal.policy import current
from portal.tasks import poke_row
from portal.views.case_rows import groups
from portal.views.requests import threads
from portal.views.staff import person, staff_page, staff_render

CASES_A_PAGE = 50


class SignIn(LoginView):
    template_name = "desk/sign_in.html"
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = super().dispatch(request, *args, **kwargs)
        response["Referrer-Policy"] = "same-origin"  # see staff_page
        return response


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Everyone lands where their work is."""
    return redirect("desk:queue" if request.user.has_perm("portal.review_case") else "desk:releases")


@staff_page("review_case")
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """Cases that wait, the earliest target first; withdrawals of public removals; messages; stuck items."""
    user = person(request)
    waiting = Q(state__in=Case.LIVE) | Q(state=Case.State.REMOVED, case_items__in=_asked_back())
    asked = CaseItem.objects.filter(case=OuterRef("pk"), item__problem__startswith=messages.ASKED)
    cases = (
        lanes.cases(user)
        .filter(waiting)
        .annotate(
            items=Count("case_items", distinct=True),
            matches=Count("case_items__item__matches", distinct=True),
            waits_for_person=Exists(asked),
        )
        .order_by("target", "due", "pk")
    )
    page = Paginator(cases, CASES_A_PAGE).get_page(request.GET.get("page"))
    shown = {
        "page": page,
        "grounds": current().grounds,
        "today": today(),
        "stuck": lanes.items(user).filter(state=Item.State.NEEDS_PERSON)[:CASES_A_PAGE],
        "unread": lanes.submissions(user).filter(pk__in=_unread()).order_by("due", "pk")[:CASES_A_PAGE],
        "working": Item.objects.filter(state__in=Item.DUE_STATES).count(),
    }
    return staff_render(request, "desk/queue.html", shown | {"here": "queue"})


@staff_page("review_case")
@require_safe
def case(request: HttpRequest, pk: int) -> HttpResponse:
    return _case(request, _visible(request, pk))


@staff_page("review_case")
@require_POST
def propose(request: HttpRequest, pk: int) -> HttpResponse:
    case, reason = _visible(request, pk), request.POST.get("reason", "").strip()
    chosen, scope = _numbers(request, "match"), request.POST.get("scope", "")
    return _moved(request, case, lambda: review.propose_removal(case, person(request), chosen, scope, reason))


@staff_page("review_case")
@require_POST
def refuse(request: HttpRequest, pk: int) -> HttpResponse:
    case, reason = _visible(request, pk), request.POST.get("reason", "").strip()
    answer, message = request.POST.get("answer", ""), messages.cleaned(request.POST.get("message", ""))
    seen = _numbers(request, "seen")
    return _moved(request, case, lambda: replies.refuse(case, person(request), answer, seen, reason, message))


@staff_page("review_case")
@require_POST
def unblock(request: HttpRequest, pk: int, item: int) -> HttpResponse:
    case = _visible(request, pk)
    wanted = get_object_or_404(Item, pk=item, case_item__case=case)
    return _moved(request, case, lambda: review.propose_unblock(wanted, person(request)))


@staff_page("review_case")
@require_POST
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    decision = _decision(request, pk)
    return _moved(request, decision.case, lambda: review.confirm(decision, person(request)))


@staff_page("review_case")
@require_POST
def send_back(request: HttpRequest, pk: int) -> HttpResponse:
    decision = _decision(request, pk)
    return _moved(request, decision.case, lambda: review.send_back(decision, person(request)))


@staff_page("review_case")
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Try a stuck item again, from where it stopped."""
    item = review.retry(get_object_or_404(lanes.items(person(request)), pk=pk), person(request))
    if item:
        poke_row(item)
    return redirect("desk:queue")


def _visible(request: HttpRequest, pk: int) -> Case:
    return get_object_or_404(lanes.cases(person(request)), pk=pk)


def _decision(request: HttpRequest, pk: int) -> Decision:
    return get_object_or_404(Decision, pk=pk, case__in=lanes.cases(person(request)))


def _moved(request: HttpRequest, case: Case, move: Callable[[], object]) -> HttpResponse:
    """Make a move; show the case again where it is not possible, with the reason."""
    try:
        move()
    except review.ReviewError as error:
        return _case(request, case, problem=str(error))
    return redirect("desk:case", case.pk)


def _numbers(request: HttpRequest, name: str) -> set[int]:
    values = request.POST.getlist(name)
    return {int(value) for value in values if value.isascii() and value.isdigit() and len(value) < 19}


def _asked_back() -> Any:
    """Items whose holders want a public removal taken back."""
    return CaseItem.objects.filter(withdrawal_asked=True).exclude(item__state=Item.State.WITHDRAWN)


def _unread() -> Any:
    """Submissions with a message that nobody at the desk has read."""
    return Message.objects.filter(from_desk=False, read=False).values("submission")


def _case(request: HttpRequest, case: Case, problem: str = "") -> HttpResponse:
    case.refresh_from_db()
    rows, unreadable = groups(case)
    proposal = case.decisions.filter(state=Decision.State.PROPOSED).select_related("proposer").first()
    last = (
        case.decisions.filter(outcome=Decision.Outcome.REMOVE).exclude(state=Decision.State.DECLINED).last()
    )
    chosen = DecisionMatch.objects.filter(decision=proposal or last).values_list("match", flat=True)
    members = list(case.case_items.select_related("item__submission"))
    shown = {
        "case": case,
        "ground": current().ground(case.ground),
        "members": members,
        "threads": threads(member.item.submission for member in members),
        "waits_for_person": any(messages.asked(member.item) for member in members),
        "looked_by_person": any(member.item.asked_person for member in members),
        "barred": review.decided_before(case, person(request)),
        "appeals": case.appeals.all(),
        "groups": rows,
        "problem": problem or unreadable,
        "proposal": proposal,
        "chosen": [group for group in rows if group.among(set(chosen))],
        "own": proposal is not None and proposal.proposer_id == person(request).pk,
        "decisions": case.decisions.exclude(state=Decision.State.PROPOSED).select_related(
            "proposer", "approver"
        ),
        "scopes": Decision.Scope.choices,
        "scope": request.POST.get("scope", Decision.Scope.FILE),
        "answers": ANSWERS.values(),
        "typed": {name: request.POST.get(name, "") for name in ("reason", "answer", "message")},
        "ticked": _numbers(request, "match") if "scope" in request.POST else None,
        "today": today(),
    }
    return staff_render(request, "desk/case.html", shown, status=409 if problem else 200)
