"""Cut a URL list into its records without losing a byte of it.

A list is a head (byte order mark, and the header line of CSV and TSV) and its records; put together again
they are the file. What a record says is read as img2dataset and pandas read it:

    .txt            a line is an address
    .csv .tsv       quoted with ", which is doubled inside; a quoted cell may hold line ends
    .jsonl .ndjson  a line is an object

Lines end in LF, CR LF or CR. A line that is empty is a record without an address. Bytes that are not UTF-8
stay what they are.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from takedown.dataset import columns as cols
from takedown.errors import BadDataset

#: Largest record, in bytes. An address has some hundred, a caption rarely more than some thousand.
MAX_RECORD_BYTES = 16 * 1024 * 1024
#: Most fields of a CSV or TSV header.
MAX_FIELDS = 10_000

_BLOCK = 1 << 20
_PACKING = 6  # gzip's own default
_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS = {"csv": ",", "tsv": "\t"}

Cell = bytes | None


class Records(NamedTuple):
    """Consecutive records.

    Attributes:
        raw: their bytes, line ends included.
        cells: our column name -> what each record has there; None where empty or absent.
    """

    raw: list[bytes]
    cells: dict[str, list[Cell]]


class ListReader:
    """Reads one list from its beginning.

    Args:
        path: the file.
        form: txt, csv, tsv or jsonl.
        source: its content, unpacked.

    Attributes:
        head: bytes before the first record.

    Raises:
        BadDataset: no column holds the address, or the text is UTF-16.
    """

    def __init__(self, path: Path, form: str, source: BinaryIO) -> None:
        self._path, self._form = path, form
        self._lines = _lines(path, source)
        self._first, self.head = self._take_mark()
        if form in _DELIMITERS:
            self._take_header()

    def records(self, size: int) -> Iterator[Records]:
        """All records, at most about this many at a time. Raises BadDataset."""
        if self._form == "txt":
            parts = self._text()
        elif self._form == "jsonl":
            parts = self._json()
        else:
            parts = self._table()
        for part in parts:
            for at in range(0, len(part.raw), size):
                cells = {name: column[at : at + size] for name, column in part.cells.items()}
                yield Records(part.raw[at : at + size], cells)

    def _take_mark(self) -> tuple[list[bytes], bytes]:
        """The first lines without the byte order mark, and the mark."""
        first = next(self._lines, [])
        if first and first[0].startswith(_WIDE_MARKS):
            raise _bad(self._path, "is UTF-16 text and not UTF-8", "list-not-utf8")
        if first and first[0].startswith(_MARK):
            return [first[0][len(_MARK) :], *first[1:]] if first[0] != _MARK else first[1:], _MARK
        return first, b""

    def _blocks(self) -> Iterator[list[bytes]]:
        yield self._first
        yield from self._lines

    def _text(self) -> Iterator[Records]:
        for lines in self._blocks():
            yield Records(lines, {"url": [line.rstrip(b"\r\n") or None for line in lines]})

    def _json(self) -> Iterator[Records]:
        without: dict[str, None] = {}
        named = False
        for lines in self._blocks():
            objects = [self._object(line) for line in lines]
            names = list(dict.fromkeys(name for one in objects for name in one))
            found = cols.locate(names, self._path)
            named = named or "url" in found
            without |= dict.fromkeys(names[: cols.NAMES_SHOWN])
            # Line by line: each may name a column in its own way, and where none has one, others may.
            cells = {
                ours: [self._cell(cols.of_record(one, ours), ours) for one in objects]
                for ours in dict.fromkeys(["url", *found])
            }
            yield Records(lines, cells)
        if without and not named:
            cols.require_url({}, list(without), self._path)

    def _object(self, line: bytes) -> dict[str, Any]:
        if not line.strip():
            return {}
        try:
            text = line.decode("utf-8", "surrogateescape")
            found = json.loads(text, object_pairs_hook=cols.unique_names)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise _bad(
                self._path, "has a line that is no JSON object, or names a column twice", "list-damaged"
            )
        return found

    def _cell(self, value: object, ours: str) -> Cell:
        if value is None or value == "":
            return None
        if isinstance(value, int | float) and ours not in ("url", "caption"):
            return str(value).encode()
        if not isinstance(value, str):
            raise BadDataset(
                f"A line of {self._path} has a {ours} that is not text; correct it and try again.",
                slug="dataset-column-type",
            )
        try:
            return value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogatepass")

    def _take_header(self) -> None:
        """Read the first line that is not empty, and find our columns in it."""
        self._feed = _Feed(self._path, self._blocks())
        delimiter = _DELIMITERS[self._form]
        csv.field_size_limit(max(csv.field_size_limit(), MAX_RECORD_BYTES))
        self._rows = csv.reader(self._feed, delimiter=delimiter)
        fields: list[str] = []
        for fields in self._rows:
            self.head += self._feed.taken()
            if fields:
                break
        names = [field.encode("latin-1").decode("utf-8", "replace") for field in fields]
        if len(names) > MAX_FIELDS:
            raise _bad(self._path, f"has more than {MAX_FIELDS} columns", "dataset-too-many-columns")
        found = cols.locate(names, self._path)
        cols.require_url(found, names, self._path)
        self._columns = {ours: names.index(name) for ours, name in found.items()}
        self._width = len(names)

    def _table(self) -> Iterator[Records]:
        raw: list[bytes] = []
        rows: list[list[str]] = []
        size = 0
        for row in self._rows:
            raw.append(self._feed.taken())
            if any(row[self._width :]):
                # Quotes of another kind: the address may stand in a cell where nobody looks for it.
                raise _bad(self._path, "has a record of more cells than its header", "list-damaged")
            rows.append(row)
            size += len(raw[-1])
            if size > _BLOCK:
                yield Records(raw, self._table_cells(rows))
                raw, rows, size = [], [], 0
        yield Records(raw, self._table_cells(rows))

    def _table_cells(self, rows: list[list[str]]) -> dict[str, list[Cell]]:
        return {
            ours: [row[at].encode("latin-1") or None if len(row) > at else None for row in rows]
            for ours, at in self._columns.items()
        }


class ListWriter:
    """Writes a list.

    Args:
        sink: takes it.
        head: what stands before the first record.
        packed: with gzip.
    """

    def __init__(self, sink: BinaryIO, head: bytes, *, packed: bool) -> None:
        self._sink = sink
        self._packer = gzip.GzipFile("", "wb", _PACKING, sink, mtime=0) if packed else None
        self._out = cast(BinaryIO, self._packer) if self._packer else sink
        self._end = b"\n"
        self._open = False
        self.add([head])
        self._open = self._open and head != _MARK

    def add(self, raw: list[bytes]) -> None:
        """Write records. What stood last, without a line end, gets one when others come behind it."""
        if not raw or raw == [b""]:
            return
        if self._open:
            self._out.write(self._end)
        self._out.writelines(raw)
        self._open = not raw[-1].endswith((b"\n", b"\r"))
        self._end = raw[0][len(raw[0].rstrip(b"\r\n")) :][-2:] or self._end

    def size(self) -> int:
        """Finish, and say how many bytes were written."""
        self.close()
        return self._sink.tell()

    def close(self) -> None:
        """Finish."""
        if self._packer:
            self._packer.close()


class _Feed:
    """Gives lines to the reader of CSV, a byte a character, and tells which ones it took for a record.

    The reader ends a quoted cell quietly where the file ends; that it asked for more in the middle of a
    record says that its quote was never closed.
    """

    def __init__(self, path: Path, blocks: Iterator[list[bytes]]) -> None:
        self._path = path
        self._lines = (line for block in blocks for line in block)
        self._taken: list[bytes] = []
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            if self._taken:
                raise _bad(self._path, "has a quote that is never closed", "list-damaged")
            raise StopIteration
        self._taken.append(line)
        self._size += len(line)
        if self._size > MAX_RECORD_BYTES:
            raise _too_long(self._path)
        return line.decode("latin-1")

    def taken(self) -> bytes:
        """The lines since the last call."""
        lines = self._taken
        self._taken, self._size = [], 0
        return lines[0] if len(lines) == 1 else b"".join(lines)


def _lines(path: Path, source: BinaryIO) -> Iterator[list[bytes]]:
    """Lines with their ends, some thousand at a time. Raises BadDataset for one that is too long."""
    rest = b""
    while block := _read(path, source):
        lines = (rest + block).splitlines(keepends=True)
        # The last may go on in the next block; a CR may be half of a CR LF.
        rest = lines.pop() if not lines[-1].endswith(b"\n") else b""
        if len(rest) > MAX_RECORD_BYTES:
            raise _too_long(path)
        if lines:
            yield lines
    if rest:
        yield [rest]


def _read(path: Path, source: BinaryIO) -> bytes:
    with readable(path):
        return source.read(_BLOCK)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn whatever reading or unpacking this file raises into BadDataset."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _bad(path, "is not a whole gzip file", "list-damaged") from error
    except OSError as error:
        raise _bad(path, f"cannot be read ({error.strerror})", "dataset-unreadable") from error


@contextmanager
def opened(path: Path, *, packed: bool) -> Iterator[BinaryIO]:
    """The content of a list. Raises BadDataset."""
    with readable(path):
        file = path.open("rb")
    with file:
        yield cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file


def _too_long(path: Path) -> BadDataset:
    limit = MAX_RECORD_BYTES // 1024**2
    return _bad(
        path, f"has a line of more than {limit} MB, or a quote that is never closed", "list-line-too-long"
    )


def _bad(path: Path, what: str, slug: str) -> BadDataset:
    return BadDataset(f"{path} {what}; correct it, or leave it out.", slug=slug)
