"""Editions of short prefixes from the desk: counted on a real index, refused where they would not bury."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from decided import removed
from factories.releases import sign_release
from test_held_back import two_editions

from portal import demo, policy
from portal.finding import indexes
from portal.models import Release, User
from portal.releasing import covering, publishing
from takedown.index import build_index
from takedown.subscribe import open_blocklist, sync

pytestmark = pytest.mark.django_db

#: About 375 rows under each first digit: enough for child safety when one digit is published.
ROWS = 6_000
URLS = [f"https://pictures.example/{n}.jpg" for n in range(ROWS)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of addresses alone, as one made from LAION's metadata is."""
    root = tmp_path_factory.mktemp("covered")
    pq.write_table(pa.table({"URL": URLS, "TEXT": [""] * ROWS}), root / "part-0.parquet")
    build_index(root / "index", [root / "part-0.parquet"], name="sample-pictures")
    return root / "index"


@pytest.fixture
def two(use_policy: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """research in full, research-safe cut to so many digits; releases do not wait."""
    monkeypatch.setattr(policy, "FEWEST_DIGITS", 1)
    demo.hold_ceremony(lambda _: None)

    def use(digits: int = 1, safe: str = "") -> None:
        text = two_editions("min_delta_entries = 1", f"min_delta_entries = 1\n{safe}")
        use_policy(text.replace("prefix_hex = 4", f"prefix_hex = {digits}"))

    return use


def digest_of(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def under(digits: int, *urls: str) -> list[int]:
    starts = [digest_of(url)[:digits] for url in urls]
    return [sum(digest_of(url).startswith(start) for url in URLS) for start in starts]


def built(mara: User) -> Release:
    release = publishing.request(mara)
    publishing.build(release.pk)
    release.refresh_from_db()
    return release


def test_a_child_safety_row_is_buried_and_research_does_not_name_it(
    folder: Path, two: Callable[..., None], mara: User, settings: object, tmp_path: Path
) -> None:
    indexes.register(folder)
    two()
    removed("", "child-safety", hexdigest=digest_of(URLS[7]))
    removed("", "private", hexdigest=digest_of(URLS[8]))
    release = built(mara)
    assert release.state == Release.State.STAGED, release.advice
    research, safe = release.changes
    assert (research["edition"], research["cover"], research["rows"]) == ("research", None, 1)
    [dataset] = safe["cover"]["datasets"]
    assert dataset["removed"] == sum(under(1, *{digest_of(u)[0]: u for u in URLS[7:9]}.values()))
    assert safe["cover"]["smallest"] == under(1, URLS[7])[0] >= 300
    sign_release(release, settings)
    publishing.ask_to_publish(release, mara)
    assert publishing.publish(release.pk)
    root = (settings.REPOSITORY / "metadata" / "1.root.json").read_bytes()
    sync(str(settings.REPOSITORY), root, tmp_path / "state")
    assert open_blocklist(tmp_path / "state", "research").entries("url_sha256") == [digest_of(URLS[8])]
    opened = open_blocklist(tmp_path / "state", "research-safe")
    assert (opened.prefix_hex, opened.disposition, opened.manifest.k_min) == (1, "purge", 300)
    assert opened.entries("url_sha256") == sorted({digest_of(url)[0] for url in URLS[7:9]})


@pytest.mark.parametrize(
    ("digits", "k_min", "slug"),
    [(1, 300, ""), (2, 300, "cover-too-small"), (1, 500, "cover-too-small"), (16, 300, "cover-too-small")],
)
def test_a_list_that_would_not_bury_is_refused_however_urgent(
    folder: Path, two: Callable[..., None], mara: User, digits: int, k_min: int, slug: str
) -> None:
    indexes.register(folder)
    two(digits, f"k_min = {k_min}")
    removed("", "child-safety", hexdigest=digest_of(URLS[7]))
    release = built(mara)
    assert release.problem == slug
    if slug:
        assert f"only {under(digits, URLS[7])[0]} digests of sample-pictures" in release.advice
        assert "publish fewer digits" in release.advice


def test_rows_of_one_address_are_no_cover_for_each_other(
    two: Callable[..., None], mara: User, tmp_path: Path
) -> None:
    """400 rows under the digit, and one address in all of them."""
    pq.write_table(pa.table({"URL": [URLS[7]] * 400, "TEXT": [""] * 400}), tmp_path / "part.parquet")
    build_index(tmp_path / "index", [tmp_path / "part.parquet"], name="sample-pictures")
    indexes.register(tmp_path / "index")
    two()
    removed("", "child-safety", hexdigest=digest_of(URLS[7]))
    release = built(mara)
    assert release.problem == "cover-too-small"
    assert "only 1 digests" in release.advice


@pytest.mark.parametrize("kind", ["img_sha256", "img_md5", "row_sha256"])
def test_what_no_index_can_count_is_not_assumed_to_be_covered(
    folder: Path, two: Callable[..., None], mara: User, kind: str
) -> None:
    indexes.register(folder)
    two()
    wide = 32 if kind == "img_md5" else 64
    removed("", "wrong", kind=kind, hexdigest="a" * wide)
    release = built(mara)
    assert release.problem == "cover-unknown"
    assert kind in release.advice


@pytest.mark.parametrize("kind", ["img_md5", "row_sha256"])
def test_an_entry_that_research_lists_in_full_has_no_cover_to_lose(
    folder: Path, two: Callable[..., None], mara: User, kind: str
) -> None:
    """It goes into research-safe like any other, and the page says that it was not counted."""
    indexes.register(folder)
    two()
    removed("", "child-safety", hexdigest=digest_of(URLS[7]))
    removed("", "private", kind=kind, hexdigest="a" * (32 if kind == "img_md5" else 64))
    release = built(mara)
    assert release.state == Release.State.STAGED, release.advice
    safe = release.changes[1]
    assert safe["cover"]["datasets"][0]["uncounted"] == [kind]
    assert (safe["rows"], safe["cover"]["owed"]) == (2, 1)


def test_every_dataset_of_the_policy_must_be_counted(two: Callable[..., None], mara: User) -> None:
    two()
    removed("", "wrong")
    release = built(mara)
    assert release.problem == "cover-no-index"
    assert "sample-pictures" in release.advice


def test_what_an_index_cannot_count_has_no_key() -> None:
    assert set(covering._KEYS) == {"url_sha256", "img_sha256", "img_md5"}


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ('editions = ["research-safe"]\nrestricted = true', 'editions = ["research", "research-safe"]'),
        ('editions = ["research-safe"]\nrestricted = true', "editions = []\nrestricted = true"),
        ("[grounds.child-safety]", "[grounds.minors]"),
    ],
    ids=["not restricted", "carried nowhere", "renamed"],
)
def test_no_edit_of_the_policy_publishes_what_a_release_buried(
    folder: Path,
    two: Callable[..., None],
    use_policy: Callable[[str], None],
    mara: User,
    settings: object,
    was: str,
    becomes: str,
) -> None:
    """Also where another request on the same row would keep the entry in the list."""
    indexes.register(folder)
    two()
    removed("", "child-safety", hexdigest=digest_of(URLS[7]))
    removed("", "private", hexdigest=digest_of(URLS[7]))
    publish_next(mara, settings)
    good = settings.POLICY_FILE.read_text()
    assert was in good
    use_policy(good.replace(was, becomes))
    release = built(mara)
    assert release.problem == "policy-lost-restriction"
    assert "child-safety" in release.advice
    use_policy(good)
    assert publishing.build(release.pk)
    release.refresh_from_db()
    assert [one["buried"] for one in release.changes] == [[], ["child-safety"]]


def publish_next(mara: User, settings: object) -> None:
    release = built(mara)
    assert release.state == Release.State.STAGED, release.advice
    sign_release(release, settings)
    publishing.ask_to_publish(release, mara)
    assert publishing.publish(release.pk)
