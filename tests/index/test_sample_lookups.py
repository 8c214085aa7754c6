"""The whole way on the generated sample: build, open, ask, read the rows."""

from __future__ import annotations

import hashlib
import json
import multiprocessing

import pytest

from portal.sample import Sample
from takedown.errors import BadIndex, BadKey, BadUrl
from takedown.fingerprint import Fingerprint, fingerprint
from takedown.index import Hit, Index, open_index
from takedown.keys import Row, url_sha256


def near(index: Index, file_bytes: bytes) -> list[tuple[Hit, Row]]:
    hits = index.find_fingerprint(fingerprint(file_bytes))
    return list(zip(hits, index.rows([hit.row for hit in hits]), strict=True))


def test_every_row_is_the_row_of_its_shard(picture_index: Index, sample: Sample) -> None:
    rows = picture_index.rows(range(picture_index.info.rows))
    found = [(row.row, row.source, row.row_in_source, row.url, row.caption) for row in rows]
    assert found == [
        (number, row.shard, row.row_in_shard, row.url, row.caption) for number, row in enumerate(sample.rows)
    ]


def test_digests_of_rows_are_those_of_the_download_not_of_the_tar(
    picture_index: Index, sample: Sample
) -> None:
    rows = picture_index.rows(range(len(sample.rows)))
    for row, truth in zip(rows, sample.rows, strict=True):
        assert row.sha256 == (hashlib.sha256(truth.original).digest() if truth.original else None)
        assert row.md5 == (hashlib.md5(truth.original).digest() if truth.original else None)
        assert (row.pdq is None) == (row.phash is None) == (truth.original is None)


def test_rows_come_in_the_order_asked_for_with_repeats(picture_index: Index) -> None:
    numbers = [30, 2, 30, 0]
    assert [row.row for row in picture_index.rows(numbers)] == numbers
    assert picture_index.rows([]) == []


@pytest.mark.parametrize("number", [-1, 10**9])
def test_a_row_that_does_not_exist_is_refused(picture_index: Index, number: int) -> None:
    with pytest.raises(BadIndex, match="rows 0 to"):
        picture_index.rows([0, number])


def test_coverage_counts_what_can_be_found(
    picture_index: Index, metadata_index: Index, sample: Sample
) -> None:
    downloaded = sum(row.original is not None for row in sample.rows)
    rows = len(sample.rows)
    assert picture_index.info.coverage.to_json() == {
        "rows": rows,
        "url": rows,
        "sha256": downloaded,
        "md5": downloaded,
        "sha1": 0,
        "pdq": downloaded,
        "phash": downloaded,
    }
    bare = metadata_index.info.coverage
    assert (bare.url, bare.sha256, bare.pdq) == (bare.rows, 0, 0)
    assert bare.sentence("pdq") == f"Compared with 0 of {bare.rows:,} rows."


def test_every_address_finds_its_row_exactly(picture_index: Index, sample: Sample) -> None:
    for number, row in enumerate(sample.rows):
        assert picture_index.find_url(row.url)[0] == Hit(number, "url-exact")
        assert picture_index.find_digest("url_sha256", url_sha256(row.url)) == [Hit(number, "url-sha256")]


def test_every_spelling_finds_its_row_and_says_how(
    picture_index: Index, metadata_index: Index, sample: Sample
) -> None:
    for index in (picture_index, metadata_index):
        for trial in sample.addresses:
            guess = trial.spelling == "size variant"
            hits = index.find_family(trial.address) if guess else index.find_url(trial.address)
            how = {"as it is": "url-exact", "size variant": "size-variant"}.get(
                trial.spelling, "url-canonical"
            )
            assert [hit.how for hit in hits] == [how], trial.spelling
            assert index.rows([hits[0].row])[0].url == trial.url
            if guess:
                assert index.find_url(trial.address) == []


def test_size_variants_leave_out_the_address_itself(picture_index: Index, sample: Sample) -> None:
    variants = [(n, row) for n, row in enumerate(sample.rows) if "-300x" in row.url]
    assert len(variants) == 3
    for number, row in variants:
        (base,) = picture_index.find_family(row.url)
        base_url = picture_index.rows([base.row])[0].url
        assert base_url == row.url.rsplit("-", 1)[0] + ".jpg"
        assert picture_index.find_family(base_url) == [Hit(number, "size-variant")]


def test_edited_copies_find_their_row(picture_index: Index, sample: Sample) -> None:
    for trial in sample.files:
        hit, row = near(picture_index, (sample.try_folder / trial.file).read_bytes())[0]
        assert (row.source, row.row_in_source, row.url) == (trial.shard, trial.row_in_shard, trial.url)
        if trial.edit == "original":
            assert hit == Hit(row.row, "sha256")
        else:
            assert hit.how == "pdq"
            assert hit.distance is not None
            assert hit.distance <= 31
            assert hit.variant is not None
            assert hit.variant.startswith("flip-y") == (trial.edit == "mirrored")


