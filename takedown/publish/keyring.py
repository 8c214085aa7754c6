"""Signing keys and the profiles that say how many there are and how long each signature lasts.

Keys are Ed25519, kept as PKCS8 PEM files readable by their owner only (0600). They carry no passphrase: keep
root and targets keys on a disk that is itself encrypted, away from the machine that publishes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Root

from takedown import disk
from takedown.errors import UsageError


@dataclass(frozen=True)
class Rule:
    """One role: signatures needed, keys made, and days until a signature expires."""

    threshold: int
    keys: int
    days: int


#: docs/releases.md, "Keys". Snapshot and timestamp are the only online keys.
PROFILES: Mapping[str, Mapping[str, Rule]] = {
    "small": {
        "root": Rule(2, 3, 365),
        "targets": Rule(1, 2, 90),
        "snapshot": Rule(1, 1, 14),
        "timestamp": Rule(1, 1, 14),
    },
    "strict": {
        "root": Rule(3, 5, 365),
        "targets": Rule(2, 3, 90),
        "snapshot": Rule(1, 1, 14),
        "timestamp": Rule(1, 1, 2),
    },
}

#: Signed fields of ours in root's metadata.
PROFILE_FIELD = "x-profile"
PUBLISHER_FIELD = "x-publisher"


def profile_of(root: Root) -> Mapping[str, Rule]:
    """The profile that the ceremony wrote into root; ``small`` where it names none that is known."""
    return PROFILES.get(str(root.unrecognized_fields.get(PROFILE_FIELD)), PROFILES["small"])


def expiry(rule: Rule, now: datetime | None) -> datetime:
    """When a signature made at ``now`` (default: the clock) by this role expires."""
    return (now or datetime.now(UTC)) + timedelta(days=rule.days)


def key_names(role: str, rule: Rule) -> list[str]:
    """File names of a role's private keys: ``root-1.pem`` ... or ``timestamp.pem`` where there is one."""
    return [f"{role}.pem"] if rule.keys == 1 else [f"{role}-{n}.pem" for n in range(1, rule.keys + 1)]


def create(path: Path) -> CryptoSigner:
    """Make a new Ed25519 key and write it to a file that only its owner can read."""
    signer = CryptoSigner.generate_ed25519()
    disk.write(path, signer.private_bytes, mode=0o600)
    return signer


def load(path: Path) -> CryptoSigner:
    """Read a private key.

    Raises:
        UsageError: the file is missing or not an Ed25519 key in PEM form.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(
            f"No private key can be read from {path}; name a key file of the ceremony."
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"The key in {path} is not an Ed25519 key; name a key file of the ceremony.")
    return CryptoSigner(key)


def load_online(folder: Path, role: str, root: Root, before: Root | None = None) -> list[CryptoSigner]:
    """The online keys of a role: ``timestamp.pem``, and ``timestamp-*.pem`` where keys are being replaced.

    Old and new keys may lie in one folder, so that nothing has to be moved at the moment of a change.

    Args:
        folder: holds the private keys; those that no root names are left alone.
        role: ``snapshot`` or ``timestamp``.
        root: the root whose key has to be there.
        before: the root that it replaces; its key signs too where it is there.

    Returns:
        One signer for ``root``, and another for ``before`` where that takes another key.

    Raises:
        UsageError: none of the keys is ``root``'s, or the one that might be is unreadable.
    """
    alone = folder / f"{role}.pem"
    names = [path for path in (alone, *sorted(folder.glob(f"{role}-*.pem"))) if path.is_file()]
    held = {signer.public_key.keyid: signer for signer in _readable(names)}
    keyids = [keyid for keyid in root.roles[role].keyids if keyid in held][:1]
    if not keyids:
        for path in names or [alone]:
            load_for(path, root, role)  # names the file, and what is wrong with it
    if before is not None and not set(keyids) & set(before.roles[role].keyids):
        keyids += [keyid for keyid in before.roles[role].keyids if keyid in held][:1]
    return [held[keyid] for keyid in keyids]


def _readable(files: Iterable[Path]) -> Iterator[CryptoSigner]:
    """A damaged file beside the right one stops nobody."""
    for path in files:
        with suppress(UsageError):
            yield load(path)


def load_for(path: Path, root: Root, role: str) -> CryptoSigner:
    """Read a private key and make sure that the repository accepts it for a role.

    Raises:
        UsageError: unreadable, or not one of the role's keys.
    """
    signer = load(path)
    if signer.public_key.keyid not in root.roles[role].keyids:
        raise UsageError(f"The key in {path} is not a {role} key of this repository; name another key file.")
    return signer
