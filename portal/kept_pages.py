"""Pages that only tell are the same for everyone: rendered once, then given out from memory for a while.

A view says so with ``only_tells``; the middleware stands before all others and keeps the whole answer, head
included. Nothing of a request goes into what is kept but the address and the host it was asked under, and
only answers of 200 to a GET without a query are. A page may lag behind the database by KEPT_PAGE_SECONDS.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse

#: Most pages that are kept; then all are forgotten and rendered anew.
MOST = 500

GetResponse = Callable[[HttpRequest], HttpResponse]
View = Callable[..., HttpResponse]

#: What tells one rendering from another: address, host, and whether a proxy speaks TLS.
Key = tuple[str, str, str]


def only_tells(view: View) -> View:
    """Mark a view whose page depends on nothing but its address."""

    @wraps(view)
    def told(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response.only_tells = True  # type: ignore[attr-defined]
        return response

    return told


def give_out_kept_pages(get_response: GetResponse) -> GetResponse:
    kept: dict[Key, tuple[float, bytes, dict[str, str]]] = {}

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method != "GET" or request.META.get("QUERY_STRING"):
            return get_response(request)
        key = _key(request)
        found = kept.get(key)
        if found and found[0] > time.monotonic():
            return HttpResponse(found[1], headers=found[2])
        response = get_response(request)
        if getattr(response, "only_tells", False) and response.status_code == 200:
            if len(kept) >= MOST:
                kept.clear()
            until = time.monotonic() + settings.KEPT_PAGE_SECONDS
            kept[key] = until, response.content, dict(response.headers)
        return response

    return middleware


def _key(request: HttpRequest) -> Key:
    told = request.META
    return request.path_info, told.get("HTTP_HOST", ""), told.get("HTTP_X_FORWARDED_PROTO", "")
