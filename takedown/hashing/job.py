"""Fingerprint tables of whole dataset copies, in several processes.

1. Open the sources. What holds no pictures is named, and the rest is done.
2. Take the folder of tables for this run alone; delete what a killed run left unfinished.
3. Give every shard the name of its table (layout.py).
4. One process a core makes one table after the other (shard.py). A shard whose table is there already, by its
   stamp, costs a look. A bad shard is named, and the others are done.

A run that was killed is finished by the same command: what is in the folder is whole tables only.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from takedown import farm
from takedown.dataset import Dataset, open_sources
from takedown.errors import BadDataset, SandboxFailed, TakedownError, UsageError
from takedown.hashing.layout import Job, jobs_of, place
from takedown.hashing.pictures import PictureReader
from takedown.hashing.worker import work

#: Called as the work goes on: pictures done, and pictures in all as far as is known.
Progress = Callable[[int, int], None]

#: So few pictures are hashed before other processes have started.
FEW_PICTURES = 300
#: Seconds to wait for the processes of a run that was killed. They end when they notice, which is at once.
BUSY_SECONDS = 10.0

_LOCK = ".lock"
_COUNTS = ("lines", "pictures", "readable", "unreadable", "low_quality")


@dataclass(frozen=True)
class Report:
    """What a run did.

    Attributes:
        out: the folder of tables.
        tables: tables that are there for the sources now.
        kept: those of them that were there before.
        counts: over all of them: `lines`; `pictures`, which are `readable` or `unreadable`; and readable ones
            of `low_quality`, which have digests only.
        hashed: pictures that were read in this run.
        seconds: how long it took.
        errors: shards and sources without a table, and why.
    """

    out: Path
    tables: int
    kept: int
    counts: dict[str, int]
    hashed: int
    seconds: float
    errors: tuple[tuple[Path, TakedownError], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "out": str(self.out),
            "tables": self.tables,
            "kept": self.kept,
            **self.counts,
            "hashed": self.hashed,
            "seconds": round(self.seconds, 3),
            "errors": [
                {"file": str(path), "error": error.slug, "message": error.sentence}
                for path, error in self.errors
            ],
        }


def hash_shards(
    sources: Sequence[str | Path],
    out: str | Path,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Make the fingerprint tables of some dataset copies.

    Args:
        sources: img2dataset tars or folders of them, folders of pictures.
        out: folder for the tables; tables that are there already are kept.
        workers: processes that work at a time; one for each core when None.
        progress: told of pictures as they are done.

    Raises:
        UsageError: no source, a folder that cannot be used, or another run uses it.
        BadDataset: no source holds pictures.
        MissingExtra, SandboxFailed: pictures cannot be read on this machine.
    """
    if not sources:
        raise UsageError("No source was given; name at least one tar or folder.")
    began = time.monotonic()
    folder = Path(os.path.abspath(out))
    datasets, failed = open_sources(sources, strict=False)
    jobs, without = _jobs(datasets)
    problems: list[tuple[Path, TakedownError]] = [*failed, *without]
    problems += [problem for dataset in datasets for problem in dataset.failed]
    if not jobs:
        raise _nothing(problems)
    _refuse_inside(folder, datasets)
    with _alone(folder) as lock:
        run = _Run(jobs, place(folder, jobs), progress)
        run.work(workers or farm.default_workers(), lock)
    return Report(
        out=folder,
        tables=run.tables,
        kept=run.kept,
        counts={name: run.counts[name] for name in _COUNTS},
        hashed=run.hashed,
        seconds=time.monotonic() - began,
        errors=(*problems, *run.errors),
    )


