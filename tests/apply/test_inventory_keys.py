"""The keys of a shard: they may say yes too often, never no where there is an entry."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from takedown.apply.inventory.keys import Keys

HEADS = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 2**12).map(lambda n: n << 20), max_size=400)


def _asked(keys: Keys, *entries: str) -> bool:
    """Whether the keys may hold one of these entries, all of the same length."""
    bits = min(4 * len(entries[0]), 64)
    heads = sorted(int(entry[:16].ljust(16, "0"), 16) for entry in entries)
    return keys.any_of(np.array(heads, np.uint64), bits)


def _keys(heads: list[int]) -> Keys:
    return Keys.from_bytes(Keys.of(np.array(heads, np.uint64)).to_bytes())


@given(heads=HEADS, digits=st.integers(1, 64), data=st.data())
def test_what_is_there_is_found_by_entries_of_any_length(
    heads: list[int], digits: int, data: st.DataObject
) -> None:
    if not heads:
        assert not _asked(_keys([]), "0" * digits)
        return
    head = data.draw(st.sampled_from(heads))
    assert _asked(_keys(heads), f"{head:016x}".ljust(64, "7")[:digits])


def test_what_is_not_there_is_hardly_ever_taken_for_it() -> None:
    digests = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(40_000)]
    keys = _keys([int(digest[:16], 16) for digest in digests[:20_000]])
    assert not _asked(keys, *digests[20_000:])


@pytest.mark.parametrize("rows", [1, 1_000, 100_000])
def test_a_key_takes_four_bytes_at_most(rows: int) -> None:
    heads = np.random.default_rng(1).integers(0, 2**64, rows, np.uint64)
    assert len(Keys.of(heads).to_bytes()) <= 4 * rows + 1


def test_a_bucket_filled_on_purpose_says_yes_to_everything_in_it() -> None:
    heads = [n << 30 for n in range(2_000)]
    keys = _keys(heads)
    assert len(keys) == 255
    assert all(_asked(keys, f"{head:016x}") for head in heads)
    assert not _asked(keys, "f" * 64)


@pytest.mark.parametrize("data", [b"", b"\x29", b"\x02\x01", b"\x00\x02abc", b"\x00\x01abcd"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="key"):
        Keys.from_bytes(data)
