"""One of the processes of a build (takedown/farm.py): reads the units it is given."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from takedown import farm
from takedown.hashing.pictures import PictureReader
from takedown.index.units import Unit, extract


def work(reader: PictureReader, task: farm.Task, tell: farm.Tell) -> farm.Result:
    """Read one unit, as farm.py in this folder asks for it.

    Raises:
        BadDataset, MissingExtra, SandboxFailed: as units.extract.
    """
    extract(Unit.from_json(task["unit"]), Path(task["folder"]), reader, tell)
    return {}


if __name__ == "__main__":
    farm.serve(partial(work, PictureReader(indexed=True)))
