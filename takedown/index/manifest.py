"""The manifest of an index: everything needed to open it, to doubt it, and to find its rows again.

It is the last file written and the first one read. Its bytes are fixed by its content, and their SHA-256 is
the index's digest: two folders with one digest hold the same index. Nothing in it depends on the time or the
machine of the build but the absolute path of each source.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from takedown.errors import BadIndex
from takedown.fingerprint import PIPELINE
from takedown.index import files
from takedown.index.files import FileRecord
from takedown.index.interface import Coverage, IndexInfo, SourceInfo
from takedown.urls import CANONICAL_VERSION

MANIFEST = "manifest.json"
STRUCTURE = "takedown-index"
VERSION = 1


@dataclass(frozen=True)
class ShardRecord:
    """One shard as it was when the index was built.

    Attributes:
        name: its name in its dataset.
        file: its main file or folder, relative to the source's path.
        kind: how it is laid out.
        rows: rows in it; they follow those of the shard before.
        stamp: size in bytes and cheap digest, to notice a change.
        columns: our column name -> the file's.
    """

    name: str
    file: str
    kind: str
    rows: int
    stamp: tuple[int, str]
    columns: dict[str, str]


@dataclass(frozen=True)
class SourceRecord:
    """One source: the absolute path given to the build, and its shards in order."""

    path: str
    shards: tuple[ShardRecord, ...]

    @property
    def rows(self) -> int:
        return sum(shard.rows for shard in self.shards)


@dataclass(frozen=True)
class Manifest:
    """What ``manifest.json`` says. ``files`` leaves out the manifest itself."""

    name: str
    coverage: Coverage
    sources: tuple[SourceRecord, ...]
    parameters: dict[str, int]
    skipped: dict[str, int]
    files: dict[str, FileRecord]

    def info(self, digest: str) -> IndexInfo:
        sources = tuple(SourceInfo(source.path, len(source.shards), source.rows) for source in self.sources)
        size = sum(record.bytes for record in self.files.values())
        return IndexInfo(
            name=self.name,
            digest=digest,
            rows=self.coverage.rows,
            coverage=self.coverage,
            sources=sources,
            canonical_version=CANONICAL_VERSION,
            pipeline=PIPELINE,
            skipped=self.skipped,
            bytes=size,
        )

    def write(self, folder: Path) -> None:
        """Write it into a folder whose other files are complete."""
        files.write_json(folder / MANIFEST, {"structure": STRUCTURE, **_versions(), **_content(self)})


def read(folder: Path) -> tuple[Manifest, str]:
    """Read a manifest and its digest.

    Raises:
        BadIndex: the folder is no index, or one of another version, or the manifest is damaged.
    """
    if not (folder / MANIFEST).is_file():
        raise BadIndex(
            f"{folder} is not an index: it has no {MANIFEST}. "
            "Build one with: takedown index build --out DIR SOURCE",
            slug="index-not-found",
        )
    content = files.read_json(folder / MANIFEST)
    if content.get("structure") != STRUCTURE:
        raise files.damaged(MANIFEST)
    _check_versions(content)
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    try:
        return _parse(content), digest
    except (KeyError, TypeError, ValueError, AttributeError):
        raise files.damaged(MANIFEST) from None


def _versions() -> dict[str, int]:
    return {"version": VERSION, "canonical_version": CANONICAL_VERSION, "pipeline": PIPELINE}


def _check_versions(content: dict[str, Any]) -> None:
    """Keys made by other rules would silently find less, so another version is never opened."""
    for name, ours in _versions().items():
        if content.get(name) != ours:
            raise BadIndex(
                "This index was built with another version of the program "
                f"({name} {content.get(name)!s:.20}, this program uses {ours}); build it again.",
                slug="index-version",
            )


def _content(manifest: Manifest) -> dict[str, Any]:
    return {
        "name": manifest.name,
        "coverage": manifest.coverage.to_json(),
        "sources": [
            {"path": source.path, "shards": [vars(shard) for shard in source.shards]}
            for source in manifest.sources
        ],
        "parameters": manifest.parameters,
        "skipped": manifest.skipped,
        "files": {name: list(record) for name, record in manifest.files.items()},
    }


def _parse(content: dict[str, Any]) -> Manifest:
    manifest = Manifest(
        name=str(content["name"]),
        coverage=Coverage(**{name: int(count) for name, count in content["coverage"].items()}),
        sources=tuple(_source(source) for source in content["sources"]),
        parameters=dict(content["parameters"]),
        skipped=dict(content["skipped"]),
        files={_inside(name): FileRecord(int(r[0]), str(r[1])) for name, r in content["files"].items()},
    )
    if sum(source.rows for source in manifest.sources) != manifest.coverage.rows:
        raise ValueError
    return manifest


def _source(content: dict[str, Any]) -> SourceRecord:
    shards = tuple(
        ShardRecord(
            name=str(shard["name"]),
            file=str(shard["file"]),
            kind=str(shard["kind"]),
            rows=files.number(shard, "rows"),
            stamp=(int(shard["stamp"][0]), str(shard["stamp"][1])),
            columns=dict(shard["columns"]),
        )
        for shard in content["shards"]
    )
    return SourceRecord(str(content["path"]), shards)


def _inside(name: str) -> str:
    """A file of the index lies in the index, whatever the manifest says."""
    if name.startswith("/") or ".." in name.split("/"):
        raise ValueError
    return name
