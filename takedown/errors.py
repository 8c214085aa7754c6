"""Every error this package raises on purpose.

    TakedownError             unexpected            exit 1
    ├── UsageError            the call is wrong     exit 2
    │   └── MissingExtra      an optional part is not installed
    ├── BadInput              what was given is bad exit 3
    │   ├── BadKey            a digest or perceptual hash
    │   ├── BadUrl            an address
    │   ├── BadImage          a picture
    │   ├── BadReceipt        the secret words
    │   ├── BadDataset        a shard or a folder of a dataset copy
    │   └── BadIndex          an index folder
    ├── VerificationFailed    do not trust it       exit 4
    ├── NothingToSync         no list could be had  exit 5
    ├── Stale                 the list is too old   exit 6
    ├── ListedRemain          check found some      exit 7
    ├── SandboxFailed         the child died; worth another try
    └── FetchFailed           an address was not fetched, or must not be

An error carries its decision: ``exit_code`` for scripts, ``retryable`` for workers, ``slug`` for programs
and, as its text, one plain sentence that says what to do. The sentence never quotes what a person sent.
"""

from __future__ import annotations

import errno
import os
from typing import ClassVar


class TakedownError(Exception):
    """Base of all errors raised on purpose.

    Args:
        sentence: one plain sentence for a person: what is wrong and what to do.
        slug: a stable name for programs; the class's own when omitted.
    """

    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False
    default_slug: ClassVar[str] = "unexpected"

    def __init__(self, sentence: str, *, slug: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.slug = slug or self.default_slug


class UsageError(TakedownError):
    """The call itself is wrong: options that do not fit, a folder that is not one."""

    exit_code = 2
    default_slug = "usage"


class MissingExtra(UsageError):
    """An optional part of the package is needed; the sentence holds the install command."""

    default_slug = "missing-extra"


class BadInput(TakedownError):
    """What was given cannot be used."""

    exit_code = 3
    default_slug = "bad-input"


class BadKey(BadInput):
    default_slug = "key-invalid"


class BadUrl(BadInput):
    default_slug = "url-invalid"


class BadImage(BadInput):
    default_slug = "image-invalid"


class BadReceipt(BadInput):
    """``number`` and ``near`` are set where a word is not on the list: which one, and the nearest that is."""

    default_slug = "receipt-invalid"
    number: int = 0
    near: str = ""


class BadDataset(BadInput):
    default_slug = "dataset-invalid"


class BadIndex(BadInput):
    default_slug = "index-invalid"


class VerificationFailed(TakedownError):
    """A signature, hash, length or format does not hold: what was fetched is thrown away."""

    exit_code = 4
    default_slug = "verification-failed"


class NothingToSync(TakedownError):
    """No list could be had, and none is kept locally."""

    exit_code = 5
    retryable = True
    default_slug = "nothing-to-sync"


class Stale(TakedownError):
    """The list, or what vouches for it, is too old to rely on; it may still be used with a warning."""

    exit_code = 6
    retryable = True
    default_slug = "stale"


class ListedRemain(TakedownError):
    """A copy still holds rows that the list names."""

    exit_code = 7
    default_slug = "listed-remain"


class SandboxFailed(TakedownError):
    """The child that reads a picture died or ran past its limits."""

    retryable = True
    default_slug = "sandbox-failed"


class FetchFailed(TakedownError):
    """What stands at an address was not fetched: it must not be, cannot be, or is too much."""

    default_slug = "fetch-failed"


#: What the system says of a place that is not to be read or written, or is something else than was asked for.
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR, errno.EISDIR)


def from_system(error: BaseException) -> TakedownError | None:
    """What the system ran out of, as an error with a sentence; None where the error says something else."""
    # NumPy says how many items it wrote, and forgets the system's error number.
    unnumbered = isinstance(error, OSError) and error.errno is None and " written" in str(error)
    if unnumbered or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)):
        return TakedownError(
            "There is no room left on the disk; make room and run the same command again.", slug="disk-full"
        )
    if isinstance(error, OSError) and error.errno in _NOT_ALLOWED and error.filename:
        return UsageError(
            f"{os.fsdecode(error.filename)} cannot be used ({error.strerror}); check the path and your "
            "rights there, or name another.",
            slug="not-permitted",
        )
    if isinstance(error, MemoryError):
        return TakedownError(
            "There is not enough memory; run the same command again when there is more.", slug="memory-short"
        )
    return None
