"""What the system runs out of is said in a sentence, and not taken for a fault of the program."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from takedown import cli, index
from takedown.errors import from_system

FULL = Path("/dev/full")

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def write_bytes() -> None:
    with FULL.open("wb", buffering=0) as file:
        file.write(b"x")


def write_array() -> None:
    with FULL.open("r+b", buffering=0) as file:
        np.zeros(1_000_000).tofile(file)


@pytest.mark.parametrize("write", [write_bytes, write_array])
def test_a_full_disk_is_said_to_be_full(
    write: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(index, "build_index", lambda *_sources, **_limits: write())
    assert cli.main(["index", "build", "--out", "x", "y"]) == 1
    assert capsys.readouterr().err == (
        "There is no room left on the disk; make room and run the same command again.\n"
    )


def test_other_errors_stay_what_they_are() -> None:
    assert from_system(OSError("something else")) is None
    assert from_system(FileNotFoundError(2, "No such file or directory")) is None


@pytest.mark.parametrize(
    "number", [errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST]
)
def test_a_place_that_cannot_be_used_is_named(number: int) -> None:
    known = from_system(OSError(number, os.strerror(number), "/some/place"))
    assert known is not None
    assert (known.exit_code, known.slug) == (2, "not-permitted")
    assert "/some/place" in known.sentence
