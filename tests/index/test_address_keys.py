"""Keys of whole columns are those of the single addresses; sites are ranges of keys, cut at segments."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from takedown.errors import BadUrl
from takedown.index import addresses
from takedown.index.addresses import KINDS, keys_of, row_digest, site_range, under_site


def expected(cells: Sequence[bytes | None]) -> dict[str, list[tuple[int, int]]]:
    """Kind -> (place, key) of each cell, by the functions for a single one."""
    found: dict[str, list[tuple[int, int]]] = {kind: [] for kind in KINDS}
    for at, cell in enumerate(cells):
        try:
            url = None if cell is None else cell.decode()
        except UnicodeDecodeError:
            continue
        for kind in KINDS:
            if key := row_digest(kind, url):
                found[kind].append((at, int.from_bytes(key[:8])))
    return found


def got(column: pa.Array | pa.ChunkedArray) -> dict[str, list[tuple[int, int]]]:
    found = keys_of(column)
    assert list(found) == list(KINDS)
    assert all(of.rows.dtype == np.int64 and of.keys.dtype == np.uint64 for of in found.values())
    return {kind: list(zip(of.rows.tolist(), of.keys.tolist(), strict=True)) for kind, of in found.items()}


CELLS = [
    None,
    b"",
    b"not an address",
    b"https://example.com/\xff",
    b"http://Example.com/up/Cat-300x200.jpg?utm_source=x&w=3",
    "https://bücher.example/ä b.jpg".encode(),
    b"https://example.com",
    b"https://example.com/300x200",
    b"https://example.com:8080//a?b",
    b"https://i.pinimg.com/originals",
    b"https://i.pinimg.com/originals?x",
]


@pytest.fixture(params=["compiled", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With numba and without."""
    monkeypatch.setattr(addresses, "FEW", 0)
    if request.param == "plain":
        monkeypatch.setattr(addresses, "address_columns", None)
    elif addresses.address_columns is None:
        pytest.skip("numba is not installed")


@pytest.mark.usefixtures("way")
def test_a_column_has_the_keys_of_its_cells() -> None:
    found = got(pa.array(CELLS, pa.large_binary()))
    assert found == expected(CELLS)
    assert [at for at, _ in found["url_sha256"]] == [2, 4, 5, 6, 7, 8, 9, 10]
    assert [at for at, _ in found["url"]] == [at for at, _ in found["site"]] == [4, 5, 6, 7, 8, 9, 10]
    assert [at for at, _ in found["url_family"]] == [4, 5, 8, 10]


@pytest.mark.usefixtures("way")
def test_every_type_of_text_column_is_taken() -> None:
    text = pa.array(["https://a.example/x", None, "https://b.example/"])
    same = [got(text.cast(kind)) for kind in (pa.string(), pa.binary(), pa.large_string(), pa.large_binary())]
    same.append(got(pa.chunked_array([text.slice(0, 1), text.slice(1)])))
    same.append(got(text.dictionary_encode()))
    assert all(one == same[0] for one in same)
    assert all(len(found) == 0 for found in got(pa.nulls(3)).values())
    assert all(len(found) == 0 for found in got(pa.array([], pa.large_binary())).values())
    with pytest.raises(TypeError):
        keys_of(pa.array([1, 2]))


@pytest.mark.usefixtures("way")
def test_slices_of_a_column_count_from_their_own_start() -> None:
    column = pa.array(CELLS, pa.large_binary())
    assert got(column.slice(3, 5)) == expected(CELLS[3:8])


def test_the_key_of_a_site_is_what_the_documentation_says() -> None:
    def leading(text: str) -> bytes:
        return hashlib.sha256(text.encode()).digest()[:4]

    for url, host, path in (
        ("http://WWW.Example.org:80/Photos/Anna.jpg?x", "www.example.org", "www.example.org/Photos"),
        ("https://example.org:8080/photos?x/y", "example.org:8080", "example.org:8080/photos"),
        ("https://example.org", "example.org", "example.org/"),
        ("https://example.org//a", "example.org", "example.org/"),
        ("https://[::1]/?a/b", "[::1]", "[::1]/"),
    ):
        assert row_digest("site", url) == leading(host) + leading(path)
    assert row_digest("site", "not an address") is row_digest("site", None) is None


