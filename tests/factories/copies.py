"""Looking at dataset copies as a whole."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes, less what a run keeps there for itself."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.startswith(".takedown."))
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def numbers(path: Path) -> list[int]:
    """SAMPLE_ID of each row of a file of `shards.laion`."""
    found: list[int] = pq.read_table(path)["SAMPLE_ID"].to_pylist()
    return found


def urls(path: Path) -> list[str | None]:
    """The addresses of a Parquet file."""
    table = pq.read_table(path)
    found: list[str | None] = table["URL" if "URL" in table.column_names else "url"].to_pylist()
    return found
