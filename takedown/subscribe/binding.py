"""A state folder belongs to one address and one root file; else its rollback protection means nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

from takedown import disk
from takedown.blocklist import canonical
from takedown.errors import UsageError
from takedown.subscribe.store import BINDING, ROOT


def check_binding(state_dir: Path, url: str, root: bytes) -> None:
    """Nothing when the folder is new, or was made for this address and root file.

    Raises:
        UsageError: slug ``other-root`` or ``other-url``.
        VerificationFailed: slug ``binding-invalid``: the folder was altered.
    """
    path = state_dir / BINDING
    if not path.is_file():
        return
    value = canonical.from_bytes(path.read_bytes(), "binding")
    fields = canonical.Fields(value, ("url", "root_sha256"), "binding")
    if fields.sha256("root_sha256") != hashlib.sha256(root).hexdigest():
        raise _belongs(state_dir, "another root file", "other-root")
    if fields.text("url", longest=10_000) != url:
        raise _belongs(state_dir, "another address", "other-url")


def bind(state_dir: Path, url: str, root: bytes) -> None:
    """Remember the address and the root file, once metadata was verified with them; mend the root file."""
    path, sha256 = state_dir / BINDING, hashlib.sha256(root).hexdigest()
    if not disk.matches(state_dir / ROOT, len(root), sha256):
        disk.write(state_dir / ROOT, root)
    if path.is_file():
        return
    disk.write(path, canonical.to_bytes({"url": url, "root_sha256": sha256}))


def _belongs(state_dir: Path, other: str, slug: str) -> UsageError:
    sentence = f"{state_dir} was made for {other}; give that one, or choose a new folder with --state."
    return UsageError(sentence, slug=slug)
