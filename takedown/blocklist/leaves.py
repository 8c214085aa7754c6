"""Leaves of the receipts log: what only the holder of a receipt can find and read.

    leaf    = tag(16) || nonce(12) || sealed(34 + 16)                                    LEAF_BYTES = 78
    place   = seq as 8 bytes || i as 4 bytes, both big-endian, unsigned
    tag     = HMAC-SHA256(proof_key, "tdl1" || place)[:16]
    key     = HKDF-SHA256(proof_key, no salt, info = "tdl1 leaf key" || place, 32 bytes)
    sealed  = AES-256-GCM(key, nonce, plain, associated data = tag)
    plain   = action(1) || kind(1) || digest(32, zeros after an MD5, all zeros where there is none)

``seq`` is the release; ``i`` counts the records of one proof_key in it, from 0, in the order given. The nonce
is random: a release that was staged, thrown away and staged anew may seal something else under the same key.

Leaves of a release are shuffled, so that their order says nothing about who asked together with whom, and
padded with random bytes to a multiple of PADDED. A release without any record still has PADDED leaves: an
observer learns a number of records rounded up, and never that there were none. Tag, nonce and what is sealed
look random to anyone without the proof_key, so padding cannot be told from records.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from takedown.blocklist.entry import validate
from takedown.errors import VerificationFailed
from takedown.keys import Key

#: What a release did about an item, and the byte that stands for it.
ACTIONS = {"added": 1, "stands": 2, "withdrawn": 3, "still-listed": 4, "refused": 5}
#: The byte that stands for a kind; no kind and no digest where naming them would harm somebody.
KINDS = {None: 0, "url_sha256": 1, "row_sha256": 2, "img_sha256": 3, "img_md5": 4}

PROOF_KEY_BYTES = 32
TAG_BYTES, NONCE_BYTES, PLAIN_BYTES, SEAL_BYTES = 16, 12, 34, 16
LEAF_BYTES = TAG_BYTES + NONCE_BYTES + PLAIN_BYTES + SEAL_BYTES

#: The leaves of a release are a multiple of this, and never none.
PADDED = 256

UNREADABLE = "A leaf of the log has the mark of this receipt and does not open with it; tell the publisher."

_TAG_LABEL, _KEY_LABEL = b"tdl1", b"tdl1 leaf key"
_ACTION_OF = {byte: action for action, byte in ACTIONS.items()}
_KIND_OF = {byte: kind for kind, byte in KINDS.items()}


@dataclass(frozen=True)
class Record:
    """What a release did about one item, for the person who holds the receipt.

    Attributes:
        proof_key: of the receipt, 32 bytes.
        action: ``added``, ``stands`` (was listed already), ``withdrawn``, ``still-listed`` (withdrawn, but
            another decision supports the entry) or ``refused``.
        kind, digest: the full entry; both None where it must not be named (child safety) or there is none.
    """

    proof_key: bytes = field(repr=False)
    action: str
    kind: str | None = None
    digest: str | None = None


@dataclass(frozen=True)
class Opened:
    """What a leaf says, once opened. ``kind`` and ``digest`` are None where it names no entry."""

    action: str
    kind: str | None
    digest: str | None


def leaves(seq: int, records: Iterable[Record]) -> bytes:
    """All leaves of one release: sealed, padded, shuffled.

    Args:
        seq: number of the release, 1 or more.
        records: in any order; those of one proof_key are numbered in the order given.

    Returns:
        LEAF_BYTES for each leaf; a multiple of PADDED leaves.

    Raises:
        ValueError: an action or a proof_key that is none.
        BadKey: not a full published key.
    """
    counts: dict[bytes, int] = {}
    made: list[bytes] = []
    for record in records:
        i = counts.get(record.proof_key, 0)
        counts[record.proof_key] = i + 1
        made.append(seal(record, seq, i))
    missing = -len(made) % PADDED if made else PADDED
    made += [os.urandom(LEAF_BYTES) for _ in range(missing)]
    secrets.SystemRandom().shuffle(made)
    return b"".join(made)


def tag(proof_key: bytes, seq: int, i: int) -> bytes:
    """What the leaf of record ``i`` in release ``seq`` is found by, 16 bytes."""
    return hmac.digest(proof_key, _TAG_LABEL + _place(seq, i), "sha256")[:TAG_BYTES]


def seal(record: Record, seq: int, i: int, nonce: bytes | None = None) -> bytes:
    """One leaf.

    Args:
        record: what it says.
        seq, i: where it stands.
        nonce: 12 bytes; only a test vector gives them, otherwise they are random.

    Raises:
        ValueError, BadKey: as ``leaves``.
    """
    if len(record.proof_key) != PROOF_KEY_BYTES or record.action not in ACTIONS:
        raise ValueError("a record needs a proof_key of 32 bytes and one of the known actions")
    nonce = os.urandom(NONCE_BYTES) if nonce is None else nonce
    found = tag(record.proof_key, seq, i)
    sealed = AESGCM(_leaf_key(record.proof_key, seq, i)).encrypt(nonce, _plain(record), found)
    return found + nonce + sealed


def open_leaf(proof_key: bytes, seq: int, i: int, leaf: bytes) -> Opened:
    """Open the leaf that ``tag(proof_key, seq, i)`` found.

    Raises:
        VerificationFailed: slug ``leaf-unreadable``: altered, another's, or not of this format.
    """
    found, nonce, sealed = leaf[:TAG_BYTES], leaf[TAG_BYTES:][:NONCE_BYTES], leaf[TAG_BYTES + NONCE_BYTES :]
    try:
        plain = AESGCM(_leaf_key(proof_key, seq, i)).decrypt(nonce, sealed, found)
        return _read_plain(plain)
    except (InvalidTag, ValueError) as error:
        raise VerificationFailed(UNREADABLE, slug="leaf-unreadable") from error


def _place(seq: int, i: int) -> bytes:
    return seq.to_bytes(8, "big") + i.to_bytes(4, "big")


def _leaf_key(proof_key: bytes, seq: int, i: int) -> bytes:
    """HKDF (RFC 5869): extract without salt, then expand; 32 bytes are its first block."""
    extracted = hmac.digest(bytes(32), proof_key, "sha256")
    return hmac.digest(extracted, _KEY_LABEL + _place(seq, i) + b"\1", "sha256")


def _plain(record: Record) -> bytes:
    head = bytes([ACTIONS[record.action], KINDS.get(record.kind, 0)])
    if record.kind is None and record.digest is None:
        return head + bytes(PLAIN_BYTES - len(head))
    key = validate(Key(record.kind or "", record.digest or ""))
    return (head + bytes.fromhex(key.digest)).ljust(PLAIN_BYTES, b"\0")


def _read_plain(plain: bytes) -> Opened:
    action, kind = _ACTION_OF.get(plain[0]), _KIND_OF.get(plain[1], "")
    width = {None: 0, "img_md5": 16}.get(kind, 32)
    digest, rest = plain[2 : 2 + width], plain[2 + width :]
    if action is None or kind == "" or any(rest) or len(plain) != PLAIN_BYTES:
        raise ValueError("not a leaf of this format")
    return Opened(action, kind, digest.hex() if kind else None)
