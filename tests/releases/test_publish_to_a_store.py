"""A repository uploaded to what fsspec can write to: whole releases, never backwards, resumed later."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface

from takedown import disk
from takedown import publish as writer
from takedown.errors import MissingExtra, TakedownError, UsageError, VerificationFailed
from takedown.publish import mirror, store
from takedown.subscribe import open_blocklist, sync

TIMESTAMP = "metadata/timestamp.json"


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


class Bomb:
    """Counts what is asked of the store, and stops the world at one of these moments, or looks around."""

    left: ClassVar[int] = 0
    wrote: ClassVar[list[str]] = []
    watch: ClassVar[Callable[[], None] | None] = None

    @classmethod
    def step(cls) -> None:
        if cls.watch is not None:
            cls.watch()
        cls.left -= 1
        if cls.left == 0:
            raise Killed


class _Mined:
    """Each write can be stopped before it, in the middle, and after it."""

    def put_file(self: Any, source: str, place: str, **options: Any) -> None:
        Bomb.step()
        data = Path(source).read_bytes()
        if not place.startswith("/mined-objects"):  # an object store never shows half an object
            super().pipe_file(place, data[: len(data) // 2])  # type: ignore[misc]
            Bomb.step()
        super().pipe_file(place, data)  # type: ignore[misc]
        Bomb.wrote.append(place)
        Bomb.step()

    def pipe_file(self: Any, place: str, data: bytes, **options: Any) -> None:
        Bomb.step()
        super().pipe_file(place, data)  # type: ignore[misc]
        Bomb.wrote.append(place)
        Bomb.step()

    def mv(self: Any, source: str, place: str, **options: Any) -> None:
        Bomb.step()
        super().mv(source, place)  # type: ignore[misc]
        Bomb.wrote.append(place)
        Bomb.step()


class MinedObjects(_Mined, MemoryFileSystem):
    protocol = "mined-objects"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(MemoryFileSystem._strip_protocol(path.replace("mined-objects://", "/mined-objects/")))


class MinedFolder(_Mined, LocalFileSystem):
    protocol = "mined-folder"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(LocalFileSystem._strip_protocol(path.replace("mined-folder://", "")))


class Reader(FetcherInterface):
    """A holder who reads what the store shows."""

    def __init__(self, fs: Any, root: str) -> None:
        self._fs, self._root = fs, root

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            return iter([self._fs.cat_file(f"{self._root}/{url.removeprefix('http://store.example/')}")])
        except FileNotFoundError:
            raise DownloadHTTPError("no such object", 404) from None


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> Any:
    fsspec.register_implementation("mined-objects", MinedObjects, clobber=True)
    monkeypatch.setattr(store, "OBJECT_STORES", store.OBJECT_STORES | {"mined-objects"})
    MinedObjects.store.clear()
    Bomb.left, Bomb.wrote = 0, []
    return fsspec.filesystem("mined-objects")


@pytest.fixture
def folders() -> None:
    fsspec.register_implementation("mined-folder", MinedFolder, clobber=True)
    Bomb.left, Bomb.wrote = 0, []


def read(fs: Any, root: str, desk: Any, state: Path) -> int:
    return sync("http://store.example/", desk.root, state, fetcher=Reader(fs, root)).seq


def killed_at(at: int, desk: Any, url: str) -> bool:
    Bomb.left = at
    try:
        mirror(desk.repository, url)
    except Killed:
        return True
    finally:
        Bomb.left = 0
    return False


@pytest.mark.parametrize("place", ["memory", "file", "path"])
def test_a_store_shows_the_release_and_a_second_upload_sends_nothing(
    desk: Any, tmp_path: Path, place: str
) -> None:
    url = {
        "memory": f"memory://{tmp_path.name}/lists",
        "file": (tmp_path / "served").as_uri(),
        "path": str(tmp_path / "served"),
    }[place]
    desk.release(["a", "b"])
    desk.release(["b", "c"])
    first = mirror(desk.repository, url)
    assert (first.seq, first.kept) == (2, 0)
    fs, root = fsspec.core.url_to_fs(url)
    assert read(fs, root, desk, tmp_path / "state") == 2
    assert open_blocklist(tmp_path / "state").entries("url_sha256")
    shown = {path.removeprefix(f"{root}/") for path in fs.find(root)}
    here = {str(path.relative_to(desk.repository)) for path in desk.repository.rglob("*") if path.is_file()}
    old = {"metadata/1.targets.json", "metadata/1.snapshot.json", "metadata/2.targets.json"}
    old |= {"metadata/2.snapshot.json"}
    assert shown == {path for path in here if not path.startswith(".")} - old
    again = mirror(desk.repository, url)
    assert (again.uploaded, again.bytes, again.kept) == (0, 0, first.uploaded)
    writer.refresh(desk.repository, desk.keys)
    assert mirror(desk.repository, url).uploaded == 1  # the snapshot; the timestamp is not counted


def test_the_timestamp_comes_last_and_what_it_leads_to_before_it(desk: Any, objects: Any) -> None:
    desk.release(["a"])
    mirror(desk.repository, "mined-objects://lists")
    order = [path.removeprefix("/mined-objects/lists/") for path in Bomb.wrote]
    assert order[-1] == TIMESTAMP
    metadata = [path for path in order if path.startswith("metadata/")]
    assert metadata == [
        "metadata/2.targets.json",
        "metadata/2.snapshot.json",
        "metadata/1.root.json",
        TIMESTAMP,
    ]
    assert order.index("editions/research/state/000001/url_sha256.00.parquet") < order.index(
        "editions/research/manifest-000001.json"
    )
    assert order.index("log/checkpoint-000001.json") < order.index("metadata/2.targets.json")


def test_an_upload_to_objects_killed_at_every_step(desk: Any, objects: Any, tmp_path: Path) -> None:
    desk.release(["a", "b"])
    mirror(desk.repository, "mined-objects://lists")
    before = dict(MinedObjects.store)
    desk.release(["b", "c"])
    seen: list[int] = []
    for at in range(1, 1000):
        MinedObjects.store.clear()
        MinedObjects.store.update(before)
        killed = killed_at(at, desk, "mined-objects://lists")
        state = tmp_path / f"s{at}"
        seen.append(read(objects, "/mined-objects/lists", desk, state))
        assert mirror(desk.repository, "mined-objects://lists").seq == 2
        if not killed:
            break
    assert len(seen) > 15
    assert seen == sorted(seen)
    assert seen.count(2) == 2  # after the last write, and the run that was not killed


def test_an_upload_to_a_folder_killed_at_every_step(desk: Any, folders: None, tmp_path: Path) -> None:
    desk.release(["a", "b"])
    mirror(desk.repository, f"mined-folder://{tmp_path}/base")
    desk.release(["b", "c"])
    seen: list[int] = []
    for at in range(1, 1000):
        served = tmp_path / f"r{at}"
        shutil.copytree(tmp_path / "base", served)
        killed = killed_at(at, desk, f"mined-folder://{served}")
        seen.append(writer.head(served))
        mirror(desk.repository, f"mined-folder://{served}")
        assert writer.head(served) == 2
        assert not list(served.rglob("*.part"))
        if not killed:
            break
    assert sync(str(served), desk.root, tmp_path / "state").seq == 2
    assert len(seen) > 30
    assert seen == sorted(seen)
    assert seen.count(2) == 2


@pytest.mark.parametrize("kind", ["objects", "folder"])
def test_a_reader_who_polls_between_any_two_steps_sees_old_or_new(
    desk: Any, objects: Any, folders: None, tmp_path: Path, make_key: Any, kind: str
) -> None:
    lists = {1: {"a", "b"}, 2: {"b", "c"}}
    served = tmp_path / "served"
    url = "mined-objects://lists" if kind == "objects" else f"mined-folder://{served}"
    desk.release(lists[1])
    mirror(desk.repository, url)
    desk.release(lists[2])
    seen: list[int] = []

    def look() -> None:
        if kind == "objects":
            seen.append(read(objects, "/mined-objects/lists", desk, tmp_path / "state"))
        else:
            seen.append(sync(str(served), desk.root, tmp_path / "state").seq)
        expected = sorted(make_key(name).digest for name in lists[seen[-1]])
        assert open_blocklist(tmp_path / "state").entries("url_sha256") == expected

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bomb, "watch", look)
        mirror(desk.repository, url)
    assert len(seen) > 15
    assert seen == sorted(seen)
    assert seen.count(2) == 1  # the step after the last write


def test_on_a_disk_every_file_is_synced_before_it_gets_its_name(
    desk: Any, folders: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    plain = MinedFolder.mv

    def mv(self: Any, source: str, place: str, **options: Any) -> None:
        events.append("name")
        plain(self, source, place, **options)

    monkeypatch.setattr(MinedFolder, "mv", mv)
    monkeypatch.setattr(disk, "sync_file", lambda descriptor: events.append("content"))
    monkeypatch.setattr(disk, "sync_folder", lambda folder: events.append("folder"))
    desk.release(["a"])
    events.clear()
    sent = mirror(desk.repository, f"mined-folder://{tmp_path}/served")
    pages_and_timestamp = 5
    assert events == ["content", "name", "folder"] * (sent.uploaded + pages_and_timestamp)


def test_a_store_that_fails_says_so_and_goes_on_the_next_time(
    desk: Any, objects: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.release(["a"])
    with monkeypatch.context() as patch:
        patch.setattr(MinedObjects, "pipe_file", lambda *a, **k: (_ for _ in ()).throw(TimeoutError("503")))
        with pytest.raises(TakedownError) as caught:
            mirror(desk.repository, "mined-objects://lists")
    assert (caught.value.slug, caught.value.exit_code) == ("store-failed", 1)
    assert mirror(desk.repository, "mined-objects://lists").seq == 1


def test_it_never_goes_behind_what_is_shown(desk: Any, tmp_path: Path) -> None:
    url = str(tmp_path / "served")
    desk.release(["a"])
    shutil.copytree(desk.repository, tmp_path / "yesterday")
    desk.release(["a", "b"])
    mirror(desk.repository, url)
    for _ in range(4):  # its versions pass those that are shown; its release does not
        with pytest.raises(UsageError) as caught:
            mirror(tmp_path / "yesterday", url)
        assert caught.value.slug == "mirror-ahead"
        writer.refresh(tmp_path / "yesterday", desk.keys)
    assert sync(url, desk.root, tmp_path / "state").seq == 2


def test_two_histories_that_parted_are_noticed(desk: Any, tmp_path: Path) -> None:
    url = str(tmp_path / "served")
    desk.release(["a"])
    shutil.copytree(desk.repository, tmp_path / "other")
    desk.release(["a", "b"])
    mirror(desk.repository, url)
    shutil.rmtree(desk.repository)
    shutil.copytree(tmp_path / "other", desk.repository)
    desk.release(["a", "c"])
    with pytest.raises(VerificationFailed) as caught:  # the same versions, other content
        mirror(desk.repository, url)
    assert caught.value.slug == "mirror-differs"
    desk.release(["a", "c", "d"])
    with pytest.raises(VerificationFailed) as caught:  # higher versions, from another release 2
        mirror(desk.repository, url)
    assert caught.value.slug == "mirror-differs"


def test_another_publishers_repository_is_left_alone(make_desk: Any, tmp_path: Path) -> None:
    one, two = make_desk("one"), make_desk("two")
    one.release(["a"])
    two.release(["a"])
    mirror(one.repository, str(tmp_path / "served"))
    with pytest.raises(UsageError) as caught:
        mirror(two.repository, str(tmp_path / "served"))
    assert caught.value.slug == "mirror-foreign"


@pytest.mark.parametrize("damage", [b"", b"{}", b"<html></html>"])
def test_a_timestamp_that_says_nothing_stops_the_upload(desk: Any, tmp_path: Path, damage: bytes) -> None:
    desk.release(["a"])
    mirror(desk.repository, str(tmp_path / "served"))
    (tmp_path / "served" / TIMESTAMP).write_bytes(damage)
    with pytest.raises(VerificationFailed) as caught:
        mirror(desk.repository, str(tmp_path / "served"))
    assert caught.value.slug == "mirror-unreadable"


def test_a_file_cut_off_is_sent_again_and_another_under_its_name_is_refused(
    desk: Any, tmp_path: Path
) -> None:
    desk.release(["a"])
    mirror(desk.repository, str(tmp_path / "served"))
    name = "editions/research/state/000001/url_sha256.00.parquet"
    served, data = tmp_path / "served" / name, (desk.repository / name).read_bytes()
    served.write_bytes(data[:100])
    assert mirror(desk.repository, str(tmp_path / "served")).uploaded == 1
    assert served.read_bytes() == data
    served.write_bytes(b"PAR1")
    served.write_bytes(b"x" + data[1:100])
    with pytest.raises(VerificationFailed) as caught:
        mirror(desk.repository, str(tmp_path / "served"))
    assert caught.value.slug == "mirror-differs"


@pytest.mark.parametrize("field", ["ETag", "md5"])
def test_what_a_store_tells_about_content_is_believed_only_where_it_agrees(
    desk: Any, objects: Any, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    desk.release(["a"])
    mirror(desk.repository, "mined-objects://lists")
    name = "editions/research/state/000001/url_sha256.00.parquet"
    told = {"md5": "0" * 32}
    plain = MemoryFileSystem.find

    def find(self: Any, path: str, **options: Any) -> dict[str, Any]:
        found: dict[str, Any] = plain(self, path, **options)
        for place, info in found.items():
            content = hashlib.md5(self.store[place].getvalue()).hexdigest()
            info[field] = f'"{content}"' if not place.endswith(name) else told["md5"]
        return found

    monkeypatch.setattr(MinedObjects, "find", find)
    # A store that encrypts tells the MD5 of something else: the content decides.
    assert mirror(desk.repository, "mined-objects://lists").uploaded == 0
    data = MinedObjects.store[f"/mined-objects/lists/{name}"].getvalue()
    objects.pipe_file(f"/mined-objects/lists/{name}", b"X" + data[1:])
    with pytest.raises(VerificationFailed) as caught:
        mirror(desk.repository, "mined-objects://lists")
    assert caught.value.slug == "mirror-differs"


def test_what_was_staged_and_given_up_stays_at_home(desk: Any, tmp_path: Path) -> None:
    desk.release(["a"])
    given_up, _ = desk.stage(["a", "secret"])
    shutil.copytree(given_up, desk.repository, dirs_exist_ok=True)  # as a killed publish leaves it
    mirror(desk.repository, str(tmp_path / "served"))
    assert not list((tmp_path / "served").rglob("*000002*"))


def test_two_machines_at_once_are_noticed_before_the_commit(
    desk: Any, objects: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.release(["a"])
    real = MinedObjects.put_file

    def put_file(self: Any, source: str, place: str, **options: Any) -> None:
        real(self, source, place, **options)
        self.store.setdefault(f"/mined-objects/lists/{TIMESTAMP}", self.store[place])

    monkeypatch.setattr(MinedObjects, "put_file", put_file)
    with pytest.raises(TakedownError) as caught:
        mirror(desk.repository, "mined-objects://lists")
    assert caught.value.slug == "mirror-changed"


def test_damaged_files_are_not_uploaded(desk: Any, tmp_path: Path) -> None:
    desk.release(["a"])
    path = desk.repository / "editions/research/state/000001/url_sha256.00.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(VerificationFailed):
        mirror(desk.repository, str(tmp_path / "served"))
    assert not (tmp_path / "served" / TIMESTAMP).exists()


@pytest.mark.parametrize(
    ("url", "error", "says"),
    [
        ("s3://bucket/lists", MissingExtra, "pip install s3fs"),
        ("gs://bucket/lists", MissingExtra, "pip install gcsfs"),
        ("hf://datasets/a/b", MissingExtra, "pip install huggingface-hub"),
        ("nowhere://x", UsageError, "no kind of store"),
        ("https://publisher.example/", UsageError, "Nothing can be written"),
        ("simplecache::memory://x", UsageError, "Nothing can be written"),
    ],
)
def test_addresses_that_nothing_can_be_uploaded_to(
    desk: Any, url: str, error: type[TakedownError], says: str
) -> None:
    desk.release(["a"])
    with pytest.raises(error, match=says):
        mirror(desk.repository, url)
