"""The parts of the transparency report's page: each one question, with a plot and its table.

Tables have the newest month first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from portal.numerals import grouped
from portal.policy import current
from portal.views.report_plots import Plot, Stack, bar_plot, line_plot
from portal.views.report_words import APPEALS, KINDS, OUTCOMES, TIMES, Names, month_name, percent, said

Month = Mapping[str, Any]
Row = tuple[str, Sequence[str]]


@dataclass(frozen=True)
class Table:
    """Rows of cells, each headed by its month."""

    caption: str
    columns: Iterable[str]
    rows: Sequence[Row]


@dataclass(frozen=True)
class Part:
    key: str
    heading: str
    sentences: Sequence[str]
    tables: Sequence[Table]
    plot: Plot | None = None


def parts(months: Sequence[Month]) -> list[Part]:
    """Everything the page shows of some months, given oldest first."""
    newest_first = list(reversed(months))
    return [
        _requests(newest_first),
        _answers(newest_first),
        _decisions(newest_first),
        _appeals(newest_first),
        _entries(newest_first),
        _fetches(newest_first),
    ]


def _requests(months: Sequence[Month]) -> Part:
    grounds = _grounds(months)
    stacks = {
        month["month"]: Stack(month["requests"]["by_ground"], month["requests"]["total"]) for month in months
    }
    kinds = _table(
        _("What the requests held"),
        _words(KINDS),
        months,
        lambda month: [said(month["items"] and month["items"][kind]) for kind in KINDS],
    )
    return Part(
        "requests",
        _("What we were asked"),
        [
            _("One request may hold up to 300 addresses or pictures."),
            _("What requests held is not shown for a month where it would give away a small number."),
        ],
        [_stacked(_("Requests by reason"), grounds, stacks), kinds],
        bar_plot("q", _("Requests by reason and month"), grounds, stacks),
    )


def _answers(months: Sequence[Month]) -> Part:
    stacks = {
        month["month"]: Stack(month["answers"]["by_outcome"], month["answers"]["total"]) for month in months
    }
    return Part(
        "answers",
        _("What we answered"),
        [
            _("Each address, picture or fingerprint gets an answer of its own."),
            _("If nothing was found, and we look again later, there are two answers."),
        ],
        [_stacked(_("Answers"), OUTCOMES, stacks)],
        bar_plot("a", _("Answers by month"), OUTCOMES, stacks),
    )


def _decisions(months: Sequence[Month]) -> Part:
    columns = [_("Decisions"), *_words(TIMES), _("After the due day"), _("In time")]
    values = {month["month"]: month["decisions"] for month in reversed(months)}
    return Part(
        "decisions",
        _("How long it took"),
        [_("Days from the request to the decision. Times are shown where there are enough decisions.")],
        [_table(_("Days to a decision"), columns, months, lambda month: _times(month["decisions"]))],
        line_plot("d", _("Days to a decision, by month"), TIMES, values),
    )


def _appeals(months: Sequence[Month]) -> Part:
    table = _table(
        _("Second looks"),
        _words(APPEALS),
        months,
        lambda month: [said(month["appeals"][name]) for name in APPEALS],
    )
    return Part(
        "appeals",
        _("When people did not agree"),
        [_("Who does not agree with an answer can ask for a second look. Then someone else decides.")],
        [table],
    )


def _entries(months: Sequence[Month]) -> Part:
    editions = {name: name for name in sorted({name for month in months for name in month["entries"]})}
    values = {
        month["month"]: {edition: told["standing"] for edition, told in month["entries"].items()}
        for month in reversed(months)
    }
    return Part(
        "entries",
        _("What is on our list"),
        [
            _("The list tells people who hold a copy of the dataset what to take out."),
            _("It is public and anyone can count it. So nothing is hidden here."),
        ],
        [_entries_of(edition, months) for edition in editions],
        line_plot("e", _("Entries at the end of each month"), editions, values) if editions else None,
    )


def _entries_of(edition: str, months: Sequence[Month]) -> Table:
    def cells(month: Month) -> list[str]:
        told = month["entries"].get(edition, {})
        return [grouped(told.get(name, 0)) for name in ("added", "removed", "standing")]

    caption = _("The list “%(edition)s”") % {"edition": edition}
    return _table(caption, [_("Added"), _("Taken out"), _("Entries at the end")], months, cells)


def _fetches(months: Sequence[Month]) -> Part:
    stacks = {month["month"]: Stack({"all": month["fetches"]}, month["fetches"]) for month in months}
    names = {"all": _("Fetches")}
    return Part(
        "fetches",
        _("How often our list is fetched"),
        [
            _("We keep no record of who fetches our list. So we cannot say how many people use it."),
            _("We count only how often this server was asked for it. One program may ask many times."),
            _("Who takes the list from another server, or from a copy, is not counted."),
        ],
        [_table(_("Fetches of the list"), names.values(), months, lambda month: [said(month["fetches"])])],
        bar_plot("f", _("Fetches of the list by month"), names, stacks),
    )


def _grounds(months: Sequence[Month]) -> dict[str, str]:
    """Every ground that occurs, in the order of the policy; one that is no longer offered by its name."""
    policy = current()
    found = {name for month in months for name in month["requests"]["by_ground"]}
    known = [name for name in policy.grounds if name in found]
    return {name: str(policy.ground(name).title) for name in [*known, *sorted(found - set(known))]}


def _stacked(caption: str, names: Names, stacks: Mapping[str, Stack]) -> Table:
    """A table of what the bars are made of. 0 where a ground was not offered in a month."""
    rows = [
        (month_name(month), [said(stack.total), *(said(stack.parts.get(name, 0)) for name in names)])
        for month, stack in stacks.items()
    ]
    return Table(caption, [_("All"), *_words(names)], rows)


def _table(
    caption: str, columns: Iterable[str], months: Sequence[Month], cells: Callable[[Month], Sequence[str]]
) -> Table:
    return Table(caption, columns, [(month_name(month["month"]), cells(month)) for month in months])


def _times(told: Mapping[str, Any]) -> list[str]:
    numbers = [said(told[name]) for name in ("decided", *TIMES, "late")]
    return [*numbers, percent(told["in_time_percent"])]


def _words(names: Names) -> list[str]:
    return [str(name) for name in names.values()]
