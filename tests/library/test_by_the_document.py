"""docs/fingerprints.md in plain Python, number by number, against the compiled code."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from takedown import pdq
from takedown.fingerprint import PIPELINE
from takedown.pixels import canonical_pixels

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "fingerprints.md").read_text()
Rows = list[list[int]]


def spans(n: int) -> tuple[list[dict[int, int]], int]:
    """Of each output pixel of an axis, the weights of its source pixels; and what they add up to."""
    if n <= 512:
        return [{i: 1} for i in range(n)], 1
    found = []
    for i in range(512):
        begin, end = i * n, (i + 1) * n
        pixels = range(begin // 512, (end - 1) // 512 + 1)
        found.append({p: min(end, (p + 1) * 512) - max(begin, p * 512) for p in pixels})
    return found, n


def canonical(source: list[Rows]) -> list[Rows]:
    down, height = spans(len(source))
    across, width = spans(len(source[0]))
    total = height * width
    return [
        [
            [
                (sum(u * v * source[y][x][c] for y, u in up.items() for x, v in left.items()) + total // 2)
                // total
                for c in range(3)
            ]
            for left in across
        ]
        for up in down
    ]


def weights(n: int) -> list[dict[int, int]]:
    """The 64 sums of an axis, in 1/9216."""
    k = (n + 127) // 128

    def box(p: int) -> list[int]:
        return [q for q in range(p + (k + 2) // 2 - k, p + (k + 2) // 2) if 0 <= q < n]

    found = []
    for i in range(64):
        sums: dict[int, int] = {}
        outer = box((2 * i + 1) * n // 128)
        for p in outer:
            for q in box(p):
                sums[q] = sums.get(q, 0) + 12 // len(outer) * (12 // len(box(p))) * 64
        found.append(sums)
    return found


def values(pixels: list[Rows]) -> Rows:
    luma = [[299 * r + 587 * g + 114 * b - 127500 for r, g, b in row] for row in pixels]
    down, across = weights(len(luma)), weights(len(luma[0]))
    return [
        [
            (sum(u * v * luma[y][x] for y, u in up.items() for x, v in left.items()) + 2**19) // 2**20
            for left in across
        ]
        for up in down
    ]


def code(v: Rows) -> str:
    c = [
        [round(2**20 * math.cos((m + 1) * (2 * j + 1) * math.pi / 128)) for j in range(64)] for m in range(16)
    ]
    assert all(sum(row) == 0 for row in c)
    e = [[(sum(c[m][y] * v[y][x] for y in range(64)) + 2**21) // 2**22 for x in range(64)] for m in range(16)]
    b = [sum(e[m][x] * c[n][x] for x in range(64)) for m in range(16) for n in range(16)]
    middle = sorted(b)[127]
    return f"{sum(1 << k for k in range(256) if b[k] > middle):064x}"


def quality(v: Rows) -> int:
    beside = sum(abs(row[x + 1] - row[x]) // 206550 for row in v for x in range(63))
    below = sum(abs(v[y + 1][x] - v[y][x]) // 206550 for y in range(63) for x in range(64))
    return min((beside + below) // 90, 100)


@pytest.mark.parametrize("size", [(5, 7), (64, 64), (90, 150), (130, 70), (700, 40), (30, 1301)], ids=str)
def test_the_page_says_what_the_code_does(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(9).integers(0, 256, (*size, 3), dtype=np.uint8)
    small = canonical(pixels.tolist())
    found = canonical_pixels(Image.fromarray(pixels))
    assert found.tolist() == small
    codes, qualities = pdq.hash_regions(pdq.luma(found), pdq.upright(*found.shape[:2]))
    v = values(small)
    assert (codes[0].tobytes().hex(), qualities[0]) == (code(v), quality(v))


def test_the_page_is_about_this_pipeline() -> None:
    assert f"this page is pipeline **{PIPELINE}**" in PAGE
    assert {"127500", "9216", "206550"} <= set(re.findall(r"\d+", PAGE))
