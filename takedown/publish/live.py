"""The live keys of an edition: one by one, or as a list of full digests, in a fraction of the memory."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from takedown.blocklist.columns import Digests, are_hex, chunks
from takedown.blocklist.entry import FULL, check_prefix_hex, digest_hex, validate
from takedown.blocklist.state import State
from takedown.errors import BadKey
from takedown.keys import WIDTHS, Key

#: Full keys in any order, repeats allowed; or the list that ``State.of`` makes of them.
Live = Iterable[Key] | State


def listed_as(keys: Live, prefix_hex: int = FULL) -> State:
    """The list that an edition publishes of its live keys.

    Raises:
        BadKey: a key is not a full published key.
        UsageError: ``prefix_hex`` out of range.
    """
    if not isinstance(keys, State):
        return State.of(keys, prefix_hex)
    if keys.prefix_hex != FULL:
        raise BadKey("A release is made of full digests; these are cut already.")
    for kind, digests in keys.lists.items():
        _check_full(kind, digests)
    return cut(keys, prefix_hex)


def cut(state: State, prefix_hex: int) -> State:
    """A list cut to fewer digits, as an edition that publishes so many would list its entries.

    Raises:
        UsageError: ``prefix_hex`` out of range.
    """
    check_prefix_hex(prefix_hex)
    return State.trusted(
        prefix_hex, {kind: _cut(kind, found, prefix_hex) for kind, found in state.lists.items()}
    )


def without(state: State, gone: State) -> State:
    """The entries of one list that are not in another of the same length of digests."""
    left = {kind: outside(digests, gone.digests(kind)) for kind, digests in state.lists.items()}
    return State.trusted(state.prefix_hex, left)


def outside(some: Digests, all_of_them: Digests) -> Digests:
    """Digests of one sorted array without repeats that are not in another."""
    if not len(some) or not len(all_of_them):
        return some
    at = np.minimum(np.searchsorted(all_of_them, some), len(all_of_them) - 1)
    left: Digests = some[all_of_them[at] != some]
    return left


def _cut(kind: str, digests: Digests, prefix_hex: int) -> Digests:
    """What begins alike stands side by side, so that nothing is sorted again."""
    wide = digest_hex(kind, prefix_hex)
    if digests.dtype.itemsize == wide:
        return digests
    short = digests.astype(f"S{wide}")
    first = np.ones(len(short), dtype=bool)
    np.not_equal(short[1:], short[:-1], out=first[1:])
    return short[first]


def _check_full(kind: str, digests: Digests) -> None:
    wide = 2 * WIDTHS[kind]
    if digests.dtype.itemsize == wide and all(are_hex(chunk.tobytes()) for chunk in chunks(digests)):
        return
    for digest in digests.tolist():
        validate(Key(kind, digest.decode("ascii", "replace")))
