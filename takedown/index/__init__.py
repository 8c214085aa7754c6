"""The index of a dataset: build it once, open it anywhere, ask it which rows a picture or an address is.

build_index("var/index/sample", ["var/sample/pictures"])      one immutable folder
index = open_index("var/index/sample")                        mapped, shared by all processes
index.find_url(...)  .find_digest(...)  .find_near(...)  .find_fingerprint(...)  ->  hits
index.rows([hit.row for hit in hits])                         the rows, read from their source
"""

from __future__ import annotations

from pathlib import Path

from takedown.index.build import Progress, build_index
from takedown.index.interface import (
    MIN_PDQ_QUALITY,
    PDQ_RADIUS,
    PHASH_RADIUS,
    Coverage,
    Hit,
    Hits,
    IndexInfo,
    SourceInfo,
)
from takedown.index.lookup import Index

__all__ = [
    "MIN_PDQ_QUALITY",
    "PDQ_RADIUS",
    "PHASH_RADIUS",
    "Coverage",
    "Hit",
    "Hits",
    "Index",
    "IndexInfo",
    "Progress",
    "SourceInfo",
    "build_index",
    "open_index",
]


def open_index(folder: str | Path) -> Index:
    """Open an index; costs milliseconds whatever its size.

    Raises:
        BadIndex: no index, of another version, or a file of it is missing or of another length.
    """
    return Index(folder)
