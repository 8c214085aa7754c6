"""The secret words that are the only way back to a submission, and the keys made from them.

1. ``issue`` draws eight words of 7,776 (103 bits) from a secret of the portal and the nonce of a form, so
   that a form sent twice shows the same receipt;
2. the person keeps the words; the portal keeps only what HKDF makes of them, one label a purpose:
   ``lookup_key`` (stored as an HMAC) finds the submission, ``proof_key`` finds and opens its leaves in the
   release log, the message key pair (X25519; only its public half is stored) seals answers;
3. ``parse`` reads the words as people write them. Nothing is looked up to say which word is wrong.

No key gives the words back or leads to another key. The words never appear in a ``repr``.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass
from importlib import resources
from itertools import count

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from takedown.errors import BadReceipt

#: Words of a receipt, and words to choose from.
WORDS = 8
LIST_LENGTH = 7776
#: Longest text that is read as a receipt, in characters. Eight numbered words take less than 120.
MAX_TEXT = 1000
#: Shortest secret and nonce in bytes.
MIN_SECRET, MIN_NONCE = 32, 16

# The version stands in every label: other words or another derivation need another version.
_ISSUE_LABEL = b"takedown receipt v1: words"
_LOOKUP_LABEL = b"takedown receipt v1: look-up key"
_PROOF_LABEL = b"takedown receipt v1: proof key"
_MESSAGE_LABEL = b"takedown receipt v1: message key"

# Two bytes are drawn for a word; values from here on are drawn again, so that every word is equally likely.
_FAIR = 65_536 // LIST_LENGTH * LIST_LENGTH


@dataclass(frozen=True, repr=False)
class Receipt:
    """Eight words. Hold it in memory only as long as needed; store the keys, never the words."""

    words: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Receipt({len(self.words)} words)"

    @property
    def text(self) -> str:
        """The words in lower case with one space between them: what the keys are made from."""
        return " ".join(self.words)

    @property
    def lookup_key(self) -> bytes:
        """32 bytes that find the submission; the portal stores only a keyed hash of them."""
        return self._derive(_LOOKUP_LABEL)

    @property
    def proof_key(self) -> bytes:
        """32 bytes that find and open the submission's leaves in the release log."""
        return self._derive(_PROOF_LABEL)

    @property
    def message_private_key(self) -> bytes:
        """X25519 private key, 32 bytes; made anew from the words whenever they are given, stored nowhere."""
        return self._derive(_MESSAGE_LABEL)

    @property
    def message_public_key(self) -> bytes:
        """X25519 public key, 32 bytes, to which messages for the person are sealed."""
        return X25519PrivateKey.from_private_bytes(self.message_private_key).public_key().public_bytes_raw()

    def _derive(self, label: bytes) -> bytes:
        """HKDF-SHA256 (RFC 5869) without salt; 103 bits need no slow hash."""
        return HKDF(SHA256(), length=32, salt=None, info=label).derive(self.text.encode("ascii"))


def issue(secret: bytes, nonce: bytes) -> Receipt:
    """Draw the receipt that belongs to a form. The same secret and nonce give the same receipt.

    Args:
        secret: at least MIN_SECRET random bytes that only the portal knows.
        nonce: at least MIN_NONCE random bytes, another for every form.

    Raises:
        ValueError: secret or nonce is too short.
    """
    if len(secret) < MIN_SECRET or len(nonce) < MIN_NONCE:
        raise ValueError(f"a receipt needs a secret of {MIN_SECRET} bytes and a nonce of {MIN_NONCE}")
    drawn: list[str] = []
    for block in count():
        stream = hmac.digest(secret, _ISSUE_LABEL + block.to_bytes(4, "big") + nonce, hashlib.sha256)
        values = (int.from_bytes(stream[at : at + 2], "big") for at in range(0, len(stream), 2))
        drawn += [word_list()[value % LIST_LENGTH] for value in values if value < _FAIR]
        if len(drawn) >= WORDS:
            break
    return Receipt(tuple(drawn[:WORDS]))


def parse(text: str) -> Receipt:
    """Read a receipt as people write it: any case, accents, numbering, and anything between the words.

    Raises:
        BadReceipt: receipt-length when there are not eight words; receipt-word when one is not on the list,
            with the nearest word that is. Whether a receipt exists is not known here.
    """
    words = _words_in(text) if len(text) <= MAX_TEXT else []
    if len(words) != WORDS:
        raise BadReceipt(
            f"A receipt has {WORDS} words; please enter all of them, with spaces between.",
            slug="receipt-length",
        )
    known = _known_words()
    for number, word in enumerate(words, start=1):
        if word not in known:
            raise _unknown_word(number, word)
    return Receipt(tuple(words))


@functools.cache
def word_list() -> tuple[str, ...]:
    """The 7,776 words in the order of the list (data/NOTICE says where they are from)."""
    text = resources.files("takedown").joinpath("data", "words.txt").read_text("ascii")
    words = tuple(text.split())
    if len(words) != LIST_LENGTH or len(set(words)) != LIST_LENGTH:
        raise RuntimeError("The word list of this installation is damaged; please install it again.")
    return words


@functools.cache
def _known_words() -> frozenset[str]:
    return frozenset(word_list())


def _words_in(text: str) -> list[str]:
    """Runs of letters, without accents, in lower case."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.findall(r"[^\W\d_]+", plain.casefold())


def _unknown_word(number: int, word: str) -> BadReceipt:
    """The word itself is not repeated: an error may end up where a receipt must not."""
    near = next(iter(difflib.get_close_matches(word[:20], word_list(), n=1, cutoff=0.6)), "")
    advice = f"did you mean “{near}”?" if near else "please compare it with your note."
    error = BadReceipt(f"Word {number} is not one that receipts are made of; {advice}", slug="receipt-word")
    error.number, error.near = number, near
    return error
