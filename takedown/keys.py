"""Exact keys, perceptual keys and published keys: what they are made of, parsing and formatting.

Three families share digests but not purpose:

* *exact keys* find rows by equality (``url_sha256``, ``url``, ``sha256``, ``md5``, ``sha1``, ``url_family``);
* *perceptual keys* find rows by Hamming distance (``pdq`` 256 bit, ``phash`` 64 bit);
* *published keys* name what a release removes (``url_sha256``, ``row_sha256``, ``img_sha256``, ``img_md5``).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Literal, NamedTuple

from takedown.errors import BadKey

ExactKind = Literal["url_sha256", "url", "url_family", "sha256", "md5", "sha1"]
PerceptualKind = Literal["pdq", "phash"]
Scope = Literal["address", "file", "caption"]

#: Bytes of each digest and perceptual hash.
WIDTHS: dict[str, int] = {
    "url_sha256": 32,
    "url": 32,
    "url_family": 32,
    "row_sha256": 32,
    "img_sha256": 32,
    "img_md5": 16,
    "sha256": 32,
    "md5": 16,
    "sha1": 20,
    "pdq": 32,
    "phash": 8,
}

#: Kinds a release may list, in the order of docs/releases.md.
PUBLISHED_KINDS = ("url_sha256", "row_sha256", "img_sha256", "img_md5")

_HEX = re.compile(r"[0-9a-f]+")


class Key(NamedTuple):
    """One published key: a kind of PUBLISHED_KINDS and its digest in lowercase hex."""

    kind: str
    digest: str


@dataclass(frozen=True)
class Row:
    """One dataset row as an index or a shard knows it. Digests are of the picture file as downloaded.

    Attributes:
        row: number of the row in its index, from 0.
        source: name of the shard it stands in, relative to the dataset's folder.
        row_in_source: number of the row in that shard, from 0.
        url, caption: the cells as stored, None where null or missing.
        sha256, md5, sha1: raw digest bytes (32, 16, 20), None where unknown.
        pdq, phash: raw perceptual hashes (32, 8 bytes), None where unknown.
        pdq_quality: 0..100, None where unknown.
        width, height: pixels as the dataset states them, None where unknown.
        undecodable: address or caption is there but no UTF-8 text, and so stands as None.
    """

    row: int
    source: str
    row_in_source: int
    url: str | None = None
    caption: str | None = None
    sha256: bytes | None = None
    md5: bytes | None = None
    sha1: bytes | None = None
    pdq: bytes | None = None
    pdq_quality: int | None = None
    phash: bytes | None = None
    width: int | None = None
    height: int | None = None
    undecodable: bool = False


def url_sha256(url: str) -> bytes:
    """SHA-256 (32 bytes) of the exact UTF-8 bytes of a URL cell; nothing is normalised."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()


def row_sha256(url: str | None, caption: str | None) -> bytes:
    """SHA-256 (32 bytes) of URL, line feed, caption; a null cell counts as empty (docs/releases.md)."""
    text = f"{url or ''}\n{caption or ''}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def keys(row: Row, scope: Scope) -> tuple[Key, ...]:
    """Expand a decision about one row into the keys a release publishes. Pure.

    Args:
        row: the verified row.
        scope: ``address`` the row's address only; ``file`` also every copy of its file;
            ``caption`` this very pair of address and caption.

    Returns:
        Published keys in a fixed order. ``address`` falls back to the file's digests where the row has no
        URL. Empty when the row cannot be named: it has neither URL nor known digest, or, by caption, neither
        URL nor caption, or one that is no text (its digest would name other rows).
    """
    if scope == "caption" and (row.undecodable or (row.url is None and row.caption is None)):
        return ()
    if scope == "caption":
        return (Key("row_sha256", row_sha256(row.url, row.caption).hex()),)
    found = [Key("url_sha256", url_sha256(row.url).hex())] if row.url else []
    if scope == "file" or not found:
        if row.sha256:
            found.append(Key("img_sha256", row.sha256.hex()))
        if row.md5:
            found.append(Key("img_md5", row.md5.hex()))
    return tuple(found)


def parse_digest(kind: str, text: str) -> bytes:
    """Read a digest or perceptual hash written in hex, in either case, with spaces around it.

    Args:
        kind: a name of WIDTHS.
        text: the hex digits.

    Raises:
        BadKey: not hexadecimal, or not as long as the kind demands.
    """
    digits = text.strip().lower()
    wanted = WIDTHS[kind] * 2
    if len(digits) != wanted or not _HEX.fullmatch(digits):
        raise BadKey(f"A {kind} is {wanted} hexadecimal digits (0-9, a-f); please check it and try again.")
    return bytes.fromhex(digits)
