"""PDQ of a picture, and of many parts and orientations of it, in exact integers.

PDQ (Facebook, "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", 2019) blurs the
luma of a picture by two box filters along each axis, samples 64 x 64 points, keeps 16 x 16 frequencies of
their cosine transform, and sets a bit for each that is above the median. Everything up to the 64 x 64 points
is one operator for each axis (pdq_operators.py), and so are cuts, shrinks, mirrors and plain borders: all
variants of a picture are hashed from its luma alone:

1. luma of a pixel: ``299 R + 587 G + 114 B - 127500``, an integer; 1000 units are one grey level;
2. ``S = sum over y, x of rows[i, y] * luma[y, x] * columns[j, x]``, all weights integers in units of 1/ONE;
   what the weights of a line lack to ONE belongs to the border, ``fill``;
3. rounded once, ``V = floor((S + 2^19) / 2^20)``, and transposed where the variant says so;
4. ``E = floor((C V + 2^21) / 2^22)``, ``C[m, j] = round(2^20 cos((m + 1) (2 j + 1) pi / 128))``;
5. ``B = E C^T``, 16 x 16; bit ``16 m + n`` is 1 where B[m, n] is above the 128th smallest of the 256;
6. the code holds bit 255 first and bit 0 last, as PDQ is written.

Every number here is an integer below 2^53 in size, in whatever order one adds: the compiled kernel, the
matrix products of NumPy and a browser's doubles give the same bits. The constant that is taken off the luma
keeps sums within 32 bits and changes nothing: the rows of C add up to 0.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from takedown.pdq_operators import ONE, Operator, operator

Codes = NDArray[np.uint8]
Luma = NDArray[np.int32]

#: Luma of white and of black.
WHITE, BLACK = 127_500, -127_500
#: Smallest side that PDQ hashes; below, code and quality are 0.
MIN_SIDE = 5

_SAMPLES = 64
_FREQUENCIES = 16
# One percent of the grey levels, in units of V: ONE^2 * 1000 / 2^20 * 255 / 100.
_PERCENT = 206_550


class Variant(NamedTuple):
    """A picture as one wants it hashed: an operator for y, one for x, then transposed or not.

    Attributes:
        rows, columns: operators of the picture's height and width.
        transposed: swap the axes of what the operators leave.
        fill: luma of what lies outside of the picture.
    """

    rows: Operator
    columns: Operator
    transposed: bool = False
    fill: int = WHITE


@dataclass(frozen=True, eq=False)
class Plan:
    """Variants of pictures of one size; made by ``plan``.

    Attributes:
        rows, columns: the operators that occur, each once.
        variants: int32 [V, 4], a line for each variant: number of its row operator and of its column
            operator, 1 if transposed, fill.
    """

    rows: tuple[Operator, ...]
    columns: tuple[Operator, ...]
    variants: NDArray[np.int32]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the pictures."""
        return self.rows[0].length, self.columns[0].length

    @functools.cached_property
    def stacked(self) -> tuple[NDArray[Any], ...]:
        """What the kernel takes: its arguments from ``row_lines`` to ``order``."""
        order = np.argsort(self.variants[:, 0], kind="stable")
        row_lines, row_weights = _stack(self.rows)
        column_lines, column_weights = _stack(self.columns)
        return row_lines, row_weights, column_lines, column_weights.astype(np.float64), self.variants, order


def plan(variants: Sequence[Variant]) -> Plan:
    """Stack the operators of some variants; each operator is applied once for all that share it.

    Raises:
        ValueError: the variants are not all of pictures of one size.
    """
    rows, columns = _numbered(v.rows for v in variants), _numbered(v.columns for v in variants)
    if len({one.length for one in rows}) != 1 or len({one.length for one in columns}) != 1:
        raise ValueError("a plan needs variants of pictures of one size")
    table = [(rows[v.rows], columns[v.columns], v.transposed, v.fill) for v in variants]
    return Plan(tuple(rows), tuple(columns), np.array(table, dtype=np.int32))


@functools.lru_cache(maxsize=64)
def orientations(height: int, width: int) -> Plan:
    """The eight of variant_table.ORIENTATIONS in their order; equal to hashing really turned pixels."""
    down, up = operator(height), operator(height, mirrored=True)
    right, left = operator(width), operator(width, mirrored=True)
    return plan(
        [
            Variant(down, right),
            Variant(down, left, True),  # 90 degrees counter-clockwise: row i is column -i
            Variant(up, left),
            Variant(up, right, True),
            Variant(up, right),
            Variant(down, left),
            Variant(down, right, True),
            Variant(up, left, True),
        ]
    )


