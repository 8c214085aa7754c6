"""The release repository as files, and a health check."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from csp.constants import NONE, SELF
from django.conf import settings
from django.db import connection
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe
from django.views.static import serve

from portal.transparency import fetches

_SCRIPT = re.compile(rb"<script[^>]*>(.*?)</script>", re.DOTALL)
_STYLE = re.compile(rb"<style[^>]*>(.*?)</style>", re.DOTALL)


@require_safe
def file(request: HttpRequest, path: str) -> HttpResponseBase:
    """One file of the repository. In production any web server or object store serves the folder instead."""
    response = serve(request, path, document_root=str(settings.REPOSITORY))
    if path == fetches.COUNTED and request.method == "GET":
        fetches.here.count()
    if isinstance(response, FileResponse):
        # Numbered files never change; timestamp.json is what a holder asks for again.
        # The pages for people change with every release too.
        fresh = path == "metadata/timestamp.json" or "/" not in path
        response["Cache-Control"] = "no-cache" if fresh else "public, max-age=86400"
        if path.endswith(".html"):
            response._csp_replace = _own_parts_only(settings.REPOSITORY / path)  # type: ignore[attr-defined]
    return response


def _own_parts_only(page: Path) -> dict[str, list[str]]:
    """What a page of the repository may do: run its own inline parts, named by their digests, and read files
    from where it came. Nothing it says can be sent anywhere."""
    text = page.read_bytes()
    return {
        "script-src": _digests(_SCRIPT.findall(text)) or [NONE],
        "style-src": _digests(_STYLE.findall(text)) or [NONE],
        "connect-src": [SELF],
        "img-src": ["data:"],
        "form-action": [NONE],
    }


def _digests(parts: list[bytes]) -> list[str]:
    """Sources as Content-Security-Policy writes them (W3C CSP 3, 2.3.1)."""
    sums = (base64.b64encode(hashlib.sha256(part).digest()).decode() for part in parts)
    return [f"'sha256-{one}'" for one in dict.fromkeys(sums)]


@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """200 when the database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")
