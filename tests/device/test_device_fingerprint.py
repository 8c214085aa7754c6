"""The whole fingerprint made in the browser of equal pixels: the same JSON, letter by letter."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from device_files import scene
from device_modules import Modules, picture
from device_site import Site
from factories.pictures import soft

from portal.static_headers import confine_scripts
from takedown.fingerprint import Fingerprint, hashed
from takedown.images import Picture

pytestmark = pytest.mark.browser

_MAKE = """({bytes, picture, source, format, varied}, {fingerprint}) =>
  fingerprint(bytes, {...picture, source}, format, {varied})"""


def _pictures() -> list[Any]:
    """Of random sizes and of those at which something changes."""
    rng = np.random.default_rng(8)
    sizes = [(1, 1), (4, 60), (5, 5), (64, 64), (128, 129), (512, 512), (511, 300)]
    sizes += [tuple(rng.integers(5, 513, 2)) for _ in range(25)]
    found = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    found += [soft(int(width), int(height), seed=int(width)) for height, width in sizes]
    return [*found, np.full((40, 50, 3), 200, np.uint8), scene(500, 400)]


def _argument(pixels: Any, number: int, varied: bool) -> dict[str, Any]:
    height, width = pixels.shape[:2]
    return {
        "bytes": number.to_bytes(7, "big"),
        "picture": picture(pixels),
        "source": {"width": 3 * width, "height": 2 * height},
        "format": "WEBP",
        "varied": varied,
    }


def _ours(pixels: Any, number: int, varied: bool) -> Fingerprint:
    height, width = pixels.shape[:2]
    seen = Picture(pixels, 3 * width, 2 * height, "WEBP")
    return hashed(number.to_bytes(7, "big"), seen, varied=varied)


def _written(made: dict[str, Any]) -> str:
    return json.dumps(made, sort_keys=True, separators=(",", ":"))


def test_base_fingerprints_are_the_librarys(modules: Modules) -> None:
    pictures = _pictures()
    arguments = [_argument(pixels, n, varied=False) for n, pixels in enumerate(pictures)]
    for number, made in enumerate(modules.map("fingerprint.js", _MAKE, arguments)):
        ours = _ours(pictures[number], number, varied=False)
        assert _written(made) == ours.to_json(), pictures[number].shape
        assert Fingerprint.from_json(_written(made)) == ours


def test_fingerprints_with_all_variants_are_the_librarys(modules: Modules) -> None:
    pictures = [scene(512, 384, seed=1), scene(300, 512, seed=2), scene(70, 40, seed=3)]
    arguments = [_argument(pixels, n, varied=True) for n, pixels in enumerate(pictures)]
    for number, made in enumerate(modules.map("fingerprint.js", _MAKE, arguments)):
        assert _written(made) == _ours(pictures[number], number, varied=True).to_json()


def test_progress_is_told_and_ends(modules: Modules) -> None:
    body = """async (argument, {fingerprint}) => {
      const told = [];
      const progress = (done, all) => told.push([done, all]);
      const {bytes, picture, source, format} = argument;
      await fingerprint(bytes, {...picture, source}, format, {progress});
      return told;
    }"""
    told = modules.run("fingerprint.js", body, _argument(scene(200, 150), 1, varied=True))
    assert len(told) >= 5
    assert told == sorted(told)
    assert all(done <= whole for done, whole in told)


def test_a_thread_that_changes_pixels_makes_no_fingerprint(modules: Modules, site: Site) -> None:
    noise = """const read = OffscreenCanvasRenderingContext2D.prototype.getImageData;
      OffscreenCanvasRenderingContext2D.prototype.getImageData = function (...box) {
        const found = read.apply(this, box);
        found.data[40] ^= 1;
        return found;
      };"""
    site.put("noise.js", noise)
    both = 'import "./noise.js"; import "/static/portal/device/worker.js";'
    body = """(address) => new Promise((resolve) => {
      const worker = new Worker(address, {type: "module"});
      worker.onmessage = ({data}) => resolve(data);
      worker.postMessage({file: new Blob(["any"])});
    })"""
    assert modules.run([], body, site.put("noisy.js", both)) == {"step": "refused", "reason": "randomised"}


def test_the_thread_can_reach_nothing(modules: Modules, site: Site) -> None:
    """Not even this very host: what came with its script forbids it."""
    tries = 'fetch("/empty.html").then(() => postMessage("reached"), () => postMessage("refused"));'
    headers: dict[str, str] = {}
    confine_scripts(headers, "", "worker.js")
    body = """(address) => new Promise((resolve, reject) => {
      const worker = new Worker(address, {type: "module"});
      worker.onmessage = ({data}) => resolve(data);
      worker.onerror = () => reject(new Error("no script"));
    })"""
    free = modules.run([], body, site.put("free.js", tries))
    confined = modules.run([], body, site.put("tries.js", tries, policy=headers["Content-Security-Policy"]))
    assert (free, confined) == ("reached", "refused")
