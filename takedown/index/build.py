"""Build an index: stream the sources once, and put a finished folder in place by one rename.

1. Open every source. What cannot be indexed stops the build before anything is written.
2. Make a folder beside the wanted one, under a hidden name.
3. For each shard: its rows' addresses and digests, then the fingerprints of its pictures; its stamp is the
   same before and after, or the shard changed meanwhile.
4. Sort the keys, describe every file, write the manifest.
5. Rename. Until then there is no index under the wanted name, afterwards there is a whole one, for ever
   unchanged: newer data makes another folder.

A picture whose PDQ quality is below 50 has digests only: neither its PDQ nor its pHash is stored, since both
would be near everything flat. Addresses that are not UTF-8 are not indexed, and addresses without a canonical
form are found by their exact bytes alone. Coverage counts what can be found, nothing else.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from takedown import disk
from takedown.dataset import Dataset, Shard, open_sources
from takedown.errors import BadDataset, UsageError
from takedown.index import files
from takedown.index.gather import Gatherer
from takedown.index.interface import MIN_PDQ_QUALITY, IndexInfo
from takedown.index.manifest import MANIFEST, Manifest, ShardRecord, SourceRecord, read
from takedown.index.pictures import PictureReader

#: Called as the build goes on: steps done and steps in all. A row is a step, and so is a picture.
Progress = Callable[[int, int], None]

_NEEDED = ("url", "sha256", "md5", "sha1", "pdq", "pdq_quality", "phash")
_WITH_PICTURES = ("img2dataset", "images")


def build_index(
    out: str | Path,
    sources: Sequence[str | Path],
    *,
    name: str | None = None,
    progress: Progress | None = None,
) -> IndexInfo:
    """Build an index of some sources into a new folder.

    Args:
        out: the folder to make; it must not exist, or be empty.
        sources: Parquet files or folders of them, img2dataset folders, folders of pictures.
        name: what people call the index; the folder's name when omitted.
        progress: told of every batch of rows and every picture.

    Raises:
        UsageError: no source, or something stands at ``out``.
        BadDataset: a source cannot be read, has no address column, or changes while it is read.
        MissingExtra: there are pictures, and what reads them is not installed.
    """
    target = Path(os.path.abspath(out))
    _refuse_existing(target)
    if not sources:
        raise UsageError("No source was given; name at least one folder or Parquet file.")
    datasets, _ = open_sources(sources)
    rows = sum(dataset.num_rows for dataset in datasets)
    with _sibling(target) as folder, PictureReader() as reader, Gatherer(folder, rows) as gatherer:
        build = _Build(gatherer, reader, datasets, progress)
        records = tuple(build.add_dataset(dataset) for dataset in datasets)
        coverage = gatherer.finish(rows)
        manifest = Manifest(
            name=name or target.name,
            coverage=coverage,
            sources=records,
            parameters={"min_pdq_quality": MIN_PDQ_QUALITY},
            skipped=gatherer.skipped | {"unread_files": sum(len(d.unread) for d in datasets)},
            files=files.describe(folder, leave_out=MANIFEST),
        )
        manifest.write(folder)
        _put_in_place(folder, target)
    written, digest = read(target)
    return written.info(digest)


class _Build:
    """Step 3: numbers the rows of all shards, hands them on, and counts what is done."""

    def __init__(
        self,
        gatherer: Gatherer,
        reader: PictureReader,
        datasets: Sequence[Dataset],
        progress: Progress | None,
    ) -> None:
        self._gatherer, self._reader = gatherer, reader
        self._first = 0
        self._total = sum(
            shard.num_rows * (2 if shard.kind in _WITH_PICTURES else 1)
            for dataset in datasets
            for shard in dataset.shards
        )
        self._done = 0
        self._progress = progress

    def add_dataset(self, dataset: Dataset) -> SourceRecord:
        root = Path(os.path.abspath(dataset.path))
        return SourceRecord(str(root), tuple(self._add_shard(shard, root) for shard in dataset.shards))

    def _add_shard(self, shard: Shard, root: Path) -> ShardRecord:
        stamp = shard.stamp()
        has_pictures = shard.kind in _WITH_PICTURES
        for batch in shard.rows(columns=_NEEDED):
            self._gatherer.add_rows(self._first + batch.first, batch, has_pictures=has_pictures)
            self._report(batch.num_rows)
        if has_pictures:
            self._add_pictures(shard)
        if shard.stamp() != stamp:
            raise BadDataset(
                f"{shard.path} changed while it was read; build the index again when it is complete.",
                slug="dataset-changed",
            )
        self._first += shard.num_rows
        return ShardRecord(
            name=shard.name,
            file=os.path.relpath(os.path.abspath(shard.path), root),
            kind=shard.kind,
            rows=shard.num_rows,
            stamp=(stamp.size, stamp.digest),
            columns=dict(getattr(shard, "columns", {})),
        )

    def _add_pictures(self, shard: Shard) -> None:
        pictures = []
        for picture in self._reader.read(shard):
            pictures.append(picture)
            self._report(1)
        self._gatherer.add_pictures(self._first, pictures, files_are_rows=shard.kind == "images")
        self._report(shard.num_rows - len(pictures))  # rows whose download failed have no picture

    def _report(self, steps: int) -> None:
        self._done += steps
        if self._progress is not None:
            self._progress(min(self._done, self._total), self._total)


def _refuse_existing(target: Path) -> None:
    if (target / MANIFEST).exists():
        raise UsageError(
            f"{target} already holds an index, and an index is never changed; give another folder, "
            "or delete this one first.",
            slug="index-exists",
        )
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UsageError(f"{target} exists and is not empty; give a new folder.", slug="out-exists")


@contextmanager
def _sibling(target: Path) -> Iterator[Path]:
    """A hidden folder on the same disk, gone when the build does not come to its end."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = target.parent / f".{target.name}.building-{secrets.token_hex(4)}"
        folder.mkdir()
    except OSError as error:
        raise UsageError(
            f"{target.parent} cannot be written ({error.strerror}); give another folder.",
            slug="out-not-writable",
        ) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put_in_place(folder: Path, target: Path) -> None:
    """The one step that makes the index visible."""
    try:
        disk.rename_tree(folder, target)
    except OSError:
        if folder.exists():
            _refuse_existing(target)
        raise
