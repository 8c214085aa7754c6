"""What every page behind the sign-in shares: a permission, no caching, and a referrer for the CSRF check."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from portal.models import Release, User

View = Callable[..., HttpResponse]


def staff_page(permission: str) -> Callable[[View], View]:
    """Only people who are signed in and hold ``portal.<permission>`` get in; everyone else is sent away."""

    def decorate(view: View) -> View:
        @never_cache
        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.has_perm(f"portal.{permission}"):
                raise PermissionDenied
            response = view(request, *args, **kwargs)
            # With "no-referrer" a browser sends Origin: null, and the CSRF check would refuse every form.
            response["Referrer-Policy"] = "same-origin"
            return response

        return guarded

    return decorate


def staff_render(
    request: HttpRequest, template: str, shown: dict[str, Any], status: int = 200
) -> HttpResponse:
    user = person(request)
    return render(
        request,
        template,
        {
            "person": user,
            "may_review": user.has_perm("portal.review_case"),
            "may_release": user.has_perm("portal.manage_release"),
            "release_under_way": Release.objects.exclude(state__in=Release.ENDED).exists(),
            **shown,
        },
        status=status,
    )


def person(request: HttpRequest) -> User:
    """Who is signed in; only behind ``staff_page``."""
    return cast(User, request.user)
