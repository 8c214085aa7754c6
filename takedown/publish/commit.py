"""Publishing a signed release, and keeping its online signatures fresh.

1. Under the repository's lock: read and verify what is committed now.
2. The staged release must be exactly the next one, signed by enough targets keys, and hold together.
3. Copy data files, then manifests and checkpoint, then N.targets.json: nobody looks at them yet.
4. Sign and write N.snapshot.json, then rename timestamp.json into place: the only commit point.
5. Write what people read beside the release: index.html, README.md, feed.xml, prove.html.

Killed anywhere before 4's last rename, the old release stands and a rerun completes; after it, a rerun finds
the work done, and brings the pages of step 5 up to date. A repository that was put back to an older state is
refused (behind.py).
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from takedown import disk
from takedown.blocklist import paths
from takedown.blocklist.manifest import Manifest
from takedown.errors import UsageError
from takedown.publish.behind import refuse_behind, remember
from takedown.publish.history import new_files
from takedown.publish.keyring import expiry, load_online, profile_of
from takedown.publish.people import write_people
from takedown.publish.receipts_log import leaves_file
from takedown.publish.repository import LOCK, Head, load_head, read_as, seq_of
from takedown.publish.review import StagedRelease, load_staged, review_staged


def head(repository: Path) -> int:
    """Sequence number of the newest published release, 0 when none.

    Raises:
        UsageError: the folder is not a release repository.
        VerificationFailed: it does not verify by its own keys.
    """
    return load_head(repository).seq


def publish(repository: Path, staging: Path, keys_dir_online: Path, *, now: datetime | None = None) -> int:
    """Publish a staged and signed release. Safe to run again after a crash at any moment.

    Args:
        repository: the release repository.
        staging: folder made by ``stage`` and signed by ``sign``.
        keys_dir_online: holds ``snapshot.pem`` and ``timestamp.pem``; no other key is needed.
        now: the moment of signing; the clock when None.

    Returns:
        The sequence number now published.

    Raises:
        UsageError: not the next release, or not enough signatures yet.
        VerificationFailed: the staged files do not hold together; or slug ``repository-behind``: the
            repository was put back to less than it already published.
    """
    with disk.locked(repository / LOCK):
        current = load_head(repository)
        refuse_behind(repository, current)
        staged = load_staged(staging)
        if _is_same(staged, current):
            settle(repository, current)
            return current.seq
        review_staged(current, repository, staging, staged, now)
        _check_signed(current.root.signed, staged, now)
        _copy_data(repository, staging, staged)
        disk.write(repository / paths.metadata(staged.targets.signed.version, "targets"), staged.data)
        sign_online(
            repository, keys_dir_online, current.root.signed, staged.targets, versions=_next(current), now=now
        )
        settle(repository, load_head(repository))
        return seq_of(staged.targets.signed)


def states(repository: Path) -> tuple[int, dict[str, str]]:
    """What is published now.

    Returns:
        Its sequence number (0 when nothing is) and, for each edition, its ``state_sha256``.

    Raises:
        UsageError: the folder is not a release repository.
        VerificationFailed: it does not verify by its own keys.
    """
    current = load_head(repository)
    return current.seq, {name: manifest.state_sha256 for name, (manifest, _) in current.manifests.items()}


def is_published(repository: Path, staging: Path) -> bool:
    """Whether holders can see this very staged release; False when there is nothing staged there.

    Raises:
        UsageError: the repository is not one.
        VerificationFailed: it does not verify by its own keys, or a staged manifest was altered.
    """
    if not staging.exists():
        return False
    return _is_same(load_staged(staging), load_head(repository))


def refresh(repository: Path, keys_dir_online: Path, *, now: datetime | None = None) -> None:
    """Sign snapshot and timestamp again, so that readers know the release is still the newest.

    Raises:
        UsageError: no repository, or the online keys are not its keys.
        VerificationFailed: the repository does not verify by its own keys, or was put back to less than it
            already published.
    """
    with disk.locked(repository / LOCK):
        current = load_head(repository)
        refuse_behind(repository, current)
        sign_online(
            repository,
            keys_dir_online,
            current.root.signed,
            current.targets,
            versions=_next(current),
            now=now,
        )
        settle(repository, load_head(repository))


def sign_online(
    repository: Path,
    keys_dir: Path,
    root: Root,
    targets: Metadata[Targets],
    *,
    versions: tuple[int, int],
    now: datetime | None,
    before: Root | None = None,
) -> None:
    """Write snapshot and then timestamp for targets metadata that already stands in the repository.

    Args:
        keys_dir: holds ``snapshot.pem`` and ``timestamp.pem``; while keys are replaced, also the others.
        root: says which keys are right and, by its profile, how long signatures last.
        targets: what to commit to.
        versions: of the new snapshot and timestamp.
        now: the moment of signing; the clock when None.
        before: the root that ``root`` replaces, its predecessor when None: its keys sign too, where they are
            in the folder, so that neither a mirror nor a reader under way is caught between two roots.
    """
    before = before or _predecessor(repository, root)
    rules = profile_of(root)
    signers = {role: load_online(keys_dir, role, root, before) for role in ("snapshot", "timestamp")}
    targets_path = repository / paths.metadata(targets.signed.version, "targets")
    meta = {"targets.json": _meta_file(targets.signed.version, targets_path.read_bytes())}
    snapshot = Metadata(Snapshot(version=versions[0], expires=expiry(rules["snapshot"], now), meta=meta))
    for signer in signers["snapshot"]:
        snapshot.sign(signer, append=True)
    data = snapshot.to_bytes()
    disk.write(repository / paths.metadata(versions[0], "snapshot"), data)
    about = _meta_file(versions[0], data)
    timestamp = Metadata(
        Timestamp(version=versions[1], expires=expiry(rules["timestamp"], now), snapshot_meta=about)
    )
    for signer in signers["timestamp"]:
        timestamp.sign(signer, append=True)
    disk.write(repository / paths.TIMESTAMP, timestamp.to_bytes())


def _predecessor(repository: Path, root: Root) -> Root | None:
    path = repository / paths.metadata(root.version - 1, "root")
    return read_as(Root, path.read_bytes()).signed if path.is_file() else None


def settle(repository: Path, committed: Head) -> None:
    """What follows a commit, and is done again by the next run where this one is killed."""
    remember(repository, committed)
    write_people(repository, committed)


def _is_same(staged: StagedRelease, current: Head) -> bool:
    """By what is listed: a change of keys may have signed the very same lists under another version."""
    return staged.targets.signed.targets == current.targets.signed.targets


def _next(current: Head) -> tuple[int, int]:
    return current.snapshot.signed.version + 1, current.timestamp.signed.version + 1


def _meta_file(version: int, data: bytes) -> MetaFile:
    return MetaFile(version, len(data), {"sha256": hashlib.sha256(data).hexdigest()})


def _check_signed(root: Root, staged: StagedRelease, now: datetime | None) -> None:
    try:
        root.verify_delegate("targets", staged.targets.signed_bytes, staged.targets.signatures)
    except UnsignedMetadataError as error:
        needed = root.roles["targets"].threshold
        sentence = f"The staged release needs {needed} valid targets signature(s); run 'takedown sign' first."
        raise UsageError(sentence, slug="not-signed") from error
    if staged.targets.signed.is_expired(now or datetime.now(UTC)):
        sentence = "The staged release waited until its signature expired; delete it and stage again."
        raise UsageError(sentence, slug="staging-expired")


def _copy_data(repository: Path, staging: Path, staged: StagedRelease) -> None:
    """Data first, so that whatever a manifest names is there before the manifest is."""
    for manifest, _ in staged.manifests.values():
        _clear_given_up(repository, manifest)
    files = [file for manifest, _ in staged.manifests.values() for file in new_files(manifest)]
    files.append(leaves_file(staging, seq_of(staged.targets.signed)))
    targets = staged.targets.signed.targets
    files.extend((path, target.length, target.hashes["sha256"]) for path, target in targets.items())
    for path, size, sha256 in files:
        disk.copy(staging / path, repository / path, size, sha256)
    # Also what an earlier run copied and did not live to sync: the commit must not outlive what it names.
    folders = {folder for path, _, _ in files for folder in Path(path).parents}
    for folder in sorted(folders, key=lambda folder: len(folder.parts), reverse=True):
        disk.sync_folder(repository / folder)


def _clear_given_up(repository: Path, manifest: Manifest) -> None:
    """Remove what a release of this number left when it was given up: SQL reads the folder as a whole."""
    named = {path for path, _, _ in new_files(manifest)}
    folder = (repository / paths.state(manifest.edition, manifest.seq, "", "")).parent
    for file in folder.glob("*"):
        if file.relative_to(repository).as_posix() not in named:
            file.unlink()
