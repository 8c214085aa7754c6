"""Adds the rows of shards to an index, part by part.

A part is read in units (units.py) by one process a core (farm.py), sorted (assemble.py), put in place, and
named in the manifest. It holds whole shards, at most PART_ROWS rows unless a single shard has more. The same
shards make the same parts, whether or not the build was stopped in between.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from takedown import disk
from takedown.dataset import Dataset, Shard, identity
from takedown.errors import SandboxFailed, UsageError
from takedown.farm import default_workers
from takedown.index import files
from takedown.index.assemble import assemble, clear, total_skipped
from takedown.index.farm import read_units
from takedown.index.manifest import MANIFEST, Manifest, PartRecord, ShardRecord, SourceRecord
from takedown.index.units import Unit, UnitArrays, units_of
from takedown.index.workspace import UNITS, WORK, keep_only

#: Called as the build goes on: steps done, steps in all, and what is being done. A row is a step, and so is
#: a picture; sorting has steps of its own.
Progress = Callable[[int, int, str], None]

#: Most rows of one part. What has become a part can be found before the rest is read.
PART_ROWS = 1 << 27

#: Memory that sorting may take unless the caller says otherwise.
MEMORY_BYTES = 2 << 30
#: The least that is of any use: below it, processes and batches take more than is left for sorting.
LEAST_MEMORY = 256 << 20
#: Of the memory, what one process that reads shards is reckoned to need.
PROCESS_BYTES = 300 << 20


class Growth:
    """Makes an index grow.

    Args:
        folder: of the index; its workspace is held.
        memory_bytes: most memory, all processes together.
        workers: most processes; None for one a core.
        progress: told as it goes on.

    Raises:
        UsageError: a limit is too low.
    """

    def __init__(
        self, folder: Path, memory_bytes: int, workers: int | None, progress: Progress | None
    ) -> None:
        check_limits(memory_bytes, workers)
        self._folder, self._work = folder, folder / WORK
        self._memory = memory_bytes
        self._workers = min(workers or default_workers(), max(memory_bytes // PROCESS_BYTES, 1))
        self._progress = progress

    def add(self, manifest: Manifest, datasets: Sequence[Dataset], digest: str | None = None) -> None:
        """Read the shards that are new, and name their parts in the manifest.

        Args:
            digest: of the manifest, where the index has it in use.
        """
        drop_unnamed(self._folder, manifest)
        groups = _parts(new_shards(manifest, datasets))
        wanted = {unit.name for group in groups for _, _, units in group for unit in units}
        keep_only(self._work / UNITS, wanted)
        for group in groups:
            manifest, digest = self._add_part(manifest, group, digest)
        if not groups and digest is None:
            manifest.write(self._folder)

    def _add_part(
        self, manifest: Manifest, group: list[_Cut], digest: str | None
    ) -> tuple[Manifest, str | None]:
        units = [unit for _, _, of_shard in group for unit in of_shard]
        tally = _Tally(sum(unit.steps for unit in units), self._progress)
        try:
            read_units(units, self._work / UNITS, self._workers, tally.add)
        except SandboxFailed:
            keep_only(self._work / UNITS, set())  # they may lack pictures that were never really looked at
            raise
        tally.finish()
        new = self._work / "part"
        clear(new)
        clear(self._work / "temporary")
        arrays = [UnitArrays(self._work / UNITS / unit.name, unit.rows) for unit in units]
        coverage = assemble(arrays, new, self._work / "temporary", self._memory, self._tell_sorting)
        part = PartRecord(part_folder(manifest), manifest.rows, sum(unit.rows for unit in units), coverage)
        grown = replace(manifest, sources=_grown(manifest.sources, group))
        manifest = place_part(self._folder, grown, part, new, skipped=total_skipped(arrays))
        result = show(self._folder, manifest, digest)
        keep_only(self._work / UNITS, set())
        return result

    def _tell_sorting(self, done: int, total: int, kind: str) -> None:
        if self._progress is not None:
            self._progress(done, total, f"sorting {kind}".strip())


def check_limits(memory_bytes: int, workers: int | None = None) -> None:
    """Raise UsageError where nothing can be done within the limits."""
    if memory_bytes < LEAST_MEMORY or (workers is not None and workers < 1):
        raise UsageError(
            f"An index needs at least {LEAST_MEMORY >> 20} MB of memory and one process; give more.",
            slug="index-limits",
        )


class _Tally:
    """Adds up the steps of several threads."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._done, self._total, self._progress = 0, total, progress
        self._lock = threading.Lock()

    def add(self, steps: int) -> None:
        with self._lock:
            self._done = min(self._done + steps, self._total)
            if self._progress is not None:
                self._progress(self._done, self._total, "reading")

    def finish(self) -> None:
        self.add(self._total)


