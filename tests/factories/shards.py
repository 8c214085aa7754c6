"""Hand-made dataset copies: LAION-style Parquet and img2dataset folders with generated pictures."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

FAILURES = {0: "HTTP Error 404: Not Found", 1: "<urlopen error timed out>"}


def picture(number: int, side: int = 96, quality: int = 90) -> bytes:
    """A JPEG of soft blobs, different for every number, fine enough to fill all of PDQ's frequencies."""
    rng = np.random.default_rng(number)
    coarse = Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8))
    out = io.BytesIO()
    coarse.resize((side, side), Image.Resampling.BICUBIC).save(out, "JPEG", quality=quality)
    return out.getvalue()


def record(shard: int, number: int, failed: bool) -> dict[str, Any]:
    """One row as img2dataset writes it to sidecar and .json. Digests are of the file as downloaded."""
    raw = picture(shard * 10_000 + number, side=160)
    return {
        "url": f"https://pictures.example/{shard}/{number}.jpg?Size=L",
        "caption": f"picture {number} of shard {shard}",
        "key": f"{shard:05d}{number:04d}",
        "status": "failed_to_download" if failed else "success",
        "error_message": FAILURES[number % 2] if failed else None,
        "width": None if failed else 96,
        "height": None if failed else 96,
        "original_width": None if failed else 160,
        "original_height": None if failed else 160,
        "exif": None if failed else "{}",
        "sha256": None if failed else hashlib.sha256(raw).hexdigest(),
        "md5": None if failed else hashlib.md5(raw).hexdigest(),
    }


def img2dataset(
    folder: Path,
    *,
    shards: int = 2,
    rows: int = 6,
    failed: Collection[int] = (2,),
    sidecar: bool = True,
    stats: bool = True,
) -> list[list[dict[str, Any]]]:
    """Write a folder in img2dataset's layout; returns the rows of each shard."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_shard(folder, shard, rows, set(failed), sidecar, stats) for shard in range(shards)]


def _shard(
    folder: Path, shard: int, rows: int, failed: set[int], sidecar: bool, stats: bool
) -> list[dict[str, Any]]:
    records = [record(shard, number, number in failed) for number in range(rows)]
    with tarfile.open(folder / f"{shard:05d}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for number, row in enumerate(records):
            if row["status"] == "success":
                _sample(tar, row, picture(shard * 10_000 + number))
    if sidecar:
        pq.write_table(pa.Table.from_pylist(records), folder / f"{shard:05d}.parquet", row_group_size=4)
    if stats:
        (folder / f"{shard:05d}_stats.json").write_text(json.dumps(stats_of(records), indent=4))
    return records


def plain_files(
    folder: Path, *, shards: int = 2, rows: int = 6, failed: Collection[int] = (2,)
) -> list[list[dict[str, Any]]]:
    """Write a folder as img2dataset does for `--output_format files`; returns the rows of each shard."""
    records = img2dataset(folder, shards=shards, rows=rows, failed=failed)
    for number in range(shards):
        tar = folder / f"{number:05d}.tar"
        with tarfile.open(tar) as archive:
            archive.extractall(folder / f"{number:05d}", filter="data")
        tar.unlink()
    return records


def wds2idx(tar: Path, version: str = "v1.2") -> Path:
    """Write the index of a tar as DALI's wds2idx does."""
    lines: dict[str, list[str]] = {}
    with tarfile.open(tar) as archive:
        for member in archive:
            key, extension = member.name.split(".", 1)
            parts = [extension, str(member.offset_data), str(member.size), member.name]
            lines.setdefault(key, []).extend(parts[: 3 if version == "v1.1" else 4])
    index = tar.with_suffix(".idx")
    index.write_text(
        f"{version} {len(lines)}\n" + "".join(" ".join(parts) + "\n" for parts in lines.values())
    )
    return index


def _sample(tar: tarfile.TarFile, row: dict[str, Any], jpeg: bytes) -> None:
    add(tar, f"{row['key']}.jpg", jpeg)
    add(tar, f"{row['key']}.txt", row["caption"].encode())
    add(tar, f"{row['key']}.json", json.dumps(row, indent=4).encode())


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a plain file."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    info.mtime = 1_700_000_000
    tar.addfile(info, io.BytesIO(content))


def stats_of(records: list[dict[str, Any]]) -> dict[str, Any]:
    """What img2dataset counts for a shard."""
    ends = Counter(row["status"] for row in records)
    return {
        "count": len(records),
        "successes": ends["success"],
        "failed_to_download": ends["failed_to_download"],
        "failed_to_resize": 0,
        "duration": 1.5,
        "start_time": 1_700_000_000.0,
        "end_time": 1_700_000_001.5,
        "status_dict": dict(Counter(row["error_message"] or "success" for row in records)),
    }


def laion(
    path: Path, rows: int = 20, *, start: int = 0, group: int = 8, nulls: Collection[int] = ()
) -> pa.Table:
    """Write LAION-400M-shaped metadata and return it."""
    numbers = range(start, start + rows)
    table = pa.table(
        {
            "SAMPLE_ID": pa.array(numbers, pa.int64()),
            "URL": [None if n in nulls else url(n) for n in numbers],
            "TEXT": [f"caption {n}" for n in numbers],
            "HEIGHT": pa.array([float(n) for n in numbers], pa.float64()),
            "WIDTH": pa.array([n if n % 3 else None for n in numbers], pa.int32()),
            "similarity": [n / 7 for n in numbers],
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=group)
    return table


def url(number: int) -> str:
    """The address of a row of `laion`."""
    return f"https://host-{number % 5}.example/Path/{number}.jpg"
