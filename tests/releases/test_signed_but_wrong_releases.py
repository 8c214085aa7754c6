"""Releases signed with the right keys and wrong all the same: by mistake, or by someone who has a key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from takedown.blocklist import State, write_state
from takedown.errors import VerificationFailed
from takedown.subscribe import open_blocklist, sync, verify

OLD, NEW = [*range(20)], [*range(1, 21)]
Change = Callable[[dict[str, Any], Path], None]


@pytest.fixture
def reader(desk: Any, tmp_path: Path) -> Path:
    """A reader who has release 1."""
    desk.release(OLD)
    sync(desk.url, desk.root, tmp_path / "state")
    return tmp_path / "state"


def with_full_state(make_key: Callable[..., Any], change: Change) -> Change:
    """A release whose delta is spoiled, and that also carries the honest full state."""

    def both(manifest: dict[str, Any], staging: Path) -> None:
        state = State.of(make_key(name) for name in NEW)
        files = write_state(state, staging, "research", manifest["seq"])
        manifest["state"] = {"seq": manifest["seq"], "files": [dict(vars(file)) for file in files]}
        change(manifest, staging)

    return both


def write_delta_rows(described: Callable[[Path], dict[str, Any]], *rows: tuple[str, str]) -> Change:
    """Replace the delta by these (operation, digest) rows, with its hash, length and counts put right."""

    def change(manifest: dict[str, Any], staging: Path) -> None:
        record = manifest["deltas"][-1]
        names = ("op", "kind", "digest")
        cells = [(op, "url_sha256", digest) for op, digest in rows]
        arrays = [pa.array([cell[at] for cell in cells], pa.string()) for at in range(3)]
        pq.write_table(pa.table(arrays, names=list(names)), staging / record["path"])
        record.update(described(staging / record["path"]))
        record.update(added=sum(op == "add" for op, _ in rows), removed=sum(op == "remove" for op, _ in rows))

    return change


def last(**fields: Any) -> Change:
    return lambda manifest, staging: manifest["deltas"][-1].update(fields)


def spoil_file(manifest: dict[str, Any], staging: Path) -> None:
    (staging / manifest["deltas"][-1]["path"]).write_bytes(b"x")


def drop_file(manifest: dict[str, Any], staging: Path) -> None:
    (staging / manifest["deltas"][-1]["path"]).unlink()


ABSENT, PRESENT = "f" * 64, "present"
DOUBTS = {
    "remove-absent": (("remove", ABSENT), "delta-remove-absent"),
    "add-present": (("add", PRESENT), "delta-add-present"),
    "wrong to-state": (("remove", PRESENT), "delta-to-state"),
}


@pytest.mark.parametrize(("row", "slug"), DOUBTS.values(), ids=DOUBTS)
def test_a_delta_that_does_not_fit_is_dropped_for_the_full_state(
    desk: Any, reader: Path, make_key: Callable[..., Any], described: Any, row: tuple[str, str], slug: str
) -> None:
    operation, digest = row
    spoiled = write_delta_rows(described, (operation, make_key(0).digest if digest == PRESENT else digest))
    desk.forge(NEW, with_full_state(make_key, spoiled))
    result = sync(desk.url, desk.root, reader)
    assert result.seq == 2
    assert slug in result.warnings[0]
    assert open_blocklist(reader).entries("url_sha256") == sorted(make_key(name).digest for name in NEW)
    assert verify(reader).seq == 2


OTHER = {
    "missing delta": (drop_file, "delta-missing"),
    "altered delta": (spoil_file, "file-length"),
    "wrong from-state": (last(from_state="0" * 64), "delta-from-state"),
    "wrong previous manifest": (
        lambda manifest, staging: manifest.update(prev_manifest_sha256="0" * 64),
        "manifest-chain",
    ),
    "no previous manifest": (
        lambda manifest, staging: manifest.update(prev_manifest_sha256=None),
        "manifest-chain",
    ),
}


@pytest.mark.parametrize(("change", "slug"), OTHER.values(), ids=OTHER)
def test_any_other_doubt_about_a_delta_leads_to_the_full_state(
    desk: Any, reader: Path, make_key: Callable[..., Any], change: Change, slug: str
) -> None:
    desk.forge(NEW, with_full_state(make_key, change))
    result = sync(desk.url, desk.root, reader)
    assert (result.seq, slug in result.warnings[0]) == (2, True)
    assert open_blocklist(reader).entries("url_sha256") == sorted(make_key(name).digest for name in NEW)


def without_deltas(manifest: dict[str, Any], staging: Path) -> None:
    manifest["deltas"] = []


def test_deltas_no_longer_listed_lead_to_the_full_state(
    desk: Any, reader: Path, make_key: Callable[..., Any]
) -> None:
    desk.forge(NEW, with_full_state(make_key, without_deltas))
    result = sync(desk.url, desk.root, reader)
    assert (result.seq, result.warnings) == (2, ())


STOPS = {
    "delta spoiled, no newer full state": (spoil_file, "file-length"),
    "state hash of another list": (
        lambda manifest, staging: (
            manifest.update(state_sha256="0" * 64),
            last(to_state="0" * 64)(manifest, staging),
        ),
        "delta-to-state",
    ),
    "counts of another list": (
        lambda manifest, staging: manifest.update(count_by_kind={"url_sha256": 21}),
        "manifest-invalid",
    ),
    "another edition's manifest": (
        lambda manifest, staging: manifest.update(edition="other"),
        "manifest-invalid",
    ),
    "unknown format": (lambda manifest, staging: manifest.update(format=2), "manifest-invalid"),
    "another log": (lambda manifest, staging: manifest["log"].update(size=1), "manifest-invalid"),
    "path outside": (last(path="../../delta.parquet"), "manifest-invalid"),
    "a gap in the chain": (last(to=3), "manifest-invalid"),
}


@pytest.mark.parametrize(("change", "slug"), STOPS.values(), ids=STOPS)
def test_where_nothing_leads_to_the_list_the_old_one_stays(
    desk: Any, reader: Path, change: Change, slug: str
) -> None:
    desk.forge(NEW, change)
    with pytest.raises(VerificationFailed) as caught:
        sync(desk.url, desk.root, reader)
    assert caught.value.slug == slug
    assert verify(reader).editions == {"research": (1, 20)}


def test_a_full_state_that_is_another_list_is_refused(
    desk: Any, tmp_path: Path, make_key: Callable[..., Any]
) -> None:
    def change(manifest: dict[str, Any], staging: Path) -> None:
        files = write_state(State.of([make_key("other")]), staging, "research", 1)
        manifest["state"]["files"] = [dict(vars(file)) for file in files]

    desk.forge(["a"], change)
    with pytest.raises(VerificationFailed) as caught:
        sync(desk.url, desk.root, tmp_path / "state")
    assert caught.value.slug == "state-differs"


def test_the_same_number_with_other_content_is_refused(desk: Any, reader: Path) -> None:
    staging, _ = desk.stage(NEW)
    for name in ("editions/research/manifest-000001.json", "log/checkpoint-000001.json"):
        (staging / name).parent.mkdir(parents=True, exist_ok=True)
        (staging / name).write_bytes((desk.repository / name).read_bytes())
    path = staging / "editions/research/manifest-000001.json"
    path.write_bytes(path.read_bytes().replace(b'"publisher":"Example"', b'"publisher":"Elsewhere"'))
    rename_targets(staging)
    desk.sign_anything(staging)
    with pytest.raises(VerificationFailed) as caught:
        sync(desk.url, desk.root, reader)
    assert caught.value.slug == "manifest-changed"
    assert open_blocklist(reader).manifest.publisher == "Example"


def rename_targets(staging: Path) -> None:
    """Make the staged targets name release 1 again."""
    path = next((staging / "metadata").glob("*.targets.json"))
    path.write_bytes(path.read_bytes().replace(b"-000002.json", b"-000001.json"))


@pytest.mark.parametrize(
    "change", [(b"editions/research/", b"editions/other/"), (b"log/checkpoint", b"log/other")]
)
def test_target_names_of_no_release_are_refused(desk: Any, reader: Path, change: tuple[bytes, bytes]) -> None:
    staging, _ = desk.stage(NEW)
    path = next((staging / "metadata").glob("*.targets.json"))
    path.write_bytes(path.read_bytes().replace(*change))
    for found in list(staging.rglob("*-000002.json")):
        renamed = Path(str(found).replace(change[0].decode(), change[1].decode()))
        renamed.parent.mkdir(parents=True, exist_ok=True)
        found.rename(renamed)
    desk.sign_anything(staging)
    with pytest.raises(VerificationFailed) as caught:
        sync(desk.url, desk.root, reader)
    assert caught.value.slug in ("metadata-invalid", "edition-missing")
    assert verify(reader).seq == 1
