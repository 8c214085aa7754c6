"""Requests for whole sites that wait for a proof of control, and the button that looks for it."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe

from portal.days import today
from portal.finding import control, indexes, sites
from portal.models import Item, SiteControl
from portal.tasks import poke_row
from portal.views.staff import person, staff_page, staff_render
from takedown.errors import TakedownError

#: Sites shown at once; those behind them come up as these are dealt with.
SHOWN = 50


@staff_page("review_case")
@require_safe
def waiting(request: HttpRequest) -> HttpResponse:
    """What waits, below the outcome of the last look (``?looked=``)."""
    item = request.GET.get("looked", "")
    looked = (
        control.looked_at().filter(item=int(item))
        if item.isascii() and item.isdigit() and len(item) < 19
        else None
    )
    return _page(request, looked=looked.first() if looked is not None else None)


@staff_page("review_case")
@require_POST
def check(request: HttpRequest, pk: int) -> HttpResponse:
    """Look for the proof now; ``pk`` is the item's."""
    found = get_object_or_404(SiteControl.objects.select_related("item__submission"), item=pk)
    try:
        control.check(found, person(request))
    except control.ControlError as error:
        return _page(request, problem=str(error))
    item = Item.objects.get(pk=pk)
    if item.state == Item.State.READY:
        poke_row(item)
    return redirect(f"{reverse('desk:sites')}?{urlencode({'looked': pk})}")


def _page(request: HttpRequest, problem: str = "", looked: SiteControl | None = None) -> HttpResponse:
    queue = control.waiting()
    shown = {
        "waiting": [
            {
                "control": one,
                "wanted": control.instructions(one),
                "reason": control.reason(one),
                "rows": _rows(one),
            }
            for one in queue[:SHOWN]
        ],
        "more": max(0, queue.count() - SHOWN),
        "problem": problem,
        "looked": looked,
        "reason": control.reason(looked) if looked else "",
        "today": today(),
        "here": "sites",
    }
    return staff_render(request, "desk/sites.html", shown, status=409 if problem else 200)


def _rows(found: SiteControl) -> int | None:
    """About how many rows are asked for; None while an index cannot be read."""
    try:
        return sites.count(found.item, indexes.in_use())
    except TakedownError:
        return None


pages = [
    path("sites/", waiting, name="sites"),
    path("sites/<int:pk>/check/", check, name="site-check"),
]
