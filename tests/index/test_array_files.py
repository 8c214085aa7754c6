"""Array files hold exactly what was written, and damage is found."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takedown.errors import BadIndex
from takedown.index import columns, files

SPARSE = st.dictionaries(st.integers(0, 300), st.binary(min_size=4, max_size=4), max_size=60)


@settings(max_examples=60, deadline=None)
@given(SPARSE, st.lists(st.integers(0, 320), max_size=30), st.integers(1, 10))
def test_a_sparse_column_equals_a_dictionary(known: dict[int, bytes], wanted: list[int], piece: int) -> None:
    rows = sorted(known)
    with tempfile.TemporaryDirectory() as folder:
        writer = columns.ColumnWriter(Path(folder) / "c", 4)
        for start in range(0, len(rows), piece):
            part = rows[start : start + piece]
            values = np.frombuffer(b"".join(known[row] for row in part), dtype=np.uint8).reshape(-1, 4)
            writer.append(np.array(part), values)
        column = writer.close()
    assert column.get(np.array(wanted, dtype=np.int64)).cells() == [known.get(row) for row in wanted]


def test_a_column_of_another_width_is_refused(tmp_path: Path) -> None:
    columns.ColumnWriter(tmp_path / "c", 4).close()
    with pytest.raises(BadIndex):
        columns.open(tmp_path / "c", 8)


def test_full_check_finds_one_flipped_bit_that_the_cheap_one_cannot(tmp_path: Path) -> None:
    files.write_array(tmp_path / "a", np.arange(1000), "<u4")
    records = files.describe(tmp_path, leave_out="manifest.json")
    files.check_sums(tmp_path, records)
    content = bytearray((tmp_path / "a").read_bytes())
    content[2000] ^= 1
    (tmp_path / "a").write_bytes(content)
    files.check_lengths(tmp_path, records)
    with pytest.raises(BadIndex, match="a in this index is missing or damaged"):
        files.check_sums(tmp_path, records)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "null", "\x00"])
def test_json_that_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(BadIndex):
        files.read_json(tmp_path / "m.json")


def test_a_spool_left_by_an_error_is_closed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), files.Spool(tmp_path / "a", "<u4") as spool:
        spool.append(np.array([1 // 0]))
    spool.close()