@functools.lru_cache(maxsize=64)
def upright(height: int, width: int) -> Plan:
    """The picture as it is and nothing else."""
    return plan([Variant(operator(height), operator(width))])


def luma(pixels: NDArray[np.uint8]) -> Luma:
    """Step 1 of the module's docstring: uint8 [h, w, 3] -> int32 [h, w], C-contiguous."""
    if kernels := _kernels():
        # One type of array: a confined process cannot compile for another.
        lines = np.require(pixels, requirements=["C", "W"]).reshape(len(pixels), -1)
        lumas: Luma = kernels.luma(lines)
        return lumas
    sums = pixels @ np.array([299, 587, 114], dtype=np.int32)
    return np.ascontiguousarray(sums - 127_500, dtype=np.int32)


def hash_regions(lumas: Luma, regions: Plan) -> tuple[Codes, NDArray[np.uint8]]:
    """PDQ of every variant of a picture.

    Args:
        lumas: int32 [h, w] as ``luma`` makes it.
        regions: made by ``plan`` for pictures of that height and width.

    Returns:
        uint8 [V, 32], the codes, and uint8 [V], their qualities 0..100; both are zero when the picture is
        smaller than MIN_SIDE.

    Raises:
        ValueError: the plan is for pictures of another size.
    """
    if lumas.shape != regions.shape:
        raise ValueError("the plan is for pictures of another size")
    codes = np.zeros((len(regions.variants), 32), dtype=np.uint8)
    qualities = np.zeros(len(regions.variants), dtype=np.uint8)
    if min(lumas.shape) < MIN_SIDE:
        return codes, qualities
    if kernels := _kernels():
        kernels.hash_all(lumas, *regions.stacked, _cosines(), codes, qualities)
    else:
        _hash_plainly(lumas, regions, codes, qualities)
    return codes, qualities


# --- Plans --------------------------------------------------------------------------------------------------


def _numbered(operators: Iterable[Operator]) -> dict[Operator, int]:
    return {one: number for number, one in enumerate(dict.fromkeys(operators))}


def _stack(operators: Sequence[Operator]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Start, count and sum of the weights of every line, [n, 64, 3], and the weights, [n, 64, taps]."""
    taps = max(one.weights.shape[1] for one in operators)
    lines = np.zeros((len(operators), _SAMPLES, 3), dtype=np.int32)
    weights = np.zeros((len(operators), _SAMPLES, taps), dtype=np.int32)
    for number, one in enumerate(operators):
        weights[number, :, : one.weights.shape[1]] = one.weights
    lines[:, :, 0] = [one.starts for one in operators]
    lines[:, :, 1] = [one.counts for one in operators]
    lines[:, :, 2] = weights.sum(axis=2)
    return lines, weights


@functools.cache
def _kernels() -> Any:
    """The compiled loops, or None without numba; imported when first needed, for it takes half a second."""
    try:
        from takedown import pdq_kernels
    except ImportError:
        return None
    return pdq_kernels


# --- Hashing ----------------------------------------------------------------------------------------------


@functools.cache
def _cosines() -> NDArray[np.float64]:
    """C of the module's docstring: float64 [16, 64], whole numbers."""
    angles = [[(m + 1) * (2 * j + 1) for j in range(_SAMPLES)] for m in range(_FREQUENCIES)]
    return np.array([[round(2**20 * math.cos(a * math.pi / 128)) for a in line] for line in angles], float)


def _hash_plainly(lumas: Luma, regions: Plan, codes: Codes, qualities: NDArray[np.uint8]) -> None:
    """What the kernel does, as matrix products in doubles: slower, equal to the bit."""
    plane = lumas.astype(np.float64)
    rows = [one.dense() for one in regions.rows]
    columns = [one.dense() for one in regions.columns]
    halves = [matrix @ plane for matrix in rows]
    for number, (row, column, transposed, fill) in enumerate(regions.variants):
        inside = np.outer(rows[row].sum(axis=1), columns[column].sum(axis=1))
        sums = halves[row] @ columns[column].T + int(fill) * (ONE * ONE - inside)
        values = np.floor((sums + 2**19) / 2**20)
        codes[number], qualities[number] = _finish(values.T if transposed else values)


def _finish(values: NDArray[np.float64]) -> tuple[Codes, int]:
    """Steps 4 to 6, and the quality: how much the 64 x 64 values change from one to the next."""
    cosines = _cosines()
    spectrum = (np.floor((cosines @ values + 2**21) / 2**22) @ cosines.T).ravel()
    bits = spectrum > np.partition(spectrum, 127)[127]
    steps: Any = [np.abs(np.diff(values, axis=axis)) // _PERCENT for axis in (0, 1)]
    return np.packbits(bits[::-1]), min(int(sum(step.sum() for step in steps)) // 90, 100)
