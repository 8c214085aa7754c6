"""Receipts: the same words for the same form, read as people write them, and keys that lead nowhere else."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections import Counter

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from takedown.errors import BadReceipt
from takedown.receipt import LIST_LENGTH, MAX_TEXT, WORDS, Receipt, issue, parse, word_list

SECRET = bytes(range(32))
NONCE = b"form-token-nonce"
RECEIPT = issue(SECRET, NONCE)


def test_the_list_has_7776_plain_words() -> None:
    words = word_list()
    assert len(words) == len(set(words)) == LIST_LENGTH == 6**5
    assert all(word.isascii() and word.isalpha() and word.islower() and 3 <= len(word) <= 9 for word in words)


def test_a_form_sent_twice_shows_the_same_receipt_and_another_form_another() -> None:
    assert issue(SECRET, NONCE) == RECEIPT
    assert issue(SECRET, NONCE + b"2") != RECEIPT
    assert issue(SECRET + b"2", NONCE) != RECEIPT
    assert len(RECEIPT.words) == WORDS


def test_every_word_is_equally_likely() -> None:
    drawn = Counter(word for n in range(4000) for word in issue(SECRET, n.to_bytes(16, "big")).words)
    assert len(drawn) > 7500  # of 32,000 draws: e^-4.1 of all words stay away, 127
    expected = 32_000 / LIST_LENGTH
    chi_square = sum((drawn[word] - expected) ** 2 / expected for word in word_list())
    assert 7375 < chi_square < 8175  # 7,775 degrees of freedom, 3.2 standard deviations


@pytest.mark.parametrize(
    ("secret", "nonce"), [(b"", NONCE), (SECRET[:31], NONCE), (SECRET, b""), (SECRET, NONCE[:15])]
)
def test_a_short_secret_or_nonce_is_refused(secret: bytes, nonce: bytes) -> None:
    with pytest.raises(ValueError, match="receipt"):
        issue(secret, nonce)


# --- Reading ----------------------------------------------------------------------------------------------


def accented(word: str) -> str:
    return word.replace("a", "á").replace("e", "ë").replace("o", "ô")


SPELLINGS = {
    "as shown": RECEIPT.text,
    "capitals": RECEIPT.text.upper(),
    "title case": RECEIPT.text.title(),
    "hyphens": "-".join(RECEIPT.words),
    "dashes": " – ".join(RECEIPT.words),
    "commas": ", ".join(RECEIPT.words) + ".",
    "line breaks": "\r\n".join(RECEIPT.words) + "\r\n",
    "tabs and more": "\t \u00a0 ".join(RECEIPT.words),
    "underscores": "_".join(RECEIPT.words),
    "numbered": "\n".join(f"{n}. {word}" for n, word in enumerate(RECEIPT.words, 1)),
    "numbered tightly": " ".join(f"{n}){word}" for n, word in enumerate(RECEIPT.words, 1)),
    "quoted": '"' + '" "'.join(RECEIPT.words) + '"',
    "accents": accented(RECEIPT.text),
    "accents taken apart": unicodedata.normalize("NFD", accented(RECEIPT.text)),
    "full width": "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else c for c in RECEIPT.text),
    "NUL between": "\0".join(RECEIPT.words),
    "byte order mark": "\ufeff" + RECEIPT.text,
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_it_is_read_however_it_is_written(text: str) -> None:
    assert parse(text) == RECEIPT


@given(
    st.lists(st.sampled_from(word_list()), min_size=WORDS, max_size=WORDS),
    st.lists(st.sampled_from([" ", "-", ", ", "\n", " 3. ", "\t", "/", "·"]), min_size=WORDS, max_size=WORDS),
    st.booleans(),
)
def test_any_eight_words_of_the_list_are_a_receipt(words: list[str], between: list[str], shout: bool) -> None:
    text = "".join(word + gap for word, gap in zip(words, between, strict=True))
    assert parse(text.upper() if shout else text).words == tuple(words)


BAD = [
    ("", "receipt-length"),
    ("   \n", "receipt-length"),
    ("\0" * 100, "receipt-length"),
    ("12345678", "receipt-length"),
    (" ".join(RECEIPT.words[:7]), "receipt-length"),
    (RECEIPT.text + " zebra", "receipt-length"),
    ("".join(RECEIPT.words), "receipt-length"),
    ("a" * 1_000_000, "receipt-length"),
    (RECEIPT.text + " " * MAX_TEXT, "receipt-length"),
    ("\ud800" * 20, "receipt-length"),
    ("слово " * 8, "receipt-word"),
    (" ".join((*RECEIPT.words[:7], "qqqqqqqqq")), "receipt-word"),
    (" ".join((*RECEIPT.words[:7], "x" * 900)), "receipt-word"),
]


@pytest.mark.parametrize(("text", "slug"), BAD, ids=[ascii(text)[:30] + str(len(text)) for text, _ in BAD])
def test_what_is_no_receipt_is_refused_without_repeating_it(text: str, slug: str) -> None:
    with pytest.raises(BadReceipt) as caught:
        parse(text)
    assert caught.value.slug == slug
    assert not any(word in caught.value.sentence for word in RECEIPT.words)
    assert "qqq" not in caught.value.sentence


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("zebraa", "zebra"), ("zbra", "zebra"), ("disabeld", "disabled"), ("yelow", "yellow")],
)
@pytest.mark.parametrize("place", [1, 4, 8])
def test_a_wrong_word_is_named_by_place_with_the_nearest_right_one(
    typed: str, meant: str, place: int
) -> None:
    words = list(RECEIPT.words)
    words[place - 1] = typed
    with pytest.raises(BadReceipt) as caught:
        parse(" ".join(words))
    assert caught.value.slug == "receipt-word"
    assert f"Word {place} " in caught.value.sentence
    assert f"“{meant}”" in caught.value.sentence


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        receipt = parse(text)
    except BadReceipt:
        return
    assert parse(receipt.text) == receipt


# --- Keys -------------------------------------------------------------------------------------------------


def test_each_purpose_has_its_own_key() -> None:
    keys = [RECEIPT.lookup_key, RECEIPT.proof_key, RECEIPT.message_private_key, RECEIPT.message_public_key]
    assert [len(key) for key in keys] == [32] * 4
    assert len(set(keys)) == 4
    other = issue(SECRET, NONCE + b"2")
    assert not set(keys) & {
        other.lookup_key,
        other.proof_key,
        other.message_private_key,
        other.message_public_key,
    }


def test_the_message_keys_are_a_pair() -> None:
    private = X25519PrivateKey.from_private_bytes(RECEIPT.message_private_key)
    assert private.public_key().public_bytes_raw() == RECEIPT.message_public_key
    sender = X25519PrivateKey.generate()
    assert private.exchange(sender.public_key()) == sender.exchange(private.public_key())


def test_the_keys_come_from_the_words_alone() -> None:
    again = parse(RECEIPT.text.upper())
    assert again.lookup_key == RECEIPT.lookup_key
    assert again.proof_key == RECEIPT.proof_key
    assert again.message_public_key == RECEIPT.message_public_key


def test_no_printed_form_shows_a_word() -> None:
    for shown in (repr(RECEIPT), str(RECEIPT), f"{RECEIPT}", repr([RECEIPT]), repr({"receipt": RECEIPT})):
        assert not any(word in shown for word in RECEIPT.words)


def test_the_derivation_never_changes() -> None:
    """Receipts are written on paper: whoever changes a line below makes them worthless."""
    assert RECEIPT.text == "percent suspect visible cofounder stowing entering dancing overeager"
    assert RECEIPT.lookup_key.hex() == "89aa08b513905c1f30500c9663fdbde4649a42193743002700f3108c9f762196"
    assert RECEIPT.proof_key.hex() == "0215865eb02ff5e516ac8321ef08734fff6b3339b1d3eaabb425106d39aeceb3"
    assert (
        RECEIPT.message_public_key.hex() == "98d05c8d120504f84b5d8c30e5bf8d8c4819a66c5ad4715175d5159a7a299858"
    )


def test_keys_are_plain_hkdf() -> None:
    """RFC 5869 by hand, for whoever writes it again in a browser."""
    receipt = Receipt(("alpha",) * WORDS)
    extracted = hmac.digest(bytes(32), receipt.text.encode(), hashlib.sha256)
    expanded = hmac.digest(extracted, b"takedown receipt v1: proof key\x01", hashlib.sha256)
    assert receipt.proof_key == expanded
