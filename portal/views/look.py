"""Is my picture in there? An address or a fingerprint is looked for, and nothing is kept."""

from __future__ import annotations

from django.urls import URLPattern

pages: list[URLPattern] = []
