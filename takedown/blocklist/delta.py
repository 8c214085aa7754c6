"""The difference of two consecutive states, and its strict application.

1. ``diff`` is a set difference: it never says add and remove of the same entry.
2. ``apply`` removes first, then adds; removing what is absent or adding what is present is an error, because
   then the reader's list is not the one the delta was made for.
3. On disk: Parquet ``op, kind, digest``; removals first, each part sorted by kind and digest. A reader goes
   through both parts at once, beside the list, so that neither has to fit in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from takedown import disk
from takedown.blocklist import columns, paths, pieces
from takedown.blocklist.columns import Digests
from takedown.blocklist.entry import KINDS, digest_hex
from takedown.blocklist.manifest import DeltaFile
from takedown.blocklist.pieces import Piece, Seal, unfit
from takedown.blocklist.state import State
from takedown.errors import UsageError

OPERATIONS = ("remove", "add")
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
        raise unfit("is cut to another length than the list", "delta-prefix")
    rolled = pieces.applied(old.pieces(), delta.removed.pieces(), delta.added.pieces())
    return State.collect(rolled, old.prefix_hex)


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
    sink = columns.Sink(folder / path, SCHEMA)
    sink.write(_columns(delta))
    sink.close()
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


class DeltaReader:
    """A delta file whose bytes, schema, counts and order of operations and kinds were found right.

    Args:
        path: of the file on this disk.
        file: the manifest's record of it.
        prefix_hex: the edition's.

    Raises:
        VerificationFailed: the first of these that does not hold.
    """

    def __init__(self, path: Path, file: DeltaFile, prefix_hex: int) -> None:
        disk.check(path, file.bytes, file.sha256)
        self._path, self._prefix_hex = path, prefix_hex
        self._rows = file.added + file.removed
        self._starts = _starts(path, self._rows)
        if self._starts[len(KINDS)] != file.removed:
            raise columns.refused(path.name, "has other operations than the manifest says", "delta-counts")

    def pieces(self, operation: str) -> Iterator[Piece]:
        """What the delta removes or adds, as a stream that is checked as it is read.

        Raises:
            VerificationFailed: a digest breaks the format.
        """
        for number, kind in enumerate(KINDS, OPERATIONS.index(operation) * len(KINDS)):
            for digests in columns.ascending(self._digests(kind, number), self._path.name):
                yield kind, digests

    def _digests(self, kind: str, number: int) -> Iterator[Digests]:
        start, stop = self._starts[number], self._starts[number + 1]
        wide = digest_hex(kind, self._prefix_hex)
        if start < stop:
            for batch in columns.read_batches(self._path, SCHEMA, self._rows, ["digest"], start, stop):
                yield columns.fixed(batch.column("digest"), wide, self._path.name)


def read_delta(path: Path, file: DeltaFile, prefix_hex: int) -> Delta:
    """Read a delta strictly: bytes, schema, rows, counts, digests, and the one canonical order.

    Raises:
        VerificationFailed: the first of these that does not hold.
    """
    reader = DeltaReader(path, file, prefix_hex)
    removed, added = (State.collect(reader.pieces(operation), prefix_hex) for operation in OPERATIONS)
    return Delta(added, removed)


def stepped(locate: disk.Locate, old: Iterable[Piece], file: DeltaFile, prefix_hex: int) -> Iterator[Piece]:
    """The stream one delta further.

    Args:
        locate: from a path of the repository to the file on this disk.
        old: the list the delta starts from; that it is this list, the caller knows.
        file: the manifest's record of the delta.
        prefix_hex: of the list.

    Raises:
        VerificationFailed: slug ``delta-to-state``; as ``DeltaReader`` and ``pieces.applied``.
    """

    def check(seal: Seal) -> None:
        if seal.state_sha256 != file.to_state:
            raise unfit("does not lead to the list it promises", "delta-to-state")

    reader = DeltaReader(locate(file.path), file, prefix_hex)
    rolled = pieces.applied(old, reader.pieces("remove"), reader.pieces("add"))
    yield from pieces.sealed(rolled, prefix_hex, check)


def step(locate: disk.Locate, state: State, file: DeltaFile) -> State:
    """The state one delta further, in memory; as ``stepped``.

    Raises:
        VerificationFailed: slug ``delta-from-state`` too.
    """
    check_start(state.state_sha256, file)
    return State.collect(stepped(locate, state.pieces(), file, state.prefix_hex), state.prefix_hex)


def check_start(state_sha256: str, file: DeltaFile) -> None:
    """Nothing when a delta starts from the list of this ``state_sha256``.

    Raises:
        VerificationFailed: slug ``delta-from-state``.
    """
    if state_sha256 != file.from_state:
        raise unfit("starts from another list", "delta-from-state")


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


def _starts(path: Path, rows: int) -> list[int]:
    """Where the rows of each operation and kind begin, in canonical order, and where the last end.

    Raises:
        VerificationFailed: slugs ``delta-counts``, ``entry-order``; as ``read_batches``.
    """
    counts = np.zeros(len(OPERATIONS) * len(KINDS), dtype=np.int64)
    last = 0
    for batch in columns.read_batches(path, SCHEMA, rows, ["op", "kind"]):
        operations = pc.index_in(batch.column("op"), pa.array(OPERATIONS))
        kinds = pc.index_in(batch.column("kind"), pa.array(KINDS))
        if operations.null_count or kinds.null_count:
            raise columns.refused(path.name, "has other operations than the manifest says", "delta-counts")
        places = operations.to_numpy() * len(KINDS) + kinds.to_numpy()
        if places[0] < last or np.any(np.diff(places) < 0):
            raise columns.refused(path.name, "is not in canonical order", "entry-order")
        last = places[-1]
        counts += np.bincount(places, minlength=len(counts))
    return [0, *np.cumsum(counts).tolist()]
