"""Proposing a change of keys: a folder of small files, unsigned, that travels from signer to signer.

1. Take the public files that holders handed over, or the root of an earlier proposal with its signatures.
2. Build the next root by its profile; where it would not accept the signatures that the lists have now, the
   same lists are proposed once more, one version up, to be signed along with it.
3. Write the folder beside what it replaces, check it as a signer will, and rename it into place.

No private key is needed.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, Root, Targets

from takedown import disk
from takedown.errors import UsageError
from takedown.publish.keyring import expiry, profile_of
from takedown.publish.public_keys import read_public
from takedown.publish.repository import load_head
from takedown.publish.root_change import first_root, next_root
from takedown.publish.root_change_folder import Change, file_name, is_signed, load_change, load_roots


def propose_first(
    folder: Path,
    public: Sequence[Path],
    *,
    publisher: str,
    profile: str = "small",
    throwaway: bool = False,
    now: datetime | None = None,
) -> Change:
    """Write the unsigned root and empty lists of a new repository.

    Args:
        folder: the change's folder, which must not exist yet or be empty.
        public: the public file of each key that the profile asks for.
        publisher: the name that holders see.
        profile: a name of ``keyring.PROFILES``.
        throwaway: mark the root as made for a trial, for ever.
        now: the moment that expiries count from; the clock when None.

    Raises:
        UsageError: the folder is in use, or the keys are not those that the profile asks for.
        VerificationFailed: a public file was altered.
    """
    keys = [read_public(path) for path in public]
    root = first_root(keys, publisher=publisher, profile=profile, throwaway=throwaway, now=now)
    targets = Targets(version=1, expires=expiry(profile_of(root)["targets"], now))
    proposed: list[Metadata[Any]] = [Metadata(root), Metadata(targets)]
    return _write(folder, {}, proposed, now=now)


def propose_change(
    folder: Path,
    repository: Path,
    *,
    add: Sequence[Path] = (),
    revoke: Sequence[str] = (),
    profile: str | None = None,
    targets_only: bool = False,
    root_of: Path | None = None,
    now: datetime | None = None,
) -> Change:
    """Write an unsigned next root for a repository, and its lists to be signed anew where that is needed.

    Args:
        folder: the change's folder, which must not exist yet or be empty.
        repository: the release repository; it is only read.
        add: public files of the keys that come.
        revoke: keys that go, by identifier, its beginning, or name.
        profile: another profile, None to stay.
        targets_only: no new root; the lists' signatures are made to last longer.
        root_of: folder of an earlier change whose root, with the signatures it has, is taken as it is; for
            when a release was published before it was finished.
        now: the moment that expiries count from; the clock when None.

    Raises:
        UsageError: the folder is in use, a key is unknown or there already, or a role is left with too few.
        VerificationFailed: the repository does not verify, or a file was altered.
    """
    head, roots = load_head(repository), load_roots(repository)
    before = roots[-1].signed
    proposed: list[Metadata[Any]] = []
    if root_of is not None:
        proposed.append(_root_of(root_of))
    elif not targets_only:
        keys = [read_public(path) for path in add]
        root = next_root(before, add=keys, revoke=revoke, profile=profile, now=now)
        proposed.append(Metadata(root))
    after = proposed[0].signed if proposed else before
    if targets_only or not is_signed(after, head.targets):
        targets = Targets(
            version=head.targets.signed.version + 1,
            expires=expiry(profile_of(after)["targets"], now),
            targets=head.targets.signed.targets,
        )
        proposed.append(Metadata(targets))
    stands: list[Metadata[Any]] = [*roots, head.targets]
    names = (file_name(metadata) for metadata in stands)
    current = {name: (repository / "metadata" / name).read_bytes() for name in names}
    return _write(folder, current, proposed, now=now, signatures=root_of)


def _write(
    folder: Path,
    current: Mapping[str, bytes],
    proposed: Sequence[Metadata[Any]],
    *,
    now: datetime | None,
    signatures: Path | None = None,
) -> Change:
    """Whole or absent, and read back as a signer will."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is in use; choose a new folder for the change.")
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    for name, data in current.items():
        disk.write(part / "current" / name, data)
    for metadata in proposed:
        unsigned = Metadata(metadata.signed)
        disk.write(part / "proposed" / file_name(metadata), unsigned.to_bytes())
    for path in sorted((signatures / "signatures").glob("*.root.*.json")) if signatures else ():
        disk.write(part / "signatures" / path.name, path.read_bytes())
    load_change(part, now=now)
    disk.rename_tree(part, folder)
    return load_change(folder, now=now)


def _root_of(folder: Path) -> Metadata[Root]:
    root = load_change(folder).root
    if root is None:
        raise UsageError(f"The change in {folder} has no root; propose one.")
    return root
