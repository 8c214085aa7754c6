"""Signing: one more signature on exactly what was reviewed.

1. Hold the staging folder's lock: two managers who sign at once both keep their signatures.
2. Read and review the folder again; with ``expected`` it must be the very release that was shown.
3. Sign what was just read, and put it in place whole.

Signers who each had a copy of the folder hand back their ``metadata/N.targets.json``; ``join`` puts the
signatures together.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import Root

from takedown import disk
from takedown.errors import UsageError, VerificationFailed
from takedown.publish.keyring import load_for
from takedown.publish.repository import load_head, read_targets
from takedown.publish.review import StagedRelease, check_staging, load_staged, review_staged

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


def check_key(repository: Path, key: Path) -> None:
    """Nothing when a key may sign releases of a repository: to be told before anyone reads and agrees.

    Raises:
        UsageError: unreadable, or not a targets key of this repository.
        VerificationFailed: the repository does not verify.
    """
    load_for(key, load_head(repository).root.signed, "targets")


def join(repository: Path, staging: Path, files: Sequence[Path]) -> None:
    """Add the signatures of copies of a staged release to it.

    Args:
        repository, staging: folders; only the staged targets metadata is written.
        files: ``metadata/N.targets.json`` of each copy.

    Raises:
        UsageError: a folder or file is not what it should be.
        VerificationFailed: slug ``staging-disagrees`` or ``signature-invalid``: a file is of another release,
            or holds no valid signature by a targets key of this repository.
    """
    check_staging(staging)
    with disk.locked(staging / _LOCK):
        root = load_head(repository).root.signed
        staged = load_staged(staging)
        for file in files:
            _take_signatures(root, staged, file)
        disk.write(staged.path, staged.targets.to_bytes())


def _take_signatures(root: Root, staged: StagedRelease, file: Path) -> None:
    try:
        copy = read_targets(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file} cannot be read; name the signed targets.json of a copy.") from error
    if copy.signed_bytes != staged.targets.signed_bytes:
        sentence = f"{file} is of another release than the staged one; ask its signer which they signed."
        raise VerificationFailed(sentence, slug="staging-disagrees")
    valid = root.get_verification_result("targets", copy.signed_bytes, copy.signatures).signed
    if not valid:
        sentence = f"{file} holds no signature by a targets key of this repository; ask its signer to sign."
        raise VerificationFailed(sentence, slug="signature-invalid")
    staged.targets.signatures.update({keyid: copy.signatures[keyid] for keyid in valid})
