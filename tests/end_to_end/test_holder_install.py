"""What a holder of a copy installs: the library and its command, and nothing of the desk."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow]

NOT_THERE = ["django", "celery", "redis", "PIL", "pdqhash", "imagehash", "nacl", "psycopg", "portal", "tests"]


def test_nothing_of_the_desk_is_installed(holder: Path) -> None:
    code = f"import importlib.util as u; print([n for n in {NOT_THERE!r} if u.find_spec(n)])"
    found = subprocess.run([holder / "python", "-P", "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_wheel_holds_the_library_and_its_data_only(holder: Path) -> None:
    code = (
        "import importlib.metadata as m;"
        "print('\\n'.join(str(f) for f in m.distribution('dataset-takedown').files))"
    )
    listed = subprocess.run([holder / "python", "-P", "-c", code], capture_output=True, text=True, check=True)
    files = [line for line in listed.stdout.splitlines() if "__pycache__" not in line]
    tops = {line.split("/")[0] for line in files if not line.startswith("../")}
    assert {top.split("-")[0] for top in tops} == {"takedown", "dataset_takedown"}
    assert "takedown/data/words.txt" in files
    assert "takedown/py.typed" in files


def test_the_command_answers(holder: Path) -> None:
    shown = subprocess.run([holder / "takedown", "--help"], capture_output=True, text=True, check=True)
    assert "takedown sync" in shown.stdout


def test_a_missing_part_is_named_with_the_way_to_get_it(holder: Path, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"x")
    done = subprocess.run(
        [holder / "takedown", "fingerprint", "x.jpg"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "pip install '.[index]'" in done.stderr
