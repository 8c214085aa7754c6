"""Codes within a Hamming distance: the linear scan beside a table of bit counts, and its recall."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.report import agree, race, ratio, table
from takedown.index import PDQ_RADIUS
from takedown.index.linear import Linear

CODES = 1_000_000
BATCH = 16
PLANTED = 25  # neighbours of each query
FARTHEST = 40  # of them, in bits

_COUNTS = np.array([n.bit_count() for n in range(1 << 16)], np.uint8)


def measure() -> None:
    """Print the table for one look-up, a batch and the peer, then what was found of what was planted."""
    codes, queries, near = _planted()
    ours = Linear(codes)
    hits = ours.search(queries, PDQ_RADIUS)
    found = set(zip(hits.query.tolist(), hits.row.tolist(), strict=True))
    counted = {(number, row) for number in range(BATCH) for row in _by_table(codes, queries[number])}
    agree("the table of bit counts found other rows", found == counted)
    times = race(
        {
            "takedown linear": lambda: ours.search(queries[:1], PDQ_RADIUS),
            f"takedown linear, {BATCH} a call": lambda: ours.search(queries, PDQ_RADIUS),
            "table of bit counts": lambda: _by_table(codes, queries[0]),
        }
    )
    one, batch, peer = (timing.median for timing in times.values())
    rows = [
        (name, each * 1e3, 1 / each, ratio(each, one))
        for name, each in zip(times, (one, batch / BATCH, peer), strict=True)
    ]
    head = ("", "ms a look-up", "look-ups/s", "time, x ours")
    table(f"{CODES:,} PDQ codes (32 bytes each), radius {PDQ_RADIUS}", head, rows)
    counts = [(len(near), f"{len(found & near) / len(near):.3f}", len(found - near))]
    table("neighbours planted within the radius", ("planted", "recall", "others found"), counts)


def _planted() -> tuple[NDArray[np.uint8], NDArray[np.uint8], set[tuple[int, int]]]:
    """Random codes, random queries, and the (query, row) pairs within the radius."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (CODES, 32), dtype=np.uint8)
    queries = rng.integers(0, 256, (BATCH, 32), dtype=np.uint8)
    near = set()
    for place, row in enumerate(rng.choice(CODES, BATCH * PLANTED, replace=False).tolist()):
        number, distance = place % BATCH, int(rng.integers(0, FARTHEST + 1))
        bits = np.unpackbits(queries[number])
        bits[rng.choice(256, distance, replace=False)] ^= 1
        codes[row] = np.packbits(bits)
        if distance <= PDQ_RADIUS:
            near.add((number, row))
    return codes, queries, near


def _by_table(codes: NDArray[np.uint8], query: NDArray[np.uint8]) -> list[int]:
    """Rows within the radius: XOR, then look the bit count of each 16 bits up."""
    differing = _COUNTS[codes.view(np.uint16) ^ query.view(np.uint16)].sum(axis=1, dtype=np.uint16)
    return np.flatnonzero(differing <= PDQ_RADIUS).tolist()
