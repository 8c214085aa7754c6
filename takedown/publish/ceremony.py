"""The ceremony in one go, on one machine: make all keys, and sign an empty release repository with them.

1. Make the keys the profile asks for, each in its own 0600 file.
2. Sign root (version 1), empty targets, snapshot.
3. Write timestamp.json last: before that there is no repository.

Afterwards root and targets keys belong with release managers, on other machines; only ``snapshot.pem`` and
``timestamp.pem`` stay with the publisher's server. Where each holder makes their own key, ``propose_first``,
``sign_change`` and ``finish`` do the same by files (docs/keys.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root, Targets

from takedown import disk
from takedown.blocklist import paths
from takedown.blocklist.root import THROWAWAY_FIELD
from takedown.errors import UsageError
from takedown.publish.commit import sign_online
from takedown.publish.key_places import refuse_together, refuse_unwritable
from takedown.publish.keyring import (
    PROFILE_FIELD,
    PROFILES,
    PUBLISHER_FIELD,
    Rule,
    create,
    expiry,
    key_names,
)
from takedown.publish.public_keys import LABEL_FIELD


def ceremony(
    keys_dir: Path,
    repository: Path,
    *,
    publisher: str,
    profile: str = "small",
    throwaway: bool = False,
    now: datetime | None = None,
) -> Path:
    """Make keys and an empty, signed release repository.

    Args:
        keys_dir: new private keys go here: ``root-1.pem`` ..., ``targets-1.pem`` ..., ``snapshot.pem``,
            ``timestamp.pem``.
        repository: folder of the new repository.
        publisher: the name holders will see.
        profile: a name of ``keyring.PROFILES``.
        throwaway: mark root as made for a trial; readers warn, and production refuses it.
        now: the moment of signing; the clock when None.

    Returns:
        Path of the root metadata, version 1: what a holder needs to start trusting.

    Raises:
        UsageError: unknown profile, or either folder is in use already; slug ``keys-in-repository``: one lies
            in the other; slug ``not-writable``: then no key was made.
    """
    if profile not in PROFILES:
        raise UsageError(f"There is no key profile of that name; choose one of {', '.join(PROFILES)}.")
    refuse_together(keys_dir, repository)
    _refuse_used(keys_dir, repository)
    for folder in (keys_dir, repository):
        refuse_unwritable(folder)
    rules = PROFILES[profile]
    signers = {
        role: [_labelled(create(keys_dir / name), name) for name in key_names(role, rule)]
        for role, rule in rules.items()
    }
    fields = {PROFILE_FIELD: profile, PUBLISHER_FIELD: publisher}
    root = _root(rules, signers, fields | ({THROWAWAY_FIELD: True} if throwaway else {}), now)
    targets = Metadata(Targets(version=1, expires=expiry(rules["targets"], now)))
    for signer in signers["targets"][: rules["targets"].threshold]:
        targets.sign(signer, append=True)
    disk.write(repository / paths.metadata(1, "root"), root.to_bytes())
    disk.write(repository / paths.metadata(1, "targets"), targets.to_bytes())
    sign_online(repository, keys_dir, root.signed, targets, versions=(1, 1), now=now)
    return repository / paths.metadata(1, "root")


def _refuse_used(keys_dir: Path, repository: Path) -> None:
    if (repository / "metadata").exists():
        raise UsageError(f"{repository} already holds a release repository; choose an empty folder.")
    if keys_dir.exists() and any(keys_dir.glob("*.pem")):
        raise UsageError(f"{keys_dir} already holds keys; choose an empty folder.")


def _labelled(signer: CryptoSigner, name: str) -> CryptoSigner:
    """``root-1.pem`` is called ``root-1`` in root too."""
    _, _, label = name.removesuffix(".pem").partition("-")
    if label:
        signer.public_key.unrecognized_fields[LABEL_FIELD] = label
    return signer


def _root(
    rules: Mapping[str, Rule],
    signers: dict[str, list[CryptoSigner]],
    fields: dict[str, object],
    now: datetime | None,
) -> Metadata[Root]:
    root = Root(
        version=1, expires=expiry(rules["root"], now), consistent_snapshot=True, unrecognized_fields=fields
    )
    for role, owners in signers.items():
        for signer in owners:
            root.add_key(signer.public_key, role)
        root.roles[role].threshold = rules[role].threshold
    metadata = Metadata(root)
    for signer in signers["root"]:
        metadata.sign(signer, append=True)
    return metadata
