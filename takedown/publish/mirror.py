"""Uploading a release repository to wherever it is served from. The local folder stays the master.

1. Read and verify what is committed here; list what the store holds.
2. Refuse a store that is ahead of this folder, or that holds another history (mirror_look.py).
3. Upload what is missing: data, then manifests and checkpoints, then targets, snapshot and roots.
4. The files for people.
5. timestamp.json last, and only while the store still says what step 2 found: the one commit point. Only a
   root that is new comes after it (root_change_finish.py says why).

Killed anywhere, the store shows the old release or the new one, and the next run goes on where this one
stopped. Names carry their number and never change content, so what is there already is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from takedown import disk
from takedown.blocklist import paths
from takedown.publish import people
from takedown.publish.behind import refuse_behind
from takedown.publish.mirror_look import changed_meanwhile, is_there, refuse_other
from takedown.publish.mirror_plan import LocalFile, files_of
from takedown.publish.repository import LOCK, load_head
from takedown.publish.store import Object, Store

#: Held for the length of an upload: uploads go one after the other, while the folder moves on.
UPLOAD_LOCK = ".upload.lock"

#: Called with (bytes looked after, bytes in all).
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Mirrored:
    """What an upload did.

    Attributes:
        seq: of the release that the store now shows.
        uploaded: files.
        bytes: of them.
        kept: files that were there already.
    """

    seq: int
    uploaded: int
    bytes: int
    kept: int


def mirror(
    repository: Path,
    url: str,
    *,
    options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Mirrored:
    """Upload the committed release of a repository. Safe to run again after a crash at any moment.

    Args:
        repository: folder of the release repository; it is only read, but for a lock file.
        url: any address that fsspec can write to, such as ``s3://bucket/blocklist``, or a folder.
        options: for the file system, as fsspec takes them.
        progress: told about bytes as they are looked after.

    Raises:
        MissingExtra: the package for this kind of store is not installed.
        UsageError: nothing can be written there; or slugs ``mirror-ahead``, ``mirror-foreign``: it holds what
            this folder must not go behind.
        VerificationFailed: this folder does not verify; or slug ``mirror-differs``: the store has other
            content under a name that never changes.
        TakedownError: slug ``store-failed``: the store did not answer as it should.
    """
    store = Store.open(url, options)
    with disk.locked(repository / UPLOAD_LOCK):
        return _upload(repository, store, progress or (lambda done, total: None))


def _upload(repository: Path, store: Store, progress: Progress) -> Mirrored:
    with disk.locked(repository / LOCK):
        head = load_head(repository)
        refuse_behind(repository, head)
        timestamp = (repository / paths.TIMESTAMP).read_bytes()
        pages = {name: data for name in people.FILES if (data := _read(repository / name)) is not None}
    seen = store.read(paths.TIMESTAMP)
    there = store.list()
    refuse_other(repository, head, timestamp, store, seen, there)
    files = files_of(repository, head)
    # Readers take a new root as soon as it is there, and the timestamp is signed by the keys of both.
    roots = [file for file in files if seen is not None and file.path.endswith(".root.json")]
    sent = _bring(store, [file for file in files if file not in roots], there, progress)
    for name, data in pages.items():
        if store.read(name) != data:
            store.write(name, data)
    if store.read(paths.TIMESTAMP) != seen:
        raise changed_meanwhile()
    if seen != timestamp:
        store.write(paths.TIMESTAMP, timestamp)
    sent += _bring(store, roots, there, lambda done, total: None)
    return Mirrored(head.seq, len(sent), sum(file.size for file in sent), len(files) - len(sent))


def _bring(
    store: Store, files: list[LocalFile], there: dict[str, Object], progress: Progress
) -> list[LocalFile]:
    """Upload what is missing, in order; what was uploaded."""
    total, done = sum(file.size for file in files), 0
    sent = []
    for file in files:
        if not is_there(store, file, there.get(file.path)):
            file.check()
            store.put(file.source, file.path)
            sent.append(file)
        done += file.size
        progress(done, total)
    return sent


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
