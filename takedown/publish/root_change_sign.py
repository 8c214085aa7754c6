"""Looking at a change of keys, and signing it: each holder on their own machine, with the folder and one key.

1. Read and check the folder; with ``expected`` it must be the very change that was shown.
2. With a root file that the holder trusts, the chain of roots must begin with that file.
3. Sign what the key can sign, each signature in a file of its own: signing twice writes the same file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, Root

from takedown import disk
from takedown.blocklist import canonical
from takedown.blocklist.root import THROWAWAY_FIELD
from takedown.errors import UsageError, VerificationFailed
from takedown.publish.keyring import PROFILE_FIELD, PUBLISHER_FIELD, load, profile_of
from takedown.publish.public_keys import ROLES
from takedown.publish.repository import seq_of
from takedown.publish.root_change import SHORT, key_name
from takedown.publish.root_change_folder import Change, load_change


@dataclass(frozen=True)
class NamedKey:
    """A key as people speak of it: ``root-a``, and its identifier."""

    name: str
    keyid: str

    def __str__(self) -> str:
        return f"{self.name} ({self.keyid[:SHORT]})"


@dataclass(frozen=True)
class RoleChange:
    """What a change does to one role.

    Attributes:
        before, threshold: signatures needed now (None for a new repository) and afterwards.
        wanted: keys that the profile has; with fewer, each lost key counts.
        kept, added, revoked: keys.
    """

    role: str
    before: int | None
    threshold: int
    wanted: int
    kept: tuple[NamedKey, ...]
    added: tuple[NamedKey, ...]
    revoked: tuple[NamedKey, ...]


@dataclass(frozen=True)
class Needed:
    """Signatures that one file needs by one root's rules.

    Attributes:
        file: its name in the folder.
        by: ``before`` or ``after``: whose keys.
        threshold: how many.
        have, missing: keys whose signature is there, or could be given still.
    """

    file: str
    role: str
    by: str
    threshold: int
    have: tuple[NamedKey, ...]
    missing: tuple[NamedKey, ...]

    @property
    def enough(self) -> bool:
        return len(self.have) >= self.threshold


@dataclass(frozen=True)
class ChangeReview:
    """All that a signature on a change of keys would stand for.

    Attributes:
        version: of the new root, None when there is none.
        profile, profile_before: names of profiles; the second is None for a new repository.
        expires: of the new root, None when there is none.
        roles: what changes in each role; empty when there is no new root.
        targets_version, targets_expires: of the lists to be signed anew, None when they are not.
        seq: number of the release that these lists are.
        first_root_sha256: of the root file that holders were given, "" for a new repository.
        needed: signatures, file by file.
        sha256: of all that is signed; ``sign_change`` takes it as ``expected``.
    """

    publisher: str
    throwaway: bool
    version: int | None
    profile: str
    profile_before: str | None
    expires: datetime | None
    roles: tuple[RoleChange, ...]
    targets_version: int | None
    targets_expires: datetime | None
    seq: int
    first_root_sha256: str
    needed: tuple[Needed, ...]
    sha256: str


def review_change(folder: Path, *, trusted: bytes | None = None, now: datetime | None = None) -> ChangeReview:
    """What a change of keys would do, worked out from its files.

    Args:
        folder: of the change.
        trusted: a root file that is trusted; the chain of roots must begin with it.
        now: the moment of the look; the clock when None.

    Raises:
        UsageError: not a change's folder.
        VerificationFailed: nobody should sign it; slug ``other-root``: it is another publisher's.
    """
    change = load_change(folder, now=now)
    _check_trusted(change, trusted)
    root, before, targets = change.root, change.before, change.targets
    fields = change.after.unrecognized_fields
    return ChangeReview(
        publisher=str(fields.get(PUBLISHER_FIELD)),
        throwaway=fields.get(THROWAWAY_FIELD) is True,
        version=root.signed.version if root else None,
        profile=str(fields.get(PROFILE_FIELD)),
        profile_before=str(before.unrecognized_fields.get(PROFILE_FIELD)) if before else None,
        expires=root.signed.expires if root else None,
        roles=tuple(_role_change(role, before, root.signed) for role in ROLES) if root else (),
        targets_version=targets.signed.version if targets else None,
        targets_expires=targets.signed.expires if targets else None,
        seq=seq_of(change.current.signed) if change.current else 0,
        first_root_sha256=change.first_root_sha256,
        needed=tuple(needed(change)),
        sha256=change.sha256,
    )


def sign_change(
    folder: Path,
    key: Path,
    *,
    expected: str | None = None,
    trusted: bytes | None = None,
    now: datetime | None = None,
) -> tuple[Path, ...]:
    """Add one key's signature to a change of keys.

    Args:
        folder: of the change; only ``signatures/`` is written.
        key: file of a private root or targets key, of the present root or the proposed one.
        expected: ``ChangeReview.sha256`` of what a person agreed to; anything else is not signed.
        trusted: a root file that is trusted; the chain of roots must begin with it.
        now: the moment of signing; the clock when None.

    Returns:
        The files written: they are all that has to travel back.

    Raises:
        UsageError: as ``review_change``; or the key is none that this change needs.
        VerificationFailed: as ``review_change``; or slug ``change-changed``: it is not what was expected.
    """
    change = load_change(folder, now=now)
    _check_trusted(change, trusted)
    if expected is not None and change.sha256 != expected:
        sentence = "The change was altered after it was shown; nothing was signed. Run the command again."
        raise VerificationFailed(sentence, slug="change-changed")
    signer = load(key)
    files = _files_for(change, key, signer.public_key.keyid)
    return tuple(_write_signature(folder, name, change.names[name].sign(signer).to_dict()) for name in files)


def check_change_key(folder: Path, key: Path, *, now: datetime | None = None) -> None:
    """Nothing when a key signs something in a change: to be told before anyone reads and agrees.

    Raises:
        UsageError: not a change's folder, or the key is none that this change needs.
        VerificationFailed: nobody should sign it.
    """
    _files_for(load_change(folder, now=now), key, load(key).public_key.keyid)


def needed(change: Change, only: str | None = None) -> Iterator[Needed]:
    """Signatures that the files of a change need, by the present root and by the new one.

    Args:
        only: name of one file; all when None.
    """
    for name, metadata in change.names.items():
        if only in (None, name):
            if change.before is not None:
                yield _needed(name, metadata, change.before, "before")
            if change.root is not None:
                yield _needed(name, metadata, change.after, "after")


def _needed(name: str, metadata: Metadata[Any], root: Root, by: str) -> Needed:
    role = metadata.signed.type
    result = root.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    have, missing = (
        tuple(_named(root, keyid, role) for keyid in root.roles[role].keyids if keyid in keys)
        for keys in (result.signed, result.unsigned)
    )
    return Needed(name, role, by, root.roles[role].threshold, have, missing)


def _files_for(change: Change, key: Path, keyid: str) -> list[str]:
    files = [one for one in change.names if any(_can_sign(need, keyid) for need in needed(change, one))]
    if not files:
        raise UsageError(
            f"The key in {key} signs nothing in this change; name a root or targets key that it lists.",
            slug="key-not-needed",
        )
    return files


def _can_sign(need: Needed, keyid: str) -> bool:
    return keyid in {key.keyid for key in (*need.have, *need.missing)}


def _write_signature(folder: Path, name: str, signature: dict[str, Any]) -> Path:
    path = folder / "signatures" / f"{name.removesuffix('.json')}.{signature['keyid'][:16]}.json"
    fields = {"file": name, "keyid": signature["keyid"], "sig": signature["sig"]}
    disk.write(path, canonical.to_bytes(fields))
    return path


def _check_trusted(change: Change, trusted: bytes | None) -> None:
    if trusted is None:
        return
    if change.first_root_sha256 != hashlib.sha256(trusted).hexdigest():
        raise VerificationFailed(
            "The change does not start from the root file that you trust; do not sign it, and ask whoever "
            "sent it.",
            slug="other-root",
        )


def _role_change(role: str, before: Root | None, after: Root) -> RoleChange:
    new = after.roles[role].keyids
    old = before.roles[role].keyids if before else []
    return RoleChange(
        role=role,
        before=before.roles[role].threshold if before else None,
        threshold=after.roles[role].threshold,
        wanted=profile_of(after)[role].keys,
        kept=tuple(_named(after, keyid, role) for keyid in new if keyid in old),
        added=tuple(_named(after, keyid, role) for keyid in new if keyid not in old),
        revoked=tuple(_named(before, keyid, role) for keyid in old if before and keyid not in new),
    )


def _named(root: Root, keyid: str, role: str) -> NamedKey:
    return NamedKey(key_name(root, keyid, role), keyid)
