"""10,000 altered releases: each is refused, or the reader has the very list that the publisher signed.

1. Two readers: one has release 1 and takes the delta, one is new and takes the full state and the delta.
2. Any file that is served to them is altered: bytes, JSON fields, Parquet cells, or two files swapped.
3. Half of the altered releases are signed again from top to bottom, with keys that no root knows.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories.publisher import Desk
from factories.releases_simulator import URL, Simulator, described, stranger
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata

from takedown import disk
from takedown.blocklist import canonical
from takedown.errors import NothingToSync, Stale, VerificationFailed
from takedown.subscribe import open_blocklist, sync

#: Tens of thousands of small files are made and removed: in memory, where there is such a folder.
MEMORY = "/dev/shm"  # noqa: S108
MUTATIONS = 10_000
REFUSALS = (NothingToSync, Stale, VerificationFailed)
UNSIGNABLE = (ValueError, LookupError, TypeError, AttributeError, OSError, RepositoryError)
SERVED = (
    "/2.snapshot.",
    "/2.targets.",
    "/3.snapshot.",
    "/3.targets.",
    "timestamp",
    "000002.json",
    ".parquet",
)
OLD, NEW = range(30), range(1, 32)


class World:
    """A release in memory, and what two readers start from."""

    def __init__(self, folder: Path) -> None:
        desk = Desk(folder / "publisher")
        desk.release(OLD)
        self.root = desk.root
        self.starts = {"new": folder / "new", "kept": folder / "kept"}
        self.starts["new"].mkdir()
        sync(URL, self.root, self.starts["kept"], fetcher=Simulator(desk.repository, desk.keys))
        desk.release(NEW)
        self.simulator = Simulator(desk.repository, desk.keys)
        self.files = dict(self.simulator.files)
        sync(URL, self.root, folder / "true", fetcher=self.simulator)
        self.after = entries(folder / "true")
        self.needed = sorted(path for path in self.files if any(mark in path for mark in SERVED))
        self.stranger = stranger()


def entries(state: Path) -> list[str]:
    return open_blocklist(state).entries("url_sha256")


def list_files(state: Path) -> dict[str, bytes]:
    """Everything that makes up the list in use; nothing for a new reader."""
    paths = [*state.glob("current.json"), *state.glob("lists/**/*")]
    return {str(path): path.read_bytes() for path in paths if path.is_file()}


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture
def world(memory: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Nothing is synced to disk here: no power cut is part of this."""
    monkeypatch.setattr(disk, "sync_file", lambda descriptor: None)
    monkeypatch.setattr(disk, "sync_folder", lambda folder: None)
    return World(memory)


Mutate = Callable[[World, dict[str, bytes], random.Random], str]


