"""Which decided changes go into the next release, and which wait so that none is seen alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from decided import digest, removed, taken_back
from django.conf import settings as django_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from portal import policy
from portal.answering import outcomes, status
from portal.models import DatasetIndex, DecisionMatch, Entry, Listing, Match, Release, Support
from portal.releasing import lists
from portal.releasing.book import Book
from takedown.keys import Key

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 22)
SHIPPED = django_settings.POLICY_FILE.read_text()
HEAD = re.sub(r"languages = .*", "", SHIPPED[: SHIPPED.index("# An edition is")])


def two_editions(research: str = "", safe: str = "", wrong: str = '["research-safe"]') -> str:
    """research in full; research-safe includes it, and carries child safety and hateful captions besides."""
    grounds = {
        "private": '["research", "research-safe"]',
        "wrong": wrong,
        "child-safety": '["research-safe"]\nrestricted = true',
    }
    told = "".join(
        f'[grounds.{name}]\nlabel = "{name}"\nhelp = "h"\ntarget_hours = 24\neditions = {editions}\n'
        for name, editions in grounds.items()
    )
    return (
        f"{HEAD}\n[editions.research]\n{research}\n[editions.research-safe]\nprefix_hex = 4\n"
        f'disposition = "purge"\nincludes = ["research"]\n{safe}\n{told}'
    )


def names(plan: lists.Plan, edition: str, *asked: str) -> list[str]:
    """Which of some entries the edition would list."""
    held = {key.digest for key in plan.lists[edition].values()}
    return [name for name in asked if digest(name) in held]


def published(plan: lists.Plan) -> Release:
    """Write a plan down as a release that came out."""
    release = Release.objects.create(
        state=Release.State.PUBLISHED, created=TODAY, seq=Release.objects.count() + 1
    )
    for edition, entries in plan.lists.items():
        standing = Listing.objects.filter(edition=edition, until=None)
        standing.exclude(entry__in=list(entries)).update(until=release)
        fresh = set(entries) - set(standing.values_list("entry", flat=True))
        Listing.objects.bulk_create(
            Listing(entry_id=pk, edition=edition, since=release) for pk in sorted(fresh)
        )
    return release


def test_few_changes_wait_for_others(use_policy: Callable[[str], None]) -> None:
    use_policy(SHIPPED.replace("min_delta_entries = 1 ", "min_delta_entries = 3 "))
    for name in "ab":
        removed(name)
    plan = lists.plan(TODAY)
    waiting = plan.waiting["research"]
    assert (waiting.held, waiting.goes_in, waiting.stay, waiting.lines, waiting.needed) == (True, 0, 2, 2, 3)
    assert waiting.last_day == TODAY + timedelta(days=14)
    assert names(plan, "research", *"ab") == []
    removed("c")
    plan = lists.plan(TODAY)
    assert names(plan, "research", *"abc") == ["a", "b", "c"]
    assert (plan.waiting["research"].held, plan.waiting["research"].last_day) == (False, None)


@pytest.mark.parametrize(
    ("on", "due", "last_day"),
    [
        (0, 60, 14),
        (-5, 60, 9),
        (-14, 60, None),
        (-40, 60, None),
        (0, 3, 3),
        (-5, 3, 3),
        (-13, 3, 1),
        (0, 0, None),
        (0, -10, None),
    ],
)
def test_nothing_waits_longer_than_14_days_or_past_a_deadline(
    use_policy: Callable[[str], None], on: int, due: int, last_day: int | None
) -> None:
    """The first of the changes and the nearest of the deadlines count, and take the others along."""
    use_policy(SHIPPED.replace("min_delta_entries = 1 ", ""))
    removed("a", on=TODAY + timedelta(days=on), due=TODAY + timedelta(days=90))
    removed("b", on=TODAY, due=TODAY + timedelta(days=due))
    plan = lists.plan(TODAY)
    waiting = plan.waiting["research"]
    if last_day is None:
        assert (waiting.held, names(plan, "research", "a", "b")) == (False, ["a", "b"])
        return
    assert (waiting.held, waiting.last_day) == (True, TODAY + timedelta(days=last_day))
    assert not lists.plan(waiting.last_day).waiting["research"].held
    assert lists.plan(waiting.last_day - timedelta(days=1)).waiting["research"].held


def test_withdrawals_count_and_wait_like_additions(use_policy: Callable[[str], None]) -> None:
    """A delta that removes one entry tells which row is no longer asked about."""
    items = {name: removed(name, on=TODAY - timedelta(days=30)) for name in "abc"}
    published(lists.plan(TODAY))
    use_policy(SHIPPED.replace("min_delta_entries = 1 ", "min_delta_entries = 3 "))
    taken_back(items["a"], on=TODAY - timedelta(days=4))
    removed("d")
    plan = lists.plan(TODAY)
    assert names(plan, "research", *"abcd") == ["a", "b", "c"]
    assert plan.waiting["research"].last_day == TODAY + timedelta(days=10)
    taken_back(items["b"])
    assert names(lists.plan(TODAY), "research", *"abcd") == ["c", "d"]


def test_what_was_taken_back_before_days_were_kept_does_not_wait(use_policy: Callable[[str], None]) -> None:
    item = removed("a")
    published(lists.plan(TODAY))
    use_policy(SHIPPED.replace("min_delta_entries = 1 ", "min_delta_entries = 3 "))
    taken_back(item, on=None)
    assert names(lists.plan(TODAY), "research", "a") == []


def test_an_included_edition_does_not_wait_for_the_larger_one(use_policy: Callable[[str], None]) -> None:
    """Urgent entries of research go at once, in both; what only research-safe lists still waits."""
    use_policy(two_editions("min_delta_entries = 1", "min_delta_entries = 3"))
    removed("a")
    removed("b", "wrong")
    removed("c", "child-safety")
    plan = lists.plan(TODAY)
    assert names(plan, "research", *"abc") == ["a"]
    assert names(plan, "research-safe", *"abc") == ["a"]
    assert (plan.waiting["research-safe"].held, plan.waiting["research-safe"].lines) == (True, 2)
    published(plan)
    removed("d", "wrong")
    plan = lists.plan(TODAY)
    assert names(plan, "research-safe", *"abcd") == ["a", "b", "c", "d"]
    assert names(plan, "research", *"abcd") == ["a"]


def test_what_research_holds_back_the_larger_edition_holds_back_too(
    use_policy: Callable[[str], None],
) -> None:
    use_policy(two_editions("min_delta_entries = 3", "min_delta_entries = 1"))
    removed("a")
    removed("b", "wrong")
    plan = lists.plan(TODAY)
    assert names(plan, "research", *"ab") == []
    assert names(plan, "research-safe", *"ab") == ["b"]
    assert not plan.waiting["research-safe"].held


@pytest.mark.parametrize(("on", "due", "last_day"), [(-9, 60, 5), (0, 3, 3)])
def test_what_follows_waits_no_longer_than_it_may_by_itself(
    use_policy: Callable[[str], None], on: int, due: int, last_day: int
) -> None:
    """Asked for on a ground of the larger edition, then on one of both, where research makes it wait."""
    use_policy(two_editions("min_delta_entries = 3", "min_delta_entries = 3"))
    first = removed("a", "wrong", on=TODAY + timedelta(days=on), due=TODAY + timedelta(days=due))
    removed("a", "private")
    waiting = lists.plan(TODAY).waiting["research"]
    assert (waiting.held, waiting.last_day) == (True, TODAY + timedelta(days=last_day))
    told = ("decision__ground", "decision__confirmed", "decision__case__due")
    asked = lists.waiting_ends(Support.objects.filter(item=first).values_list(*told))
    assert asked == waiting.last_day
    assert names(lists.plan(asked), "research-safe", "a") == ["a"]


def test_what_the_larger_edition_lists_already_ends_no_wait(use_policy: Callable[[str], None]) -> None:
    use_policy(two_editions("min_delta_entries = 3", "min_delta_entries = 1"))
    removed("a", "wrong", on=TODAY - timedelta(days=40))
    published(lists.plan(TODAY))
    removed("a", "private")
    assert lists.plan(TODAY).waiting["research"].last_day == TODAY + timedelta(days=14)


def test_a_withdrawal_that_research_holds_back_stays_in_both(use_policy: Callable[[str], None]) -> None:
    use_policy(two_editions("min_delta_entries = 1", "min_delta_entries = 1"))
    items = {name: removed(name) for name in "ab"}
    published(lists.plan(TODAY))
    use_policy(two_editions("min_delta_entries = 3", "min_delta_entries = 1"))
    taken_back(items["a"])
    plan = lists.plan(TODAY)
    assert names(plan, "research", *"ab") == names(plan, "research-safe", *"ab") == ["a", "b"]


def test_an_entry_that_leaves_research_alone_stays_where_another_ground_carries_it(
    use_policy: Callable[[str], None],
) -> None:
    use_policy(two_editions("min_delta_entries = 1", "min_delta_entries = 1"))
    item = removed("a")
    removed("a", "wrong")
    published(lists.plan(TODAY))
    taken_back(item)
    plan = lists.plan(TODAY)
    assert (names(plan, "research", "a"), names(plan, "research-safe", "a")) == ([], ["a"])
    assert not lists.lost_grounds(plan, "research", ["private"])


def test_twins_of_one_prefix_change_no_line_and_wait_for_nothing(use_policy: Callable[[str], None]) -> None:
    use_policy(two_editions("min_delta_entries = 1", "min_delta_entries = 9"))
    start = digest("a")
    removed("a", "private")
    published(lists.plan(TODAY))
    removed("twin", "wrong", hexdigest=start[:4] + digest("twin")[4:])
    plan = lists.plan(TODAY)
    waiting = plan.waiting["research-safe"]
    assert (waiting.lines, waiting.held, waiting.goes_in) == (0, False, 1)


def test_child_safety_entries_never_begin_to_stand_in_full(use_policy: Callable[[str], None]) -> None:
    """Also not when another person asks for the same row, and not after the first one took it back."""
    use_policy(two_editions("min_delta_entries = 1", "min_delta_entries = 1"))
    reported = removed("a", "child-safety")
    removed("a", "private")
    plan = lists.plan(TODAY)
    assert (names(plan, "research", "a"), names(plan, "research-safe", "a")) == ([], ["a"])
    published(plan)
    taken_back(reported)
    assert names(lists.plan(TODAY), "research", "a") == []


def test_other_digests_of_a_child_safety_row_are_listed_nowhere(
    use_policy: Callable[[str], None], index: DatasetIndex
) -> None:
    """A private request on the same file would list them, and point at the row where two kinds cross."""
    use_policy(two_editions("min_delta_entries = 1", "min_delta_entries = 1"))
    reported = removed("a", "child-safety")
    match = Match.objects.create(
        item=reported,
        index=index,
        row=1,
        how="url-exact",
        keys={"address": [["url_sha256", digest("a")]], "file": [["img_sha256", digest("file of a")]]},
    )
    DecisionMatch.objects.create(decision=reported.supports.get().decision, match=match)
    asked = removed("file of a", "private", kind="img_sha256")
    removed("file of b", "private", kind="img_sha256")
    plan = lists.plan(TODAY)
    names_of = ("a", "file of a", "file of b")
    assert names(plan, "research", *names_of) == ["file of b"]
    assert names(plan, "research-safe", *names_of) == ["a", "file of b"]
    Support.objects.create(
        entry=Entry.objects.get(digest=digest("a")), decision=asked.supports.get().decision, item=asked
    )
    published(plan)
    assert status.of(asked.submission)[0].title.startswith(("Removed", "Already removed"))


def test_an_entry_that_stood_in_full_before_stays_there(use_policy: Callable[[str], None]) -> None:
    """Taking it out of research in the release after the report would point at it."""
    use_policy(two_editions("min_delta_entries = 1", "min_delta_entries = 1"))
    removed("a", "private")
    published(lists.plan(TODAY))
    removed("a", "child-safety")
    plan = lists.plan(TODAY)
    assert names(plan, "research", "a") == names(plan, "research-safe", "a") == ["a"]


def test_an_entry_that_was_reported_leaves_both_lists_or_none(use_policy: Callable[[str], None]) -> None:
    """Whoever asked first takes it back: gone from research alone, it would be the one that stays buried."""
    use_policy(two_editions("min_delta_entries = 1", "min_delta_entries = 1"))
    asked = removed("a", "private")
    published(lists.plan(TODAY))
    reported = removed("a", "child-safety")
    published(lists.plan(TODAY))
    taken_back(asked)
    plan = lists.plan(TODAY)
    assert names(plan, "research", "a") == names(plan, "research-safe", "a") == ["a"]
    published(plan)
    taken_back(reported)
    plan = lists.plan(TODAY)
    assert names(plan, "research", "a") == names(plan, "research-safe", "a") == []


@pytest.mark.parametrize("research", ["", "k_min = 299\n", 'k_min = 300\ndisposition = "quarantine"\n'])
def test_an_edition_that_cuts_and_does_not_bury_lists_none_of_them(
    use_policy: Callable[[str], None], research: str
) -> None:
    """Twelve digits name one row of any dataset."""
    use_policy(two_editions(f"min_delta_entries = 1\nprefix_hex = 12\n{research}", "min_delta_entries = 1"))
    removed("a", "child-safety")
    published(lists.plan(TODAY))
    removed("a", "private")
    plan = lists.plan(TODAY)
    assert (names(plan, "research", "a"), names(plan, "research-safe", "a")) == ([], ["a"])


def test_where_no_edition_buries_child_safety_entries_others_are_not_kept_back(
    use_policy: Callable[[str], None],
) -> None:
    """There is no second list whose difference could point at them."""
    removed("a", "child-safety")
    removed("a", "private")
    assert names(lists.plan(TODAY), "research", "a") == ["a"]


KEYS = st.builds(lambda n, m: Key("url_sha256", f"{n:04x}{m:060x}"), st.integers(0, 5), st.integers(0, 9))
LISTS = st.lists(KEYS, max_size=20).map(lambda keys: dict(enumerate(dict.fromkeys(keys))))


@given(LISTS, LISTS, st.sampled_from([4, 5, 64]))
def test_lines_are_the_difference_of_the_two_published_lists(
    one: dict[int, Key], other: dict[int, Key], prefix_hex: int
) -> None:
    every = sorted({*one.values(), *other.values()})
    book = Book.of({"url_sha256": [(pk, key.digest) for pk, key in enumerate(every, 7)]})
    before, after = (
        {Key(key.kind, key.digest[:prefix_hex]) for key in keys.values()} for keys in (one, other)
    )
    masks = (book.mask(every.index(key) + 7 for key in keys.values()) for keys in (one, other))
    assert book.differing_lines(prefix_hex, *masks) == len(before ^ after)


class AnyHistory(TestCase):
    """Whatever is decided and taken back, and whenever releases come out."""

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["ask", "back", "release"]),
                st.integers(0, 5),
                st.sampled_from(["private", "wrong", "child-safety"]),
            ),
            max_size=16,
        ),
        st.integers(1, 4),
        st.integers(1, 4),
    )
    def test_the_smaller_edition_is_inside_the_larger_and_nothing_waits_too_long(
        self, moves: list[tuple[str, int, str]], research: int, safe: int
    ) -> None:
        with NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(two_editions(f"min_delta_entries = {research}", f"min_delta_entries = {safe}"))
            file.flush()
            with self.settings(POLICY_FILE=Path(file.name)):
                self._play(moves)

    def _play(self, moves: list[tuple[str, int, str]]) -> None:
        day, items = TODAY, []
        for move, number, ground in moves:
            day += timedelta(days=number)
            if move == "ask":
                items.append(removed(f"entry {number}", ground, on=day, due=day + timedelta(days=30)))
            elif move == "back" and items:
                taken_back(items.pop(number % len(items)), on=day)
            plan = lists.plan(day)
            inside, larger = plan.lists["research"], plan.lists["research-safe"]
            assert inside.keys() <= larger.keys()
            buried = lists.buried(policy.current()).named
            shown = Listing.objects.filter(edition="research", until=None).values_list("entry", flat=True)
            assert not (inside.keys() - set(shown)) & buried
            for waiting in plan.waiting.values():
                assert not waiting.held or day < waiting.last_day <= day + timedelta(days=14)
            if move == "release":
                published(plan)
        plan = lists.plan(day + timedelta(days=14))
        assert not any(waiting.held or waiting.stay for waiting in plan.waiting.values())


@pytest.mark.parametrize(
    ("research", "on", "due", "said"),
    [
        (100, -1, 60, "and goes into a release by 5 December 2026 at the latest."),
        (100, -1, 4, "and goes into a release by 26 November 2026 at the latest."),
        (100, -14, 60, "It goes into the next release."),
        (100, -1, 0, "It goes into the next release."),
        (1, -1, 60, "It goes into the next release."),
    ],
)
def test_the_status_says_until_when_a_decision_waits(
    use_policy: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    research: int,
    on: int,
    due: int,
    said: str,
) -> None:
    monkeypatch.setattr(outcomes, "today", lambda: TODAY)
    use_policy(SHIPPED.replace("min_delta_entries = 1 ", f"min_delta_entries = {research} "))
    item = removed("a", on=TODAY + timedelta(days=on), due=TODAY + timedelta(days=due))
    (one,) = status.of(item.submission)
    assert one.title == "Decided"
    assert one.sentence.endswith(said)


def test_the_status_tells_nothing_of_others_who_wait(
    use_policy: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An earlier request may end the wait sooner; the day that is said stays one's own."""
    monkeypatch.setattr(outcomes, "today", lambda: TODAY)
    use_policy(SHIPPED.replace("min_delta_entries = 1 ", "min_delta_entries = 100 "))
    mine = removed("a", on=TODAY)
    before = status.of(mine.submission)[0].sentence
    removed("b", on=TODAY - timedelta(days=9))
    removed("a", "wrong", on=TODAY - timedelta(days=5))
    assert status.of(mine.submission)[0].sentence == before
    assert "by 6 December 2026 at the latest" in before


def test_what_a_release_under_way_holds_waits_no_more(use_policy: Callable[[str], None]) -> None:
    use_policy(SHIPPED.replace("min_delta_entries = 1 ", "min_delta_entries = 2 "))
    item = removed("a", on=TODAY + timedelta(days=3000), due=TODAY + timedelta(days=4000))
    removed("b", on=TODAY)
    assert "at the latest" in status.of(item.submission)[0].sentence
    release = published(lists.plan(TODAY))
    Release.objects.filter(pk=release.pk).update(state=Release.State.STAGED)
    assert status.of(item.submission)[0].sentence.endswith("It goes into the next release.")
