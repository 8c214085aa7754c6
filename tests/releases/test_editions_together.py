"""What editions of one release owe each other is tested on their lists before anything is staged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from factories.covers import Rows, cover_of, rows_around
from hypothesis import given
from hypothesis import strategies as st

from takedown.blocklist.state import State
from takedown.errors import UsageError
from takedown.keys import Key
from takedown.publish import EditionDraft, measure
from takedown.publish.editions import cut

MakeKey = Callable[..., Key]


def safe(keys: Iterable[Key], *, digits: int = 6, each: int = 329, **more: Any) -> EditionDraft:
    listed = list(keys)
    options = {"k_min": 300, "disposition": "purge", "cover": cover_of(listed, digits, each)} | more
    return EditionDraft("research-safe", listed, prefix_hex=digits, **options)


def refused(desk: Any, *drafts: EditionDraft) -> str:
    with pytest.raises(UsageError) as caught:
        desk.stage_drafts(list(drafts))
    assert caught.value.sentence.endswith("Nothing was staged.")
    assert not (desk.folder / "staging-1").exists()
    return caught.value.slug


def test_a_list_that_is_cut_needs_a_count_of_this_very_list(desk: Any, make_key: MakeKey) -> None:
    a, b = make_key("a"), make_key("b")
    assert refused(desk, safe([a], cover=None)) == "cover-missing"
    assert refused(desk, safe([a], cover=None, k_min=0)) == "cover-missing"
    assert refused(desk, safe([a, b], cover=cover_of([a], 6))) == "cover-other-list"
    assert refused(desk, safe([a], cover=cover_of([a], 7))) == "cover-other-list"
    desk.stage_drafts([safe([a, b])])


@pytest.mark.parametrize(("each", "fits"), [(299, False), (300, True), (1, False)])
def test_the_smallest_bucket_of_any_dataset_counts(
    desk: Any, make_key: MakeKey, each: int, fits: bool
) -> None:
    keys = [make_key(name) for name in "abc"]
    large, small = rows_around(keys, 6, 900), rows_around(keys, 6, each, "example/small")
    draft = safe(keys, cover=measure(keys, 6, [large, small]))
    if fits:
        desk.stage_drafts([draft])
    else:
        assert refused(desk, draft) == "cover-too-small"


def test_a_dataset_that_knows_no_such_digests_is_not_assumed_to_cover(desk: Any, make_key: MakeKey) -> None:
    key, md5 = make_key("a"), make_key("b", "img_md5")
    addresses = rows_around([key], 6, 900)
    assert refused(desk, safe([key, md5], cover=measure([key, md5], 6, [addresses]))) == "cover-unknown"
    assert refused(desk, safe([key], cover=measure([key], 6, []))) == "cover-unknown"
    listed_in_full = measure([key, md5], 6, [addresses], bare=[md5])
    assert listed_in_full.datasets[0].uncounted == ("img_md5",)
    desk.stage_drafts([safe([key, md5], cover=listed_in_full)])


def test_the_cost_is_every_row_and_the_cover_only_different_digests() -> None:
    key = Key("url_sha256", "ab" * 32)
    other = "ab" * 31 + "cd"
    rows = Rows({"url_sha256": [key.digest] * 5 + [other] * 2 + ["00" * 32]}, rows=100)
    found = measure([key], 6, [rows])
    assert (found.datasets[0].removed, found.smallest, found.datasets[0].share) == (7, 2, 0.07)
    assert (found.entries, found.owed) == (1, 1)
    assert measure([key], 6, [rows], bare=[key]).smallest is None


def test_prefixes_too_long_to_count_are_refused(make_key: MakeKey) -> None:
    with pytest.raises(UsageError) as caught:
        measure([make_key("a")], 17, [])
    assert caught.value.slug == "cover-uncountable"


def test_an_edition_removes_all_that_one_it_includes_removes(desk: Any, make_key: MakeKey) -> None:
    a, b = make_key("a"), make_key("b")
    full = EditionDraft("research", [a, b])
    assert refused(desk, full, safe([a], includes=("research",))) == "edition-not-included"
    assert refused(desk, safe([a], includes=("research",))) == "edition-not-included"
    fewer = EditionDraft("research", [a], prefix_hex=5, cover=cover_of([a], 5))
    assert refused(desk, fewer, safe([a], includes=("research",))) == "edition-not-included"
    desk.stage_drafts([full, safe([a, b, make_key("c")], includes=("research",))])


def test_a_twin_of_the_same_prefix_stands_for_an_included_entry(desk: Any) -> None:
    """The published lists are what holders apply: the prefix removes both rows."""
    one, twin = Key("url_sha256", "ab" * 32), Key("url_sha256", "ab" * 3 + "cd" * 29)
    _, staged = desk.stage_drafts([EditionDraft("research", [one]), safe([twin], includes=("research",))])
    assert {change.name: change.rows for change in staged.editions} == {"research": 1, "research-safe": 1}


@pytest.mark.parametrize(
    ("options", "slug"),
    [
        ({}, None),
        ({"k_min": 299}, "child-safety-cover"),
        ({"disposition": "quarantine"}, "child-safety-cover"),
        ({"digits": 17, "cover": None}, "child-safety-cover"),
        ({"each": 299}, "cover-too-small"),
    ],
)
def test_child_safety_entries_are_only_ever_buried(
    desk: Any, make_key: MakeKey, options: dict[str, Any], slug: str | None
) -> None:
    key = make_key("a")
    if options.get("digits") == 17:
        draft = EditionDraft("research-safe", [key], 17, 300, "purge", buried=[key])
    else:
        draft = safe([key], buried=[key], **options)
    if slug:
        assert refused(desk, draft) == slug
    else:
        desk.stage_drafts([draft])


def test_two_kinds_of_one_row_would_cross(desk: Any, make_key: MakeKey) -> None:
    keys = [make_key("a"), make_key("a", "img_md5")]
    assert refused(desk, safe(keys, buried=keys)) == "child-safety-kind"
    desk.stage_drafts([safe(keys, buried=keys[:1])])


def test_no_edition_begins_to_list_them_in_full(desk: Any, make_key: MakeKey) -> None:
    a, b = make_key("a"), make_key("b")
    assert refused(desk, EditionDraft("research", [a]), safe([a], buried=[a])) == "child-safety-in-full"
    assert refused(desk, EditionDraft("research", [a], buried=[a])) == "child-safety-cover"
    desk.release_drafts([EditionDraft("research", [a]), safe([a])])
    # It stood there before anybody reported it: taking it out now would point at it.
    desk.stage_drafts([EditionDraft("research", [a]), safe([a, b], buried=[a, b])])
    again = [EditionDraft("research", [a, b]), safe([a, b], buried=[a, b])]
    with pytest.raises(UsageError, match="child-safety entries in full"):
        desk.stage_drafts(again)


def test_no_edition_begins_to_list_them_by_digits_that_do_not_bury(desk: Any, make_key: MakeKey) -> None:
    def blurred(*keys: Key) -> EditionDraft:
        """Twelve digits name one row of any dataset, and nobody promised more."""
        return EditionDraft("research", keys, prefix_hex=12, cover=cover_of(keys, 12, 1))

    a, b = make_key("a"), make_key("b")
    assert refused(desk, blurred(a), safe([a], buried=[a])) == "child-safety-in-full"
    desk.release_drafts([blurred(a), safe([a])])
    desk.stage_drafts([blurred(a), safe([a, b], buried=[a, b])])
    with pytest.raises(UsageError, match="digits that do not bury"):
        desk.stage_drafts([blurred(a, b), safe([a, b], buried=[a, b])])


DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
KEYS = st.one_of(
    DIGESTS.map(lambda digest: Key("url_sha256", digest)),
    DIGESTS.map(lambda digest: Key("url_sha256", "ab" + digest[2:])),
    DIGESTS.map(lambda digest: Key("img_md5", digest[:32])),
)


@given(st.lists(KEYS, max_size=20), st.integers(1, 64), st.integers(1, 64))
def test_a_cut_list_is_the_list_of_the_cut(keys: list[Key], one: int, other: int) -> None:
    short, long = sorted((one, other))
    assert cut(State.of(keys, long), short) == State.of(keys, short)
