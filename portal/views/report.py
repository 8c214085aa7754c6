"""The transparency report: as a page, and as files."""

from __future__ import annotations

from django.urls import URLPattern

pages: list[URLPattern] = []
files: list[URLPattern] = []
