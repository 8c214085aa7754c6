"""Real data that lies beside the project on some machines only."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def shared_data() -> Path:
    """The folder of real data; skips the test where it is absent."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real test data (shared/data beside the project) is not on this machine")
    return folder


def wrap(pictures: list[Path], out: Path) -> None:
    """Put pictures into img2dataset's layout, with their digests, under invented addresses."""
    out.mkdir()
    records = []
    with tarfile.open(out / "00000.tar", "w") as tar:
        for number, picture in enumerate(pictures):
            key, url = f"{number:09}", f"https://bridges.example/Photos/{picture.name}"
            digest = hashlib.sha256(picture.read_bytes()).hexdigest()
            records.append(
                {"key": key, "url": url, "caption": picture.stem, "status": "success", "sha256": digest}
            )
            for ending, content in (
                ("jpg", picture.read_bytes()),
                ("json", json.dumps(records[-1]).encode()),
            ):
                member = tarfile.TarInfo(f"{key}.{ending}")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    pq.write_table(pa.Table.from_pylist(records), out / "00000.parquet")
