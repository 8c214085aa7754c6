"""The hot loops of the multi-index hash: cut codes into bands, sort them, probe, verify, compare with all.

A look-up works on a list of probes (bucket, query, how far the signature may be) in stages, so that the
processor waits for many places of memory at once instead of one after the other:

1. read the bounds of some buckets, and ask for the signatures inside them;
2. compare 32 signatures at a time; what stays within bounds is noted;
3. when enough is noted: ask for the row numbers, then for the codes, then count the bits.

All arrays of several bands are flat: band b begins at b times the length of one.
"""

from __future__ import annotations

import numpy as np

from takedown.index.mih_intrinsics_kernels import LANES, near_lanes, popcount, prefetch, trailing_zeros
from takedown.jit import kernel

#: Probes whose buckets are opened together, and noted candidates that are verified together.
_TOGETHER = 64
_NOTED = 2048

#: Cache lines of a bucket that are asked for ahead; the processor sees the rest coming.
_AHEAD = 4 * 32


@kernel
def cut(codes, table, bands, bits, keys):  # type: ignore[no-untyped-def]
    """Write the value of each band of each code: keys[band, line]. ``table[byte, value]`` holds its bits."""
    count, width = codes.shape
    words = table.shape[2]
    code = np.zeros(words + 1, np.uint64)
    mask = np.uint64((1 << bits) - 1)
    for line in range(count):
        code[:] = 0
        for byte in range(width):
            value = codes[line, byte]
            for word in range(words):
                code[word] |= table[byte, value, word]
        for band in range(bands):
            word, shift = (band * bits) >> 6, np.uint64((band * bits) & 63)
            key = code[word] >> shift
            if shift:
                key |= code[word + 1] << (np.uint64(64) - shift)
            keys[band, line] = key & mask


@kernel
def sign(keys, layout, signatures):  # type: ignore[no-untyped-def]
    """Write the bits that follow each band on the ring: signatures[band, line]."""
    bands, count = keys.shape
    mask = np.uint64((1 << layout[2]) - 1)
    for band in range(bands):
        for line in range(count):
            value, filled, step = np.uint64(0), 0, 1
            while filled < layout[2]:
                value |= np.uint64(keys[(band + step) % bands, line]) << np.uint64(filled)
                filled += layout[1]
                step += 1
            signatures[band, line] = value & mask


@kernel
def histogram(keys, counts):  # type: ignore[no-untyped-def]
    """Count how often each key occurs, on top of what ``counts`` holds."""
    for line in range(len(keys)):
        counts[keys[line]] += 1


@kernel
def place(keys, signatures, line, low, high, places, rows, beside):  # type: ignore[no-untyped-def]
    """Put lines whose key is in [low, high) where ``places`` says, which moves on. ``line``: the first one's."""
    signed = len(beside) > 0
    for at in range(len(keys)):
        key = np.int64(keys[at])
        if low <= key < high:
            to = places[key - low]
            places[key - low] = to + 1
            rows[to] = line + at
            if signed:
                beside[to] = signatures[at]


@kernel
def look_up(of, keys, signatures, budget, index, codes, queries, positions, layout, radius):  # type: ignore[no-untyped-def]
    """All hits of a few queries, one after the other: int64[H, 3] of query, row, distance.

    Args:
        of: first and last query.
        keys, signatures: of all queries, flat by band.
        budget: flips, within, masks, flipped and counts (mih_layout.Budget).
        index: buckets, signatures and rows, flat.
        codes, queries: uint64, flat.
        positions: place of each bit of a code in the fixed order.
        layout: bands, bits, signature, rows.
        radius: inclusive.
    """
    flips, within, masks, flipped, counts = budget
    total = counts.sum()
    slot, owner = np.empty(total, np.int64), np.empty(total, np.int32)
    band, limit = np.empty(total, np.uint8), np.empty(total, np.uint8)
    lines = len(keys) // layout[0]
    stride = (1 << layout[1]) + 1
    hits, found = np.empty((64, 3), np.int64), 0
    for query in range(of[0], of[1]):
        at = 0
        for number in range(layout[0]):
            key = np.uint32(keys[number * lines + query])
            for which in range(counts[number]):
                slot[at] = number * stride + np.int64(key ^ masks[which])
                owner[at], band[at] = query, number
                limit[at] = min(within[number] - flipped[which], 255)
                at += 1
        hits, found = sweep(
            (slot, owner, band, limit), signatures, index, codes, queries, (flips, within), positions, layout,
            radius, hits, found,
        )  # fmt: skip
    return hits[:found]


@kernel
def look_up_sorted(of, number, keys, signatures, budget, index, codes, queries, positions, layout, radius):  # type: ignore[no-untyped-def]
    """The same for many queries and one band, its buckets in order; every hit is found in just one band."""
    flips, within, masks, flipped, counts = budget
    total = counts[number] * (of[1] - of[0])
    slot, owner = np.empty(total, np.int64), np.empty(total, np.int32)
    band, limit = np.full(total, number, np.uint8), np.empty(total, np.uint8)
    lines, stride = len(keys) // layout[0], (1 << layout[1]) + 1
    shift = np.uint32(max(layout[1] - 16, 0))
    places = np.zeros((1 << min(layout[1], 16)) + 1, np.int64)
    for query in range(of[0], of[1]):
        key = np.uint32(keys[number * lines + query])
        for which in range(counts[number]):
            places[np.int64((key ^ masks[which]) >> shift) + 1] += 1
    for value in range(1, len(places)):
        places[value] += places[value - 1]
    for query in range(of[0], of[1]):
        key = np.uint32(keys[number * lines + query])
        for which in range(counts[number]):
            probe = key ^ masks[which]
            at = places[np.int64(probe >> shift)]
            places[np.int64(probe >> shift)] = at + 1
            slot[at], owner[at] = number * stride + np.int64(probe), query
            limit[at] = min(within[number] - flipped[which], 255)
    hits, found = np.empty((64, 3), np.int64), 0
    hits, found = sweep(
        (slot, owner, band, limit), signatures, index, codes, queries, (flips, within), positions, layout,
        radius, hits, found,
    )  # fmt: skip
    return hits[:found]


