"""What all public pages share: how they are shown, what a browser may keep, what scripts they load."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from csp.constants import SELF
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.cache import cache_control, never_cache

from portal.kept_pages import only_tells

#: Name of a field -> one sentence for each thing that is wrong with what was filled in.
Problems = dict[str, list[str]]

View = Callable[..., HttpResponse]

#: Nothing with the words of a receipt stays in a browser.
never_stored = never_cache

#: Scripts and their workers from our own host; they send nothing anywhere. A picture is shown from memory.
with_scripts = csp_update({"script-src": [SELF], "worker-src": [SELF], "img-src": ["blob:"]})


def same_for_everyone(view: View) -> View:
    """Pages that only tell: the same for all who ask, by their address alone, so anyone may keep them."""
    return cache_control(public=True, max_age=300)(only_tells(view))


def show(
    request: HttpRequest,
    template: str,
    problems: Problems | None = None,
    status: int | None = None,
    **context: Any,
) -> HttpResponse:
    """Render a page; 422 where something is wrong, unless another status is given."""
    wrong = {field: sentences for field, sentences in (problems or {}).items() if sentences}
    return render(request, template, {**context, "problems": wrong}, status=status or (422 if wrong else 200))


def kept_for_back(view: View) -> View:
    """The browser may show the answer again when the person goes back, and asks anew in every other case.

    With ``no-store`` going back to a page that a form led to ends at a notice of the browser. What it keeps
    is gone when the receipt is shown, where the browser heeds Clear-Site-Data.
    """

    @wraps(view)
    def kept(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        patch_cache_control(response, private=True, no_cache=True)
        return response

    return kept
