"""A build that was killed goes on to the same bytes; an index grows without touching what it has."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import shards

from takedown.errors import BadDataset, BadIndex, UsageError
from takedown.index import add_sources, build_index, grow, open_index, units


def content(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def addresses(path: Path, first: int, rows: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [f"https://host{n % 7}.example/Some/Path/{n}.jpg" for n in range(first, first + rows)]
    pq.write_table(pa.table({"url": names}), path, row_group_size=5_000)
    return path


def start(out: Path, source: Path) -> subprocess.Popen[bytes]:
    code = (
        "import sys; from takedown.index import build_index, farm, units; units.UNIT_ROWS = 5_000; "
        "farm._ROWS_A_PROCESS = 10_000; build_index(sys.argv[1], sys.argv[2:], name='x', workers=2)"
    )
    return subprocess.Popen([sys.executable, "-c", code, str(out), str(source)], start_new_session=True)


@pytest.mark.slow
def test_a_build_killed_at_random_times_goes_on_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        addresses(tmp_path / "in" / f"{number}.parquet", number * 20_000, 20_000)
    whole = start(tmp_path / "whole", tmp_path / "in")
    begun = time.monotonic()
    assert whole.wait(120) == 0
    duration = time.monotonic() - begun
    dice = random.Random(3)
    kills = 0
    for _ in range(25):
        build = start(tmp_path / "killed", tmp_path / "in")
        try:
            build.wait(dice.uniform(0.3, 1.0) * duration)
        except subprocess.TimeoutExpired:
            os.killpg(build.pid, signal.SIGKILL)
            build.wait()
            kills += 1
        else:
            if kills:
                break
            shutil.rmtree(tmp_path / "killed")  # the machine was busier at first: kill the next one sooner
            duration /= 2
    else:
        assert start(tmp_path / "killed", tmp_path / "in").wait(120) == 0
    assert kills > 0
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "killed", "whole"]


def test_what_is_done_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "UNIT_ROWS", 5_000)
    source = addresses(tmp_path / "in" / "a.parquet", 0, 20_000)

    def stop(done: int, _total: int, what: str) -> None:
        if what == "reading" and done >= 12_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index(tmp_path / "x", [source], progress=stop)
    told: list[int] = []
    build_index(tmp_path / "x", [source], progress=lambda done, _t, what: told.append(done))
    assert told[0] >= 5_000  # the first unit at once
    build_index(tmp_path / "y", [source], name="x")
    assert content(tmp_path / "x") == content(tmp_path / "y")


def test_a_shard_that_changed_since_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "UNIT_ROWS", 5_000)
    first = addresses(tmp_path / "in" / "a.parquet", 0, 5_000)
    addresses(tmp_path / "in" / "b.parquet", 5_000, 5_000)

    def stop(done: int, _total: int, _what: str) -> None:
        if done >= 5_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index(tmp_path / "x", [tmp_path / "in"], progress=stop)
    addresses(first, 70_000, 6_000)
    info = build_index(tmp_path / "x", [tmp_path / "in"])
    assert info.rows == 11_000
    assert open_index(tmp_path / "x").find_url("https://host1.example/Some/Path/1.jpg") == []


def test_rows_are_added_and_nothing_else_changes(tmp_path: Path) -> None:
    one = addresses(tmp_path / "a.parquet", 0, 300)
    two = addresses(tmp_path / "b.parquet", 300, 200)
    before = build_index(tmp_path / "x", [one])
    kept = content(tmp_path / "x")
    opened_before = open_index(tmp_path / "x")
    info = add_sources(tmp_path / "x", [one, two])
    assert (info.rows, info.coverage.url, info.ancestors) == (500, 500, (before.digest,))
    now = content(tmp_path / "x")
    assert all(now[name] == data for name, data in kept.items() if name != "manifest.json")
    index = open_index(tmp_path / "x")
    for number in (0, 299, 300, 499):
        url = f"https://host{number % 7}.example/Some/Path/{number}.jpg"
        assert [hit.row for hit in index.find_url(url)] == [number]
        assert index.rows([number])[0].url == url
    assert opened_before.rows([299])[0].url.endswith("/299.jpg")  # type: ignore[union-attr]
    index.verify()
    with pytest.raises(UsageError, match="in the index already"):
        add_sources(tmp_path / "x", [two])


def test_a_shard_of_the_index_that_changed_is_not_added_again(tmp_path: Path) -> None:
    source = addresses(tmp_path / "a.parquet", 0, 30)
    build_index(tmp_path / "x", [source])
    addresses(source, 0, 40)
    with pytest.raises(UsageError, match="changed after it was indexed"):
        add_sources(tmp_path / "x", [source])


def test_parts_of_a_large_index_answer_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [addresses(tmp_path / "in" / f"{n}.parquet", n * 50, 50) for n in range(6)]
    whole = build_index(tmp_path / "whole", sources)
    monkeypatch.setattr(grow, "PART_ROWS", 120)
    info = build_index(tmp_path / "parts", sources)
    assert (info.rows, info.coverage) == (whole.rows, whole.coverage)
    assert [p.name for p in sorted((tmp_path / "parts" / "parts").iterdir())] == ["0001", "0002", "0003"]
    one, several = open_index(tmp_path / "whole"), open_index(tmp_path / "parts")
    for number in range(0, 300, 17):
        url = f"HTTP://host{number % 7}.example/Some/Path/{number}.jpg"
        assert several.find_url(url) == one.find_url(url) != []
    assert several.find_site("host3.example") == one.find_site("host3.example")
    assert several.count_site("host3.example") == 43


def test_a_part_that_is_done_is_searchable_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [addresses(tmp_path / "in" / f"{n}.parquet", n * 50, 50) for n in range(4)]
    monkeypatch.setattr(grow, "PART_ROWS", 100)
    seen: list[int] = []

    def look(_done: int, _total: int, what: str) -> None:
        building = tmp_path / ".x.building"
        if what == "reading" and (building / "manifest.json").exists():
            index = open_index(building)
            seen.append(len(index.find_url("https://host1.example/Some/Path/50.jpg")))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index(tmp_path / "x", sources, progress=look)
    assert seen == [1]
    build_index(tmp_path / "x", sources)
    build_index(tmp_path / "y", sources, name="x")
    assert content(tmp_path / "x") == content(tmp_path / "y")


def test_two_builds_of_one_index_do_not_meet(tmp_path: Path) -> None:
    source = addresses(tmp_path / "a.parquet", 0, 30)
    caught: list[str] = []

    def meanwhile(*_told: object) -> None:
        with pytest.raises(UsageError) as error:
            build_index(tmp_path / "x", [source])
        caught.append(error.value.slug)

    build_index(tmp_path / "x", [source], progress=meanwhile)
    assert set(caught) == {"index-in-use"}


def test_several_processes_give_the_bytes_that_one_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from takedown.index import farm

    shards.img2dataset(tmp_path / "in", shards=3, rows=4, failed=())
    build_index(tmp_path / "one", [tmp_path / "in"], name="x", workers=1)
    monkeypatch.setattr(farm, "_PICTURES_A_PROCESS", 1)
    told: list[int] = []
    build_index(
        tmp_path / "several", [tmp_path / "in"], name="x", workers=2, progress=lambda d, t, w: told.append(d)
    )
    assert content(tmp_path / "one") == content(tmp_path / "several")
    assert 24 in told


def test_an_error_in_a_process_is_the_same_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from takedown.index import farm

    monkeypatch.setattr(farm, "_ROWS_A_PROCESS", 1)
    sources = [addresses(tmp_path / f"{n}.parquet", n * 50, 50) for n in range(2)]
    data = bytearray(sources[1].read_bytes())
    data[40:400] = bytes(360)
    sources[1].write_bytes(data)
    with pytest.raises(BadDataset, match=r"1\.parquet is not a whole Parquet file"):
        build_index(tmp_path / "x", sources, workers=2)


@pytest.mark.parametrize("limits", [{"memory_bytes": 1 << 20}, {"workers": 0}])
def test_limits_that_are_none_are_refused(tmp_path: Path, limits: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="at least 256 MB of memory and one process"):
        build_index(tmp_path / "x", [addresses(tmp_path / "a.parquet", 0, 3)], **limits)  # type: ignore[arg-type]


def test_what_is_no_index_does_not_grow(tmp_path: Path) -> None:
    with pytest.raises(BadIndex, match="is not an index"):
        add_sources(tmp_path, [addresses(tmp_path / "a.parquet", 0, 3)])
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_what_an_abandoned_build_left_is_in_no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [addresses(tmp_path / "in" / f"{n}.parquet", n * 50, 50) for n in range(3)]
    monkeypatch.setattr(grow, "PART_ROWS", 50)

    def stop(_done: int, _total: int, what: str) -> None:
        if what == "reading" and (tmp_path / ".x.building" / "parts" / "0002").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index(tmp_path / "x", sources, progress=stop)
    build_index(tmp_path / "x", sources[2:])
    build_index(tmp_path / "y", sources[2:], name="x")
    assert content(tmp_path / "x") == content(tmp_path / "y")


def test_a_part_that_was_never_named_is_gone_after_the_next_change(tmp_path: Path) -> None:
    build_index(tmp_path / "x", [addresses(tmp_path / "a.parquet", 0, 30)])
    left = tmp_path / "x" / "parts" / "0007"
    left.mkdir()
    (left / "rows").write_bytes(bytes(8))
    add_sources(tmp_path / "x", [addresses(tmp_path / "b.parquet", 30, 20)])
    assert sorted(path.name for path in left.parent.iterdir()) == ["0001", "0002"]


def test_a_shard_by_another_path_is_the_same_shard(tmp_path: Path) -> None:
    source = addresses(tmp_path / "in" / "a.parquet", 0, 30)
    (tmp_path / "link").symlink_to(tmp_path / "in")
    build_index(tmp_path / "x", [source])
    with pytest.raises(UsageError, match="in the index already"):
        add_sources(tmp_path / "x", [tmp_path / "link" / "a.parquet"])
    assert not (tmp_path / "x" / ".work").exists()


def test_a_unit_is_on_disk_before_it_counts_as_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: set[int] = set()
    fsync, rename = os.fsync, os.replace

    def noted(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def checked(part: Path, path: Path) -> None:
        for file in [Path(part), *Path(part).rglob("*")]:
            assert file.stat().st_ino in synced, file
        units_done.append(Path(path).name)
        rename(part, path)

    units_done: list[str] = []
    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(os, "replace", checked)
    build_index(tmp_path / "x", [addresses(tmp_path / "a.parquet", 0, 30)])
    assert any(len(name) == 32 for name in units_done)


def test_a_lock_that_went_with_its_folder_guards_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_index(tmp_path / "x", [addresses(tmp_path / "a.parquet", 0, 30)])
    flock = fcntl.flock

    def late(lock: Any, how: int) -> None:
        shutil.rmtree(
            tmp_path / "x" / ".work"
        )  # the other process is done, just before this one gets the lock
        flock(lock, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(UsageError, match="has just changed"):
        add_sources(tmp_path / "x", [addresses(tmp_path / "b.parquet", 30, 20)])