@kernel
def sweep(probes, own, index, codes, queries, budget, positions, layout, radius, hits, found):  # type: ignore[no-untyped-def]
    """Stages 1 and 2 of all probes; stage 3 whenever enough is noted."""
    slot, owner, band, limit = probes
    buckets, signatures, _ = index
    lines, rows = len(own) // layout[0], layout[3]
    first, last = np.empty(_TOGETHER, np.int64), np.empty(_TOGETHER, np.int64)
    noted, count = (np.empty(_NOTED + LANES, np.int64), np.empty(_NOTED + LANES, np.int64)), 0
    signed = len(signatures) > 0
    for start in range(0, len(slot), _TOGETHER):
        batch = min(_TOGETHER, len(slot) - start)
        for step in range(batch):
            base = band[start + step] * rows
            first[step] = base + np.int64(buckets[slot[start + step]])
            last[step] = base + np.int64(buckets[slot[start + step] + 1])
            if signed and first[step] < last[step]:
                for line in range(first[step], min(last[step], first[step] + _AHEAD), 32):
                    prefetch(signatures, line)
        for step in range(batch):
            probe = start + step
            at, end = first[step], last[step]
            while at < end:
                if signed:
                    own_signature = own[band[probe] * lines + owner[probe]]
                    near = near_lanes(signatures, at, own_signature, signatures.dtype.type(limit[probe]))
                else:
                    near = ~np.uint64(0) >> np.uint64(64 - LANES)
                if end - at < LANES:
                    near &= (np.uint64(1) << np.uint64(end - at)) - np.uint64(1)
                while near:
                    noted[0][count] = at + np.int64(trailing_zeros(near))
                    noted[1][count] = probe
                    count += 1
                    near &= near - np.uint64(1)
                at += LANES
                if count >= _NOTED:
                    hits, found = verify(
                        noted,
                        count,
                        probes,
                        index,
                        codes,
                        queries,
                        budget,
                        positions,
                        layout,
                        radius,
                        hits,
                        found,
                    )
                    count = 0
    return verify(noted, count, probes, index, codes, queries, budget, positions, layout, radius, hits, found)


@kernel
def verify(noted, count, probes, index, codes, queries, budget, positions, layout, radius, hits, found):  # type: ignore[no-untyped-def]
    """Stage 3: count the bits that differ, leave out what an earlier band finds too, keep the hits."""
    _, owner, band, _ = probes
    rows = index[2]
    words = len(queries) // max(len(queries) // (len(positions) >> 6), 1)
    for step in range(count):
        prefetch(rows, noted[0][step])
    for step in range(count):
        noted[0][step] = np.int64(rows[noted[0][step]])
        prefetch(codes, noted[0][step] * words)
    apart = np.empty(len(positions), np.int64)
    for step in range(count):
        row, query = noted[0][step], np.int64(owner[noted[1][step]])
        distance = gap(codes, row * words, queries, query * words, words, radius)
        if distance > radius:
            continue
        if found_before(
            codes, row, queries, query, words, band[noted[1][step]], budget, positions, layout, apart
        ):
            continue
        if found == len(hits):
            more = np.empty((2 * found, 3), np.int64)
            more[:found] = hits
            hits = more
        hits[found, 0], hits[found, 1], hits[found, 2] = query, row, distance
        found += 1
    return hits, found


@kernel
def gap(codes, at, queries, other, words, radius):  # type: ignore[no-untyped-def]
    """Bits that differ, or some number above the radius as soon as that is sure."""
    distance = np.int64(0)
    for word in range(words):
        distance += np.int64(popcount(codes[at + word] ^ queries[other + word]))
        if word == 1 and distance > radius:
            break
    return distance


@kernel
def found_before(codes, row, queries, query, words, band, budget, positions, layout, apart):  # type: ignore[no-untyped-def]
    """Whether a band before ``band`` lets this row through as well."""
    flips, within = budget
    ring = layout[0] * layout[1]
    count = 0
    for word in range(words):
        rest = codes[row * words + word] ^ queries[query * words + word]
        while rest:
            position = positions[word * 64 + np.int64(trailing_zeros(rest))]
            if position < ring:
                apart[count] = position
                count += 1
            rest &= rest - np.uint64(1)
    for number in range(band):
        inside, beside = 0, 0
        for step in range(count):
            offset = (apart[step] - number * layout[1] + ring) % ring
            inside += offset < layout[1]
            beside += layout[1] <= offset < layout[1] + layout[2]
        if inside <= flips[number] and (layout[2] == 0 or inside + beside <= within[number]):
            return True
    return False


@kernel
def compare_all(codes, queries, words, first, last, radius):  # type: ignore[no-untyped-def]
    """Compare rows [first, last) with every query; a block of rows stays in the cache meanwhile."""
    hits, found = np.empty((64, 3), np.int64), 0
    for start in range(first, last, 512):
        for query in range(len(queries) // words):
            for row in range(start, min(start + 512, last)):
                distance = gap(codes, row * words, queries, query * words, words, radius)
                if distance <= radius:
                    if found == len(hits):
                        more = np.empty((2 * found, 3), np.int64)
                        more[:found] = hits
                        hits = more
                    hits[found, 0], hits[found, 1], hits[found, 2] = query, row, distance
                    found += 1
    return hits[:found]
