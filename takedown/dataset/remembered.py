"""The address column of a scan, kept for the rewrite that follows, which then need not read it again."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

#: A longer column is read again instead: bytes.
MOST_BYTES = 64 * 1024 * 1024


class Remembered:
    """One column of one file, while somebody wants it. Without ``wanted`` nothing is kept.

    Attributes:
        name: of the column, None where none is kept.
    """

    def __init__(self) -> None:
        self._wanted = False
        self.forget()

    def want(self) -> None:
        """Keep the column of the next scan of the whole file."""
        self._wanted = True

    def forget(self) -> None:
        """Keep nothing any more."""
        self.name: str | None = None
        self._parts: list[Any] = []
        self._bytes = 0

    def begin(self, name: str | None) -> None:
        """A scan begins; of the whole file where ``name`` is given."""
        self.forget()
        self.name = name if self._wanted else None
        self._wanted = False

    def add(self, batch: pa.RecordBatch) -> None:
        """A batch of the scan, in order."""
        if self.name is None:
            return
        part = batch.column(self.name)
        self._parts.append(part)
        self._bytes += part.nbytes
        if self._bytes > MOST_BYTES:
            self.forget()

    def column(self, rows: int) -> tuple[str, pa.ChunkedArray] | None:
        """Name and content, where all of it was kept."""
        if self.name is None or sum(map(len, self._parts)) != rows:
            return None
        return self.name, pa.chunked_array(self._parts)
