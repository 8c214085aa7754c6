"""Which shards a run deals with, and where each goes.

One folder keeps its inner layout. Several sources keep theirs below the folder that they have in common, so
`a/x.parquet b/x.parquet` never meet.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from takedown.apply.outcome import Failure
from takedown.dataset import Dataset, Shard, main_file, open_sources
from takedown.errors import BadDataset, UsageError


@dataclass(frozen=True)
class Job:
    """One shard, and the folder of its result relative to --out."""

    shard: Shard
    folder: Path

    def names(self) -> list[Path]:
        """Where its files go, relative to --out."""
        return [self.folder / name for name in self.shard.relative_files()]


@dataclass(frozen=True)
class Layout:
    """What there is to do.

    Attributes:
        jobs: the shards.
        failures: what could not be opened or read.
        absent: where the files of those would go, relative to --out: none may stand there from earlier.
    """

    jobs: list[Job]
    failures: list[Failure]
    absent: list[Path]


def lay_out(sources: Sequence[str | Path]) -> Layout:
    """Open every source.

    Raises:
        UsageError: no source.
    """
    if not sources:
        raise UsageError("Name at least one source: a Parquet file, a tar shard or a folder.")
    base = _base([_plain(_named(source)) for source in sources])
    datasets, failed = open_sources(sources, strict=False)
    failures = [Failure.of(path, error) for path, error in failed]
    jobs: list[Job] = []
    absent = [path for path, _ in failed]
    for dataset in datasets:
        failures += _failures(dataset)
        absent += [path for path, _ in dataset.failed]
        if dataset.kind != "images":
            jobs += [Job(shard, _plain(shard.path).parent.relative_to(base)) for shard in dataset.shards]
    absent_names = {name for path in absent for name in _shard_names(path, base)}
    return Layout(jobs, failures, sorted(absent_names))


def targets(out: Path, layout: Layout) -> list[Path]:
    """Every path that a run may write or remove."""
    return [out / name for name in (*(n for job in layout.jobs for n in job.names()), *layout.absent)]


def _shard_names(path: Path, base: Path) -> Iterator[Path]:
    """The files that the shard of this path may have, relative to the base."""
    inside = _plain(path).relative_to(base)
    if inside.name:
        yield inside
        if inside.suffix.lower() == ".tar":
            yield inside.with_suffix(".parquet")
            yield inside.with_suffix(".idx")
            yield inside.with_name(f"{inside.stem}_stats.json")


def _named(source: str | Path) -> str | Path:
    """What stands for a source; one that cannot be opened, for itself."""
    try:
        return main_file(source)
    except BadDataset:
        return source


def _plain(path: str | Path) -> Path:
    """Absolute and without "..", which would lead out of the result."""
    return Path(os.path.abspath(path))


def _base(paths: Sequence[Path]) -> Path:
    if len(paths) == 1 and paths[0].is_dir():
        return paths[0]
    return Path(os.path.commonpath([path.parent for path in paths]))


def _failures(dataset: Dataset) -> list[Failure]:
    failures = [Failure.of(path, error) for path, error in dataset.failed]
    if dataset.kind == "images":
        failures.append(Failure.of(dataset.path, _not_rewritable(dataset)))
    if dataset.unread:
        endings = sorted({path.suffix or "no ending" for path in dataset.unread})[:10]
        one = len(dataset.unread) == 1
        what = (
            f"1 file in {dataset.path} was" if one else f"{len(dataset.unread)} files in {dataset.path} were"
        )
        message = (
            f"{what} not read ({', '.join(endings)}) and {'is' if one else 'are'} not in the result; move "
            f"{'it away if it holds' if one else 'them away if they hold'} no rows or pictures."
        )
        failures.append(Failure(str(dataset.path), "files-not-read", message))
    return failures


def _not_rewritable(dataset: Dataset) -> BadDataset:
    return BadDataset(
        f"{dataset.path} is a folder of pictures without addresses, so no list can name them; "
        "give Parquet files or an img2dataset folder.",
        slug="dataset-not-rewritable",
    )
