"""What a store holds already, and whether this folder may go on from it.

1. Nothing committed there: a new place.
2. Its first root must be ours, or it is another publisher's repository.
3. No version there may be higher than ours, and none that is equal may have other content.
4. Its release must be one of ours: the manifests that it names are the ones that stand here.
5. A file that is there under a name that never changes is the very file, or the first part of it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Snapshot, Targets, Timestamp

from takedown import disk
from takedown.blocklist import paths
from takedown.errors import TakedownError, UsageError, VerificationFailed
from takedown.publish.mirror_plan import LocalFile
from takedown.publish.repository import Head, read_as, seq_of
from takedown.publish.store import Object, Store

T = TypeVar("T", Timestamp, Snapshot, Targets)


def refuse_other(
    repository: Path, head: Head, timestamp: bytes, store: Store, seen: bytes | None, there: dict[str, Object]
) -> None:
    """Nothing when the store is empty, or shows this release or an older one of the same history.

    Args:
        repository, head, timestamp: what is committed here.
        store, seen, there: the store, its timestamp.json, and its files.

    Raises:
        UsageError: slugs ``mirror-foreign``, ``mirror-ahead``.
        VerificationFailed: slugs ``mirror-differs``, ``mirror-unreadable``.
    """
    first = paths.metadata(1, "root")
    if first in there and store.read(first) != (repository / first).read_bytes():
        raise UsageError(
            "Another release repository is there, begun with other keys; choose another address.",
            slug="mirror-foreign",
        )
    if paths.metadata(head.root.signed.version + 1, "root") in there:
        raise _ahead()
    if seen is None or seen == timestamp:
        return
    old = _metadata(Timestamp, seen)
    _refuse_higher(old.signed.version, head.timestamp.signed.version)
    about = old.signed.snapshot_meta
    _refuse_higher(about.version, head.snapshot.signed.version)
    snapshot = _metadata(Snapshot, store.read(paths.metadata(about.version, "snapshot")))
    version = snapshot.signed.meta["targets.json"].version
    _refuse_higher(version, head.targets.signed.version)
    targets = _metadata(Targets, store.read(paths.metadata(version, "targets")))
    _refuse_higher(seq_of(targets.signed), head.seq)
    _refuse_other_history(repository, targets.signed)
    if old.signed.version == head.timestamp.signed.version:
        raise _differs(paths.TIMESTAMP)


def is_there(store: Store, file: LocalFile, found: Object | None) -> bool:
    """Whether a file need not be uploaded.

    Raises:
        VerificationFailed: slug ``mirror-differs``: other content stands under its name.
    """
    if found is None:
        return False
    if found.size == file.size and _same(store, file, found):
        return True
    if found.size < file.size and store.sha256(file.path) == _sha256(file.source, found.size):
        return False  # the first part of it: an upload that was cut off
    raise _differs(file.path)


def changed_meanwhile() -> TakedownError:
    """The error for a store that somebody else wrote to during the upload."""
    return TakedownError(
        "Something else wrote to the same address during the upload; the new release is not shown there yet. "
        "Make sure that only one machine uploads, and run the same command again.",
        slug="mirror-changed",
    )


def _same(store: Store, file: LocalFile, found: Object) -> bool:
    """By the store's MD5 where it is one; by content for the newest release, or where that MD5 differs."""
    if found.md5 is not None and found.md5 == _md5(file.source):
        return True
    if found.md5 is None and not file.newest:
        return True
    return store.sha256(file.path) == _sha256(file.source, file.size)


def _refuse_other_history(repository: Path, shown: Targets) -> None:
    for path, target in shown.targets.items():
        ours = repository / path
        if not ours.is_file() or not disk.matches(ours, target.length, target.hashes.get("sha256", "")):
            raise _differs(path)


def _refuse_higher(there: int, here: int) -> None:
    if there > here:
        raise _ahead()


def _metadata(kind: type[T], data: bytes | None) -> Metadata[T]:
    try:
        return read_as(kind, data or b"")
    except (RepositoryError, KeyError) as error:
        raise VerificationFailed(
            "What is shown at that address is no whole release repository, so nobody can say whether it is "
            "older; look at it, and empty it to upload anew.",
            slug="mirror-unreadable",
        ) from error


def _ahead() -> UsageError:
    return UsageError(
        "The address already shows something newer than this folder holds; readers would refuse to go back. "
        "Restore the newest copy of the repository.",
        slug="mirror-ahead",
    )


def _differs(path: str) -> VerificationFailed:
    return VerificationFailed(
        f"The address holds another {path} than this folder, and that name never changes content: two "
        "histories have parted. Find out which one readers have before anything is uploaded.",
        slug="mirror-differs",
    )


def _sha256(path: Path, size: int) -> str:
    """Of the first ``size`` bytes."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while size and (block := file.read(min(size, 1 << 20))):
            digest.update(block)
            size -= len(block)
    return digest.hexdigest()


def _md5(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
