"""What went from one version of a dataset to the next, worked out part by part.

1. An address of OLD that NEW does not have: the address is listed (url_sha256).
2. An address that NEW still has, with a caption that it has no more: this pair is listed (row_sha256), and so
   is a caption without an address.
3. What a list cannot say is counted: rows that NEW has and OLD has not, captions that were edited, copies of
   a row that were dropped, rows with neither address nor caption.

Where one of the versions has no captions, addresses alone are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from takedown.keys import Key
from takedown.publish.from_diff_rows import HAS_URL, PARTS, Digests, Rows, Version, named

Bits = NDArray[np.bool_]

KINDS = ("url_sha256", "row_sha256")


@dataclass
class Found:
    """What a comparison found.

    Attributes:
        rows_old, rows_new: rows of the two versions.
        removed: rows of OLD that the list names.
        new: rows of NEW that OLD does not have, by address; and copies of a row beyond those that OLD has.
        edited: rows of NEW whose address OLD has with other captions only.
        copies: rows of OLD of which NEW keeps fewer copies; a list names all of them or none.
        nameless: rows that went and have neither address nor caption.
        by_address: captions were not compared.
    """

    rows_old: int = 0
    rows_new: int = 0
    removed: int = 0
    new: int = 0
    edited: int = 0
    copies: int = 0
    nameless: int = 0
    by_address: bool = False

    @property
    def exact(self) -> bool:
        """Whether applying the list to OLD gives just the rows of NEW."""
        return not (self.new or self.edited or self.copies or self.nameless)


@dataclass(frozen=True)
class Entries:
    """The entries found, on disk, in full; can be gone through any number of times."""

    folder: Path

    def __iter__(self) -> Iterator[Key]:
        for kind in KINDS:
            with open(self.folder / kind, "rb") as file:
                while digest := file.read(32):
                    yield Key(kind, digest.hex())


def compare(
    old: Version, new: Version, folder: Path, tell: Callable[[int], None], *, keep_edited: bool = False
) -> tuple[Found, Entries]:
    """Compare two versions.

    Args:
        old, new: what was written of them.
        folder: for the entries; it must exist.
        tell: called with each number of parts done.
        keep_edited: leave rows alone whose address NEW has with a caption that OLD does not have.
    """
    found = Found(old.rows, new.rows, by_address=not (old.captions and new.captions))
    with ExitStack() as stack:
        files = {kind: stack.enter_context(open(folder / kind, "wb")) for kind in KINDS}
        for number in range(PARTS):
            urls, pairs = _compare(old.part(number), new.part(number), found, keep_edited)
            for kind, digests in zip(KINDS, (urls, pairs), strict=True):
                files[kind].write(digests.tobytes())
            tell(1)
    return found, Entries(folder)


def _compare(old: Rows, new: Rows, found: Found, keep_edited: bool) -> tuple[Digests, Digests]:
    """Addresses and pairs that went, each once; what cannot be listed is added to ``found``."""
    old_url, new_url = (part["has"] & HAS_URL > 0 for part in (old, new))
    gone = old_url & ~np.isin(old["url"], new["url"][new_url])
    known = ~new_url | np.isin(new["url"], old["url"][old_url])
    found.new += int(np.count_nonzero(~known))
    if found.by_address:
        return _by_address(old, new, gone, known, found)
    name_old, name_new = named(old, "pair"), named(new, "pair")
    left = name_old & ~gone & ~np.isin(old["pair"], new["pair"][name_new])
    other = known & name_new & ~np.isin(new["pair"], old["pair"][name_old])
    if keep_edited:
        left &= ~np.isin(old["url"], new["url"][other & new_url])
    found.edited += int(np.count_nonzero(other & new_url))
    found.new += int(np.count_nonzero(other & ~new_url))
    found.removed += int(np.count_nonzero(gone | left))
    found.nameless += max(0, int(np.count_nonzero(~name_old) - np.count_nonzero(~name_new)))
    found.new += max(0, int(np.count_nonzero(~name_new) - np.count_nonzero(~name_old)))
    _copies(
        old["pair"][name_old & np.isin(old["pair"], new["pair"][name_new])],
        new["pair"][known & name_new & ~other],
        found,
    )
    return np.unique(old["url"][gone]), np.unique(old["pair"][left])


def _by_address(old: Rows, new: Rows, gone: Bits, known: Bits, found: Found) -> tuple[Digests, Digests]:
    old_url, new_url = (part["has"] & HAS_URL > 0 for part in (old, new))
    found.removed += int(np.count_nonzero(gone))
    bare = int(np.count_nonzero(~old_url) - np.count_nonzero(~new_url))
    found.nameless += max(0, bare)
    found.new += max(0, -bare)
    _copies(old["url"][old_url & ~gone], new["url"][known & new_url], found)
    return np.unique(old["url"][gone]), np.empty(0, "S32")


def _copies(old: Digests, new: Digests, found: Found) -> None:
    """Rows that both versions have, in other numbers."""
    names, times = np.unique(old, return_counts=True)
    _, times_new = np.unique(new, return_counts=True)  # the same names: each is in both
    if len(names):
        difference = times - times_new
        found.copies += int(difference[difference > 0].sum())
        found.new -= int(difference[difference < 0].sum())
