"""A value for some of the rows: sorted row numbers beside packed values, so that gaps cost nothing.

On disk, in a folder of its own (little-endian): ``rows`` uint32[N] (uint64 from 2^32 rows on), ascending and
distinct, and ``values`` uint8[N, W]. Digests and perceptual hashes are stored this way: an index made from
addresses alone has empty columns, and one where a tenth of the pictures is known pays for that tenth.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from takedown.index import files
from takedown.index.files import Spool

VERSION = 1
STRUCTURE = "column"


class Values(NamedTuple):
    """What is known of some rows: ``known`` bool[N], and ``values`` uint8[N, W], zero where nothing is."""

    known: NDArray[np.bool_]
    values: NDArray[np.uint8]

    def cells(self) -> list[bytes | None]:
        """One by one, None where nothing is known."""
        return [
            value.tobytes() if known else None for known, value in zip(self.known, self.values, strict=True)
        ]


class Column:
    """An opened column; line ``i`` of ``values`` belongs to row ``rows[i]``."""

    def __init__(self, rows: NDArray[Any], values: NDArray[np.uint8]) -> None:
        self.rows, self.values = rows, values

    def __len__(self) -> int:
        return len(self.rows)

    def get(self, wanted: NDArray[np.int64]) -> Values:
        """The value of each wanted row; of several for one row the first."""
        found = Values(np.zeros(len(wanted), bool), np.zeros((len(wanted), self.values.shape[1]), np.uint8))
        if len(self.rows):
            # Numbers of another type would make NumPy copy the whole column first.
            alike = wanted.astype(self.rows.dtype)
            place = np.minimum(np.searchsorted(self.rows, alike), len(self.rows) - 1)
            found.known[:] = self.rows[place] == alike
            found.values[found.known] = self.values[place[found.known]]
        return found


class ColumnWriter:
    """Writes a column piece by piece, rows in ascending order.

    Args:
        out: the folder to make; it must not exist.
        width: bytes of a value.
        many_rows: whether row numbers may pass 2^32.
    """

    def __init__(self, out: Path, width: int, *, many_rows: bool = False) -> None:
        out.mkdir(parents=True)
        self.out, self.width = out, width
        self._rows = Spool(out / "rows", "<u8" if many_rows else "<u4")
        self._values = Spool(out / "values", "|u1", width)

    def append(self, rows: NDArray[np.int64], values: NDArray[np.uint8]) -> None:
        """Add values[i] (uint8[N, W]) for rows[i]; rows follow all those added before."""
        self._rows.append(rows)
        self._values.append(values.reshape(-1, self.width))

    def abandon(self) -> None:
        """Close without caring for what was written."""
        self._rows.abandon()
        self._values.abandon()

    def close(self) -> Column:
        """Finish the files, describe them, and open the column."""
        self._rows.close()
        self._values.close()
        row_type = self._rows.dtype.str
        files.write_header(
            self.out, STRUCTURE, VERSION, count=self._rows.count, width=self.width, row_type=row_type
        )
        return open(self.out, self.width)


def open(out: Path, width: int) -> Column:  # noqa: A001 - the same pair of names as in exact.py
    """Map a column of values of ``width`` bytes.

    Raises:
        BadIndex: a file is missing, of another length, width or version.
    """
    header = files.read_header(out, STRUCTURE, VERSION)
    count, row_type = files.number(header, "count"), header.get("row_type")
    if files.number(header, "width") != width or row_type not in ("<u4", "<u8"):
        raise files.damaged(files.HEADER)
    return Column(
        files.map_array(out / "rows", row_type, count),
        files.map_array(out / "values", "|u1", count, width),
    )
