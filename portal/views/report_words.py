"""The numbers of the transparency report in the reader's words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.numerals import grouped
from portal.transparency.suppression import FEWEST, Span

#: What stands in the files -> what a person reads.
Names = Mapping[str, str | Promise]

KINDS: Names = {
    "url": gettext_lazy("Web addresses"),
    "picture": gettext_lazy("Pictures"),
    "fingerprint": gettext_lazy("Fingerprints"),
    "site": gettext_lazy("Whole sites"),
}
OUTCOMES: Names = {
    "removed": gettext_lazy("Removed"),
    "already_listed": gettext_lazy("On the list already"),
    "not_removed": gettext_lazy("Not removed"),
    "not_found": gettext_lazy("Not found"),
    "removed_later": gettext_lazy("Found later, and removed"),
    "not_removed_later": gettext_lazy("Looked at again, not removed"),
    "withdrawn": gettext_lazy("Taken back"),
    "unreadable": gettext_lazy("Picture could not be read"),
}
APPEALS: Names = {
    "asked": gettext_lazy("Asked for a second look"),
    "removed_after_all": gettext_lazy("Removed after all"),
    "stays": gettext_lazy("Stayed as it was"),
}
TIMES: Names = {
    "median_days": gettext_lazy("Half were decided within"),
    "p90_days": gettext_lazy("Nine of ten were decided within"),
}


def month_name(month: str) -> str:
    """2026-11 -> November 2026, in the reader's language."""
    return date_format(first_day(month), "YEAR_MONTH_FORMAT")


def month_tick(month: str) -> str:
    """2026-11 -> Nov 2026."""
    return date_format(first_day(month), "M Y")


def first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


def said(told: Span | int | None) -> str:
    """A published number in words."""
    if told is None:
        return _("not shown")
    if isinstance(told, int):
        return grouped(told)
    least, most = told["least"], told["most"]
    if least == most:
        return grouped(least)
    if (least, most) == (1, FEWEST - 1):
        return _("fewer than 5")
    return _("%(least)s to %(most)s") % {"least": grouped(least), "most": grouped(most)}


def percent(told: Span | None) -> str:
    return _("%(share)s%%") % {"share": said(told)} if told else said(None)


def at_a_glance(month: Mapping[str, Any]) -> dict[str, Any]:
    """The few numbers of the newest month that most people want."""
    decisions = month["decisions"]
    return {
        "month": month_name(month["month"]),
        "requests": said(month["requests"]["total"]),
        "removed": said(month["answers"]["by_outcome"]["removed"]),
        "median": decisions["median_days"],
        "in_time": percent(decisions["in_time_percent"]) if decisions["in_time_percent"] else "",
    }
