"""Flood control: nobody is refused, many are slowed, and nobody's address is kept.

1. ``fields`` puts into a form: a signed note of when and for which form it was made, a field that people do
   not see and programs fill in, and a sum for the browser (proof_of_work.py).
2. ``slow`` tells that a submission is to be worked on after the others: it came too fast to be typed, or as
   one of very many without the sum.
3. ``wait`` tells whether a look-up has to wait: there are very many, and it came without the sum.

What is counted: requests by a caller's name of the day (callers.py), and all together. Where callers cannot
be told apart, as on an onion service, only the latter.
"""

from __future__ import annotations

import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from portal.flood import callers, proof_of_work
from portal.flood.buckets import Buckets, InMemory, Rate

_SALT = "portal.flood.limits"


@dataclass(frozen=True)
class Flood:
    """What templates/public/flood.html puts into a form.

    Attributes:
        note: signed; opened by ``slow`` and ``wait``.
        challenge: JSON for the script.
        wait: seconds until the form is let through, 0 when it need not wait.
    """

    note: str
    challenge: str
    wait: int = 0


def fields(token: bytes) -> Flood:
    """For a form that is about to be shown.

    Args:
        token: of the form, random; a draft's.
    """
    return _Note(token, made=int(time.time())).flood()


def slow(request: HttpRequest, token: bytes) -> bool:
    """Whether a submission is worked on after the others.

    Args:
        token: of the form, as it was given to ``fields``.
    """
    note = _Note.read(request)
    if note is None or note.token != token or request.POST.get("topic"):
        return True
    if note.age < settings.FLOOD_FORM_SECONDS:
        return True
    if _proven(request, note):
        return buckets().take("sent.proven", Rate(*settings.SUBMISSIONS_WITH_PROOF)) > 0
    return any(buckets().take(name, rate) for name, rate in _buckets_of(request, "sent"))


def wait(request: HttpRequest) -> Flood | None:
    """None when a look-up goes on now; else what its form carries while it waits.

    Whoever waited comes through: the place in the queue is theirs, and pressing the button early does not
    lose it. With the sum one goes on at once. Both hold as long as this process is not overrun. Where the
    queue is longer than anyone is asked to wait there is no place to give: one waits, and asks anew.
    """
    note = _Note.read(request)
    if _proven(request, note):
        ahead = 0
    elif note and note.waits:
        return note.flood()
    else:
        ahead = 0 if _waited(note) else _place_in_queue(request)
    overrun = 0 if ahead else process().take("look.process", Rate(*settings.LOOKS_OF_A_PROCESS))
    milliseconds = min(max(ahead, overrun), settings.FLOOD_WAIT_SECONDS * 1000)
    if not milliseconds:
        return None
    placed = ahead <= settings.FLOOD_WAIT_SECONDS * 1000
    seconds = -(-milliseconds // 1000)
    return _Note(secrets.token_bytes(16), made=int(time.time()), wait=seconds, placed=placed).flood()


def _place_in_queue(request: HttpRequest) -> int:
    """Milliseconds until a token comes back that is the caller's from now on; 0 when there was one.

    Who has taken many ahead already gets none of everybody's.
    """
    patience, longest = settings.FLOOD_WAIT_SECONDS * 1000, 0
    for name, rate in _buckets_of(request, "look"):
        longest = max(longest, buckets().take(name, rate, patience))
        if longest > patience:
            break
    return longest


@dataclass(frozen=True)
class _Note:
    """What a form says about itself: its token, when it was made, how long it was asked to wait, and whether
    it has a place in the queue."""

    token: bytes
    made: int
    wait: int = 0
    placed: bool = False

    @property
    def age(self) -> int:
        return int(time.time()) - self.made

    @property
    def waits(self) -> int:
        """Seconds that are left to wait."""
        return max(0, self.wait - self.age)

    def flood(self) -> Flood:
        return Flood(self.sealed(), proof_of_work.challenge(self.token), self.waits)

    def sealed(self) -> str:
        told = [urlsafe_b64encode(self.token).decode(), self.made, self.wait, self.placed]
        return signing.dumps(told, salt=_SALT)

    @classmethod
    def read(cls, request: HttpRequest) -> _Note | None:
        try:
            token, made, wait, placed = signing.loads(request.POST.get("flood", ""), salt=_SALT)
        except (signing.BadSignature, ValueError, TypeError):
            return None
        return cls(urlsafe_b64decode(token), made, wait, placed)


def _waited(note: _Note | None) -> bool:
    """Whether somebody was asked to wait, did so, and now comes through for the first time."""
    if note is None or not note.placed or note.age > settings.PROOF_SECONDS:
        return False
    return buckets().first(f"waited.{note.token.hex()}", settings.PROOF_SECONDS)


def _proven(request: HttpRequest, note: _Note | None) -> bool:
    return note is not None and proof_of_work.proven(request.POST.get("proof", ""), note.token, buckets())


def _buckets_of(request: HttpRequest, what: str) -> list[tuple[str, Rate]]:
    of_one, of_all = _RATES[what]
    caller = callers.name(request, buckets().key())
    own = [(f"{what}.{caller}", Rate(*getattr(settings, of_one)))] if caller else []
    return [*own, (f"{what}.all", Rate(*getattr(settings, of_all)))]


#: What is counted -> the settings that hold the rate of one address and that of all together.
_RATES = {
    "sent": ("SUBMISSIONS_OF_AN_ADDRESS", "SUBMISSIONS_OF_ALL"),
    "look": ("LOOKS_OF_AN_ADDRESS", "LOOKS_OF_ALL"),
}


def buckets() -> Buckets:
    """Those that all processes share where there is Redis, else those of this process."""
    if settings.BROKER_URL.startswith("redis"):
        return _shared(settings.BROKER_URL, settings.BROKER_PREFIX)
    return process()


@lru_cache(maxsize=1)
def process() -> InMemory:
    """The buckets of this process."""
    return InMemory()


@lru_cache(maxsize=1)
def _shared(url: str, prefix: str) -> Buckets:
    from portal.flood.buckets_redis import InRedis

    return InRedis(url, prefix, salted_hmac(_SALT, b"", algorithm="sha256").digest())
