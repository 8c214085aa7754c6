"""The same buckets, shared by all processes through the Redis that carries the tasks.

What lies there: numbers under names that are keyed hashes, each gone when its bucket is full again; used
proofs until they expire; and 32 random bytes of the day, gone a day later. The key of the day is made of
those bytes and of a secret that Redis does not hold: neither of them alone tells anything.

While Redis does not answer, every process counts for itself.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

from redis import Redis
from redis.exceptions import RedisError

from portal.days import today
from portal.flood.buckets import Buckets, InMemory, Rate

#: Seconds that a request waits for Redis, and seconds for which a Redis that kept one waiting is left alone.
PATIENCE = 0.3
LEFT_ALONE = 10
#: Seconds for which the random bytes of a day are kept: the day, wherever it is in it, and an hour.
KEY_SECONDS = 25 * 3600

# InMemory.take in one step, so that no two processes take the same token. A moment too far ahead was written
# by a clock that was wrong.
_TAKE = """
local now, every = tonumber(ARGV[1]), tonumber(ARGV[2])
local at_once, patience = tonumber(ARGV[3]), tonumber(ARGV[4])
local full = tonumber(redis.call('GET', KEYS[1]) or now)
full = math.min(math.max(full, now), now + every * at_once + patience) + every
local wait = math.max(0, full - now - every * at_once)
if wait <= patience then redis.call('SET', KEYS[1], string.format('%d', full), 'PX', full - now) end
return wait
"""

T = TypeVar("T")


class InRedis:
    """Buckets in Redis.

    Args:
        url: of the server.
        prefix: of every name there.
        secret: goes into the key of the day.
        clock: milliseconds; the same for all processes.
    """

    def __init__(
        self,
        url: str,
        prefix: str,
        secret: bytes,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        day: Callable[[], date] = today,
    ) -> None:
        self._redis: Redis = Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
        self._script = self._redis.register_script(_TAKE)
        self._prefix, self._secret, self._clock, self._today = f"{prefix}flood.", secret, clock, day
        self._key: tuple[date, bytes] | None = None
        self._alone: Buckets = InMemory()
        self._left_alone_until = 0.0

    def key(self) -> bytes:
        day = self._today()
        if self._key is None or self._key[0] != day:
            random = self._asked(lambda: self._random(day), lambda: b"")
            if not random:
                return self._alone.key()
            self._key = day, hmac.new(self._secret, random, hashlib.sha256).digest()
        return self._key[1]

    def take(self, name: str, rate: Rate, patience: int = 0) -> int:
        sent = [self._clock(), rate.every, rate.at_once, patience]
        return self._asked(
            lambda: int(self._script(keys=[self._prefix + name], args=sent)),
            lambda: self._alone.take(name, rate, patience),
        )

    def first(self, name: str, seconds: int) -> bool:
        return self._asked(
            lambda: bool(self._redis.set(self._prefix + name, 1, nx=True, ex=seconds)),
            lambda: self._alone.first(name, seconds),
        )

    def _random(self, day: date) -> bytes:
        name = f"{self._prefix}key.{day.isoformat()}"
        self._redis.set(name, secrets.token_bytes(32), nx=True, ex=KEY_SECONDS)
        found: Any = self._redis.get(name)
        return bytes(found or b"")

    def _asked(self, shared: Callable[[], T], alone: Callable[[], T]) -> T:
        """The answer of Redis, or of this process alone while there is none."""
        if time.monotonic() < self._left_alone_until:
            return alone()
        try:
            return shared()
        except RedisError:
            self._left_alone_until = time.monotonic() + LEFT_ALONE
            return alone()
