"""Says beforehand what an index will take: rows, keys, time, memory and disk, from footers and a sample.

1. Count the rows of all shards from their footers, and cut the shards into small pieces.
2. Read evenly spread pieces as a build would, on one core, until the time for it is over; of pictures, as
   many as that time allows.
3. Sort what was read, as a build would.
4. Multiply: time by what was measured a row, spread over the cores that a build uses; disk by what the arrays
   of the sample take a row, and what perceptual hashes take at the full number.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from takedown.dataset import Shard, open_sources
from takedown.farm import default_workers
from takedown.hashing.pictures import PictureReader
from takedown.index import addresses, exact_layout, mih
from takedown.index.assemble import assemble
from takedown.index.grow import MEMORY_BYTES, PART_ROWS, PROCESS_BYTES
from takedown.index.interface import MIN_PDQ_QUALITY, Coverage
from takedown.index.units import MORE, NEAR, UNIT_ROWS, VALUES, WITH_PICTURES, Unit, UnitArrays, extract

#: Seconds of sampling unless the caller says otherwise.
SECONDS = 30.0

#: Seconds until processes have started and loaded what is compiled.
_STARTING = 2.0

_SAMPLE_ROWS = 100_000
#: Bytes a row that sorting holds in memory: keys and row numbers, twice.
_SORT_BYTES = 24
#: Bytes of a row's number beside a digest or a quality.
_NUMBER = 4


@dataclass(frozen=True)
class Plan:
    """What a build is expected to take.

    Attributes:
        shards, rows: of all sources.
        keys: rows expected for each kind of key.
        seconds: of the whole build, on ``workers`` cores.
        memory_bytes: most memory, all processes together.
        disk_bytes: of the finished index; while it is made, about twice as much.
        sampled: rows or pictures that the estimate rests on.
    """

    shards: int
    rows: int
    keys: Coverage
    seconds: float
    memory_bytes: int
    disk_bytes: int
    workers: int
    sampled: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"keys": self.keys.to_json(), "seconds": round(self.seconds, 1)}


def plan(
    sources: Sequence[str | Path],
    *,
    memory_bytes: int = MEMORY_BYTES,
    workers: int | None = None,
    seconds: float = SECONDS,
) -> Plan:
    """Estimate a build of some sources.

    Args:
        sources: as for build_index.
        memory_bytes, workers: as for build_index.
        seconds: how long to sample, at most.

    Raises:
        BadDataset: a source cannot be read or has no address column.
        MissingExtra: there are pictures, and what reads them is not installed.
    """
    datasets, _ = open_sources(sources)
    shards = [shard for dataset in datasets for shard in dataset.shards]
    rows = sum(shard.num_rows for shard in shards)
    used = min(workers or default_workers(), max(memory_bytes // PROCESS_BYTES, 1))
    bare = [shard for shard in shards if shard.kind not in WITH_PICTURES]
    pictured = [shard for shard in shards if shard.kind in WITH_PICTURES]
    total = _Estimate()
    for group, sample in ((bare, _sample_rows), (pictured, _sample_pictures)):
        group_rows = sum(shard.num_rows for shard in group)
        if group_rows:
            total += sample(group, seconds * group_rows / rows).times(group_rows)
    codes = {kind: round(total.keys.get(kind, 0)) for kind in (*NEAR, MORE)}
    near = sum(
        mih.plan(count, VALUES[kind]).bytes + count * _NUMBER for kind, count in codes.items() if count
    )
    counts = {name: round(count) for name, count in total.keys.items() if name != MORE}
    keys = Coverage(rows=rows, **counts)
    sorting = min(rows, PART_ROWS) * _SORT_BYTES
    return Plan(
        shards=len(shards),
        rows=rows,
        keys=keys,
        seconds=_STARTING + total.reading / min(used, _unit_count(shards, used)) + total.sorting,
        memory_bytes=min(memory_bytes, max(used * PROCESS_BYTES, PROCESS_BYTES + sorting)),
        disk_bytes=round(total.disk) + near,
        workers=used,
        sampled=total.sampled,
    )


class _Estimate:
    """Seconds, bytes and keys: of one row, or of many."""

    def __init__(
        self,
        reading: float = 0.0,
        sorting: float = 0.0,
        disk: float = 0.0,
        keys: dict[str, float] | None = None,
        sampled: int = 0,
    ) -> None:
        self.reading, self.sorting, self.disk = reading, sorting, disk
        self.keys = keys or {}
        self.sampled = sampled

    def times(self, rows: float) -> _Estimate:
        keys = {name: count * rows for name, count in self.keys.items()}
        return _Estimate(self.reading * rows, self.sorting * rows, self.disk * rows, keys, self.sampled)

    def __add__(self, other: _Estimate) -> _Estimate:
        keys = {n: self.keys.get(n, 0) + other.keys.get(n, 0) for n in self.keys | other.keys}
        return _Estimate(
            self.reading + other.reading,
            self.sorting + other.sorting,
            self.disk + other.disk,
            keys,
            self.sampled + other.sampled,
        )


def _sample_rows(shards: Sequence[Shard], seconds: float) -> _Estimate:
    """What a row costs, of shards without pictures."""
    with tempfile.TemporaryDirectory(prefix="takedown-plan-") as name, PictureReader(indexed=True) as reader:
        folder = Path(name)
        units: list[Unit] = []
        started = time.perf_counter()
        for unit in _spread(shards):
            extract(unit, folder / "units", reader, lambda steps: None)
            units.append(unit)
            if time.perf_counter() - started > seconds * 0.8:
                break
        reading = time.perf_counter() - started
        return _assembled(folder, units, reading)


def _assembled(folder: Path, units: Sequence[Unit], reading: float) -> _Estimate:
    arrays = [UnitArrays(folder / "units" / unit.name, unit.rows) for unit in units]
    for part in ("part", "temporary"):
        (folder / part).mkdir()
    started = time.perf_counter()
    coverage = assemble(arrays, folder / "part", folder / "temporary", MEMORY_BYTES, lambda *_: None)
    sorting = time.perf_counter() - started
    rows = max(sum(unit.rows for unit in units), 1)
    near = folder / "part" / "near"
    disk = sum(
        f.stat().st_size for f in (folder / "part").rglob("*") if f.is_file() and near not in f.parents
    )
    keys = {kind: count / rows for kind, count in coverage.to_json().items() if kind != "rows"}
    return _Estimate(reading / rows, sorting / rows, disk / rows, keys, rows)


def _spread(shards: Sequence[Shard]) -> Iterator[Unit]:
    """Small units, evenly spread: of each shard in turn, the first, then the second, and so on."""
    pieces = [(shard, shard.pieces(_SAMPLE_ROWS)) for shard in shards]
    for turn in range(max(len(of_shard) for _, of_shard in pieces)):
        for shard, of_shard in pieces:
            if turn < len(of_shard):
                first, stop = of_shard[turn]
                stamp = shard.stamp()
                yield Unit(str(shard.path.absolute()), shard.kind, first, stop, (stamp.size, stamp.digest))


def _sample_pictures(shards: Sequence[Shard], seconds: float) -> _Estimate:
    """What a row of a shard with pictures costs. Rows without a picture cost next to nothing."""
    read = good = more = 0
    started = time.perf_counter()
    with PictureReader(indexed=True) as reader:
        for picture in itertools.chain.from_iterable(map(reader.read, shards)):
            read += 1
            found = picture.fingerprint
            if found is not None and found.pdq_quality >= MIN_PDQ_QUALITY:
                good, more = good + 1, more + len(found.more)
            if time.perf_counter() - started > seconds:
                break
        return _of_pictures(read, good, more, time.perf_counter() - started, shards)


def _of_pictures(read: int, good: int, more: int, seconds: float, shards: Sequence[Shard]) -> _Estimate:
    """What a row costs where ``read`` pictures took some seconds and ``good`` of them had a hash.

    Args:
        more: further codes that these had together.
    """
    share = good / max(read, 1)
    keys = {kind: _share(shards, kind) for kind in ("url", "sha256", "md5")}
    keys |= {"pdq": share, "phash": share, MORE: more / max(read, 1)}
    rows = sum(shard.num_rows for shard in shards)
    key = exact_layout.layout_for(rows, rows).width
    disk = keys["url"] * key * len(addresses.KINDS) + share * (_NUMBER + VALUES["pdq_quality"])
    disk += sum(keys[kind] * (_NUMBER + VALUES[kind] + key) for kind in ("sha256", "md5"))
    return _Estimate(seconds / max(read, 1), 0.0, disk, keys, read)


def _share(shards: Sequence[Shard], kind: str) -> float:
    """The share of rows of shards with pictures that have a key: files themselves, or as a sidecar says."""

    def has(shard: Shard) -> bool:
        if shard.kind == "images":
            return kind != "url"
        return kind == "url" or kind in getattr(getattr(shard, "sidecar", None), "columns", {})

    rows = sum(shard.num_rows for shard in shards)
    return sum(shard.num_rows for shard in shards if has(shard)) / max(rows, 1)


def _unit_count(shards: Sequence[Shard], enough: int) -> int:
    """Units that the shards are cut into, at least 1; not counted any further than is enough."""
    count = 0
    for shard in shards:
        count += len(shard.pieces(UNIT_ROWS))
        if count >= enough:
            break
    return max(count, 1)
