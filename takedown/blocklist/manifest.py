"""The manifest: what one edition is at one sequence number, and every file needed to get there.

It is a TUF target, so its bytes are authenticated by length and SHA-256; it authenticates the state and delta
files the same way (docs/releases.md, "Manifest"). Reading is strict: canonical bytes, exactly these fields,
paths that follow from the other fields, and a chain of deltas without gaps that ends at ``seq``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any

from takedown.blocklist import canonical, paths
from takedown.blocklist.canonical import Fields
from takedown.blocklist.entry import FULL, KINDS

FORMAT = 1
MAX_BYTES = 4_000_000
KEPT_DELTAS = 26
DISPOSITIONS = ("purge", "quarantine")

_MAX_FILES = len(KINDS) * 256
_SHARDS = {"", *(f"{n:x}" for n in range(16)), *(f"{n:02x}" for n in range(256))}


@dataclass(frozen=True)
class StateFile:
    """One Parquet file of a full state. ``shard`` is the leading hex all its digests share ("" for all)."""

    path: str
    bytes: int
    sha256: str
    rows: int
    kind: str
    shard: str


@dataclass(frozen=True)
class FullState:
    """The last full state: the sequence number it stands at, and its files sorted by kind and shard."""

    seq: int
    files: tuple[StateFile, ...]


@dataclass(frozen=True)
class DeltaFile:
    """The difference of two consecutive states. ``from_state``/``to_state`` are their state_sha256."""

    start: int
    end: int
    path: str
    bytes: int
    sha256: str
    added: int
    removed: int
    from_state: str
    to_state: str


@dataclass(frozen=True)
class Log:
    """The receipts log up to this release: number of leaves and RFC 6962 root in hex."""

    size: int
    root: str


@dataclass(frozen=True)
class Manifest:
    """All fields of docs/releases.md, "Manifest". An edition's first has None as ``prev_manifest_sha256``."""

    publisher: str
    dataset_ids: tuple[str, ...]
    edition: str
    prefix_hex: int
    k_min: int
    seq: int
    created: date
    prev_manifest_sha256: str | None
    state: FullState
    deltas: tuple[DeltaFile, ...]
    state_sha256: str
    count_by_kind: dict[str, int]
    disposition: str
    min_client: str
    log: Log
    audit_head: str
    format: int = FORMAT

    @property
    def rows(self) -> int:
        """Entries in the list."""
        return sum(self.count_by_kind.values())

    def steps(self, seq: int) -> tuple[DeltaFile, ...] | None:
        """The deltas that lead from the state at ``seq`` to this one; None where they are not all listed."""
        if seq == self.seq:
            return ()
        found = tuple(delta for delta in self.deltas if delta.start >= seq)
        return found if found and found[0].start == seq else None

    def to_bytes(self) -> bytes:
        """The manifest's one spelling in bytes: canonical JSON."""
        value: dict[str, Any] = dict(vars(self))
        value["dataset_ids"] = list(self.dataset_ids)
        value["created"] = self.created.isoformat()
        value["log"] = vars(self.log)
        value["state"] = {"seq": self.state.seq, "files": [vars(file) for file in self.state.files]}
        value["deltas"] = [_delta_out(delta) for delta in self.deltas]
        return canonical.to_bytes(value)

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """Read a manifest strictly.

        Raises:
            VerificationFailed: slug ``manifest-invalid``; the sentence names the field.
        """
        if len(data) > MAX_BYTES:
            raise canonical.broken("manifest", "is too long")
        fields = Fields(canonical.from_bytes(data, "manifest"), cls.__dataclass_fields__, "manifest")
        manifest = _read(fields)
        _check_chain(manifest, fields)
        return manifest


def _read(fields: Fields) -> Manifest:
    if fields.count("format") != FORMAT:
        fields.fail("is of a format this version does not know; install a newer version")
    edition, seq = fields.text("edition"), fields.count("seq", least=1)
    if not paths.is_edition_name(edition):
        fields.fail("has a bad field edition")
    return Manifest(
        publisher=fields.text("publisher"),
        dataset_ids=_texts(fields, "dataset_ids"),
        edition=edition,
        prefix_hex=fields.count("prefix_hex", least=1, most=FULL),
        k_min=fields.count("k_min"),
        seq=seq,
        created=fields.day("created"),
        prev_manifest_sha256=fields.sha256_or("prev_manifest_sha256", None),
        state=_read_state(fields.raw("state"), edition, seq),
        deltas=tuple(_read_delta(item, edition) for item in fields.items("deltas", KEPT_DELTAS)),
        state_sha256=fields.sha256("state_sha256"),
        count_by_kind=_counts(fields.raw("count_by_kind")),
        disposition=fields.choice("disposition", DISPOSITIONS),
        min_client=fields.text("min_client", longest=40),
        log=_read_log(fields.raw("log")),
        audit_head=fields.sha256_or("audit_head", "") or "",
    )


