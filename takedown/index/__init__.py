"""The index of a dataset: build it once, open it anywhere, ask it which rows a picture or an address is.

build_index("laion.index", ["laion/"])            a folder of arrays; called again, a stopped build goes on
add_sources("laion.index", ["more/"])             rows more; what is there stays as it is
attach("laion.index", ["tables/"], by="alice")    fingerprints that others made, joined by exact address
index = open_index("laion.index")                 mapped, shared by all processes
index.find_url(...)  .find_site(...)  .find_digest(...)  .find_near(...)  .find_fingerprint(...)  ->  hits
index.rows([hit.row for hit in hits])             the rows, read from their source
"""

from __future__ import annotations

from pathlib import Path

from takedown.index.attaching import attach
from takedown.index.build import add_sources, build_index
from takedown.index.doubt import Doubted, doubt
from takedown.index.estimate import Plan, plan
from takedown.index.grow import MEMORY_BYTES, Progress
from takedown.index.hops import Hop, second_hops
from takedown.index.interface import (
    MIN_PDQ_QUALITY,
    PDQ_RADIUS,
    PHASH_RADIUS,
    AttachedInfo,
    Coverage,
    Hit,
    Hits,
    IndexInfo,
    SourceInfo,
)
from takedown.index.lookup import Index
from takedown.index.manifest import MANIFEST

__all__ = [
    "MANIFEST",
    "MEMORY_BYTES",
    "MIN_PDQ_QUALITY",
    "PDQ_RADIUS",
    "PHASH_RADIUS",
    "AttachedInfo",
    "Coverage",
    "Doubted",
    "Hit",
    "Hits",
    "Hop",
    "Index",
    "IndexInfo",
    "Plan",
    "Progress",
    "SourceInfo",
    "add_sources",
    "attach",
    "build_index",
    "doubt",
    "open_index",
    "plan",
    "second_hops",
]


def open_index(folder: str | Path) -> Index:
    """Open an index; costs milliseconds whatever its size.

    Raises:
        BadIndex: no index, of another version, or a file of it is missing or of another length.
    """
    return Index(folder)
