"""Nothing a person sent can reach a log, whoever logs it."""

from __future__ import annotations

import logging

import pytest

from portal.logs import EventFormatter

SECRET = "canary-9f3a"


def _format(name: str, message: object, *args: object, **extra: object) -> str:
    record = logging.LogRecord(name, logging.WARNING, f"/{SECRET}.py", 1, message, args, None)
    record.__dict__.update(extra)
    return EventFormatter().format(record)


def test_an_event_of_ours_has_its_code_and_its_numbers() -> None:
    assert _format("portal.finding.matching", "item.failed", item=7, attempt=2) == (
        "WARNING portal.finding.matching item.failed item=7 attempt=2"
    )


@pytest.mark.parametrize(
    ("name", "message", "args", "extra"),
    [
        ("django.request", f"Bad Request: /{SECRET}", (), {}),
        ("django.request", "Not Found: %s", (SECRET,), {"status_code": 404, "request": SECRET}),
        ("celery.worker", f"Received task: portal.x[{SECRET}]", (), {"data": {"args": SECRET}}),
        ("portal.asking.intake", f"address {SECRET}", (), {}),
        ("portal.asking.intake", "item.failed", (), {"url": SECRET}),
        ("other", "item.failed", (), {"slug": SECRET}),
    ],
)
def test_whatever_is_not_on_the_list_is_dropped(name: str, message: str, args: tuple, extra: dict) -> None:
    assert SECRET not in _format(name, message, *args, **extra)


def test_an_error_is_named_by_class_and_place_only() -> None:
    try:
        raise ValueError(f"cannot read {SECRET}")
    except ValueError as error:
        record = logging.LogRecord(
            "portal", logging.ERROR, "x", 1, "item.failed", (), (ValueError, error, error.__traceback__)
        )
    said = EventFormatter().format(record)
    assert SECRET not in said
    assert "error=ValueError at=test_logs.py:" in said
