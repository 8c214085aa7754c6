"""Milliseconds to fingerprint a picture, decoding included, beside imagehash.phash and pdqhash.compute.

A fingerprint is SHA-256, MD5, PDQ of eight orientations and pHash of the canonical picture; the peers make
one hash. ``sandbox`` is the same fingerprint made in a confined process, as the portal does with uploads.
Every contender runs on one core; pictures are generated, soft with fine detail, and so easy to compress.
"""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path

import imagehash
import numpy as np
import pdqhash
from PIL import Image

from bench.report import Timing, agree, race, ratio, table
from takedown import sandbox
from takedown.fingerprint import fingerprint

#: Label, width, height in pixels, format. 256 pixels is what datasets of pictures usually keep.
PICTURES = (
    ("256 px JPEG", 256, 256, "JPEG"),
    ("0.27 MP JPEG", 600, 450, "JPEG"),
    ("2 MP JPEG", 1632, 1224, "JPEG"),
    ("12 MP JPEG", 4000, 3000, "JPEG"),
    ("12 MP PNG", 4000, 3000, "PNG"),
)

#: Sides of the squares of noise that a picture is a sum of, and how strong each is.
_OCTAVES = ((8, 90.0), (64, 40.0), (400, 12.0))

PEER = "imagehash.phash"


def run(folder: Path) -> None:
    try:
        for number, (label, width, height, kind) in enumerate(PICTURES):
            _picture(label, picture(width, height, kind, number))
    finally:
        sandbox.close()


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


def _picture(label: str, data: bytes) -> None:
    agree("the sandbox made another fingerprint", sandbox.fingerprint(data) == fingerprint(data))
    times = race(
        {
            PEER: lambda: imagehash.phash(_opened(data)),
            "pdqhash.compute": lambda: pdqhash.compute(np.asarray(_opened(data).convert("RGB"))),
            "decode only (Pillow)": lambda: _opened(data).convert("RGB").load(),
            "takedown fingerprint": partial(fingerprint, data),
            "takedown sandbox": partial(sandbox.fingerprint, data),
        },
        seconds=15,
    )
    rows = [_row(name, timing, times[PEER]) for name, timing in times.items()]
    head = ("", "median ms", "range ms", f"x {PEER}", "pictures/s")
    table(f"{label}, {len(data):,} bytes", head, rows)


def _row(name: str, timing: Timing, peer: Timing) -> tuple[object, ...]:
    return (
        name,
        timing.median * 1e3,
        timing.spread,
        ratio(timing.median, peer.median),
        1 / timing.median,
    )


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))