def test_an_edited_copy_finds_no_other_picture(picture_index: Index, sample: Sample) -> None:
    for trial in sample.files:
        found = near(picture_index, (sample.try_folder / trial.file).read_bytes())
        assert [row.url for _, row in found] == [trial.url]


def test_one_file_at_two_addresses_gives_both_rows(picture_index: Index, sample: Sample) -> None:
    copy = next(row for row in sample.rows if "mirror.example" in row.url)
    assert copy.original is not None
    found = near(picture_index, copy.original)
    same_file = [row.url for hit, row in found if hit.how == "sha256"]
    assert len(same_file) == 2
    assert copy.url in same_file
    digest = hashlib.md5(copy.original).digest()
    assert len(picture_index.find_digest("md5", digest)) == 2


def test_each_row_is_named_once_by_its_strongest_reason_best_first(
    picture_index: Index, sample: Sample
) -> None:
    big = next(row for row in sample.rows if "-300x" in row.url)
    base = next(row for row in sample.rows if row.url == big.url.rsplit("-", 1)[0] + ".jpg")
    assert base.original is not None
    hits = picture_index.find_fingerprint(fingerprint(base.original))
    assert [hit.how for hit in hits] == ["sha256", "pdq"]
    assert len({hit.row for hit in hits}) == len(hits)


def test_near_is_ordered_by_distance_and_bounded_by_the_radius(picture_index: Index, sample: Sample) -> None:
    code = bytes.fromhex(fingerprint((sample.try_folder / "half-size.jpg").read_bytes()).pdq)
    everything = picture_index.find_near("pdq", code, 256)
    distances = [hit.distance for hit in everything]
    assert len(everything) == picture_index.info.coverage.pdq
    assert distances == sorted(distances, key=lambda d: d or 0)
    assert picture_index.find_near("pdq", code, distances[0] or 0) == everything[:1]
    assert picture_index.find_near("pdq", code, (distances[0] or 0) - 1) == []


def test_a_poor_picture_is_looked_for_by_its_digests_alone(picture_index: Index, sample: Sample) -> None:
    good = fingerprint((sample.try_folder / "half-size.jpg").read_bytes())
    values = json.loads(good.to_json())
    poor = Fingerprint.from_json(json.dumps(values | {"pdq_quality": 49}))
    assert picture_index.find_fingerprint(good)
    assert picture_index.find_fingerprint(poor) == []


def test_a_fingerprint_of_another_pipeline_is_refused(picture_index: Index, sample: Sample) -> None:
    good = fingerprint((sample.try_folder / "half-size.jpg").read_bytes())
    other = Fingerprint.from_json(json.dumps(json.loads(good.to_json()) | {"pipeline": 999}))
    with pytest.raises(BadIndex, match="another version"):
        picture_index.find_fingerprint(other)


def test_what_is_no_address_is_an_error_and_what_is_unknown_is_not(picture_index: Index) -> None:
    assert picture_index.find_url("https://unknown.example/x.jpg") == []
    for text in ("javascript:alert(1)", "https://user:secret@pictures.example/a.jpg", ""):
        with pytest.raises(BadUrl):
            picture_index.find_url(text)
        with pytest.raises(BadUrl):
            picture_index.find_family(text)


def test_digests_and_codes_of_a_wrong_length_are_refused(picture_index: Index) -> None:
    for kind in ("url_sha256", "sha256", "md5", "sha1"):
        with pytest.raises(BadKey):
            picture_index.find_digest(kind, b"\0" * 5)
    with pytest.raises(BadKey):
        picture_index.find_near("pdq", b"\0" * 8, 31)


def _ask(index: Index, url: str, answer: multiprocessing.Queue[list[Hit]]) -> None:
    answer.put(index.find_url(url) + index.find_near("pdq", bytes(32), 256)[:1])


def test_an_index_opened_before_a_fork_answers_in_the_child(picture_index: Index, sample: Sample) -> None:
    index = open_index(picture_index.folder)
    context = multiprocessing.get_context("fork")
    answer: multiprocessing.Queue[list[Hit]] = context.Queue()
    child = context.Process(target=_ask, args=(index, sample.rows[3].url, answer))
    child.start()
    from_child = answer.get(timeout=30)
    child.join()
    assert from_child == index.find_url(sample.rows[3].url) + index.find_near("pdq", bytes(32), 256)[:1]
    assert from_child[0] == Hit(3, "url-exact")
