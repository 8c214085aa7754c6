"""The pages that only tell: what we do, how, what becomes of what is sent, and where else there is help."""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.http import require_safe

from portal import countries, sealing
from portal.finding import indexes
from portal.models import Release
from portal.policy import Ground, current
from portal.views.public_page import same_for_everyone, show

#: The file that every check of a release begins with.
ROOT = "1.root.json"


@same_for_everyone
@require_safe
def start(request: HttpRequest) -> HttpResponse:
    urgent = min(_days(ground) for ground in current().grounds.values())
    return show(
        request, "public/start.html", policy=current(), urgent_days=urgent, coverage=indexes.coverage()
    )


@same_for_everyone
@require_safe
def about(request: HttpRequest) -> HttpResponse:
    grounds = [(ground, _days(ground)) for ground in current().grounds.values()]
    return show(request, "public/about.html", policy=current(), grounds=grounds, coverage=indexes.coverage())


@same_for_everyone
@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    return show(request, "public/privacy.html", policy=current(), key_days=sealing.KEEP_DAYS)


@same_for_everyone
@require_safe
def releases(request: HttpRequest) -> HttpResponse:
    published = Release.objects.filter(state=Release.State.PUBLISHED)
    return show(
        request,
        "public/releases.html",
        policy=current(),
        newest=published.order_by("-seq").first(),
        root=_root_digest(),
        root_file=ROOT,
        repository=reverse("blocklist-start").rstrip("/"),
        prove_page=(settings.REPOSITORY / "prove.html").is_file(),
    )


@same_for_everyone
@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    return show(request, "public/accessibility.html", policy=current())


@same_for_everyone
@require_safe
def help_by_country(request: HttpRequest) -> HttpResponse:
    return show(request, "public/help.html", near=countries.near(), regions=countries.by_region())


def _days(ground: Ground) -> int:
    """Days in which a reviewer should have looked, as people count them."""
    return -(-ground.target_hours // 24)


def _root_digest() -> list[str]:
    """SHA-256 of the first root file in groups of eight digits; empty where nothing is published yet."""
    try:
        digest = hashlib.sha256((settings.REPOSITORY / "metadata" / ROOT).read_bytes()).hexdigest()
    except OSError:
        return []
    return [digest[at : at + 8] for at in range(0, len(digest), 8)]


pages = [
    path("", start, name="start"),
    path("about/", about, name="about"),
    path("privacy/", privacy, name="privacy"),
    path("releases/", releases, name="releases"),
    path("accessibility/", accessibility, name="accessibility"),
    path("help/", help_by_country, name="help"),
]
