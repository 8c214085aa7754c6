"""Which column is which, and one type for each, whatever the release of the dataset called it.

1. `locate` finds our names among the file's columns by exact alias. A column under any other name does not
   count: guessing which column holds the address could pass a listed row unseen.
2. The readers below turn a column of a drifting type into the one type that RowBatch promises.

LAION's `hash` column is a hash of address and text, never of a picture, and so has no alias here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from takedown.errors import BadDataset
from takedown.keys import WIDTHS

#: Our name -> names in files, first found wins.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "url": ("URL", "url"),
    "caption": ("TEXT", "caption", "text"),
    "url_sha256": ("url_sha256",),
    "sha256": ("sha256", "SHA256"),
    "md5": ("md5", "MD5"),
    "sha1": ("sha1", "SHA1"),
    "pdq": ("pdq",),
    "pdq_quality": ("pdq_quality", "quality"),
    "phash": ("phash",),
    # img2dataset's own width and height are those after resizing.
    "width": ("original_width", "WIDTH", "width"),
    "height": ("original_height", "HEIGHT", "height"),
    "key": ("key",),
    "status": ("status",),
}

# Value of each ASCII hex digit; 255 for any other byte.
_HEX_DIGITS = np.full(256, 255, np.uint8)
for _digit in b"0123456789abcdefABCDEF":
    _HEX_DIGITS[_digit] = int(chr(_digit), 16)

#: All names in files that count.
NAMES = frozenset(name for names in ALIASES.values() for name in names)

#: Most column names that an error sentence lists.
NAMES_SHOWN = 40


def locate(names: Sequence[str], path: Path) -> dict[str, str]:
    """Our column name -> the file's.

    Raises:
        BadDataset: two columns could both be the address, or a needed name occurs twice.
    """
    found: dict[str, str] = {}
    for ours, aliases in ALIASES.items():
        present = [alias for alias in aliases if alias in names]
        if (ours == "url" and len(present) > 1) or any(names.count(alias) > 1 for alias in present):
            raise BadDataset(
                f"{path} has more than one column that could be the {ours} ({', '.join(present)}); "
                "keep one of them, or rename the others.",
                slug="dataset-ambiguous-column",
            )
        if present:
            found[ours] = present[0]
    return found


def require_url(found: Mapping[str, str], names: Sequence[str], path: Path) -> None:
    """Raises BadDataset, naming the columns there are, when none holds the address."""
    if "url" in found:
        return
    shown = ", ".join(names[:NAMES_SHOWN]) + (" and more" if len(names) > NAMES_SHOWN else "")
    raise BadDataset(
        f"{path} has no column for the address (URL or url). Columns found: {shown or 'none'}. "
        "Rename the column that holds the address, or leave this file out.",
        slug="dataset-no-url-column",
    )


def unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For ``json.loads``: an object. Raises ValueError where it names one of our columns twice.

    Some readers take the first and others the last, so nobody could say what the row is.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs if name in NAMES]
        if len(set(names)) != len(names):
            raise ValueError("a name that occurs twice")
    return found


def of_record(record: Mapping[str, Any], ours: str) -> Any:
    """What a record has under the first of our column's names; None where it has none of them."""
    return next((value for name in ALIASES[ours] if (value := record.get(name)) is not None), None)


def text_bytes(column: pa.Array) -> pa.Array:
    """Any kind of text or binary column -> pa.large_binary with the very same bytes. Raises TypeError."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_null(column.type):
        return pa.nulls(len(column), pa.large_binary())
    if not _is_text(column.type):
        raise TypeError(str(column.type))
    return column.cast(pa.large_binary())


def valid_text(cells: pa.Array) -> pa.Array:
    """pa.large_binary -> pa.large_string; cells that are not UTF-8 become null."""
    try:
        return cells.cast(pa.large_string())
    except pa.ArrowInvalid:
        return pa.array([_decode(cell) for cell in cells.to_pylist()], pa.large_string())


def text(column: pa.Array) -> pa.Array:
    """Text or number -> pa.large_string (some sidecars keep `key` as a number)."""
    if pa.types.is_integer(column.type):
        return column.cast(pa.large_string())
    return valid_text(text_bytes(column))


def integers(column: pa.Array) -> pa.Array:
    """int32, int64, float64, even text -> pa.int64; NaN, infinite and unreadable cells become null."""
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_finite(column), column, pa.scalar(None, column.type))
    try:
        return column.cast(pa.int64(), safe=not pa.types.is_floating(column.type))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.nulls(len(column), pa.int64())


def digests(column: pa.Array, width: int) -> pa.Array:
    """Hex text or raw bytes -> pa.binary(width); null where a cell is null or malformed."""
    if column.type == pa.binary(width):
        return column
    cells = text_bytes(column)
    offsets = np.frombuffer(cells.buffers()[1], np.int64)[cells.offset : cells.offset + len(cells) + 1]
    content = np.frombuffer(cells.buffers()[2] or b"", np.uint8)
    lengths = np.where(cells.is_valid().to_numpy(zero_copy_only=False), np.diff(offsets), -1)
    values = np.zeros((len(cells), width), np.uint8)
    known = lengths == width
    values[known] = content[offsets[:-1][known, np.newaxis] + np.arange(width)]
    hexadecimal = np.flatnonzero(lengths == 2 * width)
    values[hexadecimal], known[hexadecimal] = _from_hex(content, offsets, hexadecimal, width)
    bits = pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(width), len(cells), [bits, pa.py_buffer(values)], int(len(cells) - known.sum())
    )


def _from_hex(
    content: NDArray[np.uint8], offsets: NDArray[np.int64], cells: NDArray[np.int64], width: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Raw bytes of the cells that are as long as a digest in hex, and which of them are one."""
    packed = content[offsets[0] : offsets[-1]]
    if len(packed) == 2 * width * len(cells):  # nothing lies between them, so all can be read at once
        try:
            raw = np.frombuffer(bytes.fromhex(packed.tobytes().decode("ascii")), np.uint8)
        except ValueError:
            raw = packed[:0]
        if len(raw) == width * len(cells):  # fromhex passes over blanks
            return raw.reshape(-1, width), np.ones(len(cells), dtype=bool)
    halves = _HEX_DIGITS[content[offsets[:-1][cells, np.newaxis] + np.arange(2 * width)]]
    return halves[:, ::2] << 4 | halves[:, 1::2] & 15, (halves < 16).all(axis=1)


def reader(name: str) -> Callable[[pa.Array], pa.Array]:
    """The function that brings the column of this name (ours) to its one type."""
    if name in ("url", "caption"):
        return text_bytes
    if name in ("key", "status"):
        return text
    if name in WIDTHS:
        return lambda column: digests(column, WIDTHS[name])
    return integers


def read(name: str, column: pa.Array, path: Path) -> pa.Array:
    """Bring one column to its type. Raises BadDataset when its type cannot hold what the name says."""
    try:
        return reader(name)(column)
    except TypeError as error:
        raise BadDataset(
            f"The {name} column of {path} is of type {error}, not text; convert it to text and try again.",
            slug="dataset-column-type",
        ) from None


def _is_text(kind: pa.DataType) -> bool:
    return any(
        check(kind)
        for check in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_binary_view,
            pa.types.is_fixed_size_binary,
        )
    )


def _decode(cell: bytes | None) -> str | None:
    try:
        return None if cell is None else cell.decode()
    except UnicodeDecodeError:
        return None