UNDER = [
    ("example.org", ["http://example.org", "https://EXAMPLE.org:443/a/b?c", "https://example.org//"]),
    ("https://Example.org./", ["https://example.org/?q"]),
    ("example.org/photos/anna/", ["https://example.org/photos/anna", "http://example.org/photos/anna/x.jpg"]),
    ("http://example.org/photos/anna#top", ["https://example.org/photos/anna?x", "https://example.org/photos//../anna/"]),
    ("example.org/Photos", ["https://example.org/Photos?x", "https://example.org/%50hotos/"]),
    ("example.org:8080", ["http://example.org:8080/x"]),
    (" [::1]/a b ", ["http://[0::1]/a%20b/c"]),
    ("bücher.example", ["https://xn--bcher-kva.example/x"]),
    ("example.org//a", ["https://example.org//a/b"]),
    ("http://localhost/", ["http://localhost/a"]),
]  # fmt: skip

NOT_UNDER = [
    ("example.org", ["https://www.example.org/", "https://example.org.evil.example/", "https://example.org:8080/"]),
    ("example.org/photos/anna", ["https://example.org/photos/annabel", "https://example.org/photos/Anna"]),
    ("example.org/photos/anna", ["https://example.org/photos", "https://example.org/photos/anna%2Fx"]),
    ("example.org/photos", ["https://example.org/?photos", "https://example.org/photos/../a"]),
    ("example.org", ["no address", "", None]),
    ("example.org:8080", ["https://example.org/"]),
]  # fmt: skip


@pytest.mark.parametrize(("prefix", "urls"), UNDER, ids=[row[0] for row in UNDER])
def test_what_lies_under_a_site_is_found_by_its_range(prefix: str, urls: list[str]) -> None:
    low, high = site_range(prefix)
    for url in urls:
        key = row_digest("site", url)
        assert under_site(prefix, url)
        assert key is not None
        assert low <= int.from_bytes(key) <= high


@pytest.mark.parametrize(("prefix", "urls"), NOT_UNDER)
def test_what_only_looks_like_a_site_is_not_under_it(prefix: str, urls: list[str | None]) -> None:
    assert not any(under_site(prefix, url) for url in urls)


def test_a_host_is_a_range_and_a_path_a_single_key() -> None:
    low, high = site_range("example.org")
    assert high - low == 2**32 - 1
    assert low % 2**32 == 0
    assert site_range("example.org/a") == site_range("http://example.org/a/b/c")
    assert len(set(site_range("example.org/a"))) == 1


@pytest.mark.parametrize(
    ("prefix", "slug"),
    [
        ("", "url-empty"),
        ("  ", "url-empty"),
        ("photos", "site-host"),
        ("photos/anna", "site-host"),
        ("/photos/anna", "url-host"),
        ("//example.org", "url-host"),
        ("*.example.org", "url-host"),
        ("https://", "url-host"),
        ("ftp://example.org/", "url-scheme"),
        ("mailto:anna@example.org", "url-userinfo"),
        ("example.org:photos", "url-port"),
        ("example.org/a?b=c", "site-query"),
        ("example.org/a\nb", "url-control-characters"),
    ],
)
def test_a_prefix_that_is_no_site_is_refused_by_name(prefix: str, slug: str) -> None:
    for asked in (lambda: site_range(prefix), lambda: under_site(prefix, "https://example.org/")):
        with pytest.raises(BadUrl) as caught:
            asked()
        assert caught.value.slug == slug
        assert caught.value.sentence.endswith(".")


_segments = st.lists(st.sampled_from(["a", "A", "ab", "", "a%2Fb", "ä", "a.b"]), max_size=4).map("/".join)
_hosts = st.sampled_from(["example.org", "EXAMPLE.org:80", "www.example.org", "example.org:81", "ü.example"])


@given(_hosts, _segments, _hosts, _segments, st.sampled_from(["", "/", "?q", "#f"]))
@example("example.org", "a", "example.org", "a", "?q")
def test_no_address_under_a_site_is_outside_its_range(
    host: str, path: str, other: str, below: str, end: str
) -> None:
    url = f"https://{other}/{below}{end}"
    low, high = site_range(f"{host}/{path}")
    key = row_digest("site", url)
    assert key is not None
    assert not under_site(f"{host}/{path}", url) or low <= int.from_bytes(key) <= high
    assert under_site(f"{host}/{path}", f"https://{host}/{path.rstrip('/')}{end}")


def test_a_digest_of_one_address_begins_with_its_key() -> None:
    url = "http://example.org/a-300x200.jpg"
    assert addresses.digest("url", url) == hashlib.sha256(b"https://example.org/a-300x200.jpg").digest()
    assert addresses.digest("url_family", url) == hashlib.sha256(b"https://example.org/a.jpg").digest()
    assert addresses.digest("url_family", "https://example.org/") is None
    with pytest.raises(BadUrl):
        addresses.digest("site", "example.org")
