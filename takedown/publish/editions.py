"""What the editions of one release owe each other, tested on their lists before anything is written.

1. An edition that includes another removes whatever that one removes.
2. An edition that cuts its digests comes with a count of what they cover, and covers enough (cover.py).
3. Child-safety entries are only ever buried: by an edition that cuts, purges and covers 300 or more. None
   begins to be listed in full, or cut to digits that do not bury it, or the difference of two editions would
   point at it. An entry that stood there before it became one stays: taking it out now would point at it
   just as well.
4. They are listed by address alone: a row that is listed by two kinds stands where two prefixes cross, and
   few rows do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from takedown.blocklist.columns import Digests
from takedown.blocklist.entry import FULL
from takedown.blocklist.state import State
from takedown.errors import UsageError
from takedown.publish import cover
from takedown.publish.live import cut, listed_as, outside, without

if TYPE_CHECKING:
    from takedown.publish.stage import EditionDraft

#: Fewest rows among which a child-safety entry is buried (docs/editions.md).
CHILD_SAFETY_K_MIN = 300
#: The one kind by which such an entry is listed.
BURIED_KIND = "url_sha256"


def check_editions(
    drafts: Sequence[EditionDraft], states: Mapping[str, State], listed: Callable[[str], State | None]
) -> None:
    """Nothing when these editions may be published together.

    Args:
        drafts: the editions.
        states: the list that each will have, by name.
        listed: the list that an edition has now; None where it has none.

    Raises:
        UsageError: slugs ``edition-not-included``, ``child-safety-cover``, ``child-safety-kind``,
            ``child-safety-in-full``, and those of ``cover.check``.
    """
    hidden = _hidden(drafts, listed)
    for draft in drafts:
        for name in draft.includes:
            _check_included(draft.name, states[draft.name], name, states.get(name))
        buried = listed_as(draft.buried)
        if buried.lists and not _buries(draft):
            raise UsageError(
                f"Edition {draft.name} carries child-safety entries: it must cut its digests to "
                f'{cover.MOST_DIGITS} or fewer digits, have disposition "purge" and a k_min of '
                f"{CHILD_SAFETY_K_MIN} or more. Nothing was staged.",
                slug="child-safety-cover",
            )
        if any(kind != BURIED_KIND for kind in buried.lists):
            raise UsageError(
                f"Edition {draft.name} would list child-safety rows by more than their address: a row is "
                "found where the prefixes of two kinds cross. Decide them by address. Nothing was staged.",
                slug="child-safety-kind",
            )
        if draft.prefix_hex < FULL:
            cover.check(draft.name, states[draft.name], draft.k_min, draft.cover)
        if not _buries(draft):
            _check_hidden(draft, hidden, listed)


def _buries(draft: EditionDraft) -> bool:
    enough = draft.k_min >= CHILD_SAFETY_K_MIN and draft.disposition == "purge"
    return enough and draft.prefix_hex <= cover.MOST_DIGITS


def _check_included(name: str, state: State, included: str, other: State | None) -> None:
    if other is None or other.prefix_hex < state.prefix_hex:
        raise UsageError(
            f"Edition {name} includes {included}: that must be in the release too, with as many digits or "
            "more. Nothing was staged.",
            slug="edition-not-included",
        )
    missing = sum(
        len(outside(digests, state.digests(kind)))
        for kind, digests in cut(other, state.prefix_hex).lists.items()
    )
    if missing:
        raise UsageError(
            f"Edition {name} includes {included} and lacks {missing} of its entries; give it all of that "
            "edition's grounds. Nothing was staged.",
            slug="edition-not-included",
        )


def _hidden(drafts: Sequence[EditionDraft], listed: Callable[[str], State | None]) -> State:
    """The child-safety entries that no edition lists in full today."""
    buried = _together([listed_as(draft.buried) for draft in drafts])
    for draft in drafts:
        shown = listed(draft.name) if buried.lists and draft.prefix_hex == FULL else None
        if shown is not None and shown.prefix_hex == FULL:
            buried = without(buried, shown)
    return buried


def _together(lists: Sequence[State]) -> State:
    """All entries of some lists of full digests."""
    found: dict[str, list[Digests]] = {}
    for one in lists:
        for kind, digests in one.lists.items():
            found.setdefault(kind, []).append(digests)
    return State.trusted(FULL, {kind: np.unique(np.concatenate(parts)) for kind, parts in found.items()})


def _check_hidden(draft: EditionDraft, hidden: State, listed: Callable[[str], State | None]) -> None:
    """An edition that does not bury them begins to list none of them."""
    keys = listed_as(draft.keys) if hidden.lists else State()
    shown = State.trusted(
        FULL,
        {
            kind: np.intersect1d(found, keys.digests(kind), assume_unique=True)
            for kind, found in hidden.lists.items()
        },
    )
    if not shown.lists:
        return
    standing = listed(draft.name)
    if standing is not None and standing.prefix_hex == draft.prefix_hex:
        shown = without(cut(shown, draft.prefix_hex), standing)
    if shown.lists:
        raise UsageError(
            f"Edition {draft.name} would list child-safety entries in full, or cut to digits that do not "
            "bury them; leave them to the edition that buries them. Nothing was staged.",
            slug="child-safety-in-full",
        )
