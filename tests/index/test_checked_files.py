"""Files of an index: described, refused when of another version, and mapped with advice."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from takedown.errors import BadIndex
from takedown.index import files


def test_files_are_described_in_order_of_their_names_whatever_their_length(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name, size in {"b": 3, "sub/a": 3_000_000, "a": 0, "manifest.json": 5}.items():
        (tmp_path / name).write_bytes(bytes(size))
    records = files.describe(tmp_path, leave_out="manifest.json")
    assert list(records) == ["a", "b", "sub/a"]
    assert records["sub/a"] == (3_000_000, hashlib.sha256(bytes(3_000_000)).hexdigest())
    files.check_sums(tmp_path, records)
    (tmp_path / "b").unlink()
    with pytest.raises(BadIndex, match="b in this index is missing"):
        files.check_sums(tmp_path, records)


def test_a_folder_without_files_has_none(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert files.describe(tmp_path, leave_out="manifest.json") == {}
    files.check_sums(tmp_path, {})


@pytest.mark.parametrize(
    ("version", "slug"),
    [(3, "index-version"), (1, "index-version"), (-1, "index-damaged"), ("2", "index-damaged")],
)
def test_another_version_is_told_from_damage(tmp_path: Path, version: object, slug: str) -> None:
    (tmp_path / files.HEADER).write_text(json.dumps({"structure": "thing", "version": version}))
    with pytest.raises(BadIndex) as caught:
        files.read_header(tmp_path, "thing", 2)
    assert caught.value.slug == slug


def test_advice_reaches_the_map_behind_views_and_leaves_other_arrays_alone(tmp_path: Path) -> None:
    files.write_array(tmp_path / "a", np.arange(100_000), "<u4")
    mapped = files.map_array(tmp_path / "a", "<u4", 100_000)
    for array in (np.asarray(mapped)[5:].reshape(-1, 5), np.arange(3), np.empty(0)):
        files.advise_random(array)
    assert mapped[99_999] == 99_999
    if Path("/proc/self/smaps").exists():
        assert "rr" in flags_of_map(tmp_path / "a")


def flags_of_map(path: Path) -> list[str]:
    """What Linux was told about the pages of a mapped file; rr: they are read here and there."""
    lines = Path("/proc/self/smaps").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.endswith(str(path)))
    return next(line for line in lines[start:] if line.startswith("VmFlags")).split()
