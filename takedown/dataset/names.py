"""Which files stand together: a tar and the Parquet file of its name, however their endings are written."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

from takedown.errors import BadDataset

#: Endings of shards, and of an index beside a tar.
TAR, TABLE, INDEX = ".tar", ".parquet", ".idx"

#: Endings of URL lists, each also packed with gzip, and what they hold.
_LISTS = {".txt": "txt", ".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}

#: Files beside shards that hold neither rows nor pictures.
_BYSTANDERS = frozenset({".json", ".md", ".yaml", ".yml", ".idx", ".crc", ".lock"})
_BYSTANDER_NAMES = ("README", "LICENSE", "LICENCE", "NOTICE", "_", ".")


def is_bystander(path: PurePath) -> bool:
    """Whether a file beside shards is named like one that holds neither rows nor pictures."""
    return path.suffix.lower() in _BYSTANDERS or path.name.startswith(_BYSTANDER_NAMES)


def list_form(path: Path) -> str | None:
    """txt, csv, tsv or jsonl for a file named like a URL list, packed or not; None for any other."""
    name = path.name.lower().removesuffix(".gz")
    return _LISTS.get(Path(name).suffix)


def is_packed(path: Path) -> bool:
    """Whether the name says that the file is packed with gzip."""
    return path.name.lower().endswith(".gz")


def ends_in(path: Path, suffix: str) -> bool:
    """Whether the file has this ending, as `.tar`, `.TAR` or `.Tar`. Other mixtures are no shards."""
    return path.suffix in _spellings(suffix)


def partner(path: Path, suffix: str) -> Path | None:
    """The file beside `path` with the same stem and this ending; None where there is none.

    Raises:
        BadDataset: there are several that differ only in case.
    """
    found = [file for spelling in _spellings(suffix) if (file := path.with_suffix(spelling)).is_file()]
    if any(not os.path.samefile(found[0], other) for other in found[1:]):
        raise BadDataset(
            f"{path.with_suffix(suffix)} stands there twice with endings that differ only in case; "
            "rename or move one of them.",
            slug="dataset-ambiguous-pair",
        )
    return found[0] if found else None


def _spellings(suffix: str) -> tuple[str, ...]:
    return (suffix, suffix.upper(), suffix.title())
