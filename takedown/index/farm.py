"""Reads units in several processes, one a core, or in this one where there is little to read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from takedown import farm
from takedown.errors import TakedownError
from takedown.hashing.pictures import PictureReader
from takedown.index.units import WITH_PICTURES, Tell, Unit, extract

#: Steps that are worth a process of their own: reading a row takes microseconds, a picture milliseconds.
_ROWS_A_PROCESS = 300_000
_PICTURES_A_PROCESS = 300


def read_units(units: Sequence[Unit], folder: Path, workers: int, tell: Tell) -> None:
    """Read every unit that is not done yet.

    Args:
        units: in the order in which they are begun.
        folder: where units lie.
        workers: most processes.
        tell: called from several threads.

    Raises:
        BadDataset, MissingExtra, SandboxFailed: as units.extract; what was done until then stays done.
        TakedownError: a process ended by itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    count = min(workers, len(units), _worth(units))
    if count < 2:
        with PictureReader(indexed=True) as reader:
            for unit in units:
                extract(unit, folder, reader, tell)
        return
    tasks = [{"unit": unit.to_json(), "folder": str(folder)} for unit in units]
    with closing(farm.run("takedown.index.worker", tasks, count, tell)) as over:
        for _, result in over:
            if isinstance(result, TakedownError):
                raise result


def _worth(units: Sequence[Unit]) -> int:
    rows = sum(unit.rows for unit in units)
    pictures = sum(unit.rows for unit in units if unit.kind in WITH_PICTURES)
    return max(rows // _ROWS_A_PROCESS, pictures // _PICTURES_A_PROCESS)
