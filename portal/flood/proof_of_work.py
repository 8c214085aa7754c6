"""A small sum that a browser does while a person fills in a form; it shows that somebody took some trouble.

The sum is ALTCHA's (https://altcha.org, version 2, SHA-256 with a cost of 1, "deterministic"): find the
number below PROOF_TRIES whose hash begins with 16 given bytes. It needs no more tries than that, also with
bad luck. A challenge is good for one form, until it expires, and once: the library itself takes an answer
again and again, so those that were used are remembered until they expire.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time

import altcha
from django.conf import settings
from django.utils.crypto import salted_hmac

from portal.flood.buckets import Buckets

#: Longest answer that is looked at, in characters; a real one has about 800.
MAX_ANSWER = 4096


def challenge(token: bytes) -> str:
    """A sum for the form with this token: one line of JSON for portal/static/portal/flood/."""
    made = altcha.create_challenge(
        "SHA-256",
        1,
        counter=secrets.randbelow(settings.PROOF_TRIES),
        expires_at=int(time.time()) + settings.PROOF_SECONDS,
        data=_bound_to(token),
        hmac_secret=_secret(),
    )
    return json.dumps(made.to_dict(), separators=(",", ":"))


def proven(answer: str, token: bytes, buckets: Buckets) -> bool:
    """Whether this is the answer to a sum for this form, in time and not used before. It is used from now on.

    Args:
        answer: what the browser sent, whatever it may be.
        token: of the form that it came with.
        buckets: remember what was used.
    """
    if not answer or len(answer) > MAX_ANSWER:
        return False
    try:
        given = altcha.Payload.from_base64(answer)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    asked = given.challenge.parameters
    if asked.data != _bound_to(token) or not altcha.verify_solution(given, _secret()).verified:
        return False
    return buckets.first(f"proof.{asked.nonce}", settings.PROOF_SECONDS)


def _bound_to(token: bytes) -> dict[str, str]:
    """The form, without its token: the receipt follows from that."""
    return {"form": hashlib.blake2b(token, digest_size=16).hexdigest()}


def _secret() -> bytes:
    return salted_hmac("portal.flood.proof_of_work", b"", algorithm="sha256").digest()
