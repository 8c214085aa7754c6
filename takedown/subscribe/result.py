"""What sync and verify answer."""

from __future__ import annotations

from dataclasses import dataclass

from takedown.blocklist.root import is_throwaway


@dataclass(frozen=True)
class SyncResult:
    """The list in use after a sync or a verify.

    Attributes:
        seq: number of the release.
        editions: name -> (seq, entries).
        warnings: plain sentences for a person.
        stale: slug of why a newer list could not be looked for; None when this is the newest.
        fetched: bytes of manifests and data files fetched.
    """

    seq: int
    editions: dict[str, tuple[int, int]]
    warnings: tuple[str, ...] = ()
    stale: str | None = None
    fetched: int = 0


def root_warnings(root: bytes) -> tuple[str, ...]:
    """What a person should know about a root file.

    Raises:
        VerificationFailed: slug ``root-invalid``.
    """
    if not is_throwaway(root):
        return ()
    return ("The publisher's keys are marked as a trial: do not rely on this list.",)
