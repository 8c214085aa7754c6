"""The root file: where a reader's trust starts, and the marker of a trial.

It is TUF root metadata; its first version is handed to holders once, by a way they trust.
"""

from __future__ import annotations

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root

from takedown.errors import VerificationFailed

#: Signed field of ours in root: true when the keys were made for a trial and mean nothing.
THROWAWAY_FIELD = "x-throwaway"


def read_root(root_bytes: bytes) -> Root:
    """Root metadata that is signed by itself.

    Raises:
        VerificationFailed: slug ``root-invalid``: anything else.
    """
    try:
        metadata: Metadata[Root] = Metadata.from_bytes(root_bytes)
        if metadata.signed.type != Root.type:
            raise RepositoryError("not root metadata")
        metadata.signed.verify_delegate("root", metadata.signed_bytes, metadata.signatures)
    except RepositoryError as error:
        raise VerificationFailed(
            "The root file is not root metadata signed by itself; get it from the publisher again.",
            slug="root-invalid",
        ) from error
    return metadata.signed


def is_throwaway(root_bytes: bytes) -> bool:
    """True when a root file says, under its own signatures, that it was made for a trial.

    Raises:
        VerificationFailed: slug ``root-invalid``.
    """
    return read_root(root_bytes).unrecognized_fields.get(THROWAWAY_FIELD) is True
