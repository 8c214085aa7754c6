"""The inner steps of the exact index: compiled where numba is installed, else in plain NumPy.

Both have the same functions with the same answers; exact_plain.py describes them. Work on much data is cut
into as many parts as there are processors and given to threads, since both leave the interpreter's lock alone
while they count, sort and search.
"""

from __future__ import annotations

import os
from itertools import pairwise
from types import ModuleType

from takedown.index import exact_plain

steps: ModuleType
try:
    from takedown.index import exact_kernels

    steps = exact_kernels
except ImportError:  # numba is an optional part
    steps = exact_plain

#: Memory is the limit: more than a few threads wait for it together.
THREADS = min(os.cpu_count() or 1, 8)


def parts(count: int, pieces: int) -> list[slice]:
    """Cut ``count`` entries into that many neighbouring parts of about equal size."""
    edges = [count * number // pieces for number in range(pieces + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]
