"""No address of a caller, nor a hash of one without a key, is left anywhere once a request was counted."""

from __future__ import annotations

import base64
import gc
import hashlib
import ipaddress
import logging
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory
from factories import own_redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from portal.flood import buckets, buckets_redis, callers, limits, proof_of_work

# Small numbers are everywhere and say nothing; addresses begin after those of our own networks.
V4 = st.integers(0x0B00_0000, 0xDFFF_FFFF).map(ipaddress.IPv4Address)
V6 = st.integers(0x2000 << 112, (0x4000 << 112) - 1).map(ipaddress.IPv6Address)
CALLERS = st.one_of(V4, V6).filter(lambda one: callers.hashed(str(one), b"key") is not None)
HASHES: list[Callable[[bytes], Any]] = [
    *(hashlib.md5, hashlib.sha1, hashlib.sha224, hashlib.sha256, hashlib.sha384, hashlib.sha512),
    *(hashlib.sha3_256, hashlib.blake2s, hashlib.blake2b),
    lambda data: hashlib.blake2b(data, digest_size=16),
    lambda data: hashlib.blake2b(data, digest_size=32),
]


def traces(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> set[bytes]:
    """Every way in which the address, or what everybody can make of it, may have been written."""
    packed, half = address.packed, address.packed[:8]
    plain = {str(address).encode(), address.exploded.encode(), packed, *((half,) if len(packed) > 8 else ())}
    digests = {make(text).digest() for make in HASHES for text in plain}
    raw = {*plain, *digests}
    coded = {code(one) for one in raw for code in (_hex, base64.b64encode, base64.urlsafe_b64encode)}
    return raw | {one.rstrip(b"=") for one in coded} | {str(int(address)).encode()}


def _hex(data: bytes) -> bytes:
    return data.hex().encode()


def held(*roots: Any) -> Iterator[bytes]:
    """Every text, byte string and number that can be reached from here."""
    seen, waiting = set(), list(roots)
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, types.ModuleType | types.FunctionType | type):
            continue
        seen.add(id(one))
        if isinstance(one, str):
            yield one.encode("utf-8", "surrogatepass")
        elif isinstance(one, bytes | bytearray):
            yield bytes(one)
        elif isinstance(one, int | float):
            yield str(one).encode()
        waiting += gc.get_referents(one)


def everything_kept() -> Iterator[bytes]:
    """All that the modules of flood control hold, and what stands in the frames that run."""
    modules = (limits, callers, proof_of_work, buckets, buckets_redis)
    made = [limits.process(), limits.buckets()]
    yield from held(*made, *(vars(module) for module in modules))


@pytest.fixture(scope="module")
def redis_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("redis")


@pytest.fixture(scope="module")
def redis_url(redis_folder: Path) -> Iterator[str]:
    with own_redis.running(redis_folder) as url:
        yield url


def _count(address: Any, proxies: int) -> None:
    """A submission and some look-ups from the address, until it has to wait."""
    headers = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": f"192.0.2.1, {address}"}
    sent = headers if proxies else {"REMOTE_ADDR": str(address)}
    limits.slow(RequestFactory().post("/", {"flood": limits.fields(b"t" * 16).note}, **sent), b"t" * 16)
    for _ in range(3):
        limits.wait(RequestFactory().post("/", **sent))


@pytest.mark.parametrize("broker", ["memory://", "redis"])
@given(address=CALLERS, proxies=st.sampled_from([0, 1]))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_address_is_left_anywhere(
    request: pytest.FixtureRequest,
    redis_folder: Path,
    caplog: pytest.LogCaptureFixture,
    broker: str,
    address: Any,
    proxies: int,
) -> None:
    given_settings = request.getfixturevalue("settings")
    given_settings.PROXIES, given_settings.FLOOD_FORM_SECONDS = proxies, 0
    if broker == "redis":
        given_settings.BROKER_URL = request.getfixturevalue("redis_url")
    given_settings.LOOKS_OF_AN_ADDRESS = (1, 60)
    caplog.set_level(logging.DEBUG)
    _count(address, proxies)
    kept = list(everything_kept())
    kept += [record.getMessage().encode() + repr(record.args).encode() for record in caplog.records]
    if broker == "redis":
        client = Redis.from_url(given_settings.BROKER_URL)
        client.save()
        kept.append((redis_folder / "dump.rdb").read_bytes())
        kept += [name + (client.get(name) or b"") for name in client.scan_iter()]
    counted = callers.hashed(str(address), limits.buckets().key())
    assert counted is not None
    assert any(counted.encode() in text for text in kept)  # it was counted, and this test looks where
    found = {trace for trace in traces(address) if any(trace in text for text in kept)}
    assert not found


def test_the_search_finds_what_is_planted() -> None:
    address = ipaddress.ip_address("198.51.100.77")
    planted = types.SimpleNamespace(a={"b": [hashlib.sha256(address.packed).hexdigest(), int(address)]})
    texts = list(held(planted))
    assert sum(any(trace in text for text in texts) for trace in traces(address)) == 2
