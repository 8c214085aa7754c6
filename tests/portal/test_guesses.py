"""Typed fingerprints, fingerprints from a device, and what else is held of the page or site of an address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.test import Client
from holders import holds

from portal.finding import indexes, matching, neighbours
from portal.models import Case, DatasetIndex, Item, Match, User
from portal.policy import current
from portal.views.case_rows import groups
from takedown import sandbox
from takedown.fingerprint import Fingerprint
from takedown.index import build_index
from takedown.keys import Key, url_sha256

pytestmark = pytest.mark.django_db


@pytest.fixture
def original(sample: object) -> Fingerprint:
    return sandbox.fingerprint((sample.try_folder / "original.jpg").read_bytes())


def _flipped(digits: str, bits: int) -> str:
    return f"{int(digits, 16) ^ ((1 << bits) - 1):0{len(digits)}x}"


def _found(*keys: Key) -> dict[str, int]:
    """How a typed fingerprint is found, and how often; nothing is stored for that."""
    found = matching.search(Item(kind=Item.Kind.FINGERPRINT, given=[list(key) for key in keys]))
    hows = [one.hit.how for one in found if not one.via]
    return {how: hows.count(how) for how in hows}


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_typed_digest_finds_the_very_file_and_no_other(
    index: DatasetIndex, original: Fingerprint, kind: str
) -> None:
    digits = getattr(original, kind)
    assert kind in _found(Key(kind, digits))
    assert _found(Key(kind, _flipped(digits, 1))) == {}


def test_a_typed_pdq_finds_what_is_within_the_radius(index: DatasetIndex, original: Fingerprint) -> None:
    sha256 = Item(kind=Item.Kind.FINGERPRINT, given=[["sha256", original.sha256]])
    held = matching.search(sha256)[0].row.pdq.hex()
    radius = current().pdq_radius
    assert "pdq" in _found(Key("pdq", _flipped(held, radius)))
    assert _found(Key("pdq", _flipped(held, radius + 1))) == {}


def test_digits_that_may_be_either_are_looked_for_as_both(index: DatasetIndex, original: Fingerprint) -> None:
    for digits, how in ((original.sha256, "sha256"), (original.pdq, "pdq")):
        assert how in _found(Key("sha256", digits), Key("pdq", digits))


def test_a_typed_phash_is_a_guess(client: Client, index: DatasetIndex, original: Fingerprint) -> None:
    holder = holds(client, typed=((Key("phash", original.phash),),)).work()
    assert holder.item.matches.filter(how="phash", via="").exists()
    assert all(group.guess for group in groups(Case.objects.get())[0] if not group.best.via)


def test_the_digest_of_an_address_finds_its_row(index: DatasetIndex, sample: object) -> None:
    assert _found(Key("url_sha256", url_sha256(sample.rows[3].url).hex())) == {"url-sha256": 1}


def test_a_fingerprint_from_a_device_finds_what_the_picture_would(
    client: Client, index: DatasetIndex, original: Fingerprint, sample: object
) -> None:
    device = holds(client, on_device=(original,)).work()
    picture = holds(client, pictures=((sample.try_folder / "original.jpg").read_bytes(),)).work()
    assert device.item.on_device
    rows = [set(one.item.matches.values_list("row", "how", "distance")) for one in (device, picture)]
    assert rows[0] == rows[1] != set()


@pytest.fixture
def sites(tmp_path: Path, db: None) -> Callable[..., DatasetIndex]:
    def build(*urls: str) -> DatasetIndex:
        pq.write_table(pa.table({"url": list(urls), "caption": ["x"] * len(urls)}), tmp_path / "a.parquet")
        build_index(tmp_path / "x", [tmp_path / "a.parquet"])
        return indexes.register(tmp_path / "x")

    return build


ANNA = "https://anna.example/holiday/beach.jpg"
ELSE = "https://anna.example/cats/tom.jpg"
OTHER = "https://other.example/holiday/beach.jpg"


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ("https://anna.example/holiday/", {ANNA}),
        ("https://anna.example/holiday/page.html", {ANNA}),
        ("http://ANNA.example/holiday/page.html?x=1#top", {ANNA}),
        ("https://anna.example/about/me", {ANNA, ELSE}),
        ("https://anna.example", {ANNA, ELSE}),
        ("https://nobody.example/holiday/", set()),
        ("https://sub.anna.example/holiday/", set()),
    ],
)
def test_a_page_address_leads_to_what_is_held_of_its_folder_or_host(
    sites: Callable[..., DatasetIndex], asked: str, rows: set[str]
) -> None:
    sites(ANNA, ELSE, OTHER)
    found = matching.search(Item(kind=Item.Kind.URL, url=asked))
    assert {one.row.url for one in found} == rows
    assert {one.hit.how for one in found} <= {"same-site"}


def test_an_address_with_a_hit_of_its_own_brings_no_neighbours(sites: Callable[..., DatasetIndex]) -> None:
    sites(ANNA, "https://anna.example/holiday/dunes.jpg")
    found = matching.search(Item(kind=Item.Kind.URL, url=ANNA))
    assert {one.row.url for one in found} == {ANNA}


@pytest.mark.parametrize(
    ("rows", "found"), [(neighbours.MAX_ROWS + 5, neighbours.MAX_ROWS), (neighbours.OWN_SITE_ROWS + 1, 0)]
)
def test_of_a_large_site_some_are_shown_and_of_a_platform_none(
    sites: Callable[..., DatasetIndex], rows: int, found: int
) -> None:
    sites(*(f"https://anna.example/{number}/x.jpg" for number in range(rows)))
    assert len(matching.search(Item(kind=Item.Kind.URL, url="https://anna.example/about"))) == found


def test_neighbours_join_no_case_and_are_not_ticked(
    client: Client, sites: Callable[..., DatasetIndex], alice: User
) -> None:
    sites(ANNA)
    holds(client, ANNA).work()
    holds(client, "https://anna.example/holiday/page.html").work()
    holds(client, "https://anna.example/holiday/page.html").work()
    assert Case.objects.count() == 3
    guess = Match.objects.filter(how="same-site").first()
    client.force_login(alice)
    page = client.get(f"/desk/case/{guess.item.case_item.case_id}/").content.decode()
    assert "Guess: on the same page or site" in page
    assert f'value="{guess.pk}" id="m{guess.pk}">' in page


def test_the_answer_that_nothing_was_found_has_its_day_and_its_coverage(
    client: Client, sites: Callable[..., DatasetIndex]
) -> None:
    sites(ANNA)
    holder = holds(client, "https://nobody.example/x.jpg").work()
    assert holder.item.answered is not None
    assert "Compared with 1 of 1 row." in holder.sees()
