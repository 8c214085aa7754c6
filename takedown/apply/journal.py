"""Which shards are done: one line each, so that a run that was killed goes on where it was.

1. A line is written when everything about a shard is ready and just before its files are renamed into place.
   It tells the versions that the files will have then, so a line whose renames never came is simply not true.
2. A line counts only for the very same list and rules, the very same source, and a result that is still the
   one that was written. In doubt the shard is done again.
3. Every line is one write that begins and ends with a line feed: what a kill tore is passed over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from takedown import disk
from takedown.apply import marks
from takedown.apply.layout import Job
from takedown.apply.outcome import Counts

#: Hidden, so that it is never taken for data.
NAME = ".takedown.journal"


class Journal:
    """The finished shards of one result.

    Args:
        path: the file.
        key: which list and rules this run is about.
    """

    def __init__(self, path: Path, key: str) -> None:
        self._path, self._key = path, key

    def read(self) -> dict[str, dict[str, Any]]:
        """The last line of this key about each shard. Everything else leaves the file."""
        lines = _lines(self._path)
        kept = {line["name"]: line for line in lines if line["key"] == self._key}
        if len(kept) != len(lines):
            disk.write(self._path, b"".join(_spelled(line) for line in kept.values()), mode=0o600)
        return kept

    def add(
        self,
        job: Job,
        source: Source,
        targets: Sequence[Path],
        after: Mapping[Path, Path | None],
        counts: Counts,
    ) -> None:
        """Note a shard whose files wait to be put in place.

        Args:
            source: what it was when it was read.
            targets: where each of its files goes.
            after: where those wait that change (`Pending.after`).
            counts: what it gave.
        """
        line = {
            "key": self._key,
            "name": name_of(job),
            "source": source,
            "result": _versions({target: target for target in targets} | dict(after)),
            "counts": counts.to_json(),
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, _spelled(line))
        finally:
            os.close(descriptor)


#: Versions of the files of a shard as it was read, and the digest of its stamp.
Source = list[Any]


def source_of(job: Job) -> Source:
    """What the shard is now. Raises BadDataset."""
    return [marks.versions(job.shard.files()), job.shard.stamp().digest]


def done(line: dict[str, Any], job: Job, targets: Sequence[Path], *, in_place: bool) -> Counts | None:
    """What the shard gave, when the line is true of it; None when it has to be done again."""
    try:
        result = _versions({target: target for target in targets})
        if line["result"] != result or not (in_place or line["source"] == source_of(job)):
            return None
        return Counts(**line["counts"])
    except (KeyError, TypeError):
        return None


def _versions(places: Mapping[Path, Path | None]) -> list[list[Any]]:
    """Name and version of each file that is there, in order."""
    found = ((target, marks.version(place) if place else None) for target, place in places.items())
    return sorted([str(target), version] for target, version in found if version is not None)


def name_of(job: Job) -> str:
    """One name for a shard and the place of its result."""
    return f"{os.path.abspath(job.shard.path)} > {job.folder.as_posix()}"


def _spelled(line: dict[str, Any]) -> bytes:
    return b"\n" + json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _lines(path: Path) -> list[dict[str, Any]]:
    try:
        content = path.read_bytes()
    except OSError:
        return []
    return [line for text in content.split(b"\n") if text and (line := _line(text)) is not None]


def _line(text: bytes) -> dict[str, Any] | None:
    try:
        line = json.loads(text)
    except ValueError:
        return None
    fine = isinstance(line, dict) and isinstance(line.get("name"), str) and isinstance(line.get("key"), str)
    return line if fine else None
