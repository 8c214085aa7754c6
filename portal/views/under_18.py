"""Pictures of abuse of someone under 18: help first, and never a picture."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe


@require_safe
def help_under_18(request: HttpRequest) -> HttpResponse:
    return render(request, "public/help_under_18.html")


pages = [path("help/under-18/", help_under_18, name="help-under-18")]
