"""docs/receipts-log.md: its worked example, with primitives of another library, and its tables."""

from __future__ import annotations

import hashlib
import hmac
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from takedown import receipt
from takedown.blocklist import leaves
from takedown.blocklist.leaves import ACTIONS, KINDS, LEAF_BYTES, PADDED, Opened, Record
from takedown.blocklist.log import Tree, verify_inclusion

TEXT = (Path(__file__).parents[2] / "docs" / "receipts-log.md").read_text()
ROWS = dict(re.findall(r"^\| ([a-z_]+(?: [a-z]+| \d)?) \| `([^`]+)` \|$", TEXT, re.MULTILINE))
PROOF = [bytes.fromhex(ROWS[f"proof {n}"]) for n in range(1, 9)]


def value(name: str) -> bytes:
    return bytes.fromhex(ROWS[name])


def hkdf(secret: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=info).derive(secret)


@pytest.fixture
def leaf() -> bytes:
    return value("tag") + value("nonce") + value("sealed")


def test_the_example_follows_from_what_the_page_says(leaf: bytes) -> None:
    proof_key = hkdf(ROWS["words"].encode("ascii"), b"takedown receipt v1: proof key")
    place = (42).to_bytes(8, "big") + (0).to_bytes(4, "big")
    tag = hmac.new(proof_key, b"tdl1" + place, hashlib.sha256).digest()[:16]
    digest = hashlib.sha256(ROWS["address"].encode()).digest()
    key, plain = hkdf(proof_key, b"tdl1 leaf key" + place), bytes([1, 1]) + digest
    assert (proof_key, place, tag) == (value("proof_key"), value("place"), value("tag"))
    assert (digest, key, plain) == (value("digest"), value("key"), value("plain"))
    assert AESGCM(key).encrypt(value("nonce"), plain, tag) == value("sealed")
    assert hashlib.sha256(b"\0" + leaf).digest() == value("leaf hash")


def test_our_code_makes_and_opens_the_example(leaf: bytes) -> None:
    key = receipt.parse(ROWS["words"]).proof_key
    record = Record(key, "added", "url_sha256", ROWS["digest"])
    assert leaves.seal(record, 42, 0, value("nonce")) == leaf
    assert leaves.open_leaf(key, 42, 0, leaf) == Opened("added", "url_sha256", ROWS["digest"])


def test_the_example_is_in_the_example_log(leaf: bytes) -> None:
    rows = [leaf, *(bytes([n]) * LEAF_BYTES for n in range(1, 256))]
    tree = Tree(rows)
    assert (tree.root(), tree.inclusion(0)) == (value("root"), PROOF)
    assert verify_inclusion(leaf, 0, 256, PROOF, value("root"))


def test_the_tables_are_those_of_the_code() -> None:
    listed = re.findall(r"^\| (\d) \| `?([a-z0-9_-]+)`? \|", TEXT, re.MULTILINE)
    known = [(str(byte), name or "none") for table in (ACTIONS, KINDS) for name, byte in table.items()]
    assert [row for row in listed if row[1] in [name for _, name in known]] == known
    assert f"A leaf is {LEAF_BYTES} bytes." in TEXT
    assert f"It costs {PADDED * LEAF_BYTES:,} bytes a release." in TEXT
