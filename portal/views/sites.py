"""Requests for whole sites that wait for a proof of control."""

from __future__ import annotations

from django.urls import URLPattern

pages: list[URLPattern] = []
