"""One of the processes of an inventory (takedown/farm.py): takes the keys of the shards it is given."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from takedown import farm
from takedown.apply.inventory.taking import take
from takedown.dataset import open_source


def work(task: farm.Task, tell: farm.Tell) -> farm.Result:
    """Take the keys of one shard, as build in this folder asks for it.

    Raises:
        BadDataset: the shard is damaged, or changed while it was read.
    """
    [shard] = open_source(task["path"]).shards
    return asdict(take(shard, Path(task["folder"]), tell))


if __name__ == "__main__":
    farm.serve(work)
