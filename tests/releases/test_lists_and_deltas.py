"""States and deltas: whatever keys live, files and deltas lead to the same list."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takedown.blocklist import Delta, State, apply, diff, read_delta, read_state, write_delta, write_state
from takedown.errors import BadKey, UsageError, VerificationFailed
from takedown.keys import PUBLISHED_KINDS, WIDTHS, Key


@st.composite
def full_keys(draw: st.DrawFn) -> Key:
    """Keys from a small world, so that prefixes collide and lists overlap."""
    kind = draw(st.sampled_from(PUBLISHED_KINDS))
    digits = draw(st.text("0af", min_size=3, max_size=3))
    return Key(kind, digits + "7" * (2 * WIDTHS[kind] - 3))


key_sets = st.frozensets(full_keys(), max_size=25)
prefixes = st.sampled_from([1, 2, 3, 7, 31, 32, 33, 63, 64])


def naive(keys: frozenset[Key], prefix_hex: int) -> list[str]:
    """The list as docs/releases.md says it, in plain Python."""
    return sorted({f"{kind}\t{digest[:prefix_hex]}\n" for kind, digest in keys})


@given(key_sets, prefixes)
def test_a_state_is_the_sorted_unique_truncated_list(keys: frozenset[Key], prefix_hex: int) -> None:
    state = State.of([*keys, *keys], prefix_hex)
    lines = naive(keys, prefix_hex)
    assert [f"{kind}\t{digest}\n" for kind, digest in state] == lines
    assert state.state_sha256 == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert len(state) == len(lines) == sum(state.count_by_kind.values())


@settings(deadline=None)  # files are synced to disk, and that takes as long as it takes
@given(key_sets, prefixes, st.sampled_from([1, 2, 1000]))
def test_files_give_the_state_back(keys: frozenset[Key], prefix_hex: int, rows: int) -> None:
    state = State.of(keys, prefix_hex)
    with TemporaryDirectory() as folder:
        files = write_state(state, Path(folder), "research", 1, rows)
        assert read_state(lambda path: Path(folder) / path, files, prefix_hex) == state
    assert [(file.kind, file.shard) for file in files] == sorted({(file.kind, file.shard) for file in files})


@settings(deadline=None)
@given(key_sets, key_sets, prefixes)
def test_a_delta_turns_the_old_state_into_the_new(
    old: frozenset[Key], new: frozenset[Key], prefix_hex: int
) -> None:
    before, after = State.of(old, prefix_hex), State.of(new, prefix_hex)
    with TemporaryDirectory() as folder:
        file = write_delta(Path(folder), "research", (1, before), (2, after))
        delta = read_delta(Path(folder) / file.path, file, prefix_hex)
    assert delta == diff(before, after)
    assert apply(before, delta) == after
    assert not set(delta.added) & set(delta.removed)


@given(st.lists(key_sets, min_size=2, max_size=6), prefixes)
def test_any_history_of_deltas_ends_at_the_last_state(history: list[frozenset[Key]], prefix_hex: int) -> None:
    states = [State.of(keys, prefix_hex) for keys in history]
    rolled = states[0]
    for old, new in pairwise(states):
        rolled = apply(rolled, diff(old, new))
    assert rolled == states[-1]


def test_add_remove_and_add_again_equals_the_state() -> None:
    one, two = Key("img_md5", "a" * 32), Key("url_sha256", "b" * 64)
    states = [State.of(keys) for keys in ([two], [one, two], [two], [two, one])]
    rolled = states[0]
    for old, new in pairwise(states):
        rolled = apply(rolled, diff(old, new))
    assert rolled == State.of([one, two])


@given(st.integers(1, 7))
def test_withdrawing_one_of_two_prefix_twins_changes_nothing_until_the_other_goes(prefix_hex: int) -> None:
    twins = [Key("url_sha256", "0" * 7 + "1" * 57), Key("url_sha256", "0" * 7 + "2" * 57)]
    both, one, none = (State.of(keys, prefix_hex) for keys in (twins, twins[:1], []))
    assert both == one
    assert diff(both, one) == Delta(State(prefix_hex), State(prefix_hex))
    assert [key.digest for key in diff(one, none).removed] == ["0" * prefix_hex]


@pytest.mark.parametrize(
    ("count", "rows", "shards"), [(10, 10, 1), (11, 10, 16), (160, 10, 16), (161, 10, 256)]
)
def test_a_long_list_is_cut_into_1_16_or_256_shards(
    tmp_path: Path, count: int, rows: int, shards: int
) -> None:
    state = State.of(Key("img_sha256", hashlib.sha256(bytes([n])).hexdigest()) for n in range(count))
    files = write_state(state, tmp_path, "research", 3, rows)
    assert {len(file.shard) for file in files} == {{1: 0, 16: 1, 256: 2}[shards]}
    assert all(
        (tmp_path / file.path).name == f"img_sha256.{int(file.shard or '0', 16):02x}.parquet"
        for file in files
    )
    assert sum(file.rows for file in files) == count


@pytest.mark.parametrize(
    ("old", "delta", "slug"),
    [
        ([], Delta(State(), State.of([Key("img_md5", "a" * 32)])), "delta-remove-absent"),
        (["a"], Delta(State.of([Key("img_md5", "a" * 32)]), State()), "delta-add-present"),
        (
            ["a"],
            Delta(State.of([Key("img_md5", "b" * 32)]), State.of([Key("img_md5", "c" * 32)])),
            "delta-remove-absent",
        ),
        (["a"], Delta(State(7), State(7)), "delta-prefix"),
    ],
)
def test_a_delta_that_does_not_fit_is_refused(old: list[str], delta: Delta, slug: str) -> None:
    with pytest.raises(VerificationFailed) as caught:
        apply(State.of(Key("img_md5", letter * 32) for letter in old), delta)
    assert caught.value.slug == slug


@pytest.mark.parametrize(
    "key",
    [
        Key("pdq", "a" * 64),  # perceptual hashes are never published
        Key("sha256", "a" * 64),
        Key("url_sha256", "A" * 64),
        Key("url_sha256", "a" * 63),
        Key("url_sha256", "a" * 65),
        Key("url_sha256", "a" * 63 + "\n"),
        Key("url_sha256", "a" * 63 + "g"),
        Key("img_md5", "a" * 64),
        Key("img_sha256", "a" * 32),
        Key("img_sha256", ""),
    ],
)
def test_only_full_published_keys_enter_a_list(key: Key) -> None:
    with pytest.raises(BadKey):
        State.of([key])


@pytest.mark.parametrize("prefix_hex", [-1, 0, 65])
def test_a_prefix_has_1_to_64_digits(prefix_hex: int) -> None:
    with pytest.raises(UsageError):
        State.of([], prefix_hex)


def test_lists_cut_to_different_lengths_have_no_delta() -> None:
    with pytest.raises(UsageError):
        diff(State(7), State(64))