class _Cut(NamedTuple):
    """A shard, its source's folder, and its units."""

    root: Path
    shard: Shard
    units: list[Unit]


def _parts(shards: Sequence[tuple[Path, Shard]]) -> list[list[_Cut]]:
    """The shards in groups that make a part."""
    groups: list[list[_Cut]] = []
    rows = 0
    for root, shard in shards:
        if not groups or rows + shard.num_rows > PART_ROWS:
            groups.append([])
            rows = 0
        groups[-1].append(_Cut(root, shard, units_of(shard)))
        rows += shard.num_rows
    return groups


def _grown(sources: Sequence[SourceRecord], group: Sequence[_Cut]) -> tuple[SourceRecord, ...]:
    """The sources with some shards more; those of the last source's folder go there."""
    grown = list(sources)
    for root, shard, _ in group:
        if not grown or grown[-1].path != str(root):
            grown.append(SourceRecord(str(root), ()))
        grown[-1] = SourceRecord(str(root), (*grown[-1].shards, shard_record(shard, root)))
    return tuple(grown)


def part_folder(manifest: Manifest) -> str:
    """Where the next part of an index goes."""
    return f"parts/{len(manifest.parts) + 1:04}"


def place_part(
    index: Path,
    manifest: Manifest,
    part: PartRecord,
    made: Path,
    *,
    skipped: dict[str, int] | None = None,
) -> Manifest:
    """Put a finished part in place. Nobody sees it before ``show``.

    Args:
        index: the index's folder.
        manifest: without the part.
        part: its record.
        made: the folder that holds it, on the same disk.
        skipped: pictures of the part that gave no perceptual hash.

    Returns:
        The manifest with the part.
    """
    written = files.describe(made, leave_out=MANIFEST)
    target = index / part.folder
    target.parent.mkdir(exist_ok=True)
    disk.rename_tree(made, target)
    return manifest.with_part(part, written, skipped=skipped)


def drop_unnamed(index: Path, manifest: Manifest) -> None:
    """Remove parts that were put in place and never shown: whoever made them was stopped."""
    keep_only(index / "parts", {Path(part.folder).name for part in manifest.parts})


def show(index: Path, manifest: Manifest, digest: str | None) -> tuple[Manifest, str | None]:
    """Write the manifest: the one step after which everyone sees what it names.

    Args:
        digest: what the index is known by now; None while it is being built.

    Returns:
        The manifest as written, and its digest, None while the index is being built.
    """
    if digest is not None:
        manifest = replace(manifest, ancestors=(*manifest.ancestors, digest))
    now = manifest.write(index)
    return manifest, now if digest is not None else None


def shard_record(shard: Shard, root: Path) -> ShardRecord:
    """What the manifest says of a shard."""
    stamp = shard.stamp()
    return ShardRecord(
        name=shard.name,
        file=os.path.relpath(os.path.abspath(shard.path), root),
        kind=shard.kind,
        rows=shard.num_rows,
        stamp=(stamp.size, stamp.digest),
        columns=dict(getattr(shard, "columns", {})),
    )


def new_shards(manifest: Manifest, datasets: Sequence[Dataset]) -> list[tuple[Path, Shard]]:
    """The shards that an index does not hold yet, each with its source's folder.

    Raises:
        UsageError: one that it holds has changed since.
    """
    known = {
        identity(Path(source.path, shard.file)): shard.stamp
        for source in manifest.sources
        for shard in source.shards
    }
    new = []
    for root, shard in shards_of(datasets):
        stamp = known.get(identity(shard.path))
        if stamp is None:
            new.append((root, shard))
        elif stamp != tuple(shard.stamp()):
            raise UsageError(
                f"{shard.path} changed after it was indexed, and rows of an index are never replaced; "
                "build the index again in another folder.",
                slug="index-source-changed",
            )
    return new


def shards_of(datasets: Sequence[Dataset]) -> list[tuple[Path, Shard]]:
    """Every shard with its source's absolute path, in order."""
    return [(Path(os.path.abspath(dataset.path)), shard) for dataset in datasets for shard in dataset.shards]
