"""Addresses: one canonical form, refused with a clear slug otherwise; families of sizes; no lost case."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takedown.errors import BadUrl
from takedown.families import family
from takedown.urls import CANONICAL_VERSION, MAX_URL, canonical

LAION = Path(__file__).parents[2].parent / "shared" / "data" / "laion" / "laion400m-sample.parquet"

SAME = [
    # what differs, one spelling, its canonical form
    ("scheme", "http://example.com/a.jpg", "https://example.com/a.jpg"),
    ("case of scheme and host", "HTTPS://Example.COM/a.jpg", "https://example.com/a.jpg"),
    ("spaces around it", "  https://example.com/a.jpg\r\n", "https://example.com/a.jpg"),
    ("no path", "https://example.com", "https://example.com/"),
    ("trailing dot of the host", "https://example.com./a", "https://example.com/a"),
    ("default port", "http://example.com:80/a", "https://example.com/a"),
    ("default port of the other scheme", "http://example.com:443/a", "https://example.com/a"),
    ("empty port", "https://example.com:/a", "https://example.com/a"),
    ("other port", "https://example.com:08080/a", "https://example.com:8080/a"),
    ("case of the path is kept", "https://example.com/A/b%5E.JPG", "https://example.com/A/b%5E.JPG"),
    ("escaped letters", "https://example.com/%7euser/%41.jpg", "https://example.com/~user/A.jpg"),
    ("case of escapes", "https://example.com/%c3%a4", "https://example.com/%C3%A4"),
    ("unescaped letters", "https://example.com/ä", "https://example.com/%C3%A4"),
    ("space inside", "https://example.com/a b.jpg", "https://example.com/a%20b.jpg"),
    ("escaped slash stays", "https://example.com/a%2fb", "https://example.com/a%2Fb"),
    ("stray per cent", "https://example.com/100%.jpg", "https://example.com/100%25.jpg"),
    ("double encoding stays", "https://example.com/%2541", "https://example.com/%2541"),
    ("escaped NUL stays escaped", "https://example.com/a%00.jpg", "https://example.com/a%00.jpg"),
    ("dot segments", "https://example.com/a/./b/../c", "https://example.com/a/c"),
    ("escaped dot segments", "https://example.com/a/%2e%2E/c", "https://example.com/c"),
    ("dots above the top", "https://example.com/../../a", "https://example.com/a"),
    ("dots at the end", "https://example.com/a/b/..", "https://example.com/a/"),
    ("double slashes stay", "https://example.com//a//b", "https://example.com//a//b"),
    ("backslash in the path", "https://example.com/a\\b", "https://example.com/a%5Cb"),
    ("fragment", "https://example.com/a#b?c", "https://example.com/a"),
    ("empty query", "https://example.com/a?", "https://example.com/a"),
    ("tracking", "https://example.com/a?utm_source=x&id=3&FBCLID=y&gclid", "https://example.com/a?id=3"),
    ("not tracking", "https://example.com/a?b=2&a=1&utm=4", "https://example.com/a?b=2&a=1&utm=4"),
    ("HTML ampersand", "https://example.com/a?w=1&amp;h=2&amp;amp;c=3&", "https://example.com/a?w=1&h=2&c=3"),
    ("IDN", "https://Bücher.example/a", "https://xn--bcher-kva.example/a"),
    ("punycode", "https://XN--BCHER-KVA.example/a", "https://xn--bcher-kva.example/a"),
    ("escaped host", "https://%65xample.com/a", "https://example.com/a"),
    ("full-width host", "https://ｅｘａｍｐｌｅ。com/a", "https://example.com/a"),
    ("underscore in the host", "https://a_b.example.com/", "https://a_b.example.com/"),
    ("IPv6", "https://[2001:DB8:0::1]:443/a", "https://[2001:db8::1]/a"),
    ("mapped IPv4", "https://[::ffff:192.0.2.1]/a", "https://[::ffff:c000:201]/a"),
    ("NAT64", "https://[64:FF9B::192.0.2.1]/a", "https://[64:ff9b::c000:201]/a"),
    ("decimal IPv4", "http://2852039166/a", "https://169.254.169.254/a"),
    ("hexadecimal IPv4", "http://0xa9fea9fe/a", "https://169.254.169.254/a"),
    ("octal IPv4", "http://0251.0376.0251.0376/a", "https://169.254.169.254/a"),
    ("short IPv4", "http://127.1/a", "https://127.0.0.1/a"),
    ("full-width digits", "http://１６９.254.169.254/a", "https://169.254.169.254/a"),
    ("longest", "https://example.com/" + "a" * (MAX_URL - 20), "https://example.com/" + "a" * (MAX_URL - 20)),
]

REFUSED = [
    ("", "url-empty"),
    (" \r\n\t ", "url-empty"),
    ("https://example.com/" + "a" * (MAX_URL - 19), "url-too-long"),
    ("https://example.com/" + "a" * 10_000, "url-too-long"),
    ("https://example.com/" + "ä" * 2000, "url-too-long"),
    ("https://example.com/a\x00b", "url-control-characters"),
    ("https://example.com/a\r\nHost: b", "url-control-characters"),
    ("https://exa\tmple.com/", "url-control-characters"),
    ("java\nscript:alert(1)", "url-control-characters"),
    ("https://example.com/\x7f", "url-control-characters"),
    ("https://example.com/\x85b", "url-control-characters"),
    ("https://example.com/\u2028b", "url-control-characters"),
    ("https://example.com/\ud800", "url-control-characters"),
    ("example.com/a.jpg", "url-scheme"),
    ("//example.com/a.jpg", "url-scheme"),
    ("/a.jpg", "url-scheme"),
    ("javascript:alert(1)", "url-scheme"),
    ("data:image/png;base64,AAAA", "url-scheme"),
    ("file:///etc/passwd", "url-scheme"),
    ("gopher://example.com/", "url-scheme"),
    ("ftp://example.com/a.jpg", "url-scheme"),
    ("https+unix://example.com/", "url-scheme"),
    ("not an address", "url-scheme"),
    ("https://alice@example.com/", "url-userinfo"),
    ("https://alice:secret@example.com/", "url-userinfo"),
    ("https://@example.com/", "url-userinfo"),
    ("https://example.com@evil.example/", "url-userinfo"),
    ("http://a.com\\@b.com/", "url-host"),
    ("http:\\\\a.com\\b", "url-host"),
    ("https:/example.com/", "url-host"),
    ("https:example.com", "url-host"),
    ("https://", "url-host"),
    ("https:///a", "url-host"),
    ("https://?a", "url-host"),
    ("https://.example.com/", "url-host"),
    ("https://a..example.com/", "url-host"),
    ("https://exa mple.com/", "url-host"),
    ("https://exa%00mple.com/", "url-host"),
    ("https://exa%2Fmple.com/", "url-host"),
    ("https://example.com%40b/", "url-host"),
    ("https://exam%ff.com/", "url-host"),
    ("https://" + "a" * 64 + ".com/", "url-host"),
    ("https://" + "a." * 150 + "com/", "url-host"),
    ("https://" + "ä" * 300 + "/", "url-host"),
    ("https://256.1.1.1/", "url-host"),
    ("https://1.2.3.4.5/", "url-host"),
    ("https://4294967296/", "url-host"),
    ("https://09/", "url-host"),
    ("https://1_0.1/", "url-host"),
    ("https://foo.0x/", "url-host"),
    ("https://[::1/", "url-host"),
    ("https://[::1%25eth0]/", "url-host"),
    ("https://[zz]/", "url-host"),
    ("https://[]/", "url-host"),
    ("https://example.com:0/", "url-port"),
    ("https://example.com:65536/", "url-port"),
    ("https://example.com:99999999999999999999/", "url-port"),
    ("https://example.com:8o/", "url-port"),
    ("https://example.com:-1/", "url-port"),
    ("https://example.com:８０/", "url-port"),
    ("https://example.com:80:80/", "url-port"),
]


@pytest.mark.parametrize(("spelling", "form"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_spellings_of_one_address_share_a_canonical_form(spelling: str, form: str) -> None:
    assert canonical(spelling) == form
    assert canonical(form) == form


@pytest.mark.parametrize(("url", "slug"), REFUSED, ids=[ascii(url)[:40] for url, _ in REFUSED])
def test_bad_addresses_are_refused_by_name_and_never_quoted(url: str, slug: str) -> None:
    with pytest.raises(BadUrl) as caught:
        canonical(url)
    assert caught.value.slug == slug
    assert caught.value.sentence.endswith(".")
    assert "example.com" not in caught.value.sentence
    assert "secret" not in caught.value.sentence


def test_homoglyphs_are_another_host() -> None:
    assert canonical("https://еxample.com/") != canonical("https://example.com/")  # a Cyrillic letter


def test_pathological_addresses_take_no_time() -> None:
    for url in ("https://" + "xn--" * 1000, "https://e.com/" + "%" * 4000, "https://e.com:" + "9" * 4000):
        with pytest.raises(BadUrl):
            canonical(url)
    assert canonical("https://e.com/" + "../" * 1300) == "https://e.com/"
    assert family("https://e.com/" + "1" * 4000 + "?size=" + "1x" * 30)


# Pieces that matter to an address, so that Hypothesis meets the interesting corners.
_pieces = st.sampled_from(
    [
        *(
            "%",
            "%41",
            "%2e",
            "%2F",
            "%zz",
            "%e4",
            "..",
            ".",
            "/",
            "//",
            "?",
            "&",
            "&amp;",
            "amp;",
            "#",
            "=",
            ":",
        ),
        *(
            "@",
            "\\",
            " ",
            "ä",
            "Ⅷ",
            "。",
            "utm_a",
            "w=1",
            "-300x200.jpg",
            "@2x.png",
            "_",
            "A",
            "b",
            "0x1",
            "127",
        ),
        *("~", "[", "]", "|"),
    ]
)
_soup = st.lists(st.one_of(_pieces, st.text(max_size=3)), max_size=14).map("".join)
_urls = st.builds(
    lambda scheme, host, rest: f"{scheme}://{host}{rest}",
    st.sampled_from(["http", "https", "HTTP"]),
    st.one_of(
        st.sampled_from(["example.com", "i0.wp.com/example.com", "BÜCHER.de", "127.1", "[::1]"]), _soup
    ),
    _soup,
)


@given(st.one_of(_urls, _soup))
def test_any_text_is_refused_or_has_a_form_that_is_its_own_form(url: str) -> None:
    try:
        form = canonical(url)
    except BadUrl:
        return
    assert form.isascii()
    assert form.isprintable()
    assert " " not in form
    assert len(form) <= MAX_URL
    assert form.startswith("https://")
    assert canonical(form) == form
    assert family(form) == family(url)


@given(st.text(alphabet="abcXYZ0189-_~/", max_size=40))
def test_the_case_of_a_path_is_never_lost(path: str) -> None:
    assert canonical(f"https://example.com/{path}").removeprefix("https://example.com/") == path


@given(st.text(alphabet="abXY09-_~. %&äあ", max_size=30))
def test_escaping_what_needs_no_escape_changes_nothing(text: str) -> None:
    escaped = "".join(f"%{byte:02x}" for byte in text.encode())
    plain = text.replace("%", "%25").replace("&", "%26")
    assert canonical(f"https://example.com/x{plain}y") == canonical(f"https://example.com/x{escaped}y")


FAMILIES = [
    [
        "https://example.com/up/Cat.jpg",
        "https://example.com/up/Cat-300x200.jpg",
        "http://example.com/up/Cat-1024x768.jpg?w=640",
        "https://example.com/up/Cat-scaled.jpg",
        "https://example.com/up/Cat@2x.jpg",
        "https://i0.wp.com/example.com/up/Cat.jpg?resize=480%2C270&ssl=1",
        "https://i2.wp.com/Example.com/up/Cat.jpg?fit=300%2C169&amp;ssl=1",
        "https://example.com/up/Cat.jpg?width=320&height=320&quality=80",
    ],
    [
        "https://i.pinimg.com/originals/ab/cd/ef.jpg",
        "https://i.pinimg.com/236x/ab/cd/ef.jpg",
        "https://i.pinimg.com/236x354/ab/cd/ef.jpg",
    ],
    [
        "https://cdn.shopify.com/s/files/products/Cup.jpg?v=1583",
        "https://cdn.shopify.com/s/files/products/Cup_300x300.jpg?v=1583",
        "https://cdn.shopify.com/s/files/products/Cup_480x.jpg?v=1583",
        "https://cdn.shopify.com/s/files/products/Cup_x200.jpg?v=1583",
        "https://cdn.shopify.com/s/files/products/Cup_530x@2x.jpg?v=1583",
        "https://cdn.shopify.com/s/files/products/Cup_60x60_crop_center.jpg?v=1583",
    ],
    [
        "https://1.bp.example/x/s1600/Cat.png",
        "https://1.bp.example/x/s640/Cat.png",
        "https://1.bp.example/x/Cat.png",
    ],
    ["https://sc.example/kf/coat.jpg_300x300.jpg", "https://sc.example/kf/coat.jpg"],
    ["https://m.example/v4/cover.jpg/170x170bb.jpg", "https://m.example/v4/cover.jpg/600x600bb.jpg"],
    [
        "https://g.example/photo-id1?s=612x612",
        "https://g.example/photo-id1?s=170x170",
        "https://g.example/photo-id1",
    ],
]


@pytest.mark.parametrize("variants", FAMILIES, ids=[urls[0] for urls in FAMILIES])
def test_size_variants_share_a_family_with_the_picture_itself(variants: list[str]) -> None:
    assert len({family(url) for url in variants}) == 1
    assert family(variants[0]) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.com/a.jpg", "https://example.com/b.jpg"),
        ("https://example.com/a.jpg", "https://example.com/A.jpg"),
        ("https://example.com/a.jpg?id=1", "https://example.com/a.jpg?id=2"),
        ("https://example.com/a.jpg?s=dogs", "https://example.com/a.jpg?s=cats"),
        ("https://example.com/2019/01/a.jpg", "https://example.com/2019/02/a.jpg"),
        ("https://example.com/photo-1.jpg", "https://example.com/photo-2.jpg"),
        ("https://example.com/a-300x200.jpg", "https://example.com/b-300x200.jpg"),
        ("https://example.com/a.jpg", "https://example.org/a.jpg"),
    ],
)
def test_other_pictures_have_another_family(one: str, other: str) -> None:
    assert family(one) != family(other)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com/300x200",
        "https://example.com/?w=3",
        "https://i.pinimg.com/originals",
        "https://i0.wp.com/i.pinimg.com/originals?w=3",
    ],
)
def test_what_names_no_picture_has_no_family(url: str) -> None:
    assert family(url) is None


def test_family_refuses_what_canonical_refuses() -> None:
    with pytest.raises(BadUrl):
        family("javascript:alert(1)")


def test_every_address_of_a_real_sample_has_a_form_and_keeps_its_case() -> None:
    if not LAION.exists():
        pytest.skip("the LAION sample is not beside the repository")
    import pyarrow.parquet as pq

    urls = pq.read_table(LAION, columns=["URL"])["URL"].to_pylist()
    forms = [canonical(url) for url in urls]
    assert [canonical(form) for form in forms] == forms
    names = [form.split("?")[0].rpartition("/")[2] for form in forms]
    assert all(name in url for name, url in zip(names, urls, strict=True) if "%" not in name)
    assert len(set(forms)) == len(set(urls))
    assert sum(family(url) != form for url, form in zip(urls, forms, strict=True)) / len(urls) > 0.2


def test_the_version_is_pinned_to_the_form() -> None:
    """Whoever changes the form raises the version, and then this line."""
    url = "HTTP://Ä.example:80/%7eA/../b%zz?utm_x=1&amp;q=%e4 #f"
    assert (CANONICAL_VERSION, canonical(url)) == (1, "https://xn--4ca.example/b%25zz?q=%E4%20")
