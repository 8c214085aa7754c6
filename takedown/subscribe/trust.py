"""The TUF side of a reader: from a root file to the names, lengths and hashes of the newest manifests.

python-tuf does the work: root rotation, thresholds, expiry, rollback, freeze and mix-and-match protection.
This module translates its answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    UnsignedMetadataError,
)
from tuf.api.metadata import Metadata, Root, TargetFile, Targets
from tuf.api.serialization import DeserializationError
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from takedown.blocklist import paths
from takedown.errors import NothingToSync, Stale, VerificationFailed

#: Slug of an answer that is not metadata at all, or longer than any metadata.
UNREADABLE = "metadata-unreadable"


@dataclass(frozen=True)
class Release:
    """What signed targets metadata says about the newest release.

    Attributes:
        seq: its number, 0 when none was published yet.
        manifests: edition -> length and hashes of its manifest.
        checkpoint: length and hashes of the log's checkpoint, None when ``seq`` is 0.
        targets_bytes: the signed file itself, kept so that the list can be verified offline later.
        root_version: of the root metadata that vouches for it.
    """

    seq: int
    manifests: dict[str, TargetFile]
    checkpoint: TargetFile | None
    targets_bytes: bytes
    root_version: int


class Unreachable(NothingToSync):
    """The newest release could not be had: no connection, an error answer, or a page that is no metadata."""

    default_slug = "unreachable"


def fetch_release(url: str, root: bytes, cache: Path, fetcher: FetcherInterface) -> Release:
    """Verify the newest metadata, starting from the root file every time.

    Args:
        url: base address ending in a slash.
        root: the trusted root metadata, known to be signed by itself.
        cache: folder that protects against rollback; one updater at a time.
        fetcher: how bytes are had.

    Raises:
        Unreachable: not reachable, or what answers is no release repository.
        Stale: slugs ``metadata-expired``, ``root-expired``.
        VerificationFailed: slugs ``signatures-missing``, ``metadata-rollback``, ``metadata-differs``,
            ``metadata-invalid``.
    """
    cache.mkdir(parents=True, exist_ok=True)
    config = UpdaterConfig(prefix_targets_with_hash=False)
    updater = Updater(str(cache), f"{url}metadata/", fetcher=fetcher, config=config, bootstrap=root)
    _refresh(updater, cache)
    targets_bytes = (cache / "targets.json").read_bytes()
    targets: Metadata[Targets] = Metadata.from_bytes(targets_bytes)
    trusted: Metadata[Root] = Metadata.from_bytes((cache / "root.json").read_bytes())
    return read_release(targets_bytes, targets.signed, trusted.signed.version)


def read_release(data: bytes, targets: Targets, root_version: int) -> Release:
    """What verified targets metadata says.

    Raises:
        VerificationFailed: slug ``metadata-invalid``: its names are not those of one release.
    """
    found = paths.release_of(targets.targets)
    if found is None:
        raise _invalid()
    manifests = {edition: targets.targets[path] for edition, path in found[1].items()}
    checkpoint = targets.targets.get(paths.checkpoint(found[0]))
    return Release(found[0], manifests, checkpoint, data, root_version)


def verify_offline(root: bytes, history: Path, data: bytes, root_version: int) -> Release:
    """Verify kept targets metadata again without a network; expiry is not looked at.

    Args:
        root: the trusted root metadata.
        history: folder with the later versions, ``N.root.json``.
        data: the targets metadata.
        root_version: the version that vouched for it.

    Raises:
        VerificationFailed: slug ``metadata-invalid``: altered, or not signed as it must be.
    """
    try:
        targets: Metadata[Targets] = Metadata.from_bytes(data)
        trusted_root(root, history, root_version).verify_delegate("targets", targets)
    except (RepositoryError, TypeError) as error:
        raise _invalid() from error
    return read_release(data, targets.signed, root_version)


def trusted_root(root: bytes, history: Path, version: int) -> Metadata[Root]:
    """A later version of the root, each verified by the one before; expiry is not looked at.

    Args:
        root: the trusted root metadata.
        history: folder with the later versions, ``N.root.json``.
        version: the one wanted.

    Raises:
        VerificationFailed: slug ``metadata-invalid``: missing, altered, or not signed as it must be.
    """
    try:
        trusted: Metadata[Root] = Metadata.from_bytes(root)
        trusted.verify_delegate("root", trusted)
        while trusted.signed.version < version:
            path = history / f"{trusted.signed.version + 1}.root.json"
            later: Metadata[Root] = Metadata.from_bytes(path.read_bytes())
            trusted.verify_delegate("root", later)
            later.verify_delegate("root", later)
            trusted = later
    except (RepositoryError, OSError, TypeError) as error:
        raise _invalid() from error
    return trusted


def download_target(fetcher: FetcherInterface, url: str, target: TargetFile, most: int) -> bytes:
    """One small target, checked by length and hash.

    Args:
        fetcher: how bytes are had.
        url: base address ending in a slash.
        target: its path, length and hashes.
        most: bytes it may have at all.

    Raises:
        DownloadError: it cannot be had.
        VerificationFailed: slug ``target-differs``: it is not what was signed.
    """
    try:
        data = fetcher.download_bytes(url + target.path, min(target.length, most))
        target.verify_length_and_hashes(data)
    except (DownloadLengthMismatchError, LengthOrHashMismatchError) as error:
        sentence = "A manifest is not the one that was signed; try again or tell the publisher."
        raise VerificationFailed(sentence, slug="target-differs") from error
    return data


def _refresh(updater: Updater, cache: Path) -> None:
    try:
        updater.refresh()
    except ExpiredMetadataError as error:
        raise _expired(cache) from error
    except (DeserializationError, DownloadLengthMismatchError) as error:
        # Mostly a sign-in page or a wrong address; the caller decides what it means.
        raise Unreachable("What answers there is no release metadata.", slug=UNREADABLE) from error
    except DownloadError as error:
        raise Unreachable("No release could be had from there.") from error
    except RepositoryError as error:
        raise _refused(error) from error


def _refused(error: RepositoryError) -> VerificationFailed:
    """What a reader is told about metadata that does not verify, by the check that it failed."""
    if isinstance(error, UnsignedMetadataError):
        return VerificationFailed(
            "The release's metadata has too few valid signatures; nothing was changed. Check that the root "
            "file is this publisher's, and tell the publisher.",
            slug="signatures-missing",
        )
    if isinstance(error, BadVersionNumberError):
        return VerificationFailed(
            "The metadata offered is older than what was seen before; nothing was changed. Tell the "
            "publisher.",
            slug="metadata-rollback",
        )
    if isinstance(error, LengthOrHashMismatchError):
        return VerificationFailed(
            "A metadata file is not the one that was signed; nothing was changed. Try again later, or tell "
            "the publisher.",
            slug="metadata-differs",
        )
    return _invalid()


def _expired(cache: Path) -> Stale:
    root: Metadata[Root] = Metadata.from_bytes((cache / "root.json").read_bytes())
    if root.signed.is_expired():
        return Stale(
            "The publisher's root signatures have expired and no newer ones could be had; a list kept here "
            "stays in use. Ask the publisher for the way on.",
            slug="root-expired",
        )
    return Stale(
        "The newest signatures have expired: the publisher has stopped renewing them, or someone holds "
        "back newer ones. Tell the publisher; a list kept here stays in use.",
        slug="metadata-expired",
    )


def _invalid() -> VerificationFailed:
    return VerificationFailed(
        "The release's signed metadata does not verify against the root file; nothing was changed. "
        "Check that the root file is this publisher's, and tell the publisher.",
        slug="metadata-invalid",
    )
