"""The transparency report: as a page, and as two files that say the same.

All of it is read from what was published (report.py); nothing is counted when somebody looks.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_safe

from portal.policy import current
from portal.transparency import report
from portal.views.public_page import same_for_everyone, show
from portal.views.report_csv import as_csv
from portal.views.report_parts import parts
from portal.views.report_words import at_a_glance, month_name

#: Months in the plots and tables of the page. The files have all.
SHOWN = 12


@same_for_everyone
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    months = report.published()
    coming = report.coming()
    return show(
        request,
        "public/report.html",
        glance=at_a_glance(months[-1]) if months else None,
        parts=parts(months[-SHOWN:]) if months else (),
        more=len(months) > SHOWN,
        coming=month_name(f"{coming.start:%Y-%m}") if coming else "",
        appears=report.appears(coming) if coming else None,
    )


@require_safe
def as_json(request: HttpRequest) -> HttpResponse:
    told: dict[str, Any] = {
        "schema": report.SCHEMA,
        "publisher": current().publisher,
        "months": report.published(),
    }
    response = JsonResponse(told, json_dumps_params={"ensure_ascii": False, "indent": 1, "sort_keys": True})
    return _file(response, "json")


@require_safe
def as_table(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(
        as_csv(report.published()), content_type="text/csv; charset=utf-8; header=present"
    )
    return _file(response, "csv")


def _file(response: HttpResponse, ending: str) -> HttpResponse:
    """To be saved, and kept by caches for an hour: a month is added once a month."""
    response["Content-Disposition"] = f'attachment; filename="transparency-report.{ending}"'
    response["Cache-Control"] = "public, max-age=3600"
    return response


pages = [path("report/", page, name="report")]
files = [
    path("report.json", as_json, name="report-json"),
    path("report.csv", as_table, name="report-csv"),
]
