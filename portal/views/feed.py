"""The release repository as files, a health check, and the error pages."""

from __future__ import annotations

from django.conf import settings
from django.db import connection
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.static import serve


@require_safe
def file(request: HttpRequest, path: str) -> HttpResponseBase:
    """One file of the repository. In production any web server or object store serves the folder instead."""
    response = serve(request, path, document_root=str(settings.REPOSITORY))
    if isinstance(response, FileResponse):
        # Numbered files never change; timestamp.json is what a holder asks for again.
        fresh = path == "metadata/timestamp.json"
        response["Cache-Control"] = "no-cache" if fresh else "public, max-age=86400"
    return response


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """200 when the database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Mostly a form beyond Django's limits on size and fields."""
    return render(request, "public/too_large.html", status=400)


def no_token(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A desk form without its token: most likely signed out meanwhile, or an old page."""
    return render(request, "desk/no_token.html", status=403)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "desk/forbidden.html", status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "public/not_found.html", status=404)


def broken(request: HttpRequest) -> HttpResponse:
    return render(request, "public/broken.html", status=500)
