"""Shards in an object store: which there are, reading the few columns of a scan, fetching and putting back.

1. ``list_shards`` groups the objects below an address as they would be grouped on a disk: a tar with the
   sidecar, stats and index of its name, and every other Parquet file by itself.
2. Where there is a Parquet file its columns are read in place, in ranges; anything else is fetched first.
3. ``fetch`` brings all files of a shard to a folder, ``put`` takes files back, each as one object.

Any store that fsspec knows will do; what it needs beyond fsspec is named where it is missing.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow.parquet as pq

from takedown.dataset import columns as cols
from takedown.dataset.interface import BATCH_ROWS, RowBatch
from takedown.dataset.names import TABLE, TAR, is_bystander
from takedown.dataset.parquet import MAX_COLUMNS, damaged
from takedown.errors import BadDataset, MissingExtra, UsageError

_BESIDE = ("_stats.json", ".idx")


@dataclass(frozen=True)
class Store:
    """A folder in an object store.

    Attributes:
        address: as it was given, without a slash at the end.
        files: the fsspec file system.
        base: the folder's path in it.
    """

    address: str
    files: Any = field(repr=False, compare=False)
    base: str

    @classmethod
    def of(cls, address: str) -> Store:
        """Raises UsageError: no such kind of store; MissingExtra: a package for it is not installed."""
        import fsspec

        try:
            files, base = fsspec.url_to_fs(address)
        except ImportError as error:
            raise MissingExtra(
                f"This kind of address needs another package ({error}); install it beside this one."
            ) from error
        except ValueError as error:
            raise UsageError(
                "That kind of address is not known; give one that fsspec knows, such as s3://bucket/folder.",
                slug="store-unknown",
            ) from error
        return cls(address.rstrip("/"), files, base.rstrip("/"))

    @property
    def kind(self) -> str:
        """What tells whether two stores are of one system."""
        return str(self.files.protocol)

    @property
    def real(self) -> str:
        """The folder's path, written in one way: of a disk without links and "..", of others without dots."""
        if self.is_disk:
            return os.path.realpath(self.base)
        return posixpath.normpath(f"/{self.base}")

    @property
    def is_disk(self) -> bool:
        """Whether these are files of this machine."""
        return "file" in (
            self.files.protocol if isinstance(self.files.protocol, tuple) else (self.files.protocol,)
        )

    def path(self, name: str) -> str:
        return f"{self.base}/{name}" if name else self.base

    def put(self, file: Path, name: str) -> int:
        """Write one object from a file on this disk, whole or not at all; its bytes."""
        self.files.makedirs(self.files._parent(self.path(name)), exist_ok=True)
        self.files.put_file(str(file), self.path(name))
        size: int = file.stat().st_size
        if self.files.size(self.path(name)) != size:
            raise OSError(f"{name} arrived with another size")
        return size


