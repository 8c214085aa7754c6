"""The difference of two consecutive states, and its strict application.

1. ``diff`` is a set difference: it never says add and remove of the same entry.
2. ``apply`` removes first, then adds; removing what is absent or adding what is present is an error, because
   then the reader's list is not the one the delta was made for.
3. On disk: Parquet ``op, kind, digest``; removals first, each part sorted by kind and digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from takedown import disk
from takedown.blocklist import columns, paths
from takedown.blocklist.columns import Digests
from takedown.blocklist.entry import KINDS, digest_hex
from takedown.blocklist.manifest import DeltaFile
from takedown.blocklist.state import State
from takedown.errors import UsageError, VerificationFailed

SCHEMA = pa.schema([pa.field(name, pa.string(), nullable=False) for name in ("op", "kind", "digest")])


@dataclass(frozen=True)
class Delta:
    """What goes and what comes, each a canonical list of the edition's prefix length."""

    added: State
    removed: State

    @property
    def rows(self) -> int:
        return len(self.added) + len(self.removed)


def diff(old: State, new: State) -> Delta:
    """What turns ``old`` into ``new``.

    Raises:
        UsageError: their digests are cut to different lengths; publish a full state instead.
    """
    if old.prefix_hex != new.prefix_hex:
        raise UsageError("Lists cut to different lengths have no delta; publish a full state.")
    added = {kind: _without(new.digests(kind), old.digests(kind)) for kind in KINDS}
    removed = {kind: _without(old.digests(kind), new.digests(kind)) for kind in KINDS}
    return Delta(State.trusted(new.prefix_hex, added), State.trusted(new.prefix_hex, removed))


def apply(old: State, delta: Delta) -> State:
    """The state after a delta.

    Raises:
        VerificationFailed: slugs ``delta-prefix``, ``delta-remove-absent``, ``delta-add-present``.
    """
    if not old.prefix_hex == delta.added.prefix_hex == delta.removed.prefix_hex:
        raise _unfit("is cut to another length than the list", "delta-prefix")
    lists = {kind: _apply(old, delta, kind) for kind in KINDS}
    return State.trusted(old.prefix_hex, lists)


def write_delta(folder: Path, edition: str, old: tuple[int, State], new: tuple[int, State]) -> DeltaFile:
    """Write the difference of two states as one Parquet file.

    Args:
        folder: of the release repository; the file goes to its place inside it.
        edition: what it is named by.
        old, new: (seq, state).

    Returns:
        The manifest's record of it.
    """
    delta = diff(old[1], new[1])
    path = paths.delta(edition, old[0], new[0])
    columns.write_table(folder / path, SCHEMA, _columns(delta))
    return DeltaFile(
        start=old[0],
        end=new[0],
        path=path,
        bytes=(folder / path).stat().st_size,
        sha256=disk.sha256_file(folder / path),
        added=len(delta.added),
        removed=len(delta.removed),
        from_state=old[1].state_sha256,
        to_state=new[1].state_sha256,
    )


def read_delta(path: Path, file: DeltaFile, prefix_hex: int) -> Delta:
    """Read a delta strictly: bytes, schema, rows, counts, digests, and the one canonical order.

    Raises:
        VerificationFailed: the first of these that does not hold.
    """
    disk.check(path, file.bytes, file.sha256)
    table = columns.read_table(path, SCHEMA, file.added + file.removed)
    removed, added = (_part(table, op, prefix_hex, path.name) for op in ("remove", "add"))
    delta = Delta(added, removed)
    if (len(added), len(removed)) != (file.added, file.removed):
        raise columns.refused(path.name, "has other operations than the manifest says", "delta-counts")
    expected = pa.Table.from_arrays(_columns(delta), schema=SCHEMA)
    if not table.equals(expected.cast(table.schema)):
        raise columns.refused(path.name, "is not in canonical order", "entry-order")
    return delta


def step(locate: disk.Locate, state: State, file: DeltaFile) -> State:
    """The state one delta further.

    Args:
        locate: from a path of the repository to the file on this disk.
        state: the list the delta starts from.
        file: the manifest's record of the delta.

    Raises:
        VerificationFailed: slugs ``delta-from-state``, ``delta-to-state``; as ``read_delta`` and ``apply``.
    """
    if state.state_sha256 != file.from_state:
        raise _unfit("starts from another list", "delta-from-state")
    new = apply(state, read_delta(locate(file.path), file, state.prefix_hex))
    if new.state_sha256 != file.to_state:
        raise _unfit("does not lead to the list it promises", "delta-to-state")
    return new


def _apply(old: State, delta: Delta, kind: str) -> Digests:
    have, going, coming = old.digests(kind), delta.removed.digests(kind), delta.added.digests(kind)
    if len(_without(going, have)):
        raise _unfit("removes an entry that is not in the list", "delta-remove-absent")
    kept = _without(have, going)
    if len(_without(coming, kept)) != len(coming):
        raise _unfit("adds an entry that is already in the list", "delta-add-present")
    return np.sort(np.concatenate([kept, coming]))


def _without(have: Digests, gone: Digests) -> Digests:
    """Digests of one sorted unique array that are not in another; stays sorted."""
    if not len(have) or not len(gone):
        return have
    at = np.minimum(np.searchsorted(gone, have), len(gone) - 1)
    left: Digests = have[gone[at] != have]
    return left


def _columns(delta: Delta) -> list[Any]:
    """The three columns in canonical order: removals, then additions, each by kind and digest."""
    ops, kinds, digests = [], [], []
    for op, part in (("remove", delta.removed), ("add", delta.added)):
        for kind, found in part.lists.items():
            ops.append(pa.repeat(pa.scalar(op), len(found)))
            kinds.append(pa.repeat(pa.scalar(kind), len(found)))
            digests.extend(columns.strings(found))
    return [pa.chunked_array(chunks, pa.string()) for chunks in (ops, kinds, digests)]


def _part(table: Any, op: str, prefix_hex: int, name: str) -> State:
    rows = table.filter(pc.equal(table.column("op"), op))
    lists = {
        kind: columns.digests_of(
            rows.filter(pc.equal(rows.column("kind"), kind)).column("digest"),
            digest_hex(kind, prefix_hex),
            name,
        )
        for kind in KINDS
    }
    return State.trusted(prefix_hex, lists)


def _unfit(why: str, slug: str) -> VerificationFailed:
    return VerificationFailed(
        f"The delta {why}; the full state is used instead where there is one.", slug=slug
    )
