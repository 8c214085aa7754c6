"""A list on its way to disk, and its look-up tables: made here while the list passes, never fetched.

1. ``write_list`` reads a stream once; Parquet for SQL engines and the tables are written as it passes.
2. A table that went missing is made anew from the Parquet files; it must come out as it was.
3. ``check_table`` asks a table for every entry of the list, so that it is proven by the signed list itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from takedown import disk
from takedown.blocklist import paths
from takedown.blocklist.columns import Digests
from takedown.blocklist.files import ListWriter
from takedown.blocklist.manifest import Manifest, StateFile
from takedown.blocklist.pieces import Piece
from takedown.blocklist.table import Table, write_table
from takedown.errors import VerificationFailed
from takedown.keys import WIDTHS
from takedown.subscribe import store
from takedown.subscribe.store import LocalEdition, TableFile


def write_list(
    pieces: Iterable[Piece], folder: Path, manifest: Manifest
) -> tuple[tuple[StateFile, ...], tuple[TableFile, ...]]:
    """Write the list of one edition. What an earlier, failed attempt left is removed first.

    Args:
        pieces: the list; an error in it is passed on, and what was written till then is worth nothing.
        folder: the list folder.
        manifest: of the edition.

    Returns:
        Records of the Parquet files and of the tables.
    """
    edition, seq = manifest.edition, manifest.seq
    for place in (paths.state(edition, seq, "", ""), store.table_path(edition, seq, "")):
        shutil.rmtree((folder / place).parent, ignore_errors=True)
    writer, tables = ListWriter(folder, edition, seq), []
    for kind, group in groupby(pieces, lambda piece: piece[0]):
        count = manifest.count_by_kind.get(kind, 0)
        passing = writer.through(kind, count, (digests for _, digests in group))
        path = folder / store.table_path(edition, seq, kind)
        write_table(path, kind, manifest.prefix_hex, passing)
        tables.append(TableFile(kind, path.stat().st_size, disk.sha256_file(path)))
    return tuple(writer.files), tuple(tables)


def open_table(local: LocalEdition, kind: str) -> Table | None:
    """The look-up table of a kind, checked by length and SHA-256; None where the kind has no entries.

    Raises:
        VerificationFailed: slugs ``local-altered``, ``list-replaced``.
    """
    record = next((table for table in local.tables if table.kind == kind), None)
    if record is None:
        if kind in local.manifest.count_by_kind:
            raise store.altered()
        return None
    path = local.table_path(kind)
    try:
        if not path.is_file():
            _write_again(local, kind, path)
        disk.check(path, record.bytes, record.sha256)
        return Table.open(path)
    except (VerificationFailed, OSError) as error:
        raise store.missing_or_altered(local.folder, error) from error


def _write_again(local: LocalEdition, kind: str, path: Path) -> None:
    with disk.locked(path.with_name(".lock")):  # several processes may miss it at once
        if not path.is_file():
            digests = (chunk for _, chunk in store.pieces(local, (kind,)))
            write_table(path, kind, local.manifest.prefix_hex, digests)


def check_tables(local: LocalEdition) -> Iterator[Piece]:
    """The list of an edition as a stream, each entry looked up in the edition's tables as it passes.

    Raises:
        VerificationFailed: slug ``local-altered``: a table is damaged, or lists anything else.
    """
    if [table.kind for table in local.tables] != list(local.manifest.count_by_kind):
        raise store.altered()
    for kind, group in groupby(store.pieces(local), lambda piece: piece[0]):
        table = open_table(local, kind)
        if table is None or len(table) != local.manifest.count_by_kind[kind]:
            raise store.altered()
        for _, digests in group:
            if not table.hits(_full(kind, digests)).all():
                raise store.altered()
            yield kind, digests


def _full(kind: str, digests: Digests) -> NDArray[np.uint8]:
    """Raw digests, uint8 [N, width], that begin with these hexadecimal digits."""
    wide = 2 * WIDTHS[kind]
    sheet = np.full((len(digests), wide), ord("0"), np.uint8)
    sheet[:, : digests.dtype.itemsize] = digests.view(np.uint8).reshape(len(digests), -1)
    return np.frombuffer(bytes.fromhex(sheet.tobytes().decode("ascii")), np.uint8).reshape(-1, wide // 2)
