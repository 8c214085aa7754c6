"""The pages that only tell: what we do, how, and what becomes of what a person sends."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from portal import indexes
from portal.policy import current


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    return render(request, "public/start.html", {"policy": current(), "coverage": indexes.coverage()})


pages = [path("", start, name="start")]