def _texts(fields: Fields, name: str) -> tuple[str, ...]:
    found = fields.items(name, most=1000)
    texts = tuple(item for item in found if isinstance(item, str) and 0 < len(item) <= 200)
    if len(texts) != len(found) or len(set(texts)) != len(texts):
        fields.fail(f"has a bad field {name}")
    return texts


def _counts(value: object) -> dict[str, int]:
    """Entries of each kind; a kind with none is left out, so that equal lists have equal manifests."""
    kinds = [kind for kind in KINDS if isinstance(value, dict) and kind in value]
    fields = Fields(value, kinds, "manifest")
    return {kind: fields.count(kind, least=1) for kind in kinds}


def _read_log(value: object) -> Log:
    fields = Fields(value, Log.__dataclass_fields__, "manifest")
    return Log(size=fields.count("size"), root=fields.sha256("root"))


def _read_state(value: object, edition: str, newest: int) -> FullState:
    fields = Fields(value, FullState.__dataclass_fields__, "manifest")
    seq = fields.count("seq", least=1, most=newest)
    files = tuple(read_state_file(item, edition, seq) for item in fields.items("files", _MAX_FILES))
    order = [(file.kind, file.shard) for file in files]
    if order != sorted(set(order)) or len({(f.kind, len(f.shard)) for f in files}) != len(
        {f.kind for f in files}
    ):
        fields.fail("lists the files of its state out of order or in different cuts")
    return FullState(seq, files)


def read_state_file(value: object, edition: str, seq: int) -> StateFile:
    """One record of a state file, its path checked against its place.

    Raises:
        VerificationFailed: slug ``manifest-invalid``.
    """
    fields = Fields(value, StateFile.__dataclass_fields__, "manifest")
    file = StateFile(
        path=fields.text("path"),
        bytes=fields.count("bytes", least=1),
        sha256=fields.sha256("sha256"),
        rows=fields.count("rows", least=1),
        kind=fields.choice("kind", KINDS),
        shard=fields.choice("shard", _SHARDS),
    )
    if file.path != paths.state(edition, seq, file.kind, file.shard):
        fields.fail("names a state file outside its place")
    return file


def _delta_out(delta: DeltaFile) -> dict[str, Any]:
    value = dict(vars(delta))
    value["from"], value["to"] = value.pop("start"), value.pop("end")
    return value


def _read_delta(value: object, edition: str) -> DeltaFile:
    names = ("from", "to", "path", "bytes", "sha256", "added", "removed", "from_state", "to_state")
    fields = Fields(value, names, "manifest")
    start = fields.count("from", least=1)
    delta = DeltaFile(
        start=start,
        end=fields.count("to", least=start + 1),
        path=fields.text("path"),
        bytes=fields.count("bytes", least=1),
        sha256=fields.sha256("sha256"),
        added=fields.count("added"),
        removed=fields.count("removed"),
        from_state=fields.sha256("from_state"),
        to_state=fields.sha256("to_state"),
    )
    if delta.path != paths.delta(edition, delta.start, delta.end):
        fields.fail("names a delta file outside its place")
    return delta


def _check_chain(manifest: Manifest, fields: Fields) -> None:
    """The deltas are one chain that ends at this state, and reaches back to the full state at least."""
    deltas = manifest.deltas
    if not _joined(deltas) or (deltas and (deltas[-1].end, deltas[-1].to_state) != _end(manifest)):
        fields.fail("lists deltas that do not join up")
    if manifest.steps(manifest.state.seq) is None:
        fields.fail("lists no way from its full state to its list")
    if manifest.state.seq == manifest.seq and _rows(manifest.state.files) != manifest.count_by_kind:
        fields.fail("counts its entries differently in two places")


def _joined(deltas: Sequence[DeltaFile]) -> bool:
    return all((a.end, a.to_state) == (b.start, b.from_state) for a, b in pairwise(deltas))


def _end(manifest: Manifest) -> tuple[int, str]:
    return manifest.seq, manifest.state_sha256


def _rows(files: Sequence[StateFile]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for file in files:
        counts[file.kind] = counts.get(file.kind, 0) + file.rows
    return counts
