"""Token buckets and a memory of what was used, without anything that tells who.

A bucket holds so many tokens; one that is taken comes back after a while. Of a bucket that is not full only
one number is kept: the moment at which it will be full again (the "generic cell rate algorithm", ITU-T I.371,
which equals a token bucket exactly). A full bucket is like one that was never heard of, and is dropped.

Names of buckets are made with ``key()``, which is random, changes every day and stands in memory only. On a
new day all buckets are dropped with the old key.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import date
from threading import Lock
from typing import NamedTuple, Protocol

from portal.days import today

#: Buckets, and used names, that one process keeps. About 150 bytes each.
MOST = 100_000


class Rate(NamedTuple):
    """A bucket of ``at_once`` tokens that regains ``an_hour`` tokens an hour, evenly."""

    at_once: int
    an_hour: int

    @property
    def every(self) -> int:
        """Milliseconds after which one token comes back."""
        return max(1, 3_600_000 // max(1, self.an_hour))


class Buckets(Protocol):
    def key(self) -> bytes:
        """32 random bytes of this day."""

    def take(self, name: str, rate: Rate, patience: int = 0) -> int:
        """Take a token, or tell in how many milliseconds there is one.

        Args:
            name: of the bucket; it is full when it was never heard of.
            rate: always the same for a name.
            patience: milliseconds; a token that comes back within these is taken now, ahead of its time.

        Returns:
            0 when a token was there; up to ``patience`` when one was taken ahead of its time, and how long it
            is until then; more when none was taken.
        """

    def first(self, name: str, seconds: int) -> bool:
        """True at the first call with this name; it is remembered for so many seconds."""


def milliseconds() -> int:
    """A clock that nobody sets."""
    return time.monotonic_ns() // 1_000_000


class InMemory:
    """Buckets of one process. What was used least lately goes first when there are too many."""

    def __init__(
        self,
        clock: Callable[[], int] = milliseconds,
        day: Callable[[], date] = today,
        most: int = MOST,
    ) -> None:
        self._clock, self._today, self._most = clock, day, most
        self._lock = Lock()
        self.forget()

    def forget(self) -> None:
        """Begin anew, with another key."""
        with self._lock:
            self._used: OrderedDict[str, int] = OrderedDict()
            self._new_key()

    def key(self) -> bytes:
        with self._lock:
            if self._day != self._today():
                self._new_key()
            return self._key

    def take(self, name: str, rate: Rate, patience: int = 0) -> int:
        with self._lock:
            now = self._clock()
            _drop_until(now, self._full)
            full = max(self._full.get(name, now), now) + rate.every
            wait = max(0, full - now - rate.at_once * rate.every)
            if wait <= patience:
                self._full[name] = full
                self._full.move_to_end(name)
                if len(self._full) > self._most:
                    self._full.popitem(last=False)
            return wait

    def first(self, name: str, seconds: int) -> bool:
        """As of the protocol. False as well when too much is remembered: nothing may be used twice."""
        with self._lock:
            now = self._clock()
            _drop_until(now, self._used)
            if name in self._used or len(self._used) >= self._most:
                return False
            self._used[name] = now + seconds * 1000
            return True

    def _new_key(self) -> None:
        self._day, self._key = self._today(), secrets.token_bytes(32)
        self._full: OrderedDict[str, int] = OrderedDict()


def _drop_until(now: int, moments: OrderedDict[str, int]) -> None:
    """Drop the oldest ones whose moment has come."""
    while moments and next(iter(moments.values())) <= now:
        moments.popitem(last=False)
