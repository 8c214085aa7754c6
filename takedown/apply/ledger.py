"""The ledger: rows that were removed and are kept aside, so that a later list can have them put back.

    LEDGER/                        0700, and everything in it 0600
      journal                      of runs in place
      shards/<id>/                 a shard, by the path of its main file
        000002/                    a generation
          entry.json               what it fits: a mark of each file of the shard
          rows.parquet             place, kind, edition, seq of each row; in the order of the rows aside
          aside/                   the rows themselves, as a shard of the same layout
      retired/<id>-000001/         rows of a shard that was since made from another source

1. A generation is written whole before the files of the shard are replaced. It fits the files to come, not
   those that are there.
2. So of several generations the one that fits the files in place is true. The others are what a kill left:
   an older one was superseded, a newer one never came to be. Either can go, for its rows are elsewhere.
3. Where everything waits that the newest one fits, because a kill came before or between the renames, they
   are done.

`place` is the number that a row has among the rows in the shard and those aside together. It is the original
number less what was purged before it, and no later removal changes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from takedown import disk
from takedown.apply.generation import ASIDE, ENTRY, ROWS, Generation, look, read_generation
from takedown.apply.marks import Mark
from takedown.dataset import identity
from takedown.errors import BadDataset

JOURNAL = "journal"
SHARDS, _RETIRED = "shards", "retired"
_GONE = ".gone"


class Ledger:
    """The folder of what is kept aside.

    Args:
        folder: where; made when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, path: Path) -> Generation | None:
        """What is kept of the shard with this main file, after clearing up what a kill left.

        Raises:
            BadDataset: slug ``ledger-not-fitting``: rows are kept, and the shard is no longer the one that
                they came from.
        """
        return self._true(self._home(path))

    def has(self, path: Path) -> bool:
        """Whether anything is kept of the shard with this main file."""
        return self._home(path).is_dir()

    def retire(self, path: Path) -> None:
        """Move what is kept of a shard out of the way, because the shard is another one now."""
        for generation in _generations(self._home(path)):
            self._retire(generation)

    def all(self, roots: Sequence[Path]) -> Iterator[tuple[Path, Generation | BadDataset]]:
        """(main file, what is kept) of every shard at or below these paths, in order of path."""
        for path, home in self._within(roots):
            try:
                generation = self._true(home)
            except BadDataset as error:
                yield path or home, error
            else:
                if path is not None and generation is not None:
                    yield path, generation

    def _within(self, roots: Sequence[Path]) -> Iterator[tuple[Path | None, Path]]:
        """(main file, folder) of shards at or below these paths, and (None, folder) of damaged ones."""
        within = [Path(identity(Path(os.path.abspath(root)))) for root in roots]
        for path, home in sorted(((_path(home), home) for home in self._homes()), key=str):
            # Of a damaged one nobody knows where it belongs.
            if path is None or any(Path(identity(path)).is_relative_to(root) for root in within):
                yield path, home

    def begin(self, path: Path) -> Path:
        """An empty folder in which the next generation is made ready, with room for rows aside."""
        home = self._home(path)
        numbers = [generation.number for generation in _generations(home)]
        self.make()
        _private(home)
        part = disk.part_of(home / f"{max(numbers, default=0) + 1:06d}")
        shutil.rmtree(part, ignore_errors=True)
        _private(part)
        _private(part / ASIDE)
        return part

    def commit(
        self,
        part: Path,
        targets: Sequence[Path],
        after: Mapping[Path, Path | None],
        rows: pa.Table,
        origin: list[Mark | None],
    ) -> Generation:
        """Make the generation of what `begin` gave and the caller has filled.

        Args:
            targets: the files of the shard, the main one first.
            after: where those wait that change (`Pending.after`).
            rows: columns of SCHEMA, in the order of the rows aside.
            origin: marks of the source.
        """
        main, coming = targets[0], {target: target for target in targets} | dict(after)
        names = {target: target.relative_to(main.parent) for target in coming}
        entry = {
            "path": os.path.abspath(main),
            "fits": [[str(names[t]), place and look(names[t], place)] for t, place in coming.items()],
            "before": [look(names[target], target) for target in coming],
            "origin": origin,
            "main": main.name if rows.num_rows else None,
        }
        pq.write_table(rows, part / ROWS)
        disk.write(part / ENTRY, json.dumps(entry).encode(), mode=0o600)
        for file in part.rglob("*"):
            if file.is_file():
                _seal(file)
        final = part.with_name(part.name.removeprefix(".").removesuffix(".part"))
        disk.rename_tree(part, final)
        disk.sync_folder(final.parent.parent)
        return read_generation(final)

    def settle(self, path: Path, true: Generation | None, origin: list[Mark | None]) -> None:
        """The files of a shard are in place: drop what that supersedes, and a generation without rows.

        Args:
            path: main file of the shard.
            true: the generation that fits it; None where nothing is kept aside.
            origin: marks of its source. Rows that came from another one are not among that source's, and
                are retired, not deleted.
        """
        home = self._home(path)
        for generation in _generations(home):
            if true is not None and generation.number == true.number:
                continue
            if generation.origin == origin or generation.main is None:
                _delete(generation.folder)
            else:
                self._retire(generation)
        if true is None or true.main is None:
            _delete(home)
        else:
            _sweep(home)

    def recover(self, roots: Sequence[Path]) -> None:
        """Finish what a kill left half done with the shards at or below these paths; others cost a look."""
        for path, home in self._within(roots):
            with suppress(BadDataset):
                generations = _generations(home) if path is not None else []
                if len(generations) > 1 or any(one.is_waiting() for one in generations):
                    self._true(home)

    def make(self) -> None:
        """Make the folder, for its owner alone."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.chmod(self.folder, 0o700)
        _private(self.folder / SHARDS)
        _sweep(self.folder / SHARDS)

    def _true(self, home: Path) -> Generation | None:
        generations = _generations(home)
        if not generations:
            return None
        true = next((one for one in reversed(generations) if one.is_true() or one.can_be_finished()), None)
        if true is None:
            if all(generation.main is None for generation in generations):
                return None  # nothing is kept, so nothing has to fit
            raise not_fitting(generations[-1].path)
        true.finish()
        self.settle(true.path, true, true.origin)
        return true if true.main is not None else None

    def _retire(self, generation: Generation) -> None:
        retired = self.folder / _RETIRED
        _private(retired)
        digest = hashlib.sha256(str([generation.fits, generation.before]).encode()).hexdigest()[:16]
        target = retired / f"{generation.folder.parent.name}-{digest}"
        if generation.main is None or target.exists():
            _delete(generation.folder)
        else:
            disk.rename(generation.folder, target)

    def _home(self, path: Path) -> Path:
        name = hashlib.sha256(os.fsencode(identity(path))).hexdigest()[:32]
        return self.folder / SHARDS / name

    def _homes(self) -> Iterable[Path]:
        shards = self.folder / SHARDS
        return sorted(shards.glob("[!.]*")) if shards.is_dir() else ()


def not_fitting(path: Path) -> BadDataset:
    """The error for a shard that is not the one from which rows were kept aside."""
    return BadDataset(
        f"{path} is no longer the file that takedown left when it kept rows of it aside, so they cannot be "
        "put back at their places; put that file back, or name another folder with --ledger.",
        slug="ledger-not-fitting",
    )


def _generations(home: Path) -> list[Generation]:
    """Whole generations, oldest first. Raises BadDataset."""
    if not home.is_dir():
        return []
    return [read_generation(folder) for folder in sorted(home.iterdir()) if folder.name.isdigit()]


def _path(home: Path) -> Path | None:
    """Where the shard is that a folder belongs to; None for one that is damaged or empty."""
    try:
        return next((generation.path for generation in _generations(home)), None)
    except BadDataset:
        return None


def _delete(folder: Path) -> None:
    """Delete a folder at once for everybody who looks, and its content then; a kill may come in between."""
    if folder.is_dir():
        gone = folder.with_name(f".{folder.name}{_GONE}")
        shutil.rmtree(gone, ignore_errors=True)
        disk.rename(folder, gone)
        shutil.rmtree(gone, ignore_errors=True)


def _sweep(folder: Path) -> None:
    """Delete what a kill left of deleted folders, and of generations that never became whole."""
    for left in folder.glob(".*"):
        if left.name.endswith((_GONE, ".part")):
            shutil.rmtree(left, ignore_errors=True)


def _private(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def _seal(file: Path) -> None:
    """For its owner alone, and safe from a power cut."""
    os.chmod(file, 0o600)
    descriptor = os.open(file, os.O_RDONLY)
    try:
        disk.sync_file(descriptor)
    finally:
        os.close(descriptor)
