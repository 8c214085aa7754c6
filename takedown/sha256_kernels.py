"""SHA-256 (FIPS 180-4) of many short texts at once, a text in each lane of the processor's vector registers.

Sixteen texts of equal numbers of blocks go through the rounds together. The loops over lanes are what the
compiler turns into vector instructions; one round after the other would use a fraction of the processor.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from takedown.jit import kernel

_LANES = 16
_u4 = np.uint32


@kernel
def leading(data: Any, starts: Any, stops: Any, order: Any, constants: Any, out: Any) -> None:
    """The first 8 bytes, read big-endian, of the SHA-256 of each text.

    Args:
        data: uint8.
        starts, stops: int64 [N], where each text begins and ends in it.
        order: int64 [N], numbers of the texts, those with fewer blocks first.
        constants: uint32 [72], the 8 words of the first state and the constants of the 64 rounds.
        out: uint64 [N], written.
    """
    state, kept = np.empty(8 * _LANES, np.uint32), np.empty(8 * _LANES, np.uint32)
    words = np.zeros(64 * _LANES, np.uint32)
    for first in range(0, len(order), _LANES):
        texts = order[first : first + _LANES]
        for word in range(8):
            state[word * _LANES : (word + 1) * _LANES] = constants[word]
        last = texts[len(texts) - 1]
        for block in range((stops[last] - starts[last] + 72) >> 6):
            for lane in range(len(texts)):
                _load(data, starts[texts[lane]], stops[texts[lane]], block, words, lane)
            kept[:] = state
            _compress(state, words, constants)
            for place in range(8 * _LANES):
                state[place] += kept[place]
            for lane in range(len(texts)):
                text = texts[lane]
                if block == ((stops[text] - starts[text] + 72) >> 6) - 1:
                    out[text] = np.uint64(state[lane]) << np.uint64(32) | np.uint64(state[_LANES + lane])


@kernel
def _load(data: Any, start: int, stop: int, block: int, words: Any, lane: int) -> None:
    """Set the 16 words of a block: text, a one bit, zeros, and in the last block the length in bits."""
    bits = (stop - start) * 8
    start += block * 64
    left = stop - start
    if left < -8:
        return  # this lane is done
    text = data[min(start, stop) : stop]
    full = min(max(left, 0) >> 2, 16)
    for word in range(full):
        at = 4 * word
        words[word * _LANES + lane] = (
            _u4(text[at]) << _u4(24)
            | _u4(text[at + 1]) << _u4(16)
            | _u4(text[at + 2]) << _u4(8)
            | _u4(text[at + 3])
        )
    for word in range(full, 16):
        words[word * _LANES + lane] = 0
    if 0 <= left < 64:
        value = _u4(0)
        for at in range(4 * full, left):
            value = _u4(value << _u4(8)) | _u4(text[at])
        words[full * _LANES + lane] = _u4(value << _u4(8) | _u4(128)) << _u4(8 * (3 - (left & 3)))
    if left < 56:
        words[15 * _LANES + lane] = _u4(bits)


@kernel
def _compress(state: Any, words: Any, constants: Any) -> None:
    for first in range(0, 48, 16):
        _extend(words[first * _LANES : (first + 32) * _LANES])
    for first in range(0, 64, 8):
        _eight_rounds(state, words[first * _LANES : (first + 8) * _LANES], constants[first + 8 : first + 16])


@kernel
def _extend(words: Any) -> None:
    """The message schedule: 16 words from the 16 before them (FIPS 180-4, 6.2.2, step 1)."""
    for lane in range(_LANES):
        w0, w1, w2, w3 = words[lane], words[16 + lane], words[32 + lane], words[48 + lane]
        w4, w5, w6, w7 = words[64 + lane], words[80 + lane], words[96 + lane], words[112 + lane]
        w8, w9, wa, wb = words[128 + lane], words[144 + lane], words[160 + lane], words[176 + lane]
        wc, wd, we, wf = words[192 + lane], words[208 + lane], words[224 + lane], words[240 + lane]
        w0 = words[256 + lane] = _next(w0, w1, w9, we)
        w1 = words[272 + lane] = _next(w1, w2, wa, wf)
        w2 = words[288 + lane] = _next(w2, w3, wb, w0)
        w3 = words[304 + lane] = _next(w3, w4, wc, w1)
        w4 = words[320 + lane] = _next(w4, w5, wd, w2)
        w5 = words[336 + lane] = _next(w5, w6, we, w3)
        w6 = words[352 + lane] = _next(w6, w7, wf, w4)
        w7 = words[368 + lane] = _next(w7, w8, w0, w5)
        w8 = words[384 + lane] = _next(w8, w9, w1, w6)
        w9 = words[400 + lane] = _next(w9, wa, w2, w7)
        wa = words[416 + lane] = _next(wa, wb, w3, w8)
        wb = words[432 + lane] = _next(wb, wc, w4, w9)
        wc = words[448 + lane] = _next(wc, wd, w5, wa)
        wd = words[464 + lane] = _next(wd, we, w6, wb)
        we = words[480 + lane] = _next(we, wf, w7, wc)
        wf = words[496 + lane] = _next(wf, w0, w8, wd)


@kernel
def _next(w16: Any, w15: Any, w7: Any, w2: Any) -> Any:
    """A word from those 16, 15, 7 and 2 places before it."""
    one = _turned(w15, 7) ^ _turned(w15, 18) ^ _u4(w15 >> _u4(3))
    two = _turned(w2, 17) ^ _turned(w2, 19) ^ _u4(w2 >> _u4(10))
    return _u4(w16 + one + w7 + two)


@kernel
def _eight_rounds(state: Any, words: Any, constants: Any) -> None:
    """Eight rounds; instead of moving the eight variables on, each round takes them under other names."""
    for i in range(_LANES):
        a, b, c, d = state[i], state[16 + i], state[32 + i], state[48 + i]
        e, f, g, h = state[64 + i], state[80 + i], state[96 + i], state[112 + i]
        d, h = _round(a, b, c, d, e, f, g, h, constants[0] + words[i])
        c, g = _round(h, a, b, c, d, e, f, g, constants[1] + words[16 + i])
        b, f = _round(g, h, a, b, c, d, e, f, constants[2] + words[32 + i])
        a, e = _round(f, g, h, a, b, c, d, e, constants[3] + words[48 + i])
        h, d = _round(e, f, g, h, a, b, c, d, constants[4] + words[64 + i])
        g, c = _round(d, e, f, g, h, a, b, c, constants[5] + words[80 + i])
        f, b = _round(c, d, e, f, g, h, a, b, constants[6] + words[96 + i])
        e, a = _round(b, c, d, e, f, g, h, a, constants[7] + words[112 + i])
        state[i], state[16 + i], state[32 + i], state[48 + i] = a, b, c, d
        state[64 + i], state[80 + i], state[96 + i], state[112 + i] = e, f, g, h


@kernel
def _round(a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any, added: Any) -> tuple[Any, Any]:
    """The new e and a (FIPS 180-4, 6.2.2, step 3)."""
    one = _u4(h + added + (_turned(e, 6) ^ _turned(e, 11) ^ _turned(e, 25)) + ((e & f) ^ (~e & g)))
    two = _u4((_turned(a, 2) ^ _turned(a, 13) ^ _turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c)))
    return _u4(d + one), _u4(one + two)


@kernel
def _turned(word: Any, by: int) -> Any:
    """A word rotated to the right."""
    return _u4(word >> _u4(by)) | _u4(word << _u4(32 - by))
