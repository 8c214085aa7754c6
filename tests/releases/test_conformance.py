"""What a client must do in each case of the release format: one answer a case, and the last good list stays.

Everything goes through python-tuf's fetcher interface, served from memory by a simulated repository.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories.publisher import Desk
from factories.releases_simulator import URL, Files, Simulator, described, stranger
from tuf.api.exceptions import DownloadError
from tuf.api.metadata import Metadata, TargetFile

from takedown.blocklist import canonical
from takedown.errors import NothingToSync, TakedownError
from takedown.publish.keyring import load
from takedown.subscribe import compare, open_blocklist, sync, verify

DOCUMENT = Path(__file__).parents[2] / "docs/releases.md"
LISTS = {1: range(20), 2: range(1, 21), 3: range(6, 26)}  # 3 carries a full state, 2 only a delta
MANIFEST, DELTA, STATE = "manifest-", "/delta/", "/state/"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The repository as it stood at releases 1, 2 and 3; its keys lie beside it."""
    folder = tmp_path_factory.mktemp("published")
    desk = Desk(folder)
    for seq, names in LISTS.items():
        desk.release(names)
        shutil.copytree(desk.repository, folder / f"{seq}")
    return {seq: folder / f"{seq}" for seq in LISTS}


@dataclass
class Reader:
    """A holder who has one release."""

    published: dict[int, Path]
    state: Path

    @property
    def root(self) -> bytes:
        return (self.published[1] / "metadata/1.root.json").read_bytes()

    def simulator(self, seq: int) -> Simulator:
        return Simulator(self.published[seq], self.published[seq].parent / "keys")

    def sync(self, simulator: Simulator, **options: Any) -> Any:
        return sync(URL, self.root, self.state, fetcher=simulator, **options)

    def entries(self) -> list[str]:
        return open_blocklist(self.state).entries("url_sha256")

    def kept(self) -> dict[str, bytes]:
        """Everything that makes up the list in use."""
        files = [self.state / "current.json", *sorted((self.state / "lists").rglob("*"))]
        return {str(path): path.read_bytes() for path in files if path.is_file()}


