"""Write rows the way img2dataset leaves them: tar shards, sidecar Parquet, statistics."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from portal.sample.pictures import jpeg, smaller
from portal.sample.rows import SampleRow

#: Width of the pictures in the tars; img2dataset stores shrunk copies, never the downloads.
STORED_WIDTH = 384

_SIDES = ("width", "height", "original_width", "original_height")
_DIGESTS = ("exif", "sha256", "md5")
_SIDECAR = pa.schema(
    [(name, pa.string()) for name in ("url", "caption", "key", "status", "error_message")]
    + [(name, pa.int32()) for name in _SIDES]
    + [(name, pa.string()) for name in _DIGESTS]
)
_ERROR = "HTTP Error 404: Not Found"


def write_shards(out: Path, rows: Sequence[SampleRow]) -> None:
    """One tar, one sidecar and one statistics file for each shard that the rows name."""
    out.mkdir(parents=True)
    for shard, members in groupby(rows, key=lambda row: row.shard):
        _write_shard(out / shard, list(members))


def _write_shard(path: Path, rows: Sequence[SampleRow]) -> None:
    records = []
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for row in rows:
            record, stored = _record(f"{path.stem}{row.row_in_shard:04}", row)
            records.append(record)
            if stored is not None:
                _add(tar, f"{record['key']}.jpg", stored)
                _add(tar, f"{record['key']}.txt", row.caption.encode())
                _add(tar, f"{record['key']}.json", json.dumps(record).encode())
    pq.write_table(pa.Table.from_pylist(records, schema=_SIDECAR), path.with_suffix(".parquet"))
    failed = sum(row.original is None for row in rows)
    statistics = json.dumps(_statistics(len(rows), failed), indent=4)
    path.with_name(f"{path.stem}_stats.json").write_text(statistics, encoding="ascii")


def _record(key: str, row: SampleRow) -> tuple[dict[str, Any], bytes | None]:
    """The sidecar's line and the picture to store. The digests are those of the download."""
    record: dict[str, Any] = {"url": row.url, "caption": row.caption, "key": key}
    if row.original is None or row.image is None:
        record |= {"status": "failed_to_download", "error_message": _ERROR}
        return record | dict.fromkeys((*_SIDES, *_DIGESTS)), None
    stored = smaller(row.image, min(STORED_WIDTH, row.image.width))
    record |= {"status": "success", "error_message": None}
    record |= zip(_SIDES, (*stored.size, *row.image.size), strict=True)
    record |= {
        "exif": "{}",
        "sha256": hashlib.sha256(row.original).hexdigest(),
        "md5": hashlib.md5(row.original, usedforsecurity=False).hexdigest(),
    }
    return record, jpeg(stored, 95)


def _statistics(count: int, failed: int) -> dict[str, Any]:
    return {
        "count": count,
        "successes": count - failed,
        "failed_to_download": failed,
        "failed_to_resize": 0,
        "duration": 1.0,
        "start_time": 0.0,
        "end_time": 1.0,
        "status_dict": {"success": count - failed, _ERROR: failed},
    }


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
