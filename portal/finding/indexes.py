"""The dataset indexes in use: registering, swapping, opening, and saying what they can compare."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from django.db import transaction

from portal.days import today
from portal.models import DatasetIndex, Event
from takedown.errors import BadIndex
from takedown.index import MANIFEST, Index, open_index
from takedown.keys import Row


def register(path: Path) -> DatasetIndex:
    """Take an index folder into use; the one of the same name, if any, retires but stays readable.

    Raises:
        BadIndex: the folder is not a whole index of a version we read.
    """
    info = open_index(path).info
    with transaction.atomic():
        DatasetIndex.objects.filter(name=info.name, in_use=True).exclude(digest=info.digest).update(
            in_use=False
        )
        index, _ = DatasetIndex.objects.update_or_create(
            digest=info.digest,
            defaults={
                "name": info.name,
                "path": str(path.resolve()),
                "rows": info.rows,
                "coverage": info.coverage.to_json(),
                "in_use": True,
            },
            create_defaults={
                "name": info.name,
                "path": str(path.resolve()),
                "rows": info.rows,
                "coverage": info.coverage.to_json(),
                "in_use": True,
                "registered": today(),
            },
        )
        Event.record("index.registered", index)
    return index


def in_use() -> list[tuple[DatasetIndex, Index]]:
    """The indexes that answer questions now, opened."""
    return [(index, opened(index)) for index in DatasetIndex.objects.filter(in_use=True).order_by("name")]


def opened(index: DatasetIndex) -> Index:
    """The index as it is now: the one registered, or what it has grown into since.

    Raises:
        BadIndex: another index stands in its place; the row numbers of this one mean nothing there.
    """
    return _open(index.path, index.digest, _manifest_of(index.path))


def _manifest_of(path: str) -> tuple[int, ...]:
    """Tells cheaply whether the manifest was replaced: then the index grew, or another stands there."""
    try:
        found = (Path(path) / MANIFEST).stat()
    except OSError:
        return ()
    return found.st_ino, found.st_mtime_ns, found.st_size


@lru_cache(maxsize=32)
def _open(path: str, digest: str, _manifest: tuple[int, ...]) -> Index:
    """Opened once a process and state of the folder: the arrays are memory-mapped."""
    found = open_index(Path(path))
    if digest not in (found.info.digest, *found.info.ancestors):
        raise BadIndex(
            f"Another index stands at {path} than the one that was registered; put the old one back, or "
            "register the new one: manage.py register_index",
            slug="index-replaced",
        )
    return found


def rows_of(pairs: Iterable[tuple[DatasetIndex, int]]) -> dict[tuple[int, int], Row]:
    """Read rows for display. Keys of the answer are (index pk, row number)."""
    wanted: dict[DatasetIndex, set[int]] = {}
    for index, row in pairs:
        wanted.setdefault(index, set()).add(row)
    return {
        (index.pk, row.row): row
        for index, numbers in wanted.items()
        for row in opened(index).rows(sorted(numbers))
    }


def coverage() -> dict[str, int]:
    """Rows of all indexes in use, and how many of them have an address, a file digest or a picture hash."""
    total = dict.fromkeys(("rows", "url", "sha256", "md5", "sha1", "pdq", "phash"), 0)
    for index in DatasetIndex.objects.filter(in_use=True):
        for kind in total:
            total[kind] += index.rows if kind == "rows" else index.coverage.get(kind, 0)
    return total
