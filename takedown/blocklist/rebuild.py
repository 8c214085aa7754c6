"""The list a manifest names, from files on this disk: full state, then deltas, then the final comparison.

All of it in one pass over streams, so that a list may be longer than memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from takedown import disk
from takedown.blocklist.canonical import broken
from takedown.blocklist.delta import check_start, stepped
from takedown.blocklist.files import read_pieces
from takedown.blocklist.manifest import DeltaFile, Manifest
from takedown.blocklist.pieces import Piece, Seal, sealed
from takedown.blocklist.state import State
from takedown.errors import VerificationFailed


def rebuild(locate: disk.Locate, manifest: Manifest) -> State:
    """The list from the last full state and the deltas after it, in memory; as ``stream``."""
    return State.collect(stream(locate, manifest), manifest.prefix_hex)


def stream(locate: disk.Locate, manifest: Manifest) -> Iterator[Piece]:
    """The list from the last full state and the deltas after it.

    Args:
        locate: from a path of the repository to the file on this disk.
        manifest: an authenticated manifest.

    Raises:
        VerificationFailed: a file is missing, altered or breaks the format, or the result is another list.
    """
    full = read_pieces(locate, manifest.state.files, manifest.prefix_hex)
    deltas = manifest.steps(manifest.state.seq)
    if deltas:
        full = sealed(full, manifest.prefix_hex, lambda seal: check_start(seal.state_sha256, deltas[0]))
    return roll(locate, manifest, full, deltas)


def roll(
    locate: disk.Locate, manifest: Manifest, pieces: Iterable[Piece], deltas: tuple[DeltaFile, ...] | None
) -> Iterator[Piece]:
    """Roll a list forward by deltas, and compare the result with the manifest.

    Args:
        locate: from a path of the repository to the file on this disk.
        manifest: an authenticated manifest.
        pieces: the list that the first delta starts from; that it is this list, the caller knows.
        deltas: in order, None where some are missing.

    Raises:
        VerificationFailed: as ``stepped`` and ``check_state``; ``delta-missing`` when ``deltas`` is None.
    """
    if deltas is None:
        raise VerificationFailed(
            "The deltas since the list kept here are no longer listed.", slug="delta-missing"
        )
    for delta in deltas:
        pieces = stepped(locate, pieces, delta, manifest.prefix_hex)
    return sealed(pieces, manifest.prefix_hex, lambda seal: check_state(manifest, seal))


def check_state(manifest: Manifest, state: State | Seal) -> None:
    """Nothing when the list is the one the manifest names.

    Raises:
        VerificationFailed: slug ``state-differs``, or ``manifest-invalid`` when its counts are wrong.
    """
    if state.prefix_hex != manifest.prefix_hex or state.state_sha256 != manifest.state_sha256:
        raise VerificationFailed(
            "The list is not the one the manifest names; get the release again or tell the publisher.",
            slug="state-differs",
        )
    if state.count_by_kind != manifest.count_by_kind:
        raise broken("manifest", "counts its entries wrongly")
