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
from takedown.publish.from_diff_rows import PARTS, Digests, Rows, Version, named, number_equal

Bits = NDArray[np.bool_]
Places = NDArray[np.int64]

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


@dataclass(frozen=True)
class _Numbers:
    """The rows of a part by the number of one of their digests: equal digests, equal numbers."""

    old: Places
    new: Places

    @classmethod
    def of(cls, old: Digests, new: Digests) -> _Numbers:
        numbers = number_equal(np.concatenate([old, new]))
        return cls(numbers[: len(old)], numbers[len(old) :])

    def among(self, places: Places) -> Bits:
        """For each number, whether it is one of these."""
        found = np.zeros(len(self.old) + len(self.new), dtype=bool)
        found[places] = True
        return found

    def copies(self, old: Bits, new: Bits) -> tuple[int, int]:
        """Of digests that both versions have: how many more rows OLD has, and how many more NEW has."""
        length = len(self.old) + len(self.new)
        before, after = (np.bincount(places, minlength=length) for places in (self.old[old], self.new[new]))
        difference = np.where((before > 0) & (after > 0), before - after, 0)
        return int(difference[difference > 0].sum()), -int(difference[difference < 0].sum())


def _compare(old: Rows, new: Rows, found: Found, keep_edited: bool) -> tuple[Digests, Digests]:
    """Addresses and pairs that went, each once; what cannot be listed is added to ``found``."""
    urls = _Numbers.of(old["url"], new["url"])
    old_url, new_url = named(old, "url"), named(new, "url")
    gone = old_url & ~urls.among(urls.new[new_url])[urls.old]
    known = urls.among(urls.old[old_url])[urls.new]
    found.new += _count(new_url & ~known)
    field = "url" if found.by_address else "pair"
    nameless = _count(~named(old, field)) - _count(~named(new, field))
    found.nameless += max(0, nameless)
    found.new += max(0, -nameless)
    if found.by_address:
        left, (fewer, more) = np.zeros_like(gone), urls.copies(old_url, new_url)
    else:
        left, (fewer, more) = _compare_pairs(old, new, urls, gone, known, found, keep_edited)
    found.removed += _count(gone | left)
    found.copies += fewer
    found.new += more
    return np.unique(old["url"][gone]), np.unique(old["pair"][left])


def _compare_pairs(
    old: Rows, new: Rows, urls: _Numbers, gone: Bits, known: Bits, found: Found, keep_edited: bool
) -> tuple[Bits, tuple[int, int]]:
    """Rows of OLD whose pair went though their address did not; and copies, as ``_Numbers.copies``."""
    pairs = _Numbers.of(old["pair"], new["pair"])
    name_old, name_new, new_url = named(old, "pair"), named(new, "pair"), named(new, "url")
    left = name_old & ~gone & ~pairs.among(pairs.new[name_new])[pairs.old]
    other = name_new & ~pairs.among(pairs.old[name_old])[pairs.new]
    edited = other & new_url & known
    if keep_edited:
        left &= ~urls.among(urls.new[edited])[urls.old]
    found.edited += _count(edited)
    found.new += _count(other & ~new_url)
    return left, pairs.copies(name_old, name_new)


def _count(bits: Bits) -> int:
    return int(np.count_nonzero(bits))
