"""Filters that only change how a value reads."""

from __future__ import annotations

from datetime import date

from django import template

from portal.deciding.answers import ANSWERS, QUESTIONS
from portal.numerals import grouped

register = template.Library()
register.filter(grouped)


@register.filter
def days_left(day: date, today: date) -> str:
    """A due day as a person reads it."""
    days = (day - today).days
    if days < 0:
        return f"{-days} day{'s' if days < -1 else ''} late"
    if days == 0:
        return "today"
    return f"{days} day{'s' if days > 1 else ''} left"


@register.filter
def urgency(day: date, today: date) -> str:
    """CSS class of a due day."""
    days = (day - today).days
    return "problem" if days < 0 else "soon" if days <= 1 else "waiting"


@register.filter
def lookup(table: dict[str, object], key: str) -> object:
    return table.get(key)


@register.filter
def answer_label(name: str) -> str:
    """What reviewers call an answer."""
    return ANSWERS[name].label if name in ANSWERS else name


@register.filter
def question_label(name: str) -> str:
    """What reviewers call a question."""
    return QUESTIONS[name][0] if name in QUESTIONS else name


@register.filter
def shortened(text: str, most: int) -> str:
    """The beginning and the end of a text that has more characters than that."""
    return text if len(text) <= most else f"{text[: most - 21]}…{text[-20:]}"