@pytest.fixture(scope="module")
def kept_states(published: dict[int, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """State folders that hold release 1, and release 2; and one that holds nothing."""
    folder = tmp_path_factory.mktemp("states")
    for seq in (1, 2):
        reader = Reader(published, folder / f"{seq}")
        reader.sync(reader.simulator(seq))
    (folder / "0").mkdir()
    return {seq: folder / f"{seq}" for seq in (0, 1, 2)}


@pytest.fixture
def reader(
    published: dict[int, Path], kept_states: dict[int, Path], tmp_path: Path
) -> Callable[[int], Reader]:
    def holding(seq: int) -> Reader:
        return Reader(published, shutil.copytree(kept_states[seq], tmp_path / "state"))

    return holding


def listed(names: Iterable[int]) -> list[str]:
    return sorted(hashlib.sha256(str(name).encode()).hexdigest() for name in names)


Act = Callable[[Simulator], object]


def one(simulator: Simulator, part: str, seq: int = 0) -> str:
    """The newest file whose path has this part."""
    return max(path for path in simulator.files if part in path and (not seq or f"{seq:06d}." in path))


def swapped(data: bytes) -> bytes:
    """One bit of the middle byte changed."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def edit(find: Callable[[Simulator], str], change: Callable[[bytes], bytes]) -> Act:
    def act(simulator: Simulator) -> None:
        path = find(simulator)
        simulator.files[path] = change(simulator.files[path])

    return act


def of(role: str) -> Callable[[Simulator], str]:
    return lambda simulator: simulator.path_of(role)


def file(part: str) -> Callable[[Simulator], str]:
    return lambda simulator: one(simulator, part)


def drop(part: str) -> Act:
    return lambda simulator: simulator.files.pop(one(simulator, part))


def signed_by(role: str, *signers: Any) -> Act:
    return lambda simulator: simulator.sign_again(role, lambda signed: None, signers)


def expire(role: str) -> Act:
    def act(simulator: Simulator) -> None:
        simulator.sign_again(role, lambda signed: setattr(signed, "expires", _yesterday()))
        if role != "timestamp":
            simulator.commit(role)

    return act


def new_root(simulator: Simulator, signers: Iterable[str], **fields: Any) -> None:
    """A second root, signed by these keys."""
    metadata: Metadata[Any] = simulator.metadata("root")
    metadata.signed.version = 2
    for name, value in fields.items():
        setattr(metadata.signed, name, value)
    metadata.signatures.clear()
    for name in signers:
        metadata.sign(load(simulator.keys / f"{name}.pem"), append=True)
    simulator.files["metadata/2.root.json"] = metadata.to_bytes()


def manifest(**fields: Any) -> Act:
    return lambda simulator: simulator.forge(lambda value, files: value.update(fields))


def last_delta(**fields: Any) -> Act:
    return lambda simulator: simulator.forge(lambda value, files: value["deltas"][-1].update(fields))


def rewritten(part: str, table: Any, **counts: int) -> Act:
    """Replace a data file by another table, its record put right, and all of it signed."""
    out = io.BytesIO()
    pq.write_table(table, out)
    data = out.getvalue()

    def change(value: dict[str, Any], files: Files) -> None:
        record = value["deltas"][-1] if part == DELTA else value["state"]["files"][0]
        files[record["path"]] = data
        record.update(described(data) | counts)
        if part == STATE:
            value["deltas"] = []

    return lambda simulator: simulator.forge(change)


def strings(**columns: list[Any]) -> Any:
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def state_of(*digests: str | None) -> Any:
    return strings(kind=["url_sha256"] * len(digests), digest=list(digests))


def delta_of(operation: str, digest: str) -> Any:
    return strings(op=[operation], kind=["url_sha256"], digest=[digest])


def spoiled_state(*digests: str | None) -> Act:
    """The full state of release 3 with other first digests, and as many rows as before."""
    rest = listed(LISTS[3])[len(digests) :]
    return rewritten(STATE, state_of(*digests, *rest))


def older_release(simulator: Simulator) -> None:
    """Newer metadata, signed as it must be, that names release 1 again."""
    old = [path for path in simulator.files if path.endswith("-000001.json")]
    named = {path: TargetFile.from_data(path, simulator.files[path], ["sha256"]) for path in old}
    simulator.sign_again("targets", lambda signed: setattr(signed, "targets", named))
    simulator.commit("targets")


def other_manifest_of_one_number(simulator: Simulator) -> None:
    """Newer metadata that names release 2 again, with another manifest under its number."""
    for name in ("editions/research/manifest-000002.json", "log/checkpoint-000002.json"):
        assert name in simulator.files
    path = "editions/research/manifest-000002.json"
    simulator.files[path] = simulator.files[path].replace(b'"Example"', b'"Elsewhere"')
    names = [path, "log/checkpoint-000002.json"]
    named = {path: TargetFile.from_data(path, simulator.files[path], ["sha256"]) for path in names}
    simulator.sign_again("targets", lambda signed: setattr(signed, "targets", named))
    simulator.commit("targets")


def without_the_edition(simulator: Simulator) -> None:
    def rename(signed: Any) -> None:
        path = next(name for name in signed.targets if MANIFEST in name)
        signed.targets[path.replace("research", "other")] = signed.targets.pop(path)

    simulator.sign_again("targets", rename)
    simulator.commit("targets")


def other_log(simulator: Simulator) -> None:
    path = one(simulator, "log/checkpoint-")
    simulator.files[path] = simulator.files[path].replace(b'"size":', b'"size":7')
    simulator.sign_targets()


def _yesterday() -> datetime:
    return (datetime.now(UTC) - timedelta(days=1)).replace(microsecond=0)


A, Z = "0" * 64, "f" * 64
PAGE = b"<!doctype html><title>Sign in</title>"

#: (what happens; release kept; release offered; what is done to it; slug; exit code). The kept list stays.
REFUSED: list[tuple[str, int, int, Act, str, int]] = [
    # Tampered, truncated, overlong file.
    (
        "timestamp altered",
        1,
        2,
        edit(of("timestamp"), lambda data: data.replace(b'"sig":"', b'"sig":"00')),
        "signatures-missing",
        4,
    ),
    ("timestamp truncated", 1, 2, edit(of("timestamp"), lambda data: data[:-20]), "metadata-unreadable", 4),
    (
        "timestamp overlong",
        1,
        2,
        edit(of("timestamp"), lambda data: data + b" " * 20_000),
        "metadata-unreadable",
        4,
    ),
    ("a page instead of metadata", 1, 2, edit(of("timestamp"), lambda data: PAGE), "metadata-unreadable", 4),
    ("snapshot altered", 1, 2, edit(of("snapshot"), swapped), "metadata-differs", 4),
    ("snapshot truncated", 1, 2, edit(of("snapshot"), lambda data: data[:-1]), "metadata-differs", 4),
    ("targets altered", 1, 2, edit(of("targets"), swapped), "metadata-differs", 4),
    ("targets overlong", 1, 2, edit(of("targets"), lambda data: data + b" "), "metadata-unreadable", 4),
    ("manifest altered", 1, 2, edit(file(MANIFEST), swapped), "target-differs", 4),
    ("manifest truncated", 1, 2, edit(file(MANIFEST), lambda data: data[:-1]), "target-differs", 4),
    ("manifest overlong", 1, 2, edit(file(MANIFEST), lambda data: data + b"\n"), "target-differs", 4),
    ("checkpoint altered", 1, 2, edit(file("checkpoint"), swapped), "target-differs", 4),
    ("delta altered", 1, 2, edit(file(DELTA), swapped), "file-hash", 4),
    ("delta truncated", 1, 2, edit(file(DELTA), lambda data: data[:-1]), "file-length", 4),
    ("delta overlong", 1, 2, edit(file(DELTA), lambda data: data + b"\0"), "file-length", 4),
    ("state altered", 0, 1, edit(file(STATE), swapped), "file-hash", 4),
    ("state truncated", 0, 1, edit(file(STATE), lambda data: data[:-1]), "file-length", 4),
    ("state overlong", 0, 1, edit(file(STATE), lambda data: data + b"\0"), "file-length", 4),
    # Below threshold, expired, older.
    ("timestamp signed by a stranger", 1, 2, signed_by("timestamp", stranger()), "signatures-missing", 4),
    (
        "snapshot below threshold",
        1,
        2,
        lambda s: (signed_by("snapshot")(s), s.commit("snapshot")),
        "signatures-missing",
        4,
    ),
    (
        "targets below threshold",
        1,
        2,
        lambda s: (signed_by("targets")(s), s.commit("targets")),
        "signatures-missing",
        4,
    ),
    ("root below threshold", 1, 2, lambda s: new_root(s, ["root-1"]), "signatures-missing", 4),
    (
        "root expired",
        1,
        2,
        lambda s: new_root(s, ["root-1", "root-2"], expires=_yesterday()),
        "root-expired",
        6,
    ),
    ("timestamp expired", 1, 2, expire("timestamp"), "metadata-expired", 6),
    ("snapshot expired", 1, 2, expire("snapshot"), "metadata-expired", 6),
    ("targets expired", 1, 2, expire("targets"), "metadata-expired", 6),
    ("older timestamp", 2, 1, lambda s: None, "metadata-rollback", 4),
    ("older release under newer signatures", 2, 3, older_release, "rollback", 4),
    # Same version, different content.
    ("other manifest under the number kept", 2, 3, other_manifest_of_one_number, "manifest-changed", 4),
    # Nothing leads to the list.
    (
        "state hash of another list",
        1,
        2,
        lambda s: s.forge(lambda m, f: (m.update(state_sha256=A), m["deltas"][-1].update(to_state=A))),
        "delta-to-state",
        4,
    ),
    ("full state is another list", 1, 3, rewritten(STATE, state_of(*listed(range(20)))), "state-differs", 4),
    # Bad list files, signed all the same.
    ("duplicate digest", 1, 3, spoiled_state(listed(LISTS[3])[1]), "entry-duplicate", 4),
    ("unsorted digests", 1, 3, spoiled_state(Z), "entry-order", 4),
    ("uppercase digest", 1, 3, spoiled_state(A.replace("0", "A")), "entry-hex", 4),
    ("null digest", 1, 3, spoiled_state(None), "entry-null", 4),
    ("short digest", 1, 3, spoiled_state(A[:-1]), "entry-width", 4),
    ("other row count", 1, 3, rewritten(STATE, state_of(A)), "file-rows", 4),
    ("other schema", 1, 3, rewritten(STATE, strings(digest=listed(LISTS[3]))), "file-schema", 4),
    (
        "other kind",
        1,
        3,
        rewritten(STATE, strings(kind=["img_sha256"] * 20, digest=listed(LISTS[3]))),
        "entry-kind",
        4,
    ),
    ("no Parquet", 1, 3, lambda s: s.forge(lambda m, f: _no_parquet(m, f)), "file-unreadable", 4),
    # Wrong edition, other format, newer client.
    ("edition gone", 1, 2, without_the_edition, "edition-missing", 4),
    ("unknown format", 1, 2, manifest(format=2), "manifest-invalid", 4),
    ("manifest of another release", 1, 2, lambda s: _misplaced(s), "manifest-invalid", 4),
    ("for newer clients", 1, 2, manifest(min_client="99.0"), "client-too-old", 4),
    ("another log than the checkpoint's", 1, 2, other_log, "checkpoint-invalid", 4),
]


def _no_parquet(value: dict[str, Any], files: Files) -> None:
    record = value["state"]["files"][0]
    files[record["path"]] = PAGE
    record.update(described(PAGE))
    value["deltas"] = []


def _misplaced(simulator: Simulator) -> None:
    """The manifest of release 1 where that of release 2 should be."""
    simulator.files["editions/research/manifest-000002.json"] = simulator.files[
        "editions/research/manifest-000001.json"
    ]
    simulator.sign_targets()


@pytest.mark.parametrize(
    ("kept", "offered", "act", "slug", "code"),
    [case[1:] for case in REFUSED],
    ids=[case[0] for case in REFUSED],
)
def test_what_does_not_hold_is_refused_and_the_last_good_list_stays(
    reader: Callable[[int], Reader], kept: int, offered: int, act: Act, slug: str, code: int
) -> None:
    holder = reader(kept)
    simulator = holder.simulator(offered)
    act(simulator)
    before = holder.kept() if kept else {}
    with pytest.raises(TakedownError) as caught:
        holder.sync(simulator)
    assert (caught.value.slug, caught.value.exit_code) == (slug, code)
    assert_clear(caught.value.sentence)
    if kept:
        assert holder.kept() == before
        assert verify(holder.state).seq == kept
        assert holder.entries() == listed(LISTS[kept])
    else:
        assert not (holder.state / "current.json").exists()


#: (what happens; what is done; slug said in a warning). The full state is used, and is the right list.
FULL_INSTEAD: list[tuple[str, Act, str]] = [
    ("delta missing", drop(DELTA), "delta-missing"),
    ("delta altered", edit(file(DELTA), swapped), "file-hash"),
    (
        "delta removes what is absent",
        rewritten(DELTA, delta_of("remove", Z), added=0, removed=1),
        "delta-remove-absent",
    ),
    (
        "delta adds what is present",
        rewritten(DELTA, delta_of("add", listed(LISTS[2])[0]), added=1, removed=0),
        "delta-add-present",
    ),
    ("delta leads elsewhere", rewritten(DELTA, delta_of("add", Z), added=1, removed=0), "delta-to-state"),
    (
        "delta from another list",
        lambda s: s.forge(lambda m, f: _only_last(m, from_state=A)),
        "delta-from-state",
    ),
    ("another previous manifest", manifest(prev_manifest_sha256=A), "manifest-chain"),
    ("no previous manifest", manifest(prev_manifest_sha256=None), "manifest-chain"),
]


def _only_last(value: dict[str, Any], **fields: Any) -> None:
    value["deltas"] = [value["deltas"][-1] | fields]


@pytest.mark.parametrize(
    ("act", "slug"), [case[1:] for case in FULL_INSTEAD], ids=[case[0] for case in FULL_INSTEAD]
)
def test_a_doubtful_delta_gives_way_to_the_full_state(
    reader: Callable[[int], Reader], act: Act, slug: str
) -> None:
    holder = reader(2)
    simulator = holder.simulator(3)
    act(simulator)
    result = holder.sync(simulator)
    assert (result.seq, result.stale) == (3, None)
    assert slug in result.warnings[0]
    assert holder.entries() == listed(LISTS[3])
    assert verify(holder.state).seq == 3


#: (what happens; what is done; slug). Without a list exit 5; with one it stays, sync says so and exits 5 too.
NOT_HAD: list[tuple[str, Act, str]] = [
    (
        "nobody answers",
        lambda s: s.broken.update({"metadata/timestamp.json": DownloadError("gone")}),
        "unreachable",
    ),
    ("no such place", lambda s: s.files.clear(), "unreachable"),
    ("manifest missing", drop(MANIFEST), "data-unreachable"),
    ("delta and full state missing", lambda s: (drop(DELTA)(s), drop(STATE)(s)), "data-unreachable"),
    (
        "the connection breaks",
        lambda s: s.broken.update({one(s, DELTA): DownloadError("broke")}),
        "data-unreachable",
    ),
]


@pytest.mark.parametrize("kept", [0, 1])
@pytest.mark.parametrize(("act", "slug"), [case[1:] for case in NOT_HAD], ids=[case[0] for case in NOT_HAD])
def test_what_cannot_be_had_changes_nothing(
    reader: Callable[[int], Reader], kept: int, act: Act, slug: str
) -> None:
    holder = reader(kept)
    simulator = holder.simulator(2)
    act(simulator)
    if kept:
        before = holder.kept()
        result = holder.sync(simulator)
        assert (result.seq, result.stale) == (1, slug)
        assert_clear(result.warnings[-1])
        assert holder.kept() == before
    else:
        with pytest.raises(NothingToSync) as caught:
            holder.sync(simulator)
        assert (caught.value.slug, caught.value.exit_code) == (slug, 5)
        assert_clear(caught.value.sentence)
    assert holder.sync(holder.simulator(2)).stale is None  # it recovers in the same folder


def _before_the_first(simulator: Simulator) -> None:
    simulator.sign_again("targets", lambda signed: signed.targets.clear())
    simulator.commit("targets")


#: (what is asked; slug; exit code).
ASKED: list[tuple[str, Callable[[Reader], object], str, int]] = [
    ("below the number shipped", lambda r: r.sync(r.simulator(2), min_seq=3), "below-min-seq", 4),
    ("no release yet", lambda r: _sync_after(r, _before_the_first), "no-release", 5),
    ("nothing synced yet", lambda r: verify(r.state / "none"), "no-list", 5),
    ("no root file", lambda r: sync(URL, b"{}", r.state / "new", fetcher=r.simulator(1)), "root-invalid", 4),
    ("other root file", lambda r: _sync_twice(r, root=r.root + b" "), "other-root", 2),
    ("other address", lambda r: _sync_twice(r, url=URL + "other/"), "other-url", 2),
    ("state folder that cannot be written", lambda r: _sync_below_a_file(r), "state-not-writable", 2),
    ("edition that is not kept", lambda r: _opened(r, edition="other"), "edition-unknown", 2),
    ("dataset that is not named", lambda r: _opened(r, dataset="other/dataset"), "dataset-unknown", 2),
    ("split view", lambda r: _split(r), "split-view", 4),
    ("list altered on this disk", lambda r: _spoiled(r, "*.parquet"), "local-altered", 4),
    ("look-up table altered on this disk", lambda r: _spoiled(r, "*.table"), "local-altered", 4),
]


def _sync_after(holder: Reader, act: Act) -> None:
    simulator = holder.simulator(1)
    act(simulator)
    holder.sync(simulator)


def _sync_twice(holder: Reader, url: str = URL, root: bytes | None = None) -> None:
    holder.sync(holder.simulator(1))
    sync(url, root or holder.root, holder.state, fetcher=holder.simulator(1))


def _sync_below_a_file(holder: Reader) -> None:
    holder.state.with_name("file").write_text("no folder")
    sync(URL, holder.root, holder.state.with_name("file") / "state", fetcher=holder.simulator(1))


def _opened(holder: Reader, **options: Any) -> None:
    holder.sync(holder.simulator(1))
    open_blocklist(holder.state, **options)


def _split(holder: Reader) -> None:
    holder.sync(holder.simulator(2))
    mirror = holder.simulator(2)
    mirror.forge(lambda value, files: value.update(publisher="Elsewhere"))
    compare(holder.state, URL, fetcher=mirror)


def _spoiled(holder: Reader, pattern: str) -> None:
    holder.sync(holder.simulator(1))
    path = next((holder.state / "lists").rglob(pattern))
    path.write_bytes(swapped(path.read_bytes()))
    verify(holder.state)


@pytest.mark.parametrize(
    ("act", "slug", "code"), [case[1:] for case in ASKED], ids=[case[0] for case in ASKED]
)
def test_what_is_asked_in_vain_has_its_own_answer(
    reader: Callable[[int], Reader], act: Callable[[Reader], object], slug: str, code: int
) -> None:
    with pytest.raises(TakedownError) as caught:
        act(reader(0))
    assert (caught.value.slug, caught.value.exit_code) == (slug, code)
    assert_clear(caught.value.sentence)


def assert_clear(sentence: str) -> None:
    """A person can read it: one short text that starts as one and ends as one."""
    assert re.fullmatch(r"[A-Z/][^\n]{20,300}[.]", sentence)


def answers() -> dict[str, int]:
    """Slug and exit code of every case here."""
    found = {case[-2]: case[-1] for case in REFUSED}
    found |= {case[-2]: case[-1] for case in ASKED}
    return found | {case[-1]: NothingToSync.exit_code for case in NOT_HAD}


def test_the_document_names_every_slug_with_its_exit_code() -> None:
    rows = re.findall(r"^\|[^|\n]+\| `([a-z-]+)` \| (\d)[ ;]", DOCUMENT.read_text(), re.MULTILINE)
    if not rows:
        pytest.skip("docs/releases.md has no table of slugs yet")
    assert {slug: int(code) for slug, code in rows} == answers()


OVER_HTTP = [
    "timestamp altered",
    "targets overlong",
    "manifest truncated",
    "delta altered",
    "older timestamp",
]


@pytest.mark.parametrize("name", OVER_HTTP)
def test_over_http_the_answers_are_the_same(
    reader: Callable[[int], Reader], serve: Callable[[Path], Any], tmp_path: Path, name: str
) -> None:
    _, kept, offered, act, slug, code = next(case for case in REFUSED if case[0] == name)
    holder = reader(0)
    place = tmp_path / "served"
    put(holder.simulator(kept or 1), place)
    url = serve(place).url
    sync(url, holder.root, holder.state)
    before = holder.kept()
    simulator = holder.simulator(offered)
    act(simulator)
    put(simulator, place)
    with pytest.raises(TakedownError) as caught:
        sync(url, holder.root, holder.state)
    assert (caught.value.slug, caught.value.exit_code) == (slug, code)
    assert holder.kept() == before


def put(simulator: Simulator, place: Path) -> None:
    """What a simulator serves, as a folder."""
    shutil.rmtree(place, ignore_errors=True)
    for path, data in simulator.files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(data)


def test_canonical_json_is_what_the_simulator_signs(reader: Callable[[int], Reader]) -> None:
    simulator = reader(0).simulator(2)
    data = simulator.files[one(simulator, MANIFEST)]
    simulator.forge(lambda value, files: None)
    assert (
        simulator.files[one(simulator, MANIFEST)]
        == data
        == canonical.to_bytes(canonical.from_bytes(data, ""))
    )
