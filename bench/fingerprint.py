"""Milliseconds to fingerprint a picture, decoding included, beside imagehash.phash and pdqhash.compute.

``takedown, 8 turns`` is SHA-256, MD5, PDQ of eight orientations and pHash of the canonical picture, ``base``
the same with PDQ of the original alone, as for pictures that are searched, and ``fingerprint`` with all
variants that are asked for when a picture is looked up. The peers make one hash.
``sandbox`` is the same made in a confined process: a process for each picture, as the portal does with
uploads, or one for a whole batch, as with a dataset's own pictures. Every contender runs on one core;
pictures are generated, soft with fine detail, and so easy to compress.
"""

from __future__ import annotations

import hashlib
import io
from functools import partial
from pathlib import Path

import imagehash
import numpy as np
import pdqhash
from PIL import Image

from bench.report import Timing, agree, at_least, at_most, goals, race, ratio, table
from takedown import pdq, phash
from takedown.fingerprint import base, fingerprint
from takedown.images import read_pixels
from takedown.sandbox import BATCH_BYTES, BATCH_PICTURES, Sandbox, Stored

#: Label, width, height in pixels, formats. 256 pixels is what datasets of pictures usually keep.
PICTURES = (
    ("256 px", 256, 256, ("JPEG", "PNG")),
    ("0.3 MP", 640, 480, ("JPEG", "PNG")),
    ("2 MP", 1632, 1224, ("JPEG", "PNG")),
    ("12 MP", 4000, 3000, ("JPEG", "PNG")),
)

#: Sides of the squares of noise that a picture is a sum of, and how strong each is.
_OCTAVES = ((8, 90.0), (64, 40.0), (400, 12.0))

DECODE, PEER, OTHER_PEER = "Pillow, decode only", "imagehash.phash", "pdqhash.compute"
BASE, TURNS, FULL = "takedown base", "takedown, 8 turns", "takedown fingerprint"
ALONE, MANY = "sandbox, fingerprint", "sandbox, base, many at a time"


def run(folder: Path) -> None:
    box = Sandbox()
    lines: list[tuple[object, ...]] = []
    try:
        for number, (label, width, height, kinds) in enumerate(PICTURES):
            for kind in kinds:
                times = _picture(f"{label} {kind}", picture(width, height, kind, number), box)
                if kind == "JPEG":
                    lines += _goals(label, times)
    finally:
        box.close()
    goals(*lines)


def _goals(label: str, times: dict[str, Timing]) -> list[tuple[object, ...]]:
    if label == "256 px":
        found = at_least("256 px JPEG: base fingerprints a second", 1 / times[BASE].median, 500)
        many = at_least("the same in the sandbox, many at a time", 1 / times[MANY].median, 500)
        return [found, many]
    if label in ("2 MP", "12 MP"):
        share = times[TURNS].median / times[PEER].median
        more = times[FULL].median - times[TURNS].median
        return [
            at_most(f"{label} JPEG: 8 turns / {PEER}", share, 1),
            at_most(f"{label} JPEG: ms more for all variants", more * 1e3, 150),
        ]
    return []


def picture(width: int, height: int, kind: str, seed: int) -> bytes:
    """A file with a generated picture."""
    rng = np.random.default_rng(seed)
    pixels = np.full((height, width, 3), 128, np.float32)
    for side, strength in _OCTAVES:
        for channel in range(3):
            noise = Image.fromarray(rng.normal(0, strength, (side, side)).astype(np.float32))
            pixels[:, :, channel] += np.asarray(noise.resize((width, height), Image.Resampling.BICUBIC))
    out = io.BytesIO()
    options = {"quality": 90} if kind == "JPEG" else {"compress_level": 6}
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, kind, **options)
    return out.getvalue()


def _picture(label: str, data: bytes, box: Sandbox) -> dict[str, Timing]:
    agree("the sandbox made another fingerprint", box.fingerprint(data) == fingerprint(data))
    agree("the bases differ", box.fingerprint_many([Stored(data)]) == [base(data)])
    times = race(
        {
            PEER: lambda: imagehash.phash(_opened(data)),
            OTHER_PEER: lambda: pdqhash.compute(np.asarray(_opened(data).convert("RGB"))),
            DECODE: lambda: _opened(data).load(),
            BASE: partial(base, data),
            TURNS: partial(_turns, data),
            FULL: partial(fingerprint, data),
            ALONE: partial(box.fingerprint, data),
        },
        seconds=12,
        most=101,
    )
    count = min(BATCH_PICTURES, BATCH_BYTES // len(data))
    whole = race({MANY: lambda: box.fingerprint_many([Stored(data)] * count)}, seconds=6)[MANY]
    times[MANY] = Timing(tuple(seconds / count for seconds in whole.seconds))
    rows = [_row(name, timing, times) for name, timing in times.items()]
    head = ("", "median ms", "range ms", f"x {PEER}", "x decode", "pictures/s")
    table(f"{label}, {len(data):,} bytes", head, rows)
    return times


def _turns(data: bytes) -> tuple[object, ...]:
    """Digests, eight codes, quality and pHash."""
    pixels = read_pixels(data).pixels
    codes = pdq.hash_regions(pdq.luma(pixels), pdq.orientations(*pixels.shape[:2]))
    digests = hashlib.sha256(data).hexdigest(), hashlib.md5(data, usedforsecurity=False).hexdigest()
    return *digests, *codes, phash.phash(pixels)


def _row(name: str, timing: Timing, times: dict[str, Timing]) -> tuple[object, ...]:
    return (
        name,
        timing.median * 1e3,
        timing.spread,
        ratio(timing.median, times[PEER].median),
        ratio(timing.median, times[DECODE].median),
        1 / timing.median,
    )


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))
