"""A state folder belongs to one address and one root file; else its rollback protection means nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

from takedown import disk
from takedown.blocklist import canonical
from takedown.errors import UsageError, VerificationFailed
from takedown.subscribe.store import BINDING, ROOT


def check_binding(state_dir: Path, url: str, root: bytes) -> None:
    """Nothing when the folder is new, or was made for this address and root file.

    Raises:
        UsageError: slug ``other-root`` or ``other-url``.
        VerificationFailed: slug ``binding-invalid``: the folder was altered.
    """
    found = bound_to(state_dir)
    if found is None:
        return
    if found[1] != hashlib.sha256(root).hexdigest():
        raise UsageError(
            f"{state_dir} was made for another root file; give that one, or choose a new folder with "
            "--state.",
            slug="other-root",
        )
    if found[0] != url:
        raise UsageError(
            f"{state_dir} was made for {found[0]}; give that address, or, if the publisher moved, sync from "
            "the new one into a new folder with --state.",
            slug="other-url",
        )


def bound_to(state_dir: Path) -> tuple[str, str] | None:
    """(address, SHA-256 of the root file) that the folder was made for; None where nothing says so.

    Raises:
        VerificationFailed: slug ``binding-invalid``: the folder was altered.
    """
    path = state_dir / BINDING
    if not path.is_file():
        return None
    try:
        value = canonical.from_bytes(path.read_bytes(), "binding")
        fields = canonical.Fields(value, ("url", "root_sha256"), "binding")
        return fields.text("url", longest=10_000), fields.sha256("root_sha256")
    except VerificationFailed as error:
        raise VerificationFailed(
            f"{path} was altered, so nothing says any more whose lists {state_dir} holds; choose a new "
            "folder with --state.",
            slug="binding-invalid",
        ) from error


def bind(state_dir: Path, url: str, root: bytes) -> None:
    """Remember the address and the root file, once metadata was verified with them; mend the root file."""
    path, sha256 = state_dir / BINDING, hashlib.sha256(root).hexdigest()
    if not disk.matches(state_dir / ROOT, len(root), sha256):
        disk.write(state_dir / ROOT, root)
    if path.is_file():
        return
    disk.write(path, canonical.to_bytes({"url": url, "root_sha256": sha256}))
