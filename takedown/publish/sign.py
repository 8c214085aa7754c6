"""Signing: one more signature on exactly what was reviewed.

1. Hold the staging folder's lock: two managers who sign at once both keep their signatures.
2. Read and review the folder again; with ``expected`` it must be the very release that was shown.
3. Sign what was just read, and put it in place whole.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from takedown import disk
from takedown.errors import VerificationFailed
from takedown.publish.keyring import load_for
from takedown.publish.repository import load_head
from takedown.publish.review import check_staging, load_staged, review_staged

#: Beside the targets metadata, where whoever signs must be able to write anyway.
_LOCK = "metadata/.lock"


def sign(
    repository: Path, staging: Path, key: Path, *, expected: str | None = None, now: datetime | None = None
) -> None:
    """Review a staged release and add one targets signature to it.

    Args:
        repository, staging: folders; only the staged targets metadata is written.
        key: file of a private targets key.
        expected: ``Review.sha256`` of what a person agreed to; anything else is not signed.
        now: the moment of signing; the clock when None.

    Raises:
        UsageError: as ``review``; or the key is not a targets key of this repository.
        VerificationFailed: as ``review``; or slug ``staging-changed``: it is not what was expected.
    """
    check_staging(staging)
    with disk.locked(staging / _LOCK):
        current = load_head(repository)
        staged = load_staged(staging)
        if expected is not None and staged.sha256 != expected:
            raise VerificationFailed(
                "The staged release changed after it was shown; nothing was signed. Run the command again.",
                slug="staging-changed",
            )
        review_staged(current, repository, staging, staged, now)
        staged.targets.sign(load_for(key, current.root.signed, "targets"), append=True)
        disk.write(staged.path, staged.targets.to_bytes())
