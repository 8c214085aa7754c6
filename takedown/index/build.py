"""Build an index: read the sources piece by piece, sort the keys, put a finished folder in place.

1. Open every source. What cannot be indexed stops the build before anything is written.
2. Work in a hidden folder beside the wanted one, ``.NAME.building``, which one build at a time may hold.
3. Cut the shards into units (units.py), and read those that are not done yet, in one process a core
   (farm.py). Each is done for good: a build that was stopped or killed goes on where it was.
4. Make a part of them (assemble.py), describe its files, name it in the manifest. From then on its rows can
   be found, in the hidden folder; a part holds at most PART_ROWS rows.
5. After the last part, rename. Until then there is no index under the wanted name, afterwards a whole one.

Rows are added to an index in the same way, in a hidden folder inside it: step 4 then shows them to everyone
who opens the index from that moment on, and no part is built again.

A picture whose PDQ quality is below 50 has digests only: neither its PDQ nor its pHash is stored, since both
would be near everything flat. Addresses that are not UTF-8 are not indexed, and addresses without a canonical
form are found by their exact bytes alone. Coverage counts what can be found, nothing else.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from takedown.dataset import Dataset, open_sources
from takedown.errors import BadIndex, UsageError
from takedown.index.grow import MEMORY_BYTES, Growth, Progress, new_shards, shard_record, shards_of
from takedown.index.interface import IndexInfo
from takedown.index.manifest import MANIFEST, Manifest, read
from takedown.index.units import SKIPPED
from takedown.index.workspace import WORK, held, put_in_place, refuse_existing, sibling


def build_index(
    out: str | Path,
    sources: Sequence[str | Path],
    *,
    name: str | None = None,
    memory_bytes: int = MEMORY_BYTES,
    workers: int | None = None,
    progress: Progress | None = None,
) -> IndexInfo:
    """Build an index of some sources into a new folder. Called again after it was stopped, it goes on.

    Args:
        out: the folder to make; it must not exist, or be empty.
        sources: Parquet files or folders of them, img2dataset folders, folders of pictures.
        name: what people call the index; the folder's name when omitted.
        memory_bytes: most memory it may use, all processes together; at least LEAST_MEMORY.
        workers: processes that read; one a core when omitted, fewer where memory is short.
        progress: told of rows and pictures as they are read, then of the sorting.

    Raises:
        UsageError: no source, something stands at ``out``, another build of it runs, or a bad limit.
        BadDataset: a source cannot be read, has no address column, or changes while it is read.
        MissingExtra: there are pictures, and what reads them is not installed.
    """
    target = Path(os.path.abspath(out))
    refuse_existing(target)
    datasets = _opened(sources)
    with sibling(target) as folder:
        build = Growth(folder, memory_bytes, workers, progress)
        build.add(_begun(folder, name or target.name, datasets), datasets)
        shutil.rmtree(folder / WORK)
        put_in_place(folder, target)
    written, digest = read(target)
    return written.info(digest)


def add_sources(
    folder: str | Path,
    sources: Sequence[str | Path],
    *,
    memory_bytes: int = MEMORY_BYTES,
    workers: int | None = None,
    progress: Progress | None = None,
) -> IndexInfo:
    """Add the rows of more sources to an index; what it has stays as it is, and so do its rows' numbers.

    Shards that are in the index already are passed over, so a folder that has grown can be given again.

    Raises:
        BadIndex: the folder is no index.
        UsageError, BadDataset, MissingExtra: as build_index; also when there is nothing new, or when a
            shard of the index has changed since.
    """
    index = Path(os.path.abspath(folder))
    read(index)
    datasets = _opened(sources)
    with held(index):
        manifest, digest = read(index)
        if not new_shards(manifest, datasets):
            shutil.rmtree(index / WORK)  # of a run that was killed when all was done
            raise UsageError(
                "All of this is in the index already; there is nothing to add.", slug="index-has-source"
            )
        Growth(index, memory_bytes, workers, progress).add(manifest, datasets, digest)
        shutil.rmtree(index / WORK)
    written, digest = read(index)
    return written.info(digest)


def _begun(folder: Path, name: str, datasets: Sequence[Dataset]) -> Manifest:
    """What a build that was stopped has left, if it was a build of the same; otherwise an empty index."""
    unread = sum(len(dataset.unread) for dataset in datasets)
    skipped = dict.fromkeys(SKIPPED, 0) | {"unread_files": unread}
    try:
        found, _ = read(folder)
        if found.name == name and _is_beginning(found, datasets):
            return replace(found, skipped=found.skipped | {"unread_files": unread})
    except BadIndex:
        pass
    (folder / MANIFEST).unlink(missing_ok=True)
    return Manifest(name, (), (), {}, skipped=skipped)


def _is_beginning(found: Manifest, datasets: Sequence[Dataset]) -> bool:
    """Whether these are the first shards of the datasets, unchanged."""
    ours = [(str(root), shard_record(shard, root)) for root, shard in shards_of(datasets)]
    theirs = [(source.path, shard) for source in found.sources for shard in source.shards]
    return ours[: len(theirs)] == theirs


def _opened(sources: Sequence[str | Path]) -> list[Dataset]:
    if not sources:
        raise UsageError("No source was given; name at least one folder or Parquet file.")
    return open_sources(sources)[0]
