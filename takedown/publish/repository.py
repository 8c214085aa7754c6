"""What a release repository holds now, verified by its own keys: the ground every publishing step stands on.

Expiry is not looked at here: a publisher must be able to renew what has expired.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from securesystemslib.exceptions import StorageError
from tuf.api.exceptions import LengthOrHashMismatchError, RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp

from takedown import disk
from takedown.blocklist import paths
from takedown.blocklist.manifest import Manifest
from takedown.errors import UsageError, VerificationFailed

T = TypeVar("T", Root, Timestamp, Snapshot, Targets)

#: Held by whatever moves the repository on, so that publish and refresh never interleave.
LOCK = ".lock"


@dataclass(frozen=True)
class Head:
    """The newest committed release.

    Attributes:
        root, targets, snapshot, timestamp: verified metadata.
        seq: of the release, 0 when none was published yet.
        manifests: edition -> (manifest, SHA-256 of its bytes).
    """

    root: Metadata[Root]
    targets: Metadata[Targets]
    snapshot: Metadata[Snapshot]
    timestamp: Metadata[Timestamp]
    seq: int
    manifests: dict[str, tuple[Manifest, str]]


def load_head(repository: Path, root: Metadata[Root] | None = None) -> Head:
    """Read and verify the committed release, in the order a client does.

    Args:
        repository: the release repository.
        root: verified root metadata to verify by; the repository's newest when None.

    Raises:
        UsageError: the folder is not a release repository.
        VerificationFailed: slug ``repository-broken``: the repository does not verify by its own keys.
    """
    if not (repository / paths.TIMESTAMP).is_file():
        raise UsageError(
            f"{repository} is not a release repository; make one with 'takedown ceremony' first."
        )
    try:
        root = root or load_root(repository)
        timestamp = _verified(Timestamp, (repository / paths.TIMESTAMP).read_bytes(), root.signed)
        about = timestamp.signed.snapshot_meta
        snapshot_bytes = (repository / paths.metadata(about.version, "snapshot")).read_bytes()
        about.verify_length_and_hashes(snapshot_bytes)
        snapshot = _verified(Snapshot, snapshot_bytes, root.signed)
        about = snapshot.signed.meta["targets.json"]
        targets_bytes = (repository / paths.metadata(about.version, "targets")).read_bytes()
        about.verify_length_and_hashes(targets_bytes)
        targets = _verified(Targets, targets_bytes, root.signed)
    except (RepositoryError, StorageError, OSError, KeyError) as error:
        raise _broken("its signed metadata does not verify") from error
    manifests = load_manifests(targets.signed, lambda path: repository / path)
    return Head(root, targets, snapshot, timestamp, seq_of(targets.signed), manifests)


def load_root(repository: Path) -> Metadata[Root]:
    """The newest root metadata, each version verified by the one before and by itself.

    Raises:
        RepositoryError, StorageError: missing or not signed as it must be.
    """
    root = read_as(Root, (repository / paths.metadata(1, "root")).read_bytes())
    root.verify_delegate("root", root)
    while (path := repository / paths.metadata(root.signed.version + 1, "root")).is_file():
        new = read_as(Root, path.read_bytes())
        root.verify_delegate("root", new)
        new.verify_delegate("root", new)
        if new.signed.version != root.signed.version + 1:
            raise RepositoryError("root versions out of order")
        root = new
    return root


def load_manifests(targets: Targets, locate: disk.Locate) -> dict[str, tuple[Manifest, str]]:
    """Every edition's manifest that targets metadata names; all targets are checked by length and hash.

    Raises:
        VerificationFailed: a target is missing, altered or breaks the format, or the names make no sense.
    """
    data = {path: _read_target(locate(path), target) for path, target in targets.targets.items()}
    found = {}
    for edition, path in _release_of(targets)[1].items():
        manifest = Manifest.from_bytes(data[path])
        if paths.manifest(manifest.edition, manifest.seq) != path:
            raise _broken(f"{path} says it is another manifest")
        found[edition] = (manifest, targets.targets[path].hashes["sha256"])
    return found


def seq_of(targets: Targets) -> int:
    """Sequence number of the release that targets metadata describes, 0 before the first.

    Raises:
        VerificationFailed: its names are not those of one release.
    """
    return _release_of(targets)[0]


def read_targets(data: bytes) -> Metadata[Targets]:
    """Parse targets metadata whose signatures are not complete yet.

    Raises:
        VerificationFailed: not targets metadata.
    """
    try:
        return read_as(Targets, data)
    except RepositoryError as error:
        raise VerificationFailed(
            "The staged targets metadata cannot be read; stage the release again.", slug="staging-broken"
        ) from error


def read_as(kind: type[T], data: bytes) -> Metadata[T]:
    """Parse metadata of one role; no signature is looked at.

    Raises:
        RepositoryError: not metadata, or of another role.
    """
    metadata = cast("Metadata[T]", Metadata.from_bytes(data))
    if metadata.signed.type != kind.type:
        raise RepositoryError(f"expected {kind.type}")
    return metadata


def _verified(kind: type[T], data: bytes, root: Root) -> Metadata[T]:
    metadata = read_as(kind, data)
    root.verify_delegate(kind.type, metadata.signed_bytes, metadata.signatures)
    return metadata


def _release_of(targets: Targets) -> tuple[int, dict[str, str]]:
    found = paths.release_of(targets.targets)
    if found is None:
        raise _broken("its targets do not belong to one release")
    return found


def _read_target(path: Path, target: TargetFile) -> bytes:
    try:
        data = path.read_bytes()
        target.verify_length_and_hashes(data)
    except OSError as error:
        raise _broken(f"the file {path.name} is missing") from error
    except LengthOrHashMismatchError as error:
        raise _broken(f"{path.name} is not the file that was signed") from error
    if set(target.hashes) != {"sha256"}:
        raise _broken(f"{path.name} is not signed by its SHA-256")
    return data


def _broken(why: str) -> VerificationFailed:
    return VerificationFailed(
        f"The release repository cannot be built on: {why}. Restore it from a copy.", slug="repository-broken"
    )
