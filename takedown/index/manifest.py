"""The manifest of an index: everything needed to open it, to doubt it, and to find its rows again.

It is the last file written and the first one read, and the only one that is ever replaced, by one rename:
when rows are added or fingerprints attached, it names a part more. What it named before stays as it was,
row numbers included, so who has the older one open goes on undisturbed.

Its bytes are fixed by its content, and their SHA-256 is the index's digest: two folders with one digest hold
the same index. It lists the digests it had before. Nothing in it depends on the time or the machine of the
build but the absolute path of each source.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from takedown import disk
from takedown.errors import BadIndex
from takedown.fingerprint import PIPELINE
from takedown.index import files
from takedown.index.files import FileRecord
from takedown.index.interface import AttachedInfo, Coverage, IndexInfo, SourceInfo
from takedown.urls import CANONICAL_VERSION

MANIFEST = "manifest.json"
STRUCTURE = "takedown-index"
VERSION = 2


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
class PartRecord:
    """Some arrays of the index.

    Attributes:
        folder: where they are, relative to the index.
        first: the index's number of the row that the part calls 0.
        rows: rows it speaks of.
        coverage: rows that can be found through this part and through none before it.
        by: who made the fingerprints, for a part that was attached; None for one made from the sources.
        counts: of a part that was attached, or of pictures that gave no perceptual hash.
    """

    folder: str
    first: int
    rows: int
    coverage: Coverage
    by: str | None = None
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """What ``manifest.json`` says. ``files`` leaves out the manifest itself."""

    name: str
    sources: tuple[SourceRecord, ...]
    parts: tuple[PartRecord, ...]
    files: dict[str, FileRecord]
    skipped: dict[str, int] = field(default_factory=dict)
    ancestors: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of all sources, whether they can be found yet or not."""
        return sum(source.rows for source in self.sources)

    @property
    def coverage(self) -> Coverage:
        return sum((part.coverage for part in self.parts), Coverage(rows=self.rows))

    def info(self, digest: str) -> IndexInfo:
        return IndexInfo(
            name=self.name,
            digest=digest,
            rows=self.rows,
            coverage=self.coverage,
            sources=tuple(SourceInfo(one.path, len(one.shards), one.rows) for one in self.sources),
            canonical_version=CANONICAL_VERSION,
            pipeline=PIPELINE,
            skipped=self.skipped,
            bytes=sum(record.bytes for record in self.files.values()),
            attached=self._attached(),
            ancestors=self.ancestors,
        )

    def _attached(self) -> tuple[AttachedInfo, ...]:
        """What was attached, by name: a table has a part for each part of the sources that it reaches."""
        found: dict[str, AttachedInfo] = {}
        for part in self.parts:
            if part.by is not None:
                before = found.get(part.by, AttachedInfo(part.by, Coverage(), {}))
                counts = {
                    name: before.counts.get(name, 0) + part.counts.get(name, 0)
                    for name in before.counts | part.counts
                }
                found[part.by] = AttachedInfo(part.by, before.coverage + part.coverage, counts)
        return tuple(found.values())

    def with_part(
        self, part: PartRecord, written: dict[str, FileRecord], *, skipped: dict[str, int] | None = None
    ) -> Manifest:
        """The same index with a part more, whose files are given relative to the part's folder."""
        placed = {f"{part.folder}/{name}": record for name, record in written.items()}
        total = {
            name: self.skipped.get(name, 0) + (skipped or {}).get(name, 0)
            for name in self.skipped | (skipped or {})
        }
        return replace(self, parts=(*self.parts, part), files=self.files | placed, skipped=total)

    def write(self, folder: Path) -> str:
        """Put it into a folder whose other files are complete, in place of an older one.

        Returns:
            Its digest.
        """
        content = {"structure": STRUCTURE, **_versions(), **_content(self)}
        data = (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=True) + "\n").encode("ascii")
        disk.write(folder / MANIFEST, data)
        return hashlib.sha256(data).hexdigest()


def read(folder: Path) -> tuple[Manifest, str]:
    """Read a manifest and its digest.

    Raises:
        BadIndex: the folder is no index, or one of another version, or the manifest is damaged.
    """
    try:
        data = (folder / MANIFEST).read_bytes()
    except OSError:
        raise BadIndex(
            f"{folder} is not an index: it has no {MANIFEST}. "
            "Build one with: takedown index build --out DIR SOURCE",
            slug="index-not-found",
        ) from None
    content = files.parse_json(data, MANIFEST)
    if content.get("structure") != STRUCTURE:
        raise files.damaged(MANIFEST)
    _check_versions(content)
    try:
        return _parse(content), hashlib.sha256(data).hexdigest()
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
        "sources": [
            {"path": source.path, "shards": [vars(shard) for shard in source.shards]}
            for source in manifest.sources
        ],
        "parts": [asdict(part) for part in manifest.parts],
        "skipped": manifest.skipped,
        "ancestors": list(manifest.ancestors),
        "files": {name: list(record) for name, record in manifest.files.items()},
    }


def _parse(content: dict[str, Any]) -> Manifest:
    manifest = Manifest(
        name=str(content["name"]),
        sources=tuple(_source(source) for source in content["sources"]),
        parts=tuple(_part(part) for part in content["parts"]),
        files={_inside(name): FileRecord(int(r[0]), str(r[1])) for name, r in content["files"].items()},
        skipped={str(name): int(count) for name, count in content["skipped"].items()},
        ancestors=tuple(str(digest) for digest in content["ancestors"]),
    )
    if any(part.first + part.rows > manifest.rows for part in manifest.parts):
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


def _part(content: dict[str, Any]) -> PartRecord:
    if not re.fullmatch("parts/[0-9]{4,6}", content["folder"]):
        raise ValueError
    return PartRecord(
        folder=content["folder"],
        first=files.number(content, "first"),
        rows=files.number(content, "rows"),
        coverage=Coverage(**{name: int(count) for name, count in content["coverage"].items()}),
        by=None if content["by"] is None else str(content["by"]),
        counts={str(name): int(count) for name, count in content["counts"].items()},
    )


def _inside(name: str) -> str:
    """A file of the index lies in the index, whatever the manifest says."""
    if name.startswith("/") or ".." in name.split("/"):
        raise ValueError
    return name
