"""Plots are well-formed, say what they show, hold no style of their own, and are as long as their numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.transparency import charts
from portal.transparency.charts import LOOKS, Series, bars, lines, swatch

STYLES = Path(__file__).resolve().parents[2] / "portal" / "static" / "portal" / "report.css"
MONTHS = ["January", "February", "March"]
PLOTS = [bars, lines]

number = st.one_of(
    st.none(), st.integers(0, 10**7), st.floats(0, 10**7).filter(lambda value: value == 0 or value > 0.01)
)
text = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=12)


def _parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup)  # noqa: S314 - our own markup


@st.composite
def plots(draw: st.DrawFn) -> tuple[list[str], list[Series]]:
    labels = draw(st.lists(text, max_size=8))
    values = st.lists(number, min_size=len(labels), max_size=len(labels))
    return labels, [Series(draw(text), one) for one in draw(st.lists(values, max_size=10))]


@pytest.mark.parametrize("plot", PLOTS)
@given(drawn=plots(), title=text, told=text)
def test_any_plot_is_well_formed_and_named(
    plot: Callable[..., str], drawn: tuple[list[str], list[Series]], title: str, told: str
) -> None:
    labels, series = drawn
    root = _parsed(plot("key", title, told, labels, series))
    assert [root[0].tag, root[1].tag] == ["title", "desc"]
    assert ((root[0].text or ""), (root[1].text or "")) == (title, told)
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{root[0].get('id')} {root[1].get('id')}"
    found = [one.get("id") for one in root.iter() if one.get("id")]
    assert len(found) == len(set(found))
    assert all(one is not None and one.startswith("key-") for one in found)


@pytest.mark.parametrize("plot", PLOTS)
def test_what_is_written_into_a_plot_cannot_become_markup(plot: Callable[..., str]) -> None:
    evil = '</title><script>alert("1")</script>'
    markup = plot("key", evil, evil, [evil], [Series(evil, [3])])
    assert "<script" not in markup
    assert markup.count("&lt;script&gt;") >= 2
    _parsed(markup)


@pytest.mark.parametrize("plot", PLOTS)
def test_no_plot_brings_a_style_or_reaches_anywhere(plot: Callable[..., str]) -> None:
    markup = plot("key", "t", "d", MONTHS, [Series("a", [1, None, 3])]) + swatch("key", 0)
    assert "style" not in markup
    assert "http" not in markup
    used = re.findall(r'(?:href="|url\()#([^")]+)', markup)
    assert used
    assert set(used) <= set(re.findall(r' id="([^"]+)"', markup))


@pytest.mark.parametrize("plot", PLOTS)
def test_a_number_too_few_is_an_error(plot: Callable[..., str]) -> None:
    with pytest.raises(ValueError, match="3 labels"):
        plot("key", "t", "d", MONTHS, [Series("a", [1, 2])])


def _pieces(markup: str) -> dict[str, list[tuple[float, float]]]:
    """Fill -> (start, width) of each piece of a bar, in percent."""
    groups = re.findall(r'<g fill="url\(#([^)]+)\)">(.*?)</g>', markup)
    return {
        fill: [
            (float(x), float(width))
            for x, width in re.findall(r'<rect x="([\d.]+)%"[^>]* width="([\d.]+)%"', inside)
        ]
        for fill, inside in groups
    }


def test_bars_are_stacked_and_the_longest_fills_the_width() -> None:
    markup = bars(
        "k", "t", "d", ["one", "two"], [Series("a", [10, 5]), Series("b", [30, None])], ends=["40", "5"]
    )
    assert _pieces(markup) == {"k-0": [(0, 25), (0, 12.5)], "k-1": [(25, 75)]}
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", markup)
    assert texts == ["one", "40", "two", "5"]


@given(st.lists(st.lists(st.integers(0, 1000), min_size=3, max_size=3), min_size=1, max_size=8))
def test_the_pieces_of_a_bar_are_as_long_as_their_numbers(values: list[list[int]]) -> None:
    drawn = _pieces(bars("k", "t", "d", MONTHS, [Series("", one) for one in values]))
    longest = max(map(sum, zip(*values, strict=True))) or 1
    for at, one in enumerate(values):
        expected = [100 * value / longest for value in one if value]
        widths = [width for _, width in drawn[f"k-{at}"]]
        assert widths == pytest.approx(expected, abs=0.06)


def test_a_line_is_broken_where_a_number_is_missing() -> None:
    markup = lines("k", "t", "d", list("abcde"), [Series("x", [1, 2, None, 4, 5])])
    group = markup[markup.index('<g class="look0">') :]
    assert group.count("<line") == 2
    assert group.count("<use") == 4


@pytest.mark.parametrize(
    ("most", "axis"),
    [
        (0, ["0", "0.5", "1"]),
        (1, ["0", "0.5", "1"]),
        (7, ["0", "5", "10"]),
        (41, ["0", "25", "50"]),
        (100, ["0", "50", "100"]),
        (1_200_000, ["0", "1\u202f000\u202f000", "2\u202f000\u202f000"]),
    ],
)
def test_the_axis_ends_at_a_round_number(most: int, axis: list[str]) -> None:
    markup = lines("k", "t", "d", ["a"], [Series("x", [most])])
    assert re.findall(r"<text[^>]*>([\d.\u202f]+)</text>", markup) == axis


def test_long_lines_name_first_middle_and_last() -> None:
    labels = [f"m{at}" for at in range(12)]
    markup = lines("k", "t", "d", labels, [Series("x", list(range(12)))])
    assert re.findall(r">(m\d+)</text>", markup) == ["m0", "m5", "m11"]


def test_every_look_has_a_style_and_differs_without_colour() -> None:
    styles = STYLES.read_text()
    for look in range(LOOKS):
        assert f"pattern.look{look} rect" in styles
        assert f"g.look{look} " in styles
    assert len(set(charts._TILES)) == len(set(charts._MARKS)) == LOOKS


def test_more_series_than_looks_begin_again() -> None:
    series = [Series(str(at), [1]) for at in range(LOOKS + 2)]
    markup = bars("k", "t", "d", ["a"], series)
    assert markup.count("<pattern") == LOOKS
    assert re.findall(r"url\(#k-(\d)\)", markup)[-2:] == ["0", "1"]
    _parsed(markup)
