"""Published keys of a row, by scope; digests as people write them."""

from __future__ import annotations

import hashlib

import pytest

from takedown.errors import BadKey
from takedown.keys import PUBLISHED_KINDS, WIDTHS, Key, Row, keys, parse_digest, row_sha256, url_sha256

SHA, MD5 = b"s" * 32, b"m" * 16
URL = "https://a.example/ü.jpg"


def test_url_and_row_are_hashed_as_the_format_says() -> None:
    assert url_sha256(URL) == hashlib.sha256(URL.encode()).digest()
    assert row_sha256(URL, "two\nlines") == hashlib.sha256(f"{URL}\ntwo\nlines".encode()).digest()
    assert row_sha256(URL, None) == row_sha256(URL, "")


@pytest.mark.parametrize(
    ("row", "scope", "kinds"),
    [
        (Row(0, "s", 0, url=URL, sha256=SHA, md5=MD5), "address", ["url_sha256"]),
        (Row(0, "s", 0, url=URL, sha256=SHA, md5=MD5), "file", ["url_sha256", "img_sha256", "img_md5"]),
        (Row(0, "s", 0, url=URL), "file", ["url_sha256"]),
        (Row(0, "s", 0, sha256=SHA), "address", ["img_sha256"]),
        (Row(0, "s", 0, url="", md5=MD5), "address", ["img_md5"]),
        (Row(0, "s", 0), "address", []),
        (Row(0, "s", 0), "file", []),
        (Row(0, "s", 0, url=URL, caption="c"), "caption", ["row_sha256"]),
        (Row(0, "s", 0, url=URL), "caption", ["row_sha256"]),
        (Row(0, "s", 0), "caption", []),
        (Row(0, "s", 0, url=URL, undecodable=True), "caption", []),
        (Row(0, "s", 0, url=URL, undecodable=True), "address", ["url_sha256"]),
    ],
)
def test_a_decision_expands_to_the_keys_of_its_scope(row: Row, scope: str, kinds: list[str]) -> None:
    found = keys(row, scope)
    assert [key.kind for key in found] == kinds
    assert all(isinstance(key, Key) and key.kind in PUBLISHED_KINDS for key in found)
    assert all(len(key.digest) == 2 * WIDTHS[key.kind] for key in found)


def test_digests_are_read_in_either_case_with_spaces_around() -> None:
    assert parse_digest("md5", f"  {MD5.hex().upper()}\n") == MD5


@pytest.mark.parametrize(
    "text", ["", "zz" * 16, "ab" * 15, "ab" * 17, "0x" + "ab" * 15, "ab " * 16, "é" * 32]
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    with pytest.raises(BadKey, match="32 hexadecimal digits"):
        parse_digest("md5", text)
