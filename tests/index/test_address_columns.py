"""The compiled way gives a column of addresses the very keys that the plain way gives it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takedown import families, urls
from takedown.index import addresses
from takedown.index.addresses import KINDS, keys_of

columns = pytest.importorskip("takedown.index.address_columns", reason="numba is not installed")

LAION = Path("laion", "laion400m-sample.parquet")


def assert_same(cells: Sequence[bytes | None]) -> None:
    """Both ways agree on every kind of key."""
    column = pa.array(cells, pa.large_binary())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(addresses, "FEW", 0)
        compiled = keys_of(column)
        patch.setattr(addresses, "address_columns", None)
        plain = keys_of(column)
    for kind in KINDS:
        one, other = (dict(zip(*map(np.ndarray.tolist, of[kind]), strict=True)) for of in (compiled, plain))
        differ = [cells[row] for row in range(len(cells)) if one.get(row) != other.get(row)]
        assert differ == [], kind
        assert list(one) == sorted(one)


def odd_share(cells: Sequence[bytes | None]) -> float:
    return len(columns.keys_of(pa.array(cells, pa.large_binary())).odd) / len(cells)


# Pieces that matter to one of the steps.
_TEXT = """
% %41 %2e %2F %zz %e4 %4 %00 .. . / // /../ /./ /. ? & &amp; amp; # =
: :80 :443 :0443 :8080 @ \\ [ ] | ~ * + , ;
utm_source=x fbclid FBCLID=3& utm_ UTM _ga= w=1 W=300px &h=x30 &size=large &fit=300%2C169 ?resize=480%2c270
s=612x612 &w=1,2.3:4*5+6 q=1xx2 &q=1px2 max_width=3 dpr=123456 crop h= -300x200.jpg _480x _x200 @2x.png @5x
_60x60_crop_center -scaled .jpg .JPEG .heic .webp .jpg_220x220q90.jpg .jpg_200x200 _1x1 236x 236x354bb x354
s1600 s320-c S32 w300-h200 w300-h bb originals Originals i0.wp.com/ i.pinimg.com/ a.b/ 0 12 123456 0x1 127.1
a A b _ - x X http:// https:// HTTPS://ex.com ex.com
"""
_PIECES = _TEXT.split()
_ODD_PIECES = [" ", "\n", "\t", "\x7f", "\x00", "ä", "。", "\u2028", "\xa0", "\x85", "Ⅷ", "\U0001f600"]
_pieces = st.lists(st.one_of(st.sampled_from(_PIECES), st.sampled_from(_PIECES + _ODD_PIECES)), max_size=12)
_hosts = st.sampled_from(
    [
        "ex.com",
        "EX.com",
        "i3.wp.com",
        "i0.wp.com/i.pinimg.com",
        "i.pinimg.com",
        "a-b_c.d",
        "1.2.3.4",
        "ex.c0m",
        "ü.de",
    ]
)
_addresses = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "HTTPS://", "hTTp://", "http:/", ""]),
    _hosts,
    st.sampled_from(["/", "/up/", "?", "", ":80/", ":443", "#", "/originals", "//"]),
    _pieces.map("".join),
)
_cells = st.one_of(
    _addresses.map(str.encode), _pieces.map("".join).map(str.encode), st.none(), st.binary(max_size=9)
)


@settings(deadline=None, max_examples=300)
@given(st.lists(_cells, max_size=40))
def test_any_column_has_the_same_keys_both_ways(cells: list[bytes | None]) -> None:
    assert_same(cells)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_real_addresses_with_something_changed_have_the_same_keys_both_ways(data: st.DataObject) -> None:
    cells = [url.encode() for url in _SAMPLE_LIKE]
    at = data.draw(
        st.lists(
            st.tuples(st.integers(0, 90), st.sampled_from(_PIECES + _ODD_PIECES)), min_size=20, max_size=20
        )
    )
    changed = [cell[:place] + piece.encode() + cell[place:] for (place, piece) in at for cell in cells]
    assert_same(changed)


_SAMPLE_LIKE = [
    "http://i1.example.net/product/12480/Garden_tee.jpg?color=White&amp;height=225&amp;width=225",
    "https://cdn.shop.example/s/files/1/0244/products/DSC_7857_300x300.jpg?v=1601565732",
    "https://i1.wp.com/www.example.co/features/wp-content/uploads/2016/09/Cat-1024x768.jpg?w=458&",
    "http://i00.i.example.com/photo/v17/1153064246_1/Best_Cup.summ.jpg_220x220.jpg",
]


def test_lengths_at_every_border_have_the_same_keys_both_ways() -> None:
    host = b"a" * 63
    long = b".".join([host, host, host, b"b" * 61])  # 253 bytes
    cells = [
        *(b"http://" + b"a" * n + b".example/x" for n in (62, 63, 64)),
        *(b"http://example." + b"a" * n + b"/x" for n in (62, 63, 64)),
        *(b"https://" + long[:n] + b"/x" for n in (251, 252, 253)),
        *(b"https://" + long + b"c" * n + b"/x" for n in (1, 2)),
        *(b"https://ex.com/" + b"a" * (urls.MAX_URL - 15 - n) for n in (-1, 0, 1)),
        *(b"http://ex.com/" + b"a" * (urls.MAX_URL - 14 - n) for n in (-1, 0, 1)),
        *(b"https://ex.com/" + b" " * n + b"x" for n in (1359, 1360, 1361)),
        *(b"https://ex.com/%C3" + b"a" * n for n in range(150)),
        *(b"http://" + b"h" * n for n in range(64)),
        *(b"https://ex.com"[:n] for n in range(15)),
        b"http://ex.com/a.jpg?" + b"&" * 4000,
    ]
    assert_same(cells)


def test_every_listed_name_is_known_to_both_ways_in_either_case() -> None:
    names = [*urls.TRACKING, *families.SIZE_PARAMETERS, *families.SIZE_WORDS, *families.EXTENSIONS, "utm_x"]
    spellings = [spelt for name in names for spelt in (name, name.upper(), name[:-1], f"{name}s", f"_{name}")]
    cells = [
        f"https://ex.com/{form}".encode()
        for name in spellings
        for form in (
            f"a?{name}=3&v",
            f"a?{name}",
            f"a?w={name}",
            f"a?x={name}",
            f"a-300x200.{name}",
            f"300x.{name}",
        )
    ]
    assert_same(cells)
    assert odd_share(cells) == 0


_SIZED_NAMES = """
{}x{} {}X{}bb {}x{}b x{1} s{} S{}-C s{}-d w{}-h{} w{}h{} w{}-w{} {}x{}/n n/{}x{}/n.png {}x{}.jpg s{}.jpg
x{1}.txt n-{}x{}.jpg n_{}x{}.JPEG n{}x{}.jpg n-{}y{}.jpg n-{}x{}.txt n-{}x{} -{}x{}.jpg .n-{}x{}.jpg
n-{}x{}-{}x{}.webp n-{}x{}_crop_top.jpg n-{}x{}_crop_.jpg n-{}x{}_CROP_a1.jpg n_crop_a.jpg n_{}x{}@2x.png
n@{}x.png n@3X-scaled.gif n-x{}.jpg -scaled.jpg n-Scaled.avif n-scaled.scaled a-scaled/n.jpg n.jpg_{}x{}.jpg
n.jpg_{}x{}q90.PNG n.b_{}x{}.jpg n.jpg_{}x{}_{}x{}.jpg n.a.Jpg_{}x{}.heic n.jpg-{}x{}.jpg n.jpg_{}x{}.b
n_a.jpg_{}x{}.jpg n.jpg_{}x{}.jpg_{}x{}.jpg n?w={}x{} n?w={} n?h=x{} n?s={}px n?size={}x n?fit={}*{}
n?fit={}px,{}px n?fit={}%2c%20{} n?fit={}%2b{} n?fit={}:;{}. n?fit={}x%3A{} n?fit={}xx{} n?a={}&w={}&b={}
n?w={}=x n?w n?W= n?=1 n?v=x{}&H={}+{}px n?size=large{} n?fit={}p{} /{}x{}
"""
_NUMBERS = ["", "1", "12", "123", "1234", "12345", "123456"]


def test_sizes_of_every_length_have_the_same_keys_both_ways() -> None:
    forms = [name.replace("{1}", "{0}") for name in _SIZED_NAMES.split()]
    cells = [
        f"https://{host}/{form.format(*[wide, high] * 3)}".encode()
        for form in forms
        for wide in _NUMBERS
        for high in (_NUMBERS if form.count("{}") > 1 else _NUMBERS[:1])
        for host in ("ex.com", "i0.wp.com/b.c")
    ]
    cells += [
        f"http://ex.com/n.png_10x10{'a' * n}{'1' * m}.gif".encode() for n in range(14) for m in range(14)
    ]
    cells += [f"http://ex.com/n.png_10x{'1' * m}{'a' * n}.gif".encode() for n in range(14) for m in range(6)]
    assert_same(cells)
    assert odd_share(cells) == 0


def test_what_is_nearly_a_rule_has_the_same_keys_both_ways() -> None:
    hosts = [
        "i.pinimg.com",
        "i0.wp.com",
        "i9.wp.com",
        "i10.wp.com",
        "ia.wp.com",
        "x1.wp.com",
        "i1.wp.org",
        "j.pinimg.com",
    ]
    paths = [
        "",
        "originals",
        "originals/a",
        "Originals/a",
        "original/a",
        "a.b",
        "a.b/",
        "A.B/c",
        "ab/c",
        "i.pinimg.com/originals",
    ]
    queries = [
        "",
        "?&amp;a",
        "?a&amp;&amp;amp;b",
        "?amp;a&am",
        "?utm_&utm&UTM_x=&u",
        "?fbclid=1&fbclidx=2&_ga",
        "?a=b=c&w=1=2",
    ]
    ports = ["", ":", ":80", ":443", ":8", ":800", ":44", ":4433", ":080", ":81", ":a", ":80a", ":443:"]
    schemes = [
        "http://",
        "https://",
        "HTTPS://",
        "hTtp://",
        "httpx://",
        "http:/",
        "https//",
        "htt://",
        "httpss://",
        "h",
    ]
    cells = [f"https://{host}/{path}{query}" for host in hosts for path in paths for query in queries]
    cells += [
        f"{scheme}ex.com{port}{path}"
        for scheme in schemes
        for port in ports
        for path in ("", "/a", "?b", "#c", "\\d")
    ]
    cells += [f"http://ex.com/{a}{b}" for a in (*_PIECES, *_ODD_PIECES) for b in (*_PIECES, *_ODD_PIECES)]
    cells += [f"http://ex.com/a{chr(code)}b{chr(code)}?{chr(code)}#{chr(code)}" for code in range(256)]
    cells += [f"http://e{chr(code)}.c{chr(code)}/" for code in range(128)]
    cells += [
        f"http://ex.com/%{chr(code)}{other}%{other}{chr(code)}%"
        for code in range(128)
        for other in "09afAFgG2357e"
    ]
    cells += [
        f"http://{label}{end}/a"
        for label in ("a", "1", "a.1", "1.a", "0x1", "a.", "a..b", ".a", "-", "_")
        for end in ("", ".", ":80", ".b")
    ]
    assert_same([cell.encode() for cell in cells])


def test_no_cell_is_read_on_into_the_next() -> None:
    whole = [
        b"https://ex.com:443/%41%e4/a.jpg_200x200.jpg?utm_source=x&amp;amp;fit=300%2C169px&w=12",
        b"http://i1.wp.com:80/i.pinimg.com/originals/s320-c/w300-h200/n-300x200_crop_top.jpeg?h=1",
        b"http://i1.wp.com/a.b/236x354bb/n.webp?a&w=300x",
    ]
    assert_same([part for cell in whole for cut in range(len(cell)) for part in (cell[:cut], cell[cut:])])


def test_few_real_addresses_are_left_to_the_plain_way(shared_data: Path) -> None:
    cells = [url.encode() for url in pq.read_table(shared_data / LAION, columns=["URL"])["URL"].to_pylist()]
    assert_same(cells)
    assert odd_share(cells) < 0.01


def test_common_spellings_are_not_left_to_the_plain_way() -> None:
    cells = [
        b"HTTP://EX.com:80",
        b"https://ex.com:443/%7ea/%c3%a4/100%/a b|c.jpg#top",
        b"http://i0.wp.com/ex.com/a.jpg?utm_source=x&amp;w=3&q",
        b"https://i.pinimg.com/originals/ab.jpg?",
    ]
    assert odd_share(cells) == 0


def test_cells_that_nobody_can_read_are_left_to_the_plain_way() -> None:
    cells = [
        b"https://ex.com/\xff",
        "https://ex.com/ä".encode(),
        b" https://ex.com/",
        b"ftp://ex.com/",
        b"https://a@b.com/",
    ]
    assert odd_share(cells) == 1
    assert_same(cells)


def test_texts_of_any_length_are_hashed_as_the_standard_library_does() -> None:
    texts = [bytes(range(256))[:n] * 2 for n in (*range(129), 0, 0)]
    data = np.frombuffer(b"".join(texts), np.uint8).copy()
    stops = np.cumsum([len(text) for text in texts])
    starts = stops - [len(text) for text in texts]
    for wanted in (np.ones(len(texts), bool), np.arange(len(texts)) % 7 == 3, np.zeros(len(texts), bool)):
        out = np.zeros(len(texts), np.uint64)
        columns._hash(data, starts, stops, wanted, out)
        expected = [int.from_bytes(hashlib.sha256(text).digest()[:8]) for text in texts]
        assert out.tolist() == [key if asked else 0 for key, asked in zip(expected, wanted, strict=True)]
