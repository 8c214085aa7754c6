"""Making tables, and looking at them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from takedown.dataset.fingerprints import open_fingerprints
from takedown.hashing import Report, hash_shards, layout


def lines(folder: Path) -> list[dict[str, Any]]:
    """Every line of every table in a folder."""
    return [
        line for table in open_fingerprints(folder) for batch in table.batches() for line in batch.to_pylist()
    ]


def names(folder: Path) -> list[str]:
    """The tables of a folder, and whatever else is there but the two hidden notes."""
    files = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in files if name not in (".lock", layout.SOURCES))


def one(sources: Path | list[Path], out: Path, **options: Any) -> Report:
    return hash_shards(sources if isinstance(sources, list) else [sources], out, workers=1, **options)
