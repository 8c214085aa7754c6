"""The cosine transform of 32 numbers, step by step as pocketfft takes them, its factors being 2, 4 and 4."""

from __future__ import annotations

from typing import Any

import numpy as np

from takedown.cosines import IMAGINARY, QUARTER, REAL
from takedown.jit import kernel

_ROOT = 1.4142135623730951


@kernel
def _butterfly(source: Any, a: int, b: int, c: int, d: int, out: Any, p: int, q: int, r: int, s: int) -> None:
    plus, minus = source[a] + source[b], source[a] - source[b]
    third, fourth = 2.0 * source[c], 2.0 * source[d]
    out[p], out[r] = plus + third, plus - third
    out[s], out[q] = minus + fourth, minus - fourth


@kernel
def _times_root(power: int, real: Any, imaginary: Any, out: Any, at: int) -> None:
    cosine, sine = REAL[power], IMAGINARY[power]
    out[at + 1] = cosine * imaginary + sine * real
    out[at] = cosine * real - sine * imaginary


@kernel
def _turned(source: Any, c: int, out: Any, h: int) -> None:
    """The complex numbers in the middle of each four."""
    r1, r2 = source[c + 1] - source[c + 13], source[c + 1] + source[c + 13]
    i1, i2 = source[c + 2] + source[c + 14], source[c + 2] - source[c + 14]
    r4, i3 = source[c + 10] + source[c + 6], source[c + 10] - source[c + 6]
    r3, i4 = source[c + 9] + source[c + 5], source[c + 9] - source[c + 5]
    out[h + 1], out[h + 2] = r2 + r3, i2 + i3
    _times_root(2, r1 - r4, i1 + i4, out, h + 9)
    _times_root(4, r2 - r3, i2 - i3, out, h + 17)
    _times_root(6, r1 + r4, i1 - i4, out, h + 25)


@kernel
def _by_two(source: Any, out: Any) -> None:
    """First step of the backward transform: 32 half-complex numbers -> two times 16."""
    out[0], out[16] = source[0] + source[31], source[0] - source[31]
    out[15], out[31] = 2.0 * source[15], -2.0 * source[16]
    for i in range(2, 16, 2):
        real, imaginary = source[i - 1] - source[31 - i], source[i] + source[32 - i]
        out[i - 1] = source[i - 1] + source[31 - i]
        out[i] = source[i] - source[32 - i]
        cosine, sine = REAL[i // 2], IMAGINARY[i // 2]
        out[16 + i] = cosine * imaginary + sine * real
        out[15 + i] = cosine * real - sine * imaginary


@kernel
def _by_four(source: Any, out: Any) -> None:
    """Second step: two times 16 -> eight times 4."""
    for k in range(2):
        c, h = 16 * k, 4 * k
        _butterfly(source, c, c + 15, c + 7, c + 8, out, h, h + 8, h + 16, h + 24)
        sum_i, difference_i = source[c + 12] + source[c + 4], source[c + 12] - source[c + 4]
        sum_r, difference_r = source[c + 3] + source[c + 11], source[c + 3] - source[c + 11]
        out[h + 3], out[h + 19] = sum_r + sum_r, difference_i + difference_i
        out[h + 11], out[h + 27] = _ROOT * (difference_r - sum_i), -_ROOT * (difference_r + sum_i)
        _turned(source, c, out, h)


@kernel
def _by_four_last(source: Any, out: Any) -> None:
    """Last step: eight times 4 -> 32 numbers."""
    for k in range(8):
        c = 4 * k
        _butterfly(source, c, c + 3, c + 1, c + 2, out, k, k + 8, k + 16, k + 24)


@kernel
def transform(values: Any, out: Any) -> None:
    """DCT-II of float64 [32]: ``2 * sum over j of values[j] * cos(pi * k * (2 j + 1) / 64)``."""
    one = np.empty(32, np.float64)
    one[0], one[31] = 2.0 * values[0], 2.0 * values[31]
    for k in range(1, 31, 2):
        one[k] = values[k] + values[k + 1]
        one[k + 1] = values[k + 1] - values[k]
    _by_two(one, out)
    _by_four(out, one)
    _by_four_last(one, out)
    out[16] *= QUARTER[15]
    for k in range(1, 16):
        low, high = QUARTER[k - 1], QUARTER[31 - k]
        plus = low * out[32 - k] + high * out[k]
        minus = low * out[k] - high * out[32 - k]
        out[k], out[32 - k] = 0.5 * (plus + minus), 0.5 * (plus - minus)
