"""Which shards a run deals with, and where each goes.

One folder keeps its inner layout. Several sources keep theirs below the folder that they have in common, so
`a/x.parquet b/x.parquet` never meet. A shard named twice (a tar and its sidecar, say) is one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from takedown.apply.outcome import Failure
from takedown.dataset import Dataset, Shard, open_source
from takedown.errors import BadDataset, UsageError


@dataclass(frozen=True)
class Job:
    """One shard, and the folder of its result relative to --out."""

    shard: Shard
    folder: Path


def jobs(sources: Sequence[str | Path]) -> tuple[list[Job], list[Failure]]:
    """Open every source.

    Returns:
        The shards to deal with, and what could not be opened or read.

    Raises:
        UsageError: no source.
    """
    if not sources:
        raise UsageError("Name at least one source: a Parquet file, a tar shard or a folder.")
    paths = [Path(source).absolute() for source in sources]
    base = _base(paths)
    found: dict[Path, Job] = {}
    failures: list[Failure] = []
    for source in sources:
        try:
            dataset = open_source(_stats_to_tar(Path(source)), strict=False)
        except BadDataset as error:
            failures.append(Failure.of(source, error))
            continue
        failures += _failures(dataset)
        for shard in dataset.shards if dataset.kind != "images" else ():
            path = shard.path.absolute()
            found.setdefault(path, Job(shard, path.parent.relative_to(base)))
    return list(found.values()), failures


def check_out(out: Path, sources: Sequence[str | Path]) -> None:
    """Raises UsageError when writing to `out` could touch an original."""
    if out.exists() and not out.is_dir():
        raise UsageError(
            f"{out} is a file; give a folder for the result with --out.", slug="out-not-a-folder"
        )
    target = out.resolve()
    for source in sources:
        path = Path(source).resolve()
        folder = path if path.is_dir() else path.parent
        if target == folder or (path.is_dir() and target.is_relative_to(folder)):
            raise UsageError(
                f"{out} is the folder of a source or lies inside it; give another folder with --out, "
                "the originals are never overwritten.",
                slug="out-is-source",
            )


def _base(paths: Sequence[Path]) -> Path:
    if len(paths) == 1 and paths[0].is_dir():
        return paths[0]
    return Path(os.path.commonpath([path.parent for path in paths]))


def _stats_to_tar(source: Path) -> Path:
    """A glob such as `shards/*` names NNNNN_stats.json too: it goes with its tar."""
    tar = source.with_name(source.name.removesuffix("_stats.json") + ".tar")
    return tar if source.name.endswith("_stats.json") and tar.is_file() else source


def _failures(dataset: Dataset) -> list[Failure]:
    failures = [Failure.of(path, error) for path, error in dataset.failed]
    if dataset.kind == "images":
        message = (
            f"{dataset.path} is a folder of pictures without addresses, so no list can name them; "
            "give Parquet files or an img2dataset folder."
        )
        failures.append(Failure(str(dataset.path), "dataset-not-rewritable", message))
    if dataset.unread:
        endings = sorted({path.suffix or "no ending" for path in dataset.unread})[:10]
        message = (
            f"{len(dataset.unread)} files in {dataset.path} were not read ({', '.join(endings)}) and are not "
            "in the result; move them away if they hold no rows or pictures."
        )
        failures.append(Failure(str(dataset.path), "files-not-read", message))
    return failures
