"""Token buckets: equal to a naive model, in memory and in Redis, bounded, and forgotten."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from fractions import Fraction

import pytest
from factories import own_redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from redis import Redis

from portal.flood.buckets import InMemory, Rate
from portal.flood.buckets_redis import InRedis

NAMES = st.sampled_from("abcdef")
RATE = Rate(at_once=3, an_hour=3600)  # one a second
PATIENCE = st.sampled_from([0, 1, 999, 1000, 2500])
MOST = 4


class Clock:
    """Milliseconds and a day that a test sets."""

    def __init__(self) -> None:
        self.now, self.date = 1_000_000, date(2026, 11, 22)

    def milliseconds(self) -> int:
        return self.now

    def day(self) -> date:
        return self.date


class Naive:
    """Counts tokens as fractions and keeps a list of what was used; no cleverness at all."""

    def __init__(self, clock: Clock, most: int | None) -> None:
        self.clock, self.most = clock, most
        self.tokens: OrderedDict[str, tuple[Fraction, int]] = OrderedDict()
        self.used: dict[str, int] = {}

    def take(self, name: str, rate: Rate, patience: int) -> int:
        while self.tokens and self._there(next(iter(self.tokens)), rate) >= rate.at_once:
            self.tokens.popitem(last=False)
        there = self._there(name, rate)
        wait = max(Fraction(0), (1 - there) * rate.every)
        if wait <= patience:
            self.tokens[name] = there - 1, self.clock.now
            self.tokens.move_to_end(name)
            while self.most and len(self.tokens) > self.most:
                self.tokens.popitem(last=False)
        assert wait.denominator == 1
        return int(wait)

    def _there(self, name: str, rate: Rate) -> Fraction:
        if name not in self.tokens:
            return Fraction(rate.at_once)
        left, since = self.tokens[name]
        return min(Fraction(rate.at_once), left + Fraction(self.clock.now - since, rate.every))

    def first(self, name: str, seconds: int) -> bool:
        alive = {used for used, until in self.used.items() if until > self.clock.now}
        if name in alive or (self.most and len(alive) >= self.most):
            return False
        self.used[name] = self.clock.now + seconds * 1000
        return True


class SameAsNaive(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.buckets = InMemory(self.clock.milliseconds, self.clock.day, most=MOST)
        self.naive = Naive(self.clock, MOST)

    @rule(name=NAMES, patience=PATIENCE)
    def take(self, name: str, patience: int) -> None:
        assert self.buckets.take(name, RATE, patience) == self.naive.take(name, RATE, patience)

    @rule(name=NAMES)
    def use(self, name: str) -> None:
        assert self.buckets.first(name, 2) == self.naive.first(name, 2)

    @rule(passed=st.one_of(st.integers(0, 5000), st.sampled_from([1000, 2000, 3000])))
    def time_passes(self, passed: int) -> None:
        self.clock.now += passed

    @rule()
    def a_day_passes(self) -> None:
        old = self.buckets.key()
        self.clock.date += timedelta(days=1)
        assert self.buckets.key() != old
        self.naive.tokens.clear()

    @invariant()
    def bounded(self) -> None:
        assert len(self.buckets._full) <= MOST
        assert len(self.buckets._used) <= MOST


TestSameAsNaive = SameAsNaive.TestCase
TestSameAsNaive.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with own_redis.running(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shared(redis_url: str, clock: Clock) -> Callable[..., InRedis]:
    """Makes the buckets of one process more; all of them lie in an empty Redis."""
    Redis.from_url(redis_url).flushall()
    return lambda url=redis_url: InRedis(url, "takedown.", b"secret", clock.milliseconds, clock.day)


@given(steps=st.lists(st.tuples(NAMES, PATIENCE, st.integers(0, 3000), st.booleans()), max_size=40))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_processes_with_redis_count_like_one_without(
    shared: Callable[..., InRedis], redis_url: str, clock: Clock, steps: list[tuple[str, int, int, bool]]
) -> None:
    Redis.from_url(redis_url).flushall()
    one, other, naive = shared(), shared(), Naive(clock, None)
    for name, patience, passed, whose in steps:
        clock.now += passed
        taken = (one if whose else other).take(name, RATE, patience)
        assert taken == naive.take(name, RATE, patience)


def test_what_one_process_used_no_other_uses(shared: Callable[..., InRedis]) -> None:
    one, other = shared(), shared()
    assert [one.first("a", 60), other.first("a", 60), other.first("b", 60)] == [True, False, True]


def test_processes_share_the_key_of_a_day_and_redis_does_not_hold_it(
    shared: Callable[..., InRedis], redis_url: str, clock: Clock
) -> None:
    one, other = shared(), shared()
    first = one.key()
    assert other.key() == first
    client = Redis.from_url(redis_url)
    assert first not in [client.get(name) for name in client.scan_iter()]
    clock.date += timedelta(days=1)
    assert one.key() == other.key() != first


def test_everything_in_redis_goes_by_itself(
    shared: Callable[..., InRedis], redis_url: str, clock: Clock
) -> None:
    buckets = shared()
    buckets.key()
    buckets.first("used", 60)
    for _ in range(3):
        buckets.take("bucket", RATE)
    client = Redis.from_url(redis_url)
    left = {name.decode().rpartition("flood.")[2][:6]: client.pttl(name) for name in client.scan_iter()}
    assert left.keys() == {"key.20", "used", "bucket"}
    assert 0 < left["bucket"] <= 3000
    assert 0 < left["used"] <= 60_000
    assert 0 < left["key.20"] <= 25 * 3_600_000


def test_a_clock_that_was_set_back_empties_no_bucket_for_good(
    shared: Callable[..., InRedis], clock: Clock
) -> None:
    buckets = shared()
    for _ in range(3):
        buckets.take("a", RATE)
    clock.now -= 900_000
    assert 0 < buckets.take("a", RATE) <= 1000


def test_without_redis_a_process_counts_for_itself(shared: Callable[..., InRedis]) -> None:
    buckets = shared(url="redis://127.0.0.1:1/0")
    assert len(buckets.key()) == 32
    assert buckets.key() == buckets.key()
    assert [buckets.take("a", RATE) > 0 for _ in range(4)] == [False, False, False, True]
    assert [buckets.first("x", 60), buckets.first("x", 60)] == [True, False]


def test_a_bucket_regains_at_least_one_token_an_hour() -> None:
    for an_hour in (-1, 0, 1):
        assert Rate(1, an_hour).every == 3_600_000
    assert Rate(1, 10**9).every == 1
