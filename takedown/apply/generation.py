"""One generation of the ledger: what is kept aside of one shard at one time, and whether it is true."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from takedown import disk
from takedown.apply import marks
from takedown.apply.marks import Mark
from takedown.dataset import Shard, open_source
from takedown.dataset.atomic import waiting
from takedown.errors import BadDataset

ENTRY, ROWS, ASIDE = "entry.json", "rows.parquet", "aside"

#: Of each row aside. `kind` named it, on the list of this edition and number.
SCHEMA = pa.schema(
    [("place", pa.int64()), ("kind", pa.string()), ("edition", pa.string()), ("seq", pa.int64())]
)


@dataclass(frozen=True)
class Generation:
    """What is kept aside of one shard at one time.

    Attributes:
        folder: of the generation.
        path: main file of the shard that it belongs to.
        fits: name (relative to the main file's folder) and mark of each file; None for one that is gone.
        before: marks of the files that those were to replace.
        origin: marks of the source that the result was made from; empty for one that began in place.
        main: name of the main file of the rows aside; None where there are none.
    """

    folder: Path
    path: Path
    fits: list[tuple[Path, Mark | None]]
    before: list[Mark | None]
    origin: list[Mark | None]
    main: str | None

    @property
    def number(self) -> int:
        return int(self.folder.name)

    def rows(self) -> pa.Table:
        """Columns of SCHEMA. Raises BadDataset."""
        try:
            return pq.read_table(self.folder / ROWS, schema=SCHEMA)
        except (OSError, pa.ArrowException) as error:
            raise damaged(self.folder) from error

    def aside(self) -> Shard | None:
        """The rows themselves. Raises BadDataset."""
        if self.main is None:
            return None
        return open_source(self.folder / ASIDE / self.main).shards[0]

    def is_true(self) -> bool:
        """Whether the files in place are those that it fits."""
        return all(look(name, self.path.parent / name) == mark for name, mark in self.fits)

    def is_waiting(self) -> bool:
        """Whether something waits to take the place of a file of the shard."""
        targets = [self.path.parent / name for name, _ in self.fits]
        return any(waiting(target) != target for target in targets)

    def can_be_finished(self) -> bool:
        """Whether a kill left some files in place and the others beside it, ready."""
        for (name, mark), before in zip(self.fits, self.before, strict=True):
            target = self.path.parent / name
            there = look(name, target)
            ready = mark is None or look(name, waiting(target)) == mark
            # Never over a file that someone else has put there since.
            if there != mark and not (there == before and ready):
                return False
        return True

    def finish(self) -> None:
        """Do the renames that a kill prevented."""
        for name, mark in self.fits:
            target = self.path.parent / name
            if mark is None:
                target.unlink(missing_ok=True)
            elif look(name, target) != mark:
                disk.rename(waiting(target), target)


def read_generation(folder: Path) -> Generation:
    """Read what stands in a folder. Raises BadDataset."""
    try:
        entry: dict[str, Any] = json.loads((folder / ENTRY).read_bytes())
        fits = [(Path(name), mark) for name, mark in entry["fits"]]
        path, before, origin = Path(entry["path"]), entry["before"], entry["origin"]
        return Generation(folder, path, fits, before, origin, entry["main"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(folder) from error


def look(name: Path, file: Path) -> Mark | None:
    """The mark of a file of a shard; of those of single samples, which are many, the size."""
    if len(name.parts) == 1:
        return marks.mark(file)
    version = marks.version(file)
    return None if version is None else [version[0]]


def damaged(folder: Path) -> BadDataset:
    """The error for a ledger that something else has written to."""
    return BadDataset(
        f"{folder} was changed or is incomplete; get it back from a backup, or move it away, which gives up "
        "the rows that are kept in it.",
        slug="ledger-damaged",
    )
