"""Where the tables of a run go: one file for each shard, under the shard's name, the same in every run.

A file in the folder, SOURCES, says which shard each table was made from, since two shards may have one name.
It holds paths of this machine; tables are passed on without it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from takedown import disk
from takedown.dataset import Dataset, Shard
from takedown.dataset.pictures import PictureFolder
from takedown.errors import UsageError

#: Table -> the shard it was made from.
SOURCES = ".sources.json"
#: Pictures of a folder that make one table.
PIECE_PICTURES = 5_000


@dataclass(frozen=True)
class Job:
    """A shard and its table.

    Attributes:
        path: the shard's main file; of a folder of pictures the folder.
        names: of a folder of pictures: those of this table.
        piece: number of the part of such a folder.
        stem: what the table would best be called, relative to the folder of tables.
        pictures: how many there are, as far as is known.
    """

    path: Path
    stem: str
    pictures: int
    names: tuple[str, ...] = ()
    piece: int | None = None

    @property
    def identity(self) -> str:
        """Tells the shard from every other on this machine."""
        path = os.path.realpath(self.path)
        return path if self.piece is None else f"{path}#{self.piece}"


def jobs_of(dataset: Dataset) -> list[Job]:
    """The shards of a dataset that have pictures, a large folder of pictures in parts."""
    found: list[Job] = []
    for shard in dataset.shards:
        if isinstance(shard, PictureFolder):
            found += _parts(shard)
        elif shard.kind in ("img2dataset", "files"):
            stem = str(PurePosixPath(shard.name).with_suffix(""))
            found.append(Job(shard.path, stem, _about(shard)))
    return found


def place(out: Path, jobs: Sequence[Job]) -> list[Path]:
    """Where the table of every job goes; noted in the folder, so that it goes there in the next run too.

    Tables of parts that a folder of pictures no longer has are deleted.

    Raises:
        UsageError: the note cannot be read.
    """
    noted = _read(out / SOURCES)
    tables = {identity: table for table, identity in noted.items()}
    taken = {table.casefold() for table in noted}
    for job in jobs:
        if job.identity not in tables:
            tables[job.identity] = _free(out, job.stem, taken)
            taken.add(tables[job.identity].casefold())
    for identity in _gone(tables, jobs):
        (out / tables.pop(identity)).unlink(missing_ok=True)
    wanted = {table: identity for identity, table in tables.items()}
    if wanted != noted:
        disk.write(out / SOURCES, json.dumps(wanted, indent=1, sort_keys=True).encode())
    return [out / tables[job.identity] for job in jobs]


def _parts(shard: PictureFolder) -> list[Job]:
    parts = [
        tuple(shard.names[first : first + PIECE_PICTURES])
        for first in range(0, len(shard.names), PIECE_PICTURES)
    ]
    return [
        Job(shard.path, f"{shard.name}-{number:05}", len(names), names, number)
        for number, names in enumerate(parts)
    ]


def _about(shard: Shard) -> int:
    """Pictures of a tar: its rows, or a guess from its size where only reading all of it would tell."""
    return shard.known_rows or max(1, shard.path.stat().st_size // 20_000)


def _read(path: Path) -> dict[str, str]:
    try:
        noted: Any = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        noted = None
    if not isinstance(noted, dict) or not all(_sound(*item) for item in noted.items()):
        raise UsageError(
            f"{path}, which says what each table was made from, cannot be read; give a new folder.",
            slug="out-sources-damaged",
        )
    return noted


def _sound(table: str, identity: object) -> bool:
    parts = PurePosixPath(table).parts
    return isinstance(identity, str) and bool(parts) and parts[0] != "/" and ".." not in parts


def _free(out: Path, stem: str, taken: set[str]) -> str:
    """The best name that no other table has, on disks that do not tell capitals apart either."""
    number = 1
    while True:
        name = f"{stem}.parquet" if number == 1 else f"{stem}-{number}.parquet"
        if name.casefold() not in taken and not (out / name).exists():
            return name
        number += 1


def _gone(tables: dict[str, str], jobs: Sequence[Job]) -> list[str]:
    """Parts noted for a folder of this run that are not among its parts any more."""
    wanted = {job.identity for job in jobs}
    folders = {os.path.realpath(job.path) for job in jobs if job.piece is not None}
    return [
        identity for identity in tables if identity not in wanted and identity.rpartition("#")[0] in folders
    ]
