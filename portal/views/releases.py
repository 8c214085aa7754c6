"""The release manager's page: build, look, sign elsewhere, publish."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST, require_safe

from portal.days import today
from portal.models import Release
from portal.releasing import freshness, mirrors, publishing, waiting
from portal.tasks import count_waiting, poke, poke_row
from portal.views.staff import person, staff_page, staff_render
from takedown.errors import TakedownError


@staff_page("manage_release")
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    return _overview(request)


@staff_page("manage_release")
@require_POST
def build(request: HttpRequest) -> HttpResponse:
    try:
        poke_row(publishing.request(person(request)))
    except publishing.PublishingError as error:
        return _overview(request, problem=str(error))
    return redirect("desk:releases")


@staff_page("manage_release")
@require_POST
def publish(request: HttpRequest, pk: int) -> HttpResponse:
    release = get_object_or_404(Release, pk=pk)
    try:
        publishing.ask_to_publish(release, person(request))
    except (publishing.PublishingError, TakedownError) as error:
        return _overview(request, problem=str(error))
    release.refresh_from_db()
    poke_row(release)
    return redirect("desk:releases")


@staff_page("manage_release")
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        poke_row(publishing.retry(get_object_or_404(Release, pk=pk), person(request)))
    except publishing.PublishingError as error:
        return _overview(request, problem=str(error))
    return redirect("desk:releases")


@staff_page("manage_release")
@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        publishing.discard(get_object_or_404(Release, pk=pk), person(request))
    except publishing.PublishingError as error:
        return _overview(request, problem=str(error))
    except TakedownError as error:
        return _overview(request, problem=error.sentence)
    return redirect("desk:releases")


def _overview(request: HttpRequest, problem: str = "") -> HttpResponse:
    under_way = Release.objects.exclude(state__in=Release.ENDED).first()
    signed, due = None, []
    try:
        publishing.refuse_other_history()
        due = freshness.due()
    except TakedownError as error:
        problem = problem or error.sentence
    if under_way and under_way.state == Release.State.STAGED:
        try:
            signed = publishing.signatures(under_way)
        except TakedownError as error:
            problem = problem or error.sentence
    shown = {
        "under_way": under_way,
        "signed": signed,
        "folder": publishing.staging(under_way) if under_way else None,
        "repository": settings.REPOSITORY,
        "counted": None if under_way else waiting.shown(today(), lambda: poke(count_waiting)),
        "due": due,
        "mirrors": mirrors.shown(),
        "published": Release.objects.filter(state=Release.State.PUBLISHED)[:50],
        "problem": problem,
        "here": "releases",
    }
    return staff_render(request, "desk/releases.html", shown, status=409 if problem else 200)
