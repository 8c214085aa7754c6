"""How far a staged release is from having its signatures; a look, no change."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from takedown.publish.repository import load_head
from takedown.publish.review import load_staged


@dataclass(frozen=True)
class Signatures:
    """Valid targets signatures on a staged release, and how many it needs."""

    valid: int
    needed: int

    @property
    def enough(self) -> bool:
        return self.valid >= self.needed


def signatures(repository: Path, staging: Path) -> Signatures:
    """Count the valid targets signatures of a staged release.

    Raises:
        UsageError: a folder is not what it should be.
        VerificationFailed: the repository does not verify, or a staged manifest was altered.
    """
    root = load_head(repository).root.signed
    staged = load_staged(staging).targets
    result = root.get_verification_result("targets", staged.signed_bytes, staged.signatures)
    return Signatures(len(result.signed), root.roles["targets"].threshold)
