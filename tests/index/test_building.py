"""Building: what becomes findable from which source, and what stops a build with nothing left behind."""

from __future__ import annotations

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from portal.sample import Sample
from takedown.errors import BadDataset, BadUrl, SandboxFailed, UsageError
from takedown.families import family
from takedown.index import Hit, addresses, build_index, exact, open_index
from takedown.sandbox import Sandbox, Stored
from takedown.urls import canonical


def table(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def spelt(url: str | None, how: Any) -> str | None:
    try:
        return how(url) if url else None
    except BadUrl:
        return None


KEYS_OF = addresses.keys_of

URLS = st.one_of(
    st.none(),
    st.sampled_from(["", "javascript:alert(1)", "https://a.example/ü", "not an address"]),
    st.builds(
        "{}://{}/{}{}".format,
        st.sampled_from(["http", "https", "HTTPS"]),
        st.sampled_from(["a.example", "A.EXAMPLE:443", "b.example"]),
        st.sampled_from(["p/A", "p/%41", "p/a", "./p/A"]),
        st.sampled_from([".jpg", "-300x200.jpg", ".jpg#x", ".jpg?utm_source=y"]),
    ),
)


def colliding(column: pa.Array) -> Any:
    return {kind: found._replace(keys=found.keys & np.uint64(1)) for kind, found in KEYS_OF(column).items()}


@pytest.mark.parametrize("collide", [False, True])
@settings(max_examples=15, deadline=None)
@given(urls=st.lists(URLS, min_size=1, max_size=40))
def test_addresses_are_found_as_a_dictionary_finds_them_even_when_all_prefixes_collide(
    collide: bool, urls: list[str | None]
) -> None:
    prefixes = exact.prefixes
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        if collide:  # every key begins like one of two
            patch.setattr(exact, "prefixes", lambda digests: prefixes(digests) & np.uint64(1))
            patch.setattr(addresses, "keys_of", colliding)
        source = table(Path(folder) / "t.parquet", url=pa.array(urls, pa.string()))
        build_index(Path(folder) / "x", [source])
        index = open_index(Path(folder) / "x")
        same, canonicals, families = defaultdict(list), defaultdict(list), defaultdict(list)
        for row, url in enumerate(urls):
            same[url].append(row)
            canonicals[spelt(url, canonical)].append(row)
            families[spelt(url, family)].append(row)
        for url in {url for url in urls if url}:
            others = [r for r in canonicals[spelt(url, canonical)] if r not in same[url]]
            valid = spelt(url, canonical) is not None
            expected = [Hit(r, "url-exact") for r in same[url]]
            expected += [Hit(r, "url-canonical") for r in others] if valid else []
            assert index.find_url(url) == expected
            if valid:
                variants = set(families[spelt(url, family)]) - set(canonicals[spelt(url, canonical)])
                assert [hit.row for hit in index.find_family(url)] == sorted(variants)
        assert index.info.coverage.url == sum(bool(url) for url in urls)


def test_digests_that_collide_in_their_prefix_are_told_apart(tmp_path: Path) -> None:
    digests = [bytes(8) + bytes([n]) * 24 for n in (1, 2, 1)]
    source = table(tmp_path / "t.parquet", url=["a", "b", "c"], sha256=[d.hex() for d in digests])
    build_index(tmp_path / "x", [source])
    index = open_index(tmp_path / "x")
    assert index.find_digest("sha256", digests[0]) == [Hit(0, "sha256"), Hit(2, "sha256")]
    assert index.find_digest("sha256", digests[1]) == [Hit(1, "sha256")]
    assert index.find_digest("sha256", bytes(8) + bytes([3]) * 24) == []


def test_digests_and_hashes_that_a_table_lists_are_found(tmp_path: Path) -> None:
    code = bytes(range(32))
    source = table(
        tmp_path / "t.parquet",
        URL=["https://a.example/1", "https://a.example/2", None],
        md5=[None, "ab" * 16, "AB" * 16],
        sha1=["cd" * 20, None, "not a digest"],
        pdq=[code.hex(), code.hex(), None],
        quality=pa.array([100, 49, None], pa.int64()),
        phash=["0f" * 8, "0f" * 8, "ff" * 8],
    )
    info = build_index(tmp_path / "x", [source])
    index = open_index(tmp_path / "x")
    assert index.find_digest("md5", b"\xab" * 16) == [Hit(1, "md5"), Hit(2, "md5")]
    assert index.find_digest("sha1", b"\xcd" * 20) == [Hit(0, "sha1")]
    assert index.find_near("pdq", code, 0) == [Hit(0, "pdq", 0)]
    assert index.find_near("phash", b"\xff" * 8, 32) == [Hit(2, "phash", 0), Hit(0, "phash", 32)]
    counts = info.coverage
    assert (counts.rows, counts.url, counts.md5, counts.sha1, counts.pdq, counts.phash) == (3, 2, 2, 1, 1, 2)


def test_a_folder_of_pictures_is_found_by_the_digests_of_its_files(sample: Sample, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    (folder / "sub").mkdir(parents=True)
    good = (sample.try_folder / "half-size.jpg").read_bytes()
    (folder / "sub" / "good.jpg").write_bytes(good)
    (folder / "cut.jpg").write_bytes(good[:300])
    Image.new("RGB", (300, 300), "white").save(folder / "flat.png")
    info = build_index(tmp_path / "x", [folder])
    index = open_index(tmp_path / "x")
    counts = info.coverage
    assert (counts.rows, counts.url, counts.sha256, counts.md5, counts.pdq, counts.phash) == (
        3,
        0,
        3,
        3,
        1,
        1,
    )
    assert info.skipped == {"unreadable_pictures": 1, "low_quality_pictures": 1, "unread_files": 0}
    (hit,) = index.find_digest("sha256", hashlib.sha256(good).digest())
    (row,) = index.rows([hit.row])
    assert (row.source, row.url, row.md5) == ("sub/good.jpg", None, hashlib.md5(good).digest())
    assert row.pdq_quality is not None
    assert index.find_near("pdq", row.pdq or b"", 0) == [Hit(hit.row, "pdq", 0)]


def test_several_sources_make_one_index(sample: Sample, tmp_path: Path) -> None:
    info = build_index(tmp_path / "x", [sample.metadata, sample.pictures])
    index = open_index(tmp_path / "x")
    rows = index.find_url(sample.rows[0].url)
    assert len(rows) == 2
    assert [row.url for row in index.rows([hit.row for hit in rows])] == [sample.rows[0].url] * 2
    assert info.rows == sum(source.rows for source in info.sources)


def test_the_same_sources_give_the_same_index(sample: Sample, tmp_path: Path) -> None:
    first = build_index(tmp_path / "a", [sample.metadata], name="n")
    assert build_index(tmp_path / "b", [sample.metadata], name="n") == first
    assert build_index(tmp_path / "c", [sample.metadata], name="m").digest != first.digest


def test_progress_rises_to_its_total(sample: Sample, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    build_index(tmp_path / "x", [sample.pictures], progress=lambda *told_now: told.append(told_now))
    reading = [(done, total) for done, total, what in told if what == "reading"]
    assert reading == sorted(reading)
    assert reading[-1] == (2 * len(sample.rows), 2 * len(sample.rows))
    sorting = [(done, total) for done, total, what in told if what.startswith("sorting")]
    assert told[len(reading) :] == [one for one in told if one[2].startswith("sorting")]
    assert sorting[-1][0] == sorting[-1][1] == len(sorting) - 1


def test_no_address_column_stops_the_build_and_names_the_columns(tmp_path: Path) -> None:
    source = table(tmp_path / "t.parquet", link=["https://a.example/"], words=["x"])
    with pytest.raises(BadDataset, match="link, words"):
        build_index(tmp_path / "out" / "x", [source])
    assert not (tmp_path / "out").exists()


def test_an_index_is_never_overwritten(sample: Sample, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()  # an empty folder is fine
    info = build_index(tmp_path / "x", [sample.metadata])
    with pytest.raises(UsageError, match="already holds an index"):
        build_index(tmp_path / "x", [sample.metadata])
    assert open_index(tmp_path / "x").info == info


def test_a_folder_with_other_things_in_it_is_left_alone(sample: Sample, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not empty"):
        build_index(sample.try_folder, [sample.metadata])
    with pytest.raises(UsageError, match="No source"):
        build_index(tmp_path / "x", [])


def test_a_build_that_ends_before_anything_is_done_leaves_nothing(sample: Sample, tmp_path: Path) -> None:
    def stop(*_told: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index(tmp_path / "x", [sample.metadata], progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_changes_meanwhile_stops_the_build(tmp_path: Path) -> None:
    source = table(tmp_path / "t.parquet", url=["https://a.example/1"])
    with pytest.raises(BadDataset, match="changed while it was read"):
        build_index(
            tmp_path / "x",
            [source],
            progress=lambda *_told: table(source, url=["https://a.example/2", "more"]) and None,
        )
    assert [path.name for path in tmp_path.iterdir()] == ["t.parquet"]


def test_a_sandbox_that_never_works_stops_the_build(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_sandbox: object, pictures: Sequence[Stored]) -> list[SandboxFailed]:
        return [SandboxFailed("It died.")] * len(pictures)

    monkeypatch.setattr(Sandbox, "fingerprint_many", die)
    with pytest.raises(SandboxFailed):
        build_index(tmp_path / "x", [sample.pictures])
    assert list(tmp_path.iterdir()) == []


def test_a_few_pictures_that_kill_their_child_are_left_out(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprint_many = Sandbox.fingerprint_many
    victim = (sample.try_folder / "half-size.jpg").read_bytes()

    def die_on_one(sandbox: Sandbox, pictures: Sequence[Stored]) -> list[Any]:
        found = fingerprint_many(sandbox, pictures)
        died = SandboxFailed("It died.")
        return [died if one.data == victim else f for one, f in zip(pictures, found, strict=True)]

    monkeypatch.setattr(Sandbox, "fingerprint_many", die_on_one)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("half-size.jpg", "brighter.jpg"):
        (folder / name).write_bytes((sample.try_folder / name).read_bytes())
    info = build_index(tmp_path / "x", [folder])
    assert (info.coverage.pdq, info.skipped["unreadable_pictures"]) == (1, 1)
