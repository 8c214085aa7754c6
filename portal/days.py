"""What day it is. Everything that is kept is dated by the day, in UTC."""

from __future__ import annotations

from datetime import date

from django.utils import timezone


def today() -> date:
    return timezone.now().date()
