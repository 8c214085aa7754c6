"""What is shown when something went wrong, in the language of the address that was asked for."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from portal.middleware import at_the_desk


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Mostly a form beyond Django's limits on size and fields."""
    return render(request, "public/too_large.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    page = "desk/forbidden.html" if at_the_desk(request) else "public/forbidden.html"
    return render(request, page, status=403)


def no_token(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A desk form without its token: most likely signed out meanwhile, or an old page."""
    return render(request, "desk/no_token.html", status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "public/not_found.html", status=404)


def broken(request: HttpRequest) -> HttpResponse:
    return render(request, "public/broken.html", status=500)
