"""The folder in which a change of keys travels between its signers: small files, nothing secret.

    current/1.root.json ... N.root.json   what is replaced, from the first root that holders were given
    current/M.targets.json                the lists' signed metadata, where a repository exists already
    proposed/N+1.root.json                the new root, unsigned
    proposed/M+1.targets.json             the same lists again, where the new root would not accept the old
                                          signatures on them, or for a new repository none yet
    signatures/N+1.root.KEYID.json        one signature each: put the files of all signers into one folder

Nothing in it is trusted as it comes: ``load_change`` checks the chain of roots, the rules of a root, that the
lists stay as they are, and each signature.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Signature
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Targets

from takedown.blocklist import canonical
from takedown.errors import TakedownError, UsageError, VerificationFailed
from takedown.publish.keyring import profile_of
from takedown.publish.root_change import check_root, unsafe
from takedown.publish.terms import check_signed_part

_SIGNATURE = "signature file"


@dataclass(frozen=True)
class Change:
    """A change of keys as read and checked; its signatures are attached, and each of them is valid.

    Attributes:
        roots: what is replaced, oldest first; empty for a new repository.
        root: the proposed root, None when only the lists are signed again.
        current: the lists' metadata as it is signed now, None for a new repository.
        targets: the same lists to be signed again, None where that is not needed.
        first_root_sha256: of the file that holders were given, "" for a new repository.
    """

    folder: Path
    roots: tuple[Metadata[Root], ...]
    root: Metadata[Root] | None
    current: Metadata[Targets] | None
    targets: Metadata[Targets] | None
    first_root_sha256: str
    names: dict[str, Metadata[Any]] = field(repr=False, compare=False)

    @property
    def before(self) -> Root | None:
        """The root in force; None for a new repository."""
        return self.roots[-1].signed if self.roots else None

    @property
    def after(self) -> Root:
        """The root that will be in force."""
        return (self.root or self.roots[-1]).signed

    @property
    def sha256(self) -> str:
        """Of all that is signed here; adding a signature does not change it."""
        parts = (hashlib.sha256(one.signed_bytes).digest() for one in self.names.values())
        return hashlib.sha256(b"".join(parts)).hexdigest()


def load_change(folder: Path, *, now: datetime | None = None) -> Change:
    """Read a change's folder and check all of it.

    Raises:
        UsageError: not a change's folder.
        VerificationFailed: slugs ``root-unsafe``, ``change-broken``: nobody should sign it.
    """
    if not (folder / "proposed").is_dir():
        raise UsageError(f"{folder} does not hold a change of keys; 'takedown ceremony propose' makes one.")
    try:
        change = _read(folder)
        _check(change, now)
        _attach_signatures(change)
    except (RepositoryError, OSError, ValueError) as error:
        raise _broken("its files are incomplete or do not verify") from error
    return change


def load_roots(folder: Path) -> list[Metadata[Root]]:
    """All roots of a repository, or of a change's ``current`` folder, each verified by the one before.

    Raises:
        RepositoryError, OSError: missing, or not signed as it must be.
    """
    place = folder / "metadata" if (folder / "metadata").is_dir() else folder
    roots: list[Metadata[Root]] = []
    while (path := place / f"{len(roots) + 1}.root.json").is_file():
        root = _metadata(path, Root)
        (roots[-1] if roots else root).verify_delegate("root", root)
        root.verify_delegate("root", root)
        if root.signed.version != len(roots) + 1:
            raise RepositoryError("root versions out of order")
        roots.append(root)
    return roots


def is_signed(root: Root, metadata: Metadata[Any]) -> bool:
    """Whether a root's keys signed some metadata often enough."""
    found = root.get_verification_result(metadata.signed.type, metadata.signed_bytes, metadata.signatures)
    return bool(found)


def file_name(metadata: Metadata[Any]) -> str:
    """``2.root.json``."""
    return f"{metadata.signed.version}.{metadata.signed.type}.json"


def _read(folder: Path) -> Change:
    roots = load_roots(folder / "current") if (folder / "current").is_dir() else []
    first = (folder / "current" / "1.root.json").read_bytes() if roots else b""
    current = _only(folder / "current", Targets) if roots else None
    root, targets = _only(folder / "proposed", Root), _only(folder / "proposed", Targets)
    names = {file_name(one): one for one in (root, targets) if one is not None}
    sha256 = hashlib.sha256(first).hexdigest() if first else ""
    return Change(folder, tuple(roots), root, current, targets, sha256, names)


def _only(folder: Path, kind: type[Any]) -> Metadata[Any] | None:
    found = sorted(folder.glob(f"*.{kind.type}.json"))
    if len(found) > 1:
        raise ValueError("more than one of a kind")
    if not found:
        return None
    metadata = _metadata(found[0], kind)
    if found[0].name != file_name(metadata):
        raise ValueError("a file under another's name")
    return metadata


def _metadata(path: Path, kind: type[Any]) -> Metadata[Any]:
    metadata: Metadata[Any] = Metadata.from_bytes(path.read_bytes())
    if metadata.signed.type != kind.type:
        raise RepositoryError(f"expected {kind.type}")
    return metadata


def _check(change: Change, now: datetime | None) -> None:
    """Everything but signatures; those that a file brings along are not looked at."""
    for metadata in change.names.values():
        metadata.signatures.clear()
        if metadata.unrecognized_fields:
            raise unsafe("it has fields that are unknown here")
    if not change.names or (change.before is None and (change.root is None or change.targets is None)):
        raise unsafe("it proposes too little")
    if change.root is not None:
        check_root(change.root.signed, change.before, now)
    if change.before is not None and (change.current is None or not is_signed(change.before, change.current)):
        raise unsafe("the current lists are not signed by the current keys")
    if change.targets is not None:
        _check_targets(change, change.targets, now)


def _check_targets(change: Change, targets: Metadata[Targets], now: datetime | None) -> None:
    version, same = (1, {})
    if change.current is not None:
        version, same = change.current.signed.version + 1, change.current.signed.targets
    if (targets.signed.version, targets.signed.targets) != (version, same):
        raise unsafe("it changes the lists, which only a release may")
    try:
        check_signed_part(targets, profile_of(change.after)["targets"], now)
    except VerificationFailed as error:
        raise unsafe("the lists' metadata holds more than it may, or lasts too long") from error


def _attach_signatures(change: Change) -> None:
    for path in sorted((change.folder / "signatures").glob("*.json")):
        name, keyid, signature = _read_signature(path)
        metadata = change.names.get(name)
        keys = [root.keys[keyid] for root in (change.before, change.after) if root and keyid in root.keys]
        if metadata is None or not keys:
            raise _broken(f"{path.name} belongs to another change; take it out")
        try:
            keys[0].verify_signature(signature, metadata.signed_bytes)
        except UnverifiedSignatureError as error:
            raise _broken(f"{path.name} is a signature of something else; take it out") from error
        metadata.signatures[keyid] = signature


def _read_signature(path: Path) -> tuple[str, str, Signature]:
    try:
        value = canonical.from_bytes(path.read_bytes(), _SIGNATURE)
        fields = canonical.Fields(value, ("file", "keyid", "sig"), _SIGNATURE)
        name, keyid = fields.text("file"), fields.sha256("keyid")
        signature = Signature(keyid, fields.text("sig"))
    except TakedownError as error:
        raise _broken(f"{path.name} is not a signature; take it out") from error
    return name, keyid, signature


def _broken(why: str) -> VerificationFailed:
    sentence = f"The change of keys does not hold together: {why}, or propose the change again."
    return VerificationFailed(sentence, slug="change-broken")
