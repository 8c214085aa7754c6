"""The list a manifest names, from files on this disk: full state, then deltas, then the final comparison."""

from __future__ import annotations

from takedown import disk
from takedown.blocklist.canonical import broken
from takedown.blocklist.delta import step
from takedown.blocklist.manifest import DeltaFile, Manifest
from takedown.blocklist.state import State, read_state
from takedown.errors import VerificationFailed


def rebuild(locate: disk.Locate, manifest: Manifest) -> State:
    """The list from the last full state and the deltas after it.

    Args:
        locate: from a path of the repository to the file on this disk.
        manifest: an authenticated manifest.

    Raises:
        VerificationFailed: a file is missing, altered or breaks the format, or the result is another list.
    """
    state = read_state(locate, manifest.state.files, manifest.prefix_hex)
    return roll(locate, manifest, state, manifest.steps(manifest.state.seq))


def roll(
    locate: disk.Locate, manifest: Manifest, state: State, deltas: tuple[DeltaFile, ...] | None
) -> State:
    """Roll a list forward by deltas, and compare the result with the manifest.

    Raises:
        VerificationFailed: as ``step`` and ``check_state``; ``delta-missing`` when ``deltas`` is None.
    """
    if deltas is None:
        raise VerificationFailed(
            "The deltas since the list kept here are no longer listed.", slug="delta-missing"
        )
    for delta in deltas:
        state = step(locate, state, delta)
    check_state(manifest, state)
    return state


def check_state(manifest: Manifest, state: State) -> None:
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
