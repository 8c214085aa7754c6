"""Plots as SVG markup: numbers go in, text comes out, nothing else is needed.

All are as wide as there is room for, and their writing keeps its size: lengths across are shares of the
width, lengths down are pixels. So one plot reads at 320 pixels and on a wide screen. There is no style in the
markup; classes are for a style sheet (static/portal/report.css). Kinds are told apart by pattern or mark as
well as by colour, and every plot has a title, a description and, beside it, its table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import floor, log10

#: Patterns and marks there are; a plot of more series than this begins again with the first.
LOOKS = 8

#: Pixels down: of a bar with its label above it, of the bar, of the room for lines, and of what is around it.
ROW, BAR = 38, 15
HEIGHT, TOP, BOTTOM = 200, 16, 26

#: Shares of the width at which the first and the last point of a line stand.
LEFT, RIGHT = 9.0, 97.0

# One tile of 6 by 6 pixels each: plain, slanted, dotted, level, crossed, slanted back, upright, chequered.
_TILES = (
    "",
    '<path d="M0 6 6 0"/>',
    '<circle cx="3" cy="3" r="1.3"/>',
    '<path d="M0 3H6"/>',
    '<path d="M0 0 6 6M0 6 6 0"/>',
    '<path d="M0 0 6 6"/>',
    '<path d="M3 0V6"/>',
    '<path d="M0 0H3V3H6V6H3V3H0z"/>',
)

# Marks of a line's points, around their middle.
_MARKS = (
    "M-4-4H4V4H-4z",
    "M0-5 5 0 0 5-5 0z",
    "M0-5 5 4H-5z",
    "M-4 0A4 4 0 1 1 4 0 4 4 0 1 1-4 0z",
    "M0 5 5-4H-5z",
    "M-5-2H-2V-5H2V-2H5V2H2V5H-2V2H-5z",
    "M-5-3H5V3H-5z",
    "M-3-5H3V5H-3z",
)


@dataclass(frozen=True)
class Series:
    """A name and a number for each label of the plot; None where there is none."""

    name: str
    values: Sequence[float | None]


def bars(
    key: str,
    title: str,
    description: str,
    labels: Sequence[str],
    series: Sequence[Series],
    *,
    ends: Sequence[str] = (),
) -> str:
    """A bar for each label, one below the other, stacked of its numbers.

    Args:
        key: begins all identifiers in the markup; another for each plot of a page.
        ends: what stands at the right above each bar, such as its sum in words.

    Raises:
        ValueError: a series has more or fewer numbers than there are labels.
    """
    _check(labels, series)
    stacks = [[one.values[at] or 0 for one in series] for at in range(len(labels))]
    longest = max((sum(stack) for stack in stacks), default=0) or 1
    parts = [_pattern(key, number) for number in range(min(len(series), LOOKS))]
    drawn = [f"<defs>{''.join(parts)}</defs>"]
    for at, label in enumerate(labels):
        drawn.append(_text(0, at * ROW + 13, label))
        if ends:
            drawn.append(_text(100, at * ROW + 13, ends[at], "end"))
    for number in range(len(series)):
        pieces = (_piece(stack, number, at, longest) for at, stack in enumerate(stacks))
        drawn.append(f'<g fill="url(#{key}-{number % LOOKS})">{"".join(pieces)}</g>')
    return _svg(key, "bars", title, description, len(labels) * ROW, drawn)


def lines(key: str, title: str, description: str, labels: Sequence[str], series: Sequence[Series]) -> str:
    """A line for each series, from the first label at the left to the last at the right.

    Where a number is missing the line is broken. The first, the middle and the last label are written: there
    is room for no more of them on a narrow screen.

    Raises:
        ValueError: a series has more or fewer numbers than there are labels.
    """
    _check(labels, series)
    known = [value for one in series for value in one.values if value is not None]
    top = _round_up(max(known, default=0))
    drawn = [f"<defs>{''.join(_mark(key, number) for number in range(min(len(series), LOOKS)))}</defs>"]
    drawn += [_grid(value, top) for value in sorted({0.0, top / 2, top})]
    last = len(labels) - 1
    for at in sorted({0, last // 2, last} & set(range(len(labels)))):
        anchor = "middle" if at not in (0, last) or not last else "end" if at else "start"
        drawn.append(_text(_across(at, len(labels)), TOP + HEIGHT + 18, labels[at], anchor))
    for number, one in enumerate(series):
        drawn.append(_line(key, number % LOOKS, one.values, top))
    return _svg(key, "lines", title, description, TOP + HEIGHT + BOTTOM, drawn)


def swatch(key: str, number: int, *, line: bool = False) -> str:
    """The pattern or mark of one series of a plot, for its legend; its name stands beside it."""
    look = number % LOOKS
    if line:
        inside = f'<g class="look{look}"><path d="M0 7H18"/><use href="#{key}-{look}" x="9" y="7"/></g>'
    else:
        inside = f'<rect width="18" height="14" fill="url(#{key}-{look})"/>'
    return f'<svg class="swatch" width="18" height="14" aria-hidden="true">{inside}</svg>'


def _check(labels: Sequence[str], series: Iterable[Series]) -> None:
    for one in series:
        if len(one.values) != len(labels):
            raise ValueError(f"Give a number, or None, for each of the {len(labels)} labels.")


def _svg(key: str, kind: str, title: str, description: str, height: int, drawn: Sequence[str]) -> str:
    return (
        f'<svg class="chart {kind}" width="100%" height="{height}" role="img" '
        f'aria-labelledby="{key}-title {key}-told">'
        f'<title id="{key}-title">{escape(title)}</title><desc id="{key}-told">{escape(description)}</desc>'
        f"{''.join(drawn)}</svg>"
    )


def _text(x: float, y: float, said: str, anchor: str = "start") -> str:
    turned = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{_share(x)}" y="{y:g}"{turned}>{escape(said)}</text>'


def _share(percent: float) -> str:
    return f"{round(percent, 1):g}%"


def _piece(stack: Sequence[float], number: int, at: int, longest: float) -> str:
    """One number of a stack; nothing where it is 0."""
    if not stack[number]:
        return ""
    start, width = (100 * value / longest for value in (sum(stack[:number]), stack[number]))
    return f'<rect x="{_share(start)}" y="{at * ROW + 18}" width="{_share(width)}" height="{BAR}"/>'


def _pattern(key: str, number: int) -> str:
    return (
        f'<pattern id="{key}-{number}" class="look{number}" width="6" height="6" '
        f'patternUnits="userSpaceOnUse"><rect width="6" height="6"/>{_TILES[number]}</pattern>'
    )


def _mark(key: str, number: int) -> str:
    return f'<path id="{key}-{number}" d="{_MARKS[number]}"/>'


def _across(at: int, count: int) -> float:
    return LEFT + (RIGHT - LEFT) * (at / (count - 1) if count > 1 else 0.5)


def _down(value: float, top: float) -> float:
    return round(TOP + HEIGHT * (1 - value / top), 1)


def _grid(value: float, top: float) -> str:
    y = _down(value, top)
    rule = f'<line class="grid" x1="0" x2="100%" y1="{y:g}" y2="{y:g}"/>'
    said = f"{value:,.0f}" if value.is_integer() else f"{value:g}"
    return rule + _text(0, y - 4, said.replace(",", "\u202f"))


def _line(key: str, look: int, values: Sequence[float | None], top: float) -> str:
    points = [
        None if value is None else (_share(_across(at, len(values))), _down(value, top))
        for at, value in enumerate(values)
    ]
    parts = []
    for one, other in pairwise(points):
        if one and other:
            parts.append(f'<line x1="{one[0]}" y1="{one[1]:g}" x2="{other[0]}" y2="{other[1]:g}"/>')
    parts += [f'<use href="#{key}-{look}" x="{one[0]}" y="{one[1]:g}"/>' for one in points if one]
    return f'<g class="look{look}">{"".join(parts)}</g>'


def _round_up(value: float) -> float:
    """The next 1, 2 or 5 with zeros behind it, so that the axis ends at a number that is easily read."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** floor(log10(value))
    return next(step * unit for step in (1, 2, 5, 10) if step * unit >= value)