@dataclass
class _Run:
    """Step 4."""

    jobs: Sequence[Job]
    places: Sequence[Path]
    progress: Progress | None
    tables: int = 0
    kept: int = 0
    hashed: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    errors: list[tuple[Path, TakedownError]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._done, self._total = 0, sum(job.pictures for job in self.jobs)

    def work(self, workers: int, lock: int) -> None:
        sandboxes = max(1, workers // len(self.jobs))
        tasks = [
            {
                "path": os.path.abspath(job.path),
                "names": job.names,
                "table": str(table),
                "sandboxes": sandboxes,
            }
            for job, table in zip(self.jobs, self.places, strict=True)
        ]
        if self._total < FEW_PICTURES:
            run = _here(tasks, self._tell)
        else:
            # The processes hold the lock too: the next run waits until none of this one can write any more.
            run = farm.run("takedown.hashing.worker", tasks, workers, self._tell, keep=[lock])
        with closing(run) as over:
            for number, result in over:
                self._take(self.jobs[number], result)

    def _take(self, job: Job, result: farm.Result | TakedownError) -> None:
        if isinstance(result, (UsageError, SandboxFailed)):  # the others would fare no better
            raise result
        if isinstance(result, TakedownError):
            self.errors.append((job.path, result))
            return
        counts = result["counts"]
        self.tables += 1
        self.kept += result["kept"]
        self.hashed += 0 if result["kept"] else counts["pictures"]
        self.counts.update(counts)
        self._total += counts["pictures"] - job.pictures  # downloads that failed have no picture

    def _tell(self, pictures: int) -> None:
        self._done += pictures
        if self.progress is not None:
            self.progress(self._done, max(self._total, self._done))


def _here(tasks: Sequence[farm.Task], tell: farm.Tell) -> farm.Results:
    """What farm.run gives, without other processes than the sandbox's."""
    with PictureReader() as reader:
        for number, task in enumerate(tasks):
            try:
                yield number, work(task, tell, reader)
            except TakedownError as error:
                yield number, error


def _jobs(datasets: Sequence[Dataset]) -> tuple[list[Job], list[tuple[Path, TakedownError]]]:
    """What is to be done, and what holds no pictures."""
    jobs = [job for dataset in datasets for job in jobs_of(dataset)]
    without: list[tuple[Path, TakedownError]] = [
        (shard.path, _no_pictures(shard.path))
        for dataset in datasets
        for shard in dataset.shards
        if shard.kind in ("parquet", "urls")
    ]
    return jobs, without


def _no_pictures(path: Path) -> BadDataset:
    return BadDataset(
        f"{path} holds addresses and no pictures, so there is nothing to hash; give the tars that were "
        "downloaded from it.",
        slug="dataset-no-pictures",
    )


def _nothing(problems: Sequence[tuple[Path, TakedownError]]) -> TakedownError:
    if len(problems) == 1:
        return problems[0][1]
    return BadDataset(
        "None of the sources holds pictures that can be read; give img2dataset tars, folders of them, or "
        "folders of pictures.",
        slug="dataset-no-pictures",
    )


def _refuse_inside(folder: Path, datasets: Sequence[Dataset]) -> None:
    """Tables among the shards would be taken for shards in the next run."""
    real = Path(os.path.realpath(folder))
    for dataset in datasets:
        source = Path(os.path.realpath(dataset.path))
        if dataset.path.is_dir() and (real == source or source in real.parents):
            raise UsageError(
                f"{folder} lies in the source {dataset.path}; give a folder for the tables outside of it.",
                slug="out-in-source",
            )


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """Step 2: the folder, locked, without leftovers. Yields the descriptor that holds the lock."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written ({error.strerror}); give another folder.", slug="out-not-writable"
        ) from None
    try:
        _wait_for(lock, folder)
        for part in folder.rglob(".*.part"):
            part.unlink()
        yield lock
    finally:
        os.close(lock)


def _wait_for(lock: int, folder: Path) -> None:
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise UsageError(
                    f"Another run is writing to {folder}; wait until it is done, or give another folder.",
                    slug="out-busy",
                ) from None
            time.sleep(0.05)
        else:
            return
