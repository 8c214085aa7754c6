"""Write a tar out of members of other tars, each byte for byte, headers included.

The end is written as it was: two blocks of zeros padded to a record, as most programs do, or else whatever
stood behind the last member.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import BinaryIO, NamedTuple

from takedown.dataset.tar import BLOCK, Member

#: Tar files are padded with zeros to a multiple of this (POSIX: 20 blocks).
RECORD = 20 * BLOCK
_END = 2 * BLOCK
_CHUNK = 1 << 20


class Entry(NamedTuple):
    """Where a plain file stands in a tar: its name as stored, the offset of its bytes, and their number."""

    stored: str
    data: int
    size: int


def entries(members: Iterable[Member]) -> list[Entry]:
    """The entries of members as they stand."""
    return [Entry(member.stored, member.data, member.size) for member in members]


class TarWriter:
    """A tar on its way.

    Args:
        sink: takes it.

    Attributes:
        entries: what was written so far.
    """

    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self.entries: list[Entry] = []

    def add(self, source: BinaryIO, member: Member) -> None:
        """Copy one member."""
        data = self._sink.tell() + member.data - member.start
        self.copy(source, member.start, member.end)
        self.entries.append(Entry(member.stored, data, member.size))

    def copy(self, source: BinaryIO, start: int, end: int) -> None:
        """Copy what lies between two offsets: what stands between members."""
        source.seek(start)
        left = end - start
        while left > 0:
            chunk = source.read(min(_CHUNK, left))
            if not chunk:
                raise OSError("the file became shorter while it was read")
            self._sink.write(chunk)
            left -= len(chunk)

    def end(self, source: BinaryIO, behind: int) -> int:
        """End it like `source`, whose last member ends at `behind`. Returns the bytes of the whole."""
        size = source.seek(0, 2)
        if _plain_end(source, behind, size):
            self._sink.write(bytes(_END))
        else:
            self.copy(source, behind, size)
        if size % RECORD == 0:
            self._sink.write(bytes(-self._sink.tell() % RECORD))
        return self._sink.tell()


def last_end(members: Sequence[Member]) -> int:
    """The offset behind the last member."""
    return members[-1].end if members else 0


def _plain_end(source: BinaryIO, behind: int, size: int) -> bool:
    """Whether two blocks of zeros, padded to a record, follow the last member, and nothing else."""
    if size != -(-(behind + _END) // RECORD) * RECORD:
        return False
    source.seek(behind)
    return not source.read(size - behind).strip(b"\0")
