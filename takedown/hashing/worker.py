"""One of the processes of `takedown hash` (farm.py): makes the tables it is told to."""

from __future__ import annotations

import functools
from pathlib import Path

from takedown import farm
from takedown.dataset import Shard, open_source
from takedown.dataset.pictures import PictureFolder
from takedown.hashing.pictures import PictureReader
from takedown.hashing.shard import hash_shard


def work(task: farm.Task, tell: farm.Tell, reader: PictureReader) -> farm.Result:
    """Do one task of job.py.

    Raises:
        BadDataset, MissingExtra, SandboxFailed: as hash_shard.
    """
    counts, kept = hash_shard(_shard(task), Path(task["table"]), reader, tell)
    return {"counts": counts, "kept": kept}


def _shard(task: farm.Task) -> Shard:
    path = Path(task["path"])
    if task["names"]:
        return PictureFolder(path, task["names"])
    (shard,) = open_source(path).shards
    return shard


@functools.cache
def _reader(sandboxes: int) -> PictureReader:
    """Kept from task to task: its servers take a second to start. It ends with the process."""
    return PictureReader(sandboxes)


if __name__ == "__main__":
    farm.serve(lambda task, tell: work(task, tell, _reader(task["sandboxes"])))