def flip(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def truncate(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def insert(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.randbytes(chance.randint(1, 40)) + data[at:]


def repeat(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + data[at : at + chance.randint(1, 200)] + data[at:]


def bytes_of(change: Callable[[bytes, random.Random], bytes]) -> Mutate:
    def mutate(world: World, files: dict[str, bytes], chance: random.Random) -> str:
        path = chance.choice(world.needed)
        files[path] = change(files[path], chance)
        return path

    return mutate


def swap(world: World, files: dict[str, bytes], chance: random.Random) -> str:
    one, two = chance.sample(world.needed, 2)
    files[one], files[two] = files[two], files[one]
    return one


def leaves(value: Any) -> Iterable[tuple[Any, Any]]:
    """(container, key) of everything in a JSON value that is no container itself."""
    for key, found in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(found, dict | list):
            yield from leaves(found)
        else:
            yield value, key


def json_field(world: World, files: dict[str, bytes], chance: random.Random) -> str:
    """Another value for one field, or the field gone, or one more."""
    path = chance.choice([path for path in world.needed if path.endswith(".json")])
    value = json.loads(files[path])
    place, key = chance.choice(list(leaves(value)))
    found = place[key]
    if isinstance(place, dict) and chance.random() < 0.2:
        del place[key]
    elif isinstance(found, str) and found:
        place[key] = flip(found.encode(), chance).decode("latin-1")
    else:
        place[key] = chance.choice([None, -1, 0, 1, 2, 3, 7, 2**40, "", "x", [], {}, True])
    files[path] = canonical.to_bytes(value)
    return path


def parquet_cell(world: World, files: dict[str, bytes], chance: random.Random) -> str:
    """A list file written again with one cell altered, or a row less or twice."""
    path = chance.choice([path for path in world.needed if path.endswith(".parquet")])
    table = pq.read_table(io.BytesIO(files[path]))
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    row, name = chance.randrange(table.num_rows), chance.choice(table.column_names)
    what = chance.randrange(4)
    if what == 0:
        columns[name][row] = chance.choice(
            [None, "", "add", "remove", "img_md5", "F" * 64, f"{chance.getrandbits(256):064x}"]
        )
    elif what == 1:
        columns[name][row] = flip(columns[name][row].encode(), chance).decode("latin-1")
    else:
        for values in columns.values():
            values[row : row + 1] = [] if what == 2 else [values[row], values[row]]
    out = io.BytesIO()
    pq.write_table(pa.table({key: pa.array(found, pa.string()) for key, found in columns.items()}), out)
    files[path] = out.getvalue()
    return path


MUTATORS: list[Mutate] = [
    *map(bytes_of, (flip, truncate, insert, repeat)),
    swap,
    json_field,
    json_field,
    parquet_cell,
    parquet_cell,
]


def sign_again(world: World, files: dict[str, bytes]) -> None:
    """Everything put right for the altered files, records and signatures, but the keys are a stranger's."""
    simulator = world.simulator
    for path in [path for path in files if "manifest-000002" in path]:
        manifest = json.loads(files[path])
        for record in (*manifest["deltas"], *manifest["state"]["files"]):
            data = files[record["path"]]
            record.update(described(data))
            if "rows" in record:
                record["rows"] = pq.read_metadata(io.BytesIO(data)).num_rows
        files[path] = canonical.to_bytes(manifest)
    simulator.files, simulator.own = files, world.stranger
    try:
        simulator.sign_targets()
    finally:
        simulator.own = None


def outcome(world: World, files: dict[str, bytes], start: str, state: Path) -> str:
    """What becomes of a reader who meets these files."""
    shutil.copytree(world.starts[start], state)
    world.simulator.files = files
    kept = list_files(state)
    try:
        result = sync(URL, world.root, state, fetcher=world.simulator)
        done = "kept" if result.stale else "same list"
    except REFUSALS as error:
        done = error.slug
    if done == "same list":
        assert entries(state) == world.after
    else:
        assert list_files(state) == kept
    shutil.rmtree(state)
    return done


@pytest.mark.parametrize(
    "mutations",
    # The many take minutes: each of them is a whole sync.
    [200, pytest.param(MUTATIONS, marks=pytest.mark.slow)],
)
def test_no_altered_release_ever_changes_a_list(world: World, memory: Path, mutations: int) -> None:
    chance = random.Random(20261122)
    seen: Counter[str] = Counter()
    for number in range(mutations):
        files = dict(world.files)
        path = chance.choice(MUTATORS)(world, files, chance)
        again = number % 2 == 1
        if again:
            try:
                sign_again(world, files)
            except UNSIGNABLE:  # what was altered can no longer be read: served as it is
                again = False
        done = outcome(world, files, chance.choice(["new", "kept"]), memory / "state")
        seen[done] += 1
        changed = files != world.files
        assert done != "same list" or not changed or harmless(world, files, path), (number, path)
        assert not again or done != "same list", (number, path)
    assert seen.total() == mutations
    assert seen["same list"] < mutations // 4
    assert len(seen) >= 6  # many different checks refused something


def harmless(world: World, files: dict[str, bytes], path: str) -> bool:
    """True where a reader need not look at the file that was altered, or it says the same otherwise."""
    return path != "metadata/timestamp.json" or _signed(files[path]) == _signed(world.files[path])


def _signed(data: bytes) -> Any:
    return Metadata.from_bytes(data).signed.to_dict()
