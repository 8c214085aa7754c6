"""Making a key on its holder's own machine: a private file that stays, a public file that is handed over.

1. Make the private key, 0600; a file that is there already is never replaced.
2. Write the public file: role, label, public key, and a signature by the key itself over all of this, so that
   whoever collects the files knows that each is whole and that its sender holds the private half.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Key, Signature, SSlibKey

from takedown import disk
from takedown.blocklist import canonical
from takedown.errors import TakedownError, UsageError, VerificationFailed
from takedown.publish.key_places import refuse_served
from takedown.publish.keyring import PROFILES, create, load

#: Roles that a key can be made for.
ROLES = tuple(PROFILES["small"])

#: Signed field of ours in root, with each key: what its holder calls it. Everyone can read it.
LABEL_FIELD = "x-label"

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_FORMAT = "takedown public key 1"
_WHAT = "public key file"


@dataclass(frozen=True)
class PublicKey:
    """One public key and what it is for."""

    role: str
    label: str
    key: Key


@dataclass(frozen=True)
class KeyFiles:
    """What ``make_key`` wrote: the file to keep, and the file to hand over."""

    private: Path
    public: Path
    keyid: str


def make_key(folder: Path, role: str, label: str = "") -> KeyFiles:
    """Make a key for a role. Run again after a crash, it completes what is missing and changes nothing.

    Args:
        folder: where both files go.
        role: one of ``ROLES``.
        label: what the key is called in root; everyone can read it. It is part of the file names.

    Returns:
        The files, ``root-a.pem`` and ``root-a.public.json`` for the label ``a``, and the key's identifier.

    Raises:
        UsageError: no such role, not a label, or both files are there already; slug ``keys-in-repository``:
            the folder is served.
    """
    if role not in ROLES:
        raise UsageError(f"There is no role of that name; choose one of {', '.join(ROLES)}.")
    if label and not is_label(label):
        raise UsageError("A label is 1 to 40 lowercase letters, digits and inner hyphens; choose another.")
    refuse_served(folder)
    name = f"{role}-{label}" if label else role
    private, public = folder / f"{name}.pem", folder / f"{name}.public.json"
    if private.exists() and public.exists():
        raise UsageError(f"{private} is a key already; choose another folder or label.", slug="key-exists")
    signer = load(private) if private.exists() else create(private)
    key = signer.public_key
    signature = signer.sign(_signed_part(role, label, key)).signature
    fields = {"format": _FORMAT, "role": role, "label": label, "public": key.keyval["public"]}
    disk.write(public, canonical.to_bytes(fields | {"signature": signature}))
    return KeyFiles(private, public, key.keyid)


def read_public(path: Path) -> PublicKey:
    """Read a public key file.

    Raises:
        UsageError: there is no such file.
        VerificationFailed: it is not one, or was altered since its holder made it.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"No public key can be read from {path}; name a file ending in .public.json."
        ) from error
    try:
        return _parse(data)
    except TakedownError as error:
        sentence = f"{path} is not a public key as its holder made it; ask for the file again."
        raise VerificationFailed(sentence, slug="public-key-invalid") from error


def is_label(text: str) -> bool:
    """True for 1 to 40 lowercase letters, digits and inner hyphens: safe in file names and on a terminal."""
    return _LABEL.fullmatch(text) is not None


def key_of(public: str) -> Key:
    """The key with this raw Ed25519 public half in hex, under the one identifier that it has.

    Raises:
        ValueError: not one.
    """
    return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)))


def _parse(data: bytes) -> PublicKey:
    names = ("format", "role", "label", "public", "signature")
    fields = canonical.Fields(canonical.from_bytes(data, _WHAT), names, _WHAT)
    fields.choice("format", [_FORMAT])
    role, label, public = fields.choice("role", ROLES), fields.text("label"), fields.sha256("public")
    if label and not is_label(label):
        fields.fail("has a bad field label")
    key = key_of(public)
    if label:
        key.unrecognized_fields[LABEL_FIELD] = label
    try:
        key.verify_signature(Signature(key.keyid, fields.text("signature")), _signed_part(role, label, key))
    except UnverifiedSignatureError:
        fields.fail("is not signed by its own key")
    return PublicKey(role, label, key)


def _signed_part(role: str, label: str, key: Key) -> bytes:
    fields = {"format": _FORMAT, "role": role, "label": label, "public": key.keyval["public"]}
    return canonical.to_bytes(fields)