@dataclass(frozen=True)
class RemoteShard:
    """One shard in a store.

    Attributes:
        store: where.
        name: of the main object, relative to the store's folder.
        beside: names of the other files of the shard.
    """

    store: Store
    name: str
    beside: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        return f"{self.store.address}/{self.name}" if self.name else self.store.address

    @property
    def names(self) -> tuple[str, ...]:
        """Of all its objects, the main one first."""
        return (self.name, *self.beside)

    @property
    def table(self) -> str | None:
        """The object that has its rows as Parquet, if any."""
        return next((name for name in self.names if name.lower().endswith(TABLE)), None)

    def version(self) -> list[str]:
        """What the store says to tell whether its objects changed: asked anew, not from a listing kept."""
        for name in self.names:
            self.store.files.invalidate_cache(self.store.path(name))
        return [str(self.store.files.ukey(self.store.path(name))) for name in self.names]

    def size(self) -> int:
        return sum(int(self.store.files.size(self.store.path(name))) for name in self.names)

    def rows(
        self, batch_size: int = BATCH_ROWS, columns: Collection[str] | None = None, piece: object = None
    ) -> Iterator[RowBatch]:
        """As ``Shard.rows``, of the Parquet file. Raises BadDataset."""
        path, first = Path(self.address), 0
        with damaged(path), self._open() as source, pq.ParquetFile(source, pre_buffer=True) as file:
            wanted = self._wanted(file, columns)
            for batch in file.iter_batches(batch_size, columns=sorted(set(wanted.values()))):
                values = {
                    f"{ours}_bytes" if ours in ("url", "caption") else ours: cols.read(
                        ours, batch.column(name), path
                    )
                    for ours, name in wanted.items()
                }
                yield RowBatch(first, batch.num_rows, **values)
                first += batch.num_rows
            if first != file.metadata.num_rows:
                raise BadDataset(f"{self.address} has fewer rows than it says; put it there again.")

    def scan_bytes(self, columns: Collection[str]) -> int:
        """How many bytes `rows(columns=columns)` reads, from the footer. Raises BadDataset."""
        with damaged(Path(self.address)), self._open() as source, pq.ParquetFile(source) as file:
            names, about = set(self._wanted(file, columns).values()), file.metadata
            chunks = (
                about.row_group(group).column(column)
                for group in range(about.num_row_groups)
                for column in range(about.num_columns)
            )
            return sum(
                chunk.total_compressed_size for chunk in chunks if chunk.path_in_schema.split(".")[0] in names
            )

    def fetch(self, folder: Path) -> Path:
        """Bring all files of the shard into a folder; the main one's path there. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in self.names:
            self.store.files.get_file(self.store.path(name), str(folder / PurePosixPath(name).name))
        return folder / PurePosixPath(self.name).name

    def _open(self) -> Any:
        # Arrow asks for whole ranges by itself: another cache would only read more.
        return self.store.files.open(self.store.path(self.table or self.name), "rb", cache_type="none")

    def _wanted(self, file: pq.ParquetFile, columns: Collection[str] | None) -> dict[str, str]:
        path, names = Path(self.address), list(file.schema_arrow.names)
        if file.metadata.num_columns > MAX_COLUMNS:
            raise BadDataset(
                f"{self.address} has more than {MAX_COLUMNS} columns.", slug="dataset-too-many-columns"
            )
        found = cols.locate(names, path)
        cols.require_url(found, names, path)
        return {ours: name for ours, name in found.items() if columns is None or ours in columns}


def list_shards(address: str) -> list[RemoteShard]:
    """The shards at or below an address, sorted by name. Raises as `look`."""
    return look(address)[0]


def look(address: str) -> tuple[list[RemoteShard], list[BadDataset]]:
    """The shards at or below an address, sorted by name, and what may hold rows and is not dealt with.

    Raises:
        UsageError, MissingExtra: as ``Store.of``.
        BadDataset: nothing there, or the store does not answer.
    """
    store = Store.of(address)
    try:
        if store.files.isfile(store.base):
            parent = str(store.files._parent(store.base)).rstrip("/")
            name = store.base.removeprefix(f"{parent}/")
            store = Store(store.address.removesuffix(f"/{name}"), store.files, parent)
            shards = [shard for shard in _grouped(store, _siblings(store, name)) if name in shard.names]
            return _dealt_with(shards, [f"{_stem(name)}/sample"] if _has_samples(store, name) else [])
        found = [path.removeprefix(f"{store.base}/") for path in store.files.find(store.base)]
    except OSError as error:
        raise BadDataset(
            f"{address} cannot be listed ({error}); check the address and your rights there.",
            slug="dataset-not-found",
        ) from error
    names = [name for name in found if not _hidden(name)]
    shards = _grouped(store, names)
    if not shards:
        raise BadDataset(
            f"{address} holds no Parquet files and no tar shards; check the address.", slug="dataset-empty"
        )
    ours = {name for shard in shards for name in shard.names}
    others = [name for name in names if name not in ours and not is_bystander(PurePosixPath(name))]
    shards, errors = _dealt_with(shards, others)
    return shards, [*errors, *_not_read(address, others)]


def _dealt_with(
    shards: Sequence[RemoteShard], others: Sequence[str]
) -> tuple[list[RemoteShard], list[BadDataset]]:
    """Shards without those whose samples are files of their own: those would stay when their rows go."""
    folders = {str(PurePosixPath(name).parent) for name in others}
    plain = [shard for shard in shards if shard.table == shard.name and _stem(shard.name) in folders]
    return [shard for shard in shards if shard not in plain], [
        BadDataset(
            f"{shard.address} has its samples as files in a folder of its name, which is not dealt with in a "
            "store; fetch it, apply the list here, and put it back.",
            slug="dataset-kind-unknown",
        )
        for shard in plain
    ]


def _not_read(address: str, others: Sequence[str]) -> list[BadDataset]:
    if not others:
        return []
    endings = ", ".join(sorted({PurePosixPath(name).suffix or "no ending" for name in others})[:10])
    return [
        BadDataset(
            f"{len(others)} objects at {address} were not read ({endings}); move them away if they hold no "
            "rows or pictures, or fetch them and apply the list here.",
            slug="files-not-read",
        )
    ]


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


def _has_samples(store: Store, name: str) -> bool:
    return name.lower().endswith(TABLE) and bool(store.files.isdir(store.path(_stem(name))))


def _siblings(store: Store, name: str) -> list[str]:
    """The names beside an object that share its stem, itself included."""
    stem = PurePosixPath(name).stem
    names = (PurePosixPath(path).name for path in store.files.ls(store.base, detail=False))
    return [other for other in names if other == name or other.startswith(stem)]


def _grouped(store: Store, names: Sequence[str]) -> list[RemoteShard]:
    there = set(names)
    tars = [name for name in names if name.lower().endswith(TAR)]
    beside = {tar: _beside(tar, there) for tar in tars}
    taken = {name for others in beside.values() for name in others}
    tables = [name for name in names if name.lower().endswith(TABLE) and name not in taken]
    return [RemoteShard(store, name, beside.get(name, ())) for name in sorted([*tars, *tables])]


def _beside(tar: str, there: set[str]) -> tuple[str, ...]:
    stem = tar[: -len(TAR)]
    return tuple(name for end in (TABLE, *_BESIDE) if (name := stem + end) in there)


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in PurePosixPath(name).parts)
