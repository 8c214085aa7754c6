"""Where one shard is while it is dealt with, and putting its files into the store, however often interrupted.

1. A note is left beside the files before the first of them goes: from then on that folder may be the only
   place that has what belongs together, so it is not cleared before all of them are there.
2. Each object is replaced only while it is the one that was fetched. One that an interrupted run had
   replaced already is known by its content.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from takedown import disk
from takedown.dataset.remote import RemoteShard
from takedown.errors import BadDataset

#: Notes in a working folder that must not be cleared yet: rows come back, or rows go.
PENDING, REPLACING = "put-back.json", "replace.json"


@contextmanager
def working(work: Path, target: str, *, unfinished: bool = False) -> Iterator[tuple[Path, Path]]:
    """Where a shard is fetched to, and where its result is made: by the address of the result.

    The ledger knows rows kept aside by these places, so they are always the same.

    Args:
        work: as for `remote.run`.
        target: address of the result.
        unfinished: the caller deals with what a restore left there.

    Raises:
        BadDataset: slug ``restore-unfinished``.
    """
    folder = folder_of(work, target)
    if not _kept(folder):
        shutil.rmtree(folder, ignore_errors=True)
    elif not unfinished:
        raise BadDataset(
            f"Rows were being put back into {target} when that was interrupted; run 'takedown restore' again "
            "first.",
            slug="restore-unfinished",
        )
    try:
        yield folder / "source", folder / "result"
    finally:
        if not _kept(folder):
            shutil.rmtree(folder, ignore_errors=True)


def folder_of(work: Path, target: str) -> Path:
    """The working folder of a shard, by the address of its result."""
    return work / "shards" / name_of(target)


def _kept(folder: Path) -> bool:
    return (folder / PENDING).exists() or (folder / REPLACING).exists()


def name_of(address: str) -> str:
    """A name for a file or a folder on this disk."""
    return hashlib.sha256(address.encode()).hexdigest()[:24]


def begin(note: Path, folder: Path, version: list[str]) -> None:
    """Note that the files of a folder are to replace the objects of this version."""
    disk.write(note, json.dumps({"folder": folder.name, "version": version}).encode(), mode=0o600)


def finish(shard: RemoteShard, note: Path) -> None:
    """Put the files there, now or after a run that was killed. Raises BadDataset, OSError."""
    if not note.is_file():
        return
    told = json.loads(note.read_bytes())
    folder, versions = note.parent / str(told["folder"]), told["version"]
    if len(versions) != len(shard.names):
        raise _changed(shard, folder)
    for number, (name, before) in enumerate(zip(shard.names, versions, strict=True)):
        file = folder / PurePosixPath(name).name
        if shard.version()[number] == before and file.is_file():
            shard.store.put(file, name)
        elif not _same(shard, name, file):
            raise _changed(shard, folder)
    note.unlink()


def _same(shard: RemoteShard, name: str, file: Path) -> bool:
    """Whether an interrupted run had put this object there already."""
    if not file.is_file():
        return False
    with shard.store.files.open(shard.store.path(name), "rb") as there:
        return hashlib.file_digest(there, "sha256").hexdigest() == disk.sha256_file(file)


def _changed(shard: RemoteShard, folder: Path) -> BadDataset:
    return BadDataset(
        f"{shard.address} changed while it was being replaced; what was made of it is kept in {folder}. Put "
        "those files there yourself, or take from them what you need, and delete the folder.",
        slug="restore-unfinished",
    )
