"""SHA-256 and MD5 made in the browser."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from device_modules import Modules

pytestmark = pytest.mark.browser

# Around the ends of blocks, where padding differs.
LENGTHS = [0, 1, 3, 54, 55, 56, 57, 63, 64, 65, 119, 120, 121, 127, 128, 129, 1000, 65_537]
_DIGESTS = "async (bytes, m) => [await m.sha256(bytes), m.plainSha256(bytes), m.md5(bytes)]"


@pytest.mark.parametrize("fill", ["noise", "zeros", "ones"])
def test_digests_are_those_of_everyone_else(modules: Modules, fill: str) -> None:
    rng = np.random.default_rng(1)
    files = [rng.bytes(n) if fill == "noise" else bytes([255 * (fill == "ones")]) * n for n in LENGTHS]
    found = modules.map("digests.js", _DIGESTS, files)
    for data, digests in zip(files, found, strict=True):
        sha256, md5 = hashlib.sha256(data).hexdigest(), hashlib.md5(data).hexdigest()
        assert digests == [sha256, sha256, md5], len(data)


def test_a_part_of_a_buffer_is_digested_alone(modules: Modules) -> None:
    body = """async (bytes, {sha256, plainSha256, md5}) => {
      const part = bytes.subarray(3, 203);
      return [await sha256(part), plainSha256(part), md5(part)];
    }"""
    data = np.random.default_rng(2).bytes(500)
    sha256, md5 = hashlib.sha256(data[3:203]).hexdigest(), hashlib.md5(data[3:203]).hexdigest()
    assert modules.run("digests.js", body, data) == [sha256, sha256, md5]


def test_pages_without_tls_have_digests_too(modules: Modules) -> None:
    body = """async (bytes, {sha256}) => {
      Object.defineProperty(crypto, "subtle", {value: undefined, configurable: true});
      try { return await sha256(bytes); } finally { delete crypto.subtle; }
    }"""
    assert modules.run("digests.js", body, b"picture") == hashlib.sha256(b"picture").hexdigest()
    assert modules.run("digests.js", "() => typeof crypto.subtle.digest") == "function"
