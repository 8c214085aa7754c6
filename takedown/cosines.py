"""Constants of the cosine transform of 32 numbers, rounded as SciPy rounds it (cosines_kernels.py).

imagehash takes its transform from SciPy, which adds and multiplies in the order of pocketfft, and a pHash
compares coefficients with each other. Those of a symmetric picture are zero but for the rounding, so only the
same operations in the same order give the same bits for every picture.
"""

from __future__ import annotations

import math

import numpy as np

_N = 32


def _root(index: int, n: int, block: int) -> complex:
    """exp(2 pi i * index / n) as pocketfft makes it, the product of a fine and a coarse root."""
    fine, coarse = _exact(index % block, n), _exact(index - index % block, n)
    return complex(
        fine.real * coarse.real - fine.imag * coarse.imag, fine.real * coarse.imag + fine.imag * coarse.real
    )


def _exact(index: int, n: int) -> complex:
    """A root of the first half turn, from an angle of at most an eighth."""
    if 4 * index >= n:
        turned = _exact(index - n // 4, n)
        return complex(-turned.imag, turned.real)
    if 8 * index < n:
        angle = 2 * math.pi * index / n
        return complex(math.cos(angle), math.sin(angle))
    angle = 2 * math.pi * (n // 4 - index) / n
    return complex(math.sin(angle), math.cos(angle))


#: cos(pi * (k + 1) / 64), and the 32nd roots of 1. pocketfft's block is the smallest power of two, from 2 on,
#: whose square is at least half of n plus one.
QUARTER = np.array([_root(k + 1, 4 * _N, 16).real for k in range(_N)])
REAL = np.array([_root(k, _N, 8).real for k in range(_N // 2)])
IMAGINARY = np.array([_root(k, _N, 8).imag for k in range(_N // 2)])
