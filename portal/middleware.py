"""Middleware of our own: languages by address, forms refused unread or from elsewhere, the onion, sessions at
the desk only."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.request import split_domain_port, validate_host
from django.http.response import HttpResponseForbidden
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import render
from django.urls import is_valid_path
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header

from portal.policy import current

GetResponse = Callable[[HttpRequest], HttpResponse]


def speak_the_language_of_the_address(get_response: GetResponse) -> GetResponse:
    """Public pages speak the language that their address begins with; everything else speaks English.

    An address without a language, or with one that is not offered, leads to the page in the reader's. What
    the browser says about languages is used for that and for nothing else.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        offered = current().languages
        named = translation.get_language_from_path(request.path_info)
        with translation.override(named if named in offered else settings.LANGUAGE_CODE):
            response = get_response(request)
        if response.status_code == 404 and named not in offered and request.method in ("GET", "HEAD"):
            path = request.path_info if named is None else request.path_info[len(named) + 1 :]
            response = _lead_to_language(request, path, offered) or response
        return response

    return middleware


def _lead_to_language(request: HttpRequest, path: str, offered: Sequence[str]) -> HttpResponse | None:
    """To the same address under the reader's language, if there is a page."""
    page = _in_language(path, _wanted(request, offered))
    if page is None:
        return None
    response = HttpResponseRedirect(page)
    response["Vary"] = "Accept-Language"
    return response


def _wanted(request: HttpRequest, offered: Sequence[str]) -> str:
    """The offered language that the browser puts first, whatever the country; English where there is none.
    No cookie is asked, as Django would."""
    for named, _ in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        language = named.split("-")[0]
        if language in offered:
            return language
    return settings.LANGUAGE_CODE


def _in_language(path: str, language: str) -> str | None:
    """The same address under a language, if there is a page."""
    page = f"/{language}{path}"
    with translation.override(language):
        return page if is_valid_path(page) else None


def refuse_oversized_forms(get_response: GetResponse) -> GetResponse:
    """Answer a form that says it is too large before a byte of it is read."""

    def middleware(request: HttpRequest) -> HttpResponse:
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = 0
        most = settings.MAX_FORM_BYTES if _sends(request) else settings.MAX_PAGE_BYTES
        if length > most:
            return render(request, "public/too_large.html", {"megabytes": most // 2**20}, status=413)
        return get_response(request)

    return middleware


def _sends(request: HttpRequest) -> bool:
    """Whether it may bring pictures, or the fingerprints that a browser made of hundreds."""
    return request.path_info.endswith("/ask/send/")


#: Every page of the child-safety path, in every language.
_CHILD_SAFETY = re.compile(r"/[^/]+/under-18(/|$)")


def take_small_text_only_for_child_safety(get_response: GetResponse) -> GetResponse:
    """On the child-safety path only a small text form gets in. All else is answered before a byte of it is
    read; what states no length, or comes in chunks, might be a picture too."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if _CHILD_SAFETY.match(request.path_info) and (status := _not_small_text(request)):
            return render(request, "public/under_18_refused.html", status=status)
        return get_response(request)

    return middleware


def _not_small_text(request: HttpRequest) -> int | None:
    """The HTTP status that refuses what a request brings; None for nothing and for a small text form."""
    length = request.META.get("CONTENT_LENGTH") or ""
    chunked = "HTTP_TRANSFER_ENCODING" in request.META
    if request.method in ("GET", "HEAD", "OPTIONS") and not chunked and length in ("", "0"):
        return None
    if chunked or not (length.isascii() and length.isdigit()):
        return 411
    if int(length[:12]) > settings.CHILD_SAFETY_FORM_BYTES:
        return 413
    return None if request.content_type == "application/x-www-form-urlencoded" else 415


def take_no_form_from_elsewhere(get_response: GetResponse) -> GetResponse:
    """Public forms are taken from our own pages only.

    Whoever made a draft knows the way to the receipt it leads to. Another site could send a visitor's browser
    here with a draft of its own making, and read later what the visitor went on to ask.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method == "POST" and not at_the_desk(request) and _from_elsewhere(request):
            return render(request, "public/forbidden.html", status=403)
        return get_response(request)

    return middleware


def _from_elsewhere(request: HttpRequest) -> bool:
    """Whether the browser says that a page of another site sends the form. It says where a form comes from in
    Sec-Fetch-Site, which no page can change, or else in Origin: ``null`` from our own pages, since they ask
    for no referrer. Programs that are no browsers say nothing."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site not in ("same-origin", "none")
    _, _, host = request.headers.get("Origin", "null").partition("://")
    return bool(host) and not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)


def tell_of_the_onion(get_response: GetResponse) -> GetResponse:
    """Public pages name their own address on the onion service, for the Tor Browser to offer. Never with a
    query, and never on the answer to a form."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        html = response.get("Content-Type", "").startswith("text/html")
        if settings.ONION and html and request.method in ("GET", "HEAD") and not at_the_desk(request):
            response["Onion-Location"] = settings.ONION + quote(request.path)
        return response

    return middleware


class _AtTheDesk:
    """Mixed into a middleware: public pages pass it by, so it can neither read nor set a cookie there."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if at_the_desk(request):
            return super().__call__(request)  # type: ignore[misc]
        return self.get_response(request)


class DeskSessions(_AtTheDesk, SessionMiddleware):
    pass


class DeskSignIn(_AtTheDesk, AuthenticationMiddleware):
    pass


class DeskCsrf(_AtTheDesk, CsrfViewMiddleware):
    """Public forms need no cookie: their token is signed and stands in the form itself (drafts.py)."""

    def process_view(
        self, request: HttpRequest, callback: Callable[..., Any], callback_args: Any, callback_kwargs: Any
    ) -> HttpResponseForbidden | None:
        if not at_the_desk(request):
            return None
        return super().process_view(request, callback, callback_args, callback_kwargs)


def at_the_desk(request: HttpRequest) -> bool:
    return request.path_info.startswith("/desk/")
