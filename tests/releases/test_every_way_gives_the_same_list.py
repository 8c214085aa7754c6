"""Whatever releases a reader skips, and whichever files it takes, it ends with the list of the full state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takedown.blocklist import (
    DeltaFile,
    FullState,
    Log,
    Manifest,
    State,
    apply,
    columns,
    diff,
    write_delta,
    write_state,
)
from takedown.blocklist.files import read_pieces
from takedown.blocklist.pieces import Piece, applied
from takedown.blocklist.rebuild import rebuild, roll
from takedown.errors import VerificationFailed
from takedown.keys import PUBLISHED_KINDS, WIDTHS, Key
from takedown.subscribe.tables import write_list


@st.composite
def full_keys(draw: st.DrawFn) -> Key:
    """Keys from a small world, so that prefixes collide and lists overlap."""
    kind = draw(st.sampled_from(PUBLISHED_KINDS))
    digits = draw(st.text("0af", min_size=3, max_size=3))
    return Key(kind, digits + "7" * (2 * WIDTHS[kind] - 3))


key_sets = st.frozensets(full_keys(), max_size=20)
histories = st.lists(key_sets, min_size=2, max_size=6)
prefixes = st.sampled_from([1, 2, 3, 33, 64])
small_chunks = st.sampled_from([1, 2, 3, 7])


def manifest_of(
    seq: int, full: int, states: Sequence[State], folder: Path, deltas: Sequence[DeltaFile], rows: int
) -> Manifest:
    """The manifest of one release of a history, whose full state is that of another."""
    return Manifest(
        publisher="Example",
        dataset_ids=("example/dataset",),
        edition="research",
        prefix_hex=states[0].prefix_hex,
        k_min=0,
        seq=seq,
        created=date(2026, 11, 22),
        prev_manifest_sha256=None,
        state=FullState(full, write_state(states[full - 1], folder, "research", full, rows)),
        deltas=tuple(delta for delta in deltas if delta.end <= seq),
        state_sha256=states[seq - 1].state_sha256,
        count_by_kind=states[seq - 1].count_by_kind,
        disposition="purge",
        min_client="0.1.0",
        log=Log(0, "0" * 64),
        audit_head="",
    )


@settings(max_examples=30, deadline=None)
@given(histories, prefixes, small_chunks, st.sampled_from([1, 3, 1000]), st.data())
def test_any_kept_release_any_full_state_and_any_chunks(
    history: list[frozenset[Key]], prefix_hex: int, chunk: int, rows: int, data: st.DataObject
) -> None:
    states = [State.of(keys, prefix_hex) for keys in history]
    newest = len(states)
    full, kept = (data.draw(st.integers(1, newest), label) for label in ("full", "kept"))
    with (
        TemporaryDirectory() as name,
        patch.object(columns, "CHUNK", chunk),
        patch.object(columns, "ROW_GROUP", 2 * chunk),
    ):
        folder = Path(name)
        numbered = list(enumerate(states, 1))
        deltas = [write_delta(folder, "research", old, new) for old, new in pairwise(numbered)]
        manifest = manifest_of(newest, full, states, folder, deltas, rows)
        assert Manifest.from_bytes(manifest.to_bytes()) == manifest
        assert rebuild(lambda path: folder / path, manifest) == states[-1]

        rolled = roll(lambda path: folder / path, manifest, states[kept - 1].pieces(), manifest.steps(kept))
        files, tables = write_list(rolled, folder / "local", manifest)
        local = State.collect(
            read_pieces(lambda path: folder / "local" / path, files, prefix_hex), prefix_hex
        )
        assert local == states[-1]
        assert [table.kind for table in tables] == list(states[-1].lists)


@given(key_sets, key_sets, prefixes, st.lists(st.integers(1, 5), min_size=1))
def test_a_patched_stream_is_the_new_list_however_it_is_cut(
    old: frozenset[Key], new: frozenset[Key], prefix_hex: int, sizes: list[int]
) -> None:
    before, after = State.of(old, prefix_hex), State.of(new, prefix_hex)
    delta = diff(before, after)
    assert apply(before, delta) == after
    pieces = applied(cut(before, sizes), cut(delta.removed, sizes[::-1]), cut(delta.added, sizes))
    assert State.collect(pieces, prefix_hex) == after


def cut(state: State, sizes: Sequence[int]) -> Iterator[Piece]:
    """The stream in pieces of other sizes, empty ones between them."""
    for kind, digests in state.lists.items():
        at = 0
        while at < len(digests):
            size = sizes[at % len(sizes)]
            yield kind, digests[at : at + size]
            yield kind, digests[:0]
            at += size


@given(key_sets, key_sets, key_sets)
def test_a_delta_between_other_lists_is_never_applied_in_part(
    old: frozenset[Key], new: frozenset[Key], other: frozenset[Key]
) -> None:
    delta, start = diff(State.of(old), State.of(new)), State.of(other)
    left = set(other) - set(delta.removed)
    if set(delta.removed) <= set(other) and not set(delta.added) & left:
        assert set(apply(start, delta)) == left | set(delta.added)
        return
    with pytest.raises(VerificationFailed) as caught:
        apply(start, delta)
    assert caught.value.slug in ("delta-remove-absent", "delta-add-present")


def test_prefix_twins_added_withdrawn_and_added_again_equal_the_state(tmp_path: Path) -> None:
    twins = [Key("url_sha256", "0" * 7 + digit * 57) for digit in "12"]
    history = [twins, twins[:1], [], twins[1:], twins]
    states = [State.of(keys, 7) for keys in history]
    numbered = list(enumerate(states, 1))
    deltas = [write_delta(tmp_path, "research", old, new) for old, new in pairwise(numbered)]
    assert [(delta.added, delta.removed) for delta in deltas] == [(0, 0), (0, 1), (1, 0), (0, 0)]
    for seq in range(1, len(states) + 1):
        manifest = manifest_of(seq, 1, states, tmp_path, deltas, 1000)
        assert rebuild(lambda path: tmp_path / path, manifest) == states[seq - 1]
