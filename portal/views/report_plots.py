"""Published numbers as plots, with their legends. Newest month first in bars, from left to right in lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from portal.transparency.charts import Series, bars, lines, swatch
from portal.transparency.suppression import Span
from portal.views.report_words import Names, month_name, month_tick, said


@dataclass(frozen=True)
class Plot:
    """``legend`` has a swatch and a name for each series; none where there is only one."""

    markup: SafeString
    legend: Sequence[tuple[SafeString, str]] = field(default_factory=tuple)


@dataclass(frozen=True)
class Stack:
    """What one bar is made of, and the sum, as published."""

    parts: Mapping[str, Span]
    total: Span


def bar_plot(key: str, title: str, names: Names, stacks: Mapping[str, Stack]) -> Plot:
    """Args:
    names: part of a stack -> what a person reads.
    stacks: month -> its bar.
    """
    series = [
        Series(str(label), [_drawn(stack.parts.get(name)) for stack in stacks.values()])
        for name, label in names.items()
    ]
    markup = bars(
        key,
        title,
        _("The numbers are in the table below. A number from 1 to 4 is drawn half as long as 5."),
        [month_name(month) for month in stacks],
        series,
        ends=[said(stack.total) for stack in stacks.values()],
    )
    return _plot(key, markup, series)


def line_plot(key: str, title: str, names: Names, values: Mapping[str, Mapping[str, int | None]]) -> Plot:
    """Args:
    names: part of the values -> what a person reads.
    values: month -> its values, oldest first.
    """
    series = [Series(str(label), [one.get(name) for one in values.values()]) for name, label in names.items()]
    told = _("The numbers are in the table below.")
    markup = lines(key, title, told, [month_tick(month) for month in values], series)
    return _plot(key, markup, series, line=True)


def _plot(key: str, markup: str, series: Sequence[Series], *, line: bool = False) -> Plot:
    # charts.py escapes every text that it is given.
    legend = [(mark_safe(swatch(key, at, line=line)), one.name) for at, one in enumerate(series)]  # noqa: S308
    return Plot(mark_safe(markup), legend if len(legend) > 1 else ())  # noqa: S308


def _drawn(told: Span | None) -> float:
    """The middle of what a number may be."""
    return (told["least"] + told["most"]) / 2 if told else 0.0
