"""Staging and publishing: what a release holds, and which releases are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from factories import covers
from tuf.api.metadata import Metadata

from takedown import publish as writer
from takedown.errors import BadKey, TakedownError, UsageError, VerificationFailed
from takedown.keys import Key
from takedown.publish import EditionDraft
from takedown.subscribe import open_blocklist, sync


def signed(path: Path) -> Any:
    metadata: Any = Metadata.from_bytes(path.read_bytes())
    return metadata.signed


def manifest(desk: Any, seq: int, edition: str = "research") -> dict[str, Any]:
    path = desk.repository / f"editions/{edition}/manifest-{seq:06d}.json"
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def test_a_release_holds_what_the_format_says(desk: Any) -> None:
    desk.release(["a", "b"])
    desk.release(["b", "c"])
    targets = signed(desk.repository / "metadata/3.targets.json")
    assert sorted(targets.targets) == ["editions/research/manifest-000002.json", "log/checkpoint-000002.json"]
    found = manifest(desk, 2)
    assert found["deltas"][0]["path"] == "editions/research/delta/000001-000002.parquet"
    assert (found["deltas"][0]["added"], found["deltas"][0]["removed"]) == (1, 1)
    checkpoint = json.loads((desk.repository / "log/checkpoint-000002.json").read_bytes())
    assert found["log"] == {"size": 512, "root": checkpoint["root"]}
    assert checkpoint == {"format": 1, "seq": 2, "peaks": [checkpoint["root"]], **found["log"]}


def test_a_new_full_state_comes_every_8_releases_or_when_the_deltas_weigh_a_fifth(desk: Any) -> None:
    names = list(range(100))
    for extra in range(10):
        desk.release([*names, *range(1000, 1000 + extra)])
    assert [manifest(desk, seq)["state"]["seq"] for seq in range(1, 11)] == [1] * 8 + [9, 9]
    desk.release([*names, *range(1000, 1009), *range(2000, 2020)])  # 1 + 20 of 108 rows
    assert manifest(desk, 11)["state"]["seq"] == 9
    desk.release([*names, *range(1000, 1009), *range(2000, 2021)])
    assert manifest(desk, 12)["state"]["seq"] == 12
    assert [delta["from"] for delta in manifest(desk, 12)["deltas"]] == list(range(1, 12))


def test_26_deltas_stay_listed(desk: Any) -> None:
    for count in range(29):
        desk.release(range(count))
    assert [delta["from"] for delta in manifest(desk, 29)["deltas"]] == list(range(3, 29))


def test_a_list_cut_to_another_length_starts_again_in_full(desk: Any, tmp_path: Path) -> None:
    desk.release(["a", "b"])
    sync(desk.url, desk.root, tmp_path / "state")
    desk.release(["a", "b", "c"], prefix_hex=7)
    assert (manifest(desk, 2)["deltas"], manifest(desk, 2)["state"]["seq"]) == ([], 2)
    assert not sync(desk.url, desk.root, tmp_path / "state").warnings
    opened = open_blocklist(tmp_path / "state")
    assert (opened.prefix_hex, {len(digest) for digest in opened.entries("url_sha256")}) == (7, {7})


def test_publishing_twice_changes_nothing(desk: Any) -> None:
    staging, _ = desk.stage(["a"])
    desk.sign(staging)
    assert desk.publish(staging) == 1
    before = (desk.repository / "metadata/timestamp.json").read_bytes()
    assert desk.publish(staging) == 1
    assert (desk.repository / "metadata/timestamp.json").read_bytes() == before


def test_a_release_staged_on_an_older_one_is_refused(desk: Any) -> None:
    late, _ = desk.stage(["late"])
    desk.sign(late)
    desk.release(["a"])
    for call in (
        lambda: desk.publish(late),
        lambda: desk.sign(late),
        lambda: writer.review(desk.repository, late),
    ):
        with pytest.raises(UsageError) as caught:
            call()
        assert caught.value.slug == "not-next"


def test_a_repository_put_back_to_yesterday_refuses_todays_staging(desk: Any, tmp_path: Path) -> None:
    desk.release(["a"])
    shutil.copytree(desk.repository, tmp_path / "yesterday")
    desk.release(["a", "b"])
    staging, _ = desk.stage(["a", "b", "c"])
    desk.sign(staging)
    with pytest.raises(UsageError) as caught:
        writer.publish(tmp_path / "yesterday", staging, desk.keys)
    assert caught.value.slug == "not-next"


def test_a_sibling_of_the_published_release_does_not_pass_as_the_next(
    make_desk: Callable[..., Any], tmp_path: Path
) -> None:
    desk = make_desk("a")
    shutil.copytree(desk.repository, tmp_path / "twin")
    desk.release(["a"])
    one, _ = desk.stage(["a", "b"])
    desk.sign(one)
    twin = tmp_path / "other-staging"
    writer.stage(
        tmp_path / "twin",
        twin,
        [EditionDraft("research", [])],
        publisher="Example",
        dataset_ids=[],
        created=datetime(2026, 11, 22, tzinfo=UTC).date(),
        audit_head="",
    )
    writer.sign(tmp_path / "twin", twin, desk.keys / "targets-1.pem")
    writer.publish(tmp_path / "twin", twin, desk.keys)
    with pytest.raises(UsageError) as caught:  # right number, right keys, another release before it
        writer.publish(tmp_path / "twin", one, desk.keys)
    assert caught.value.slug == "not-next"


@pytest.mark.parametrize(
    ("drafts", "error"),
    [
        ([], UsageError),
        ([EditionDraft("research", []), EditionDraft("research", [])], UsageError),
        ([EditionDraft("other", [])], UsageError),  # research must not be forgotten
        ([EditionDraft("Research", [])], UsageError),
        ([EditionDraft("../x", [])], UsageError),
        ([EditionDraft("research", [], prefix_hex=0)], UsageError),
        ([EditionDraft("research", [], k_min=-1)], UsageError),
        ([EditionDraft("research", [], disposition="burn")], UsageError),
        ([EditionDraft("research", [Key("url_sha256", "short")])], BadKey),
    ],
    ids=range(9),
)
def test_drafts_that_make_no_sense_are_refused(
    desk: Any, drafts: list[EditionDraft], error: type[TakedownError]
) -> None:
    desk.release(["a"])
    with pytest.raises(error):
        desk.stage_drafts(drafts)
    assert not list(desk.folder.glob("staging-2"))


def test_staging_in_use_is_not_overwritten(desk: Any) -> None:
    staging, _ = desk.stage(["a"])
    desk._staged -= 1
    with pytest.raises(UsageError):
        desk.stage(["b"])
    assert writer.review(desk.repository, staging).editions[0].added == 1


@pytest.mark.parametrize("call", [writer.head, lambda path: writer.refresh(path, path)])
def test_a_folder_that_is_no_repository_is_named(tmp_path: Path, call: Callable[[Path], object]) -> None:
    with pytest.raises(UsageError, match="not a release repository"):
        call(tmp_path / "nothing")


@pytest.mark.parametrize("name", ["timestamp.json", "1.root.json", "2.targets.json", "2.snapshot.json"])
def test_an_altered_repository_is_not_built_on(desk: Any, name: str) -> None:
    desk.release(["a"])
    path = desk.repository / "metadata" / name
    path.write_bytes(path.read_bytes().replace(b'"version":', b'"version":1'))
    with pytest.raises(VerificationFailed):
        desk.stage(["b"])


def test_several_editions_go_in_one_release(desk: Any, make_key: Callable[..., Key], tmp_path: Path) -> None:
    full = EditionDraft("research", [make_key("a"), make_key("b", "img_md5")])
    both = [make_key("a"), make_key("c")]
    cut = EditionDraft("research-safe", both, 7, 300, "purge", cover=covers.cover_of(both, 7))
    assert desk.release_drafts([full]) == 1
    assert desk.release_drafts([full, cut]) == 2
    result = sync(desk.url, desk.root, tmp_path / "state")
    assert result.editions == {"research": (2, 2), "research-safe": (2, 2)}
    with pytest.raises(UsageError, match="research, research-safe"):
        open_blocklist(tmp_path / "state")
    opened = open_blocklist(tmp_path / "state", "research-safe")
    assert (opened.disposition, opened.manifest.k_min, opened.kinds) == ("purge", 300, ("url_sha256",))
    assert open_blocklist(tmp_path / "state", "research").entries("img_md5") == [
        make_key("b", "img_md5").digest
    ]
    with pytest.raises(UsageError):
        open_blocklist(tmp_path / "state", "none")
