"""The full sorted list of an edition at one sequence number: the truth that deltas only abbreviate.

1. Live full keys are validated, cut to ``prefix_hex``, sorted and merged: always afresh, never edited.
2. ``state_sha256`` names the result, whatever files carry it.
3. On disk: one kind a file, 1, 16 or 256 shards a kind by leading hex, strictly sorted and unique.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from takedown import disk
from takedown.blocklist import columns, paths
from takedown.blocklist.columns import Digests
from takedown.blocklist.entry import FULL, KINDS, check_prefix_hex, digest_hex, truncate
from takedown.blocklist.manifest import StateFile
from takedown.keys import Key

SCHEMA = pa.schema(
    [pa.field("kind", pa.string(), nullable=False), pa.field("digest", pa.string(), nullable=False)]
)

#: Most rows in one file. A full digest takes about 36 bytes after zstd, so 4 million stay near 150 MB of 200.
ROWS_PER_FILE = 4_000_000

_HEX_DIGITS = "0123456789abcdef"


@dataclass(frozen=True, eq=False)
class State:
    """A canonical list, built by ``of``; ``lists`` has a strictly sorted array for each kind that has any.

    Attributes:
        prefix_hex: hexadecimal digits kept of each digest, 1 to 64 (md5 never has more than 32).
        lists: kind -> sorted unique digests, dtype ``S`` of the digest's length; no empty arrays.
    """

    prefix_hex: int = FULL
    lists: Mapping[str, Digests] = field(default_factory=dict)

    @classmethod
    def of(cls, keys: Iterable[Key], prefix_hex: int = FULL) -> State:
        """The list that live full keys make.

        Raises:
            BadKey: a key is not a full published key.
            UsageError: ``prefix_hex`` out of range.
        """
        check_prefix_hex(prefix_hex)
        found: dict[str, set[str]] = {}
        for key in truncate(keys, prefix_hex):
            found.setdefault(key.kind, set()).add(key.digest)
        wide = {kind: digest_hex(kind, prefix_hex) for kind in found}
        return cls.trusted(
            prefix_hex,
            {
                kind: np.sort(np.array(list(digests), dtype=f"S{wide[kind]}"))
                for kind, digests in found.items()
            },
        )

    @classmethod
    def trusted(cls, prefix_hex: int, lists: Mapping[str, Digests]) -> State:
        """A list whose arrays are already known to be sorted and unique; empty arrays are dropped."""
        return cls(prefix_hex, {kind: lists[kind] for kind in KINDS if kind in lists and len(lists[kind])})

    def digests(self, kind: str) -> Digests:
        """Sorted digests of one kind as an array of fixed-width lowercase hex; empty where there are none."""
        return self.lists.get(kind, np.empty(0, dtype=f"S{digest_hex(kind, self.prefix_hex)}"))

    def entries(self, kind: str) -> list[str]:
        """Sorted digests of one kind as text."""
        return [digest.decode("ascii") for digest in self.digests(kind).tolist()]

    def __iter__(self) -> Iterator[Key]:
        """All entries in canonical order."""
        return (Key(kind, digest) for kind in self.lists for digest in self.entries(kind))

    @property
    def count_by_kind(self) -> dict[str, int]:
        return {kind: len(digests) for kind, digests in self.lists.items()}

    @cached_property
    def state_sha256(self) -> str:
        """SHA-256 in hex over the sorted ASCII lines ``kind TAB digest LF`` (docs/releases.md)."""
        sha256 = hashlib.sha256()
        for kind, digests in self.lists.items():
            for block in columns.lines(kind, digests):
                sha256.update(block)
        return sha256.hexdigest()

    def __len__(self) -> int:
        return sum(map(len, self.lists.values()))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, State):
            return NotImplemented
        return self.prefix_hex == other.prefix_hex and self.state_sha256 == other.state_sha256

    def __hash__(self) -> int:
        return hash((self.prefix_hex, self.state_sha256))


def write_state(
    state: State, folder: Path, edition: str, seq: int, rows: int = ROWS_PER_FILE
) -> tuple[StateFile, ...]:
    """Write a full state as Parquet files.

    Args:
        state: the list.
        folder: of the release repository; files go to their place inside it.
        edition, seq: what the files are named by.
        rows: most rows in one file, before another cut is chosen.

    Returns:
        One record a file, sorted by kind and shard. None for an empty list.
    """
    return tuple(
        _write_file(part, folder, paths.state(edition, seq, kind, shard), kind, shard)
        for kind, digests in state.lists.items()
        for shard, part in _cut(digests, rows)
        if len(part)
    )


def read_state(locate: disk.Locate, files: Sequence[StateFile], prefix_hex: int) -> State:
    """Read a full state strictly.

    Args:
        locate: from a path of the repository to the file on this disk.
        files: what the manifest says, sorted by kind and shard.
        prefix_hex: the edition's.

    Raises:
        VerificationFailed: a file is missing, altered, or breaks the format.
    """
    parts: dict[str, list[Digests]] = {}
    for file in files:
        parts.setdefault(file.kind, []).append(read_file(locate(file.path), file, prefix_hex))
    return State.trusted(prefix_hex, {kind: np.concatenate(found) for kind, found in parts.items()})


def read_file(path: Path, file: StateFile, prefix_hex: int) -> Digests:
    """Read one file of a full state: bytes, schema, rows, kind, digests, order and shard are all checked.

    Raises:
        VerificationFailed: the first of these that does not hold.
    """
    disk.check(path, file.bytes, file.sha256)
    table = columns.read_table(path, SCHEMA, file.rows)
    kinds = table.column("kind").unique().to_pylist()
    if kinds not in ([], [file.kind]):
        raise columns.refused(path.name, "has entries of another kind", "entry-kind")
    digests = columns.digests_of(table.column("digest"), digest_hex(file.kind, prefix_hex), path.name)
    # Sorted, so the first and the last stand for all.
    if len(digests) and not all(bytes(digests[at]).startswith(file.shard.encode()) for at in (0, -1)):
        raise columns.refused(path.name, "has entries of another shard", "entry-shard")
    return digests


def _cut(digests: Digests, rows: int) -> Iterator[tuple[str, Digests]]:
    """(leading hex, digests) for the fewest shards of 1, 16 and 256 that keep files near ``rows``."""
    if len(digests) <= rows:
        names = [""]
    elif len(digests) <= 16 * rows or digests.dtype.itemsize < 2:
        names = list(_HEX_DIGITS)
    else:
        names = [a + b for a in _HEX_DIGITS for b in _HEX_DIGITS]
    starts = np.searchsorted(digests, np.array([name.encode() for name in names], dtype=digests.dtype))
    return zip(names, np.split(digests, starts[1:]), strict=True)


def _write_file(digests: Digests, folder: Path, path: str, kind: str, shard: str) -> StateFile:
    target = folder / path
    kinds = pa.repeat(pa.scalar(kind), len(digests))
    columns.write_table(target, SCHEMA, [kinds, pa.chunked_array(columns.strings(digests), pa.string())])
    return StateFile(
        path=path,
        bytes=target.stat().st_size,
        sha256=disk.sha256_file(target),
        rows=len(digests),
        kind=kind,
        shard=shard,
    )
