// The cosine transform of 32 numbers, step by step as pocketfft takes them, its factors being 2, 4 and 4.
//
// As takedown/cosines_kernels.py: in symmetric pictures coefficients are equal but for the rounding, and only the
// same operations in the same order round alike.

import {IMAGINARY, QUARTER, REAL} from "./phash_cosines.js";

const ROOT = 1.4142135623730951;

/**
 * DCT-II: 2 * sum over j of values[j] * cos(pi * k * (2 j + 1) / 64).
 * @param {Float64Array} values 32 of them
 * @returns {Float64Array} 32 of them
 */
export function transform(values) {
  const one = new Float64Array(32);
  one[0] = 2 * values[0];
  one[31] = 2 * values[31];
  for (let k = 1; k < 31; k += 2) {
    one[k] = values[k] + values[k + 1];
    one[k + 1] = values[k + 1] - values[k];
  }
  const out = byFourLast(byFour(byTwo(one)));
  out[16] *= QUARTER[15];
  for (let k = 1; k < 16; k++) {
    const low = QUARTER[k - 1], high = QUARTER[31 - k];
    const plus = low * out[32 - k] + high * out[k];
    const minus = low * out[k] - high * out[32 - k];
    out[k] = 0.5 * (plus + minus);
    out[32 - k] = 0.5 * (plus - minus);
  }
  return out;
}

/** First step of the backward transform: 32 half-complex numbers -> two times 16. */
function byTwo(source) {
  const out = new Float64Array(32);
  out[0] = source[0] + source[31];
  out[16] = source[0] - source[31];
  out[15] = 2 * source[15];
  out[31] = -2 * source[16];
  for (let i = 2; i < 16; i += 2) {
    out[i - 1] = source[i - 1] + source[31 - i];
    out[i] = source[i] - source[32 - i];
    timesRoot(i / 2, source[i - 1] - source[31 - i], source[i] + source[32 - i], out, 15 + i);
  }
  return out;
}

/** Second step: two times 16 -> eight times 4. */
function byFour(source) {
  const out = new Float64Array(32);
  for (let k = 0; k < 2; k++) {
    const c = 16 * k, h = 4 * k;
    butterfly(source, [c, c + 15, c + 7, c + 8], out, h);
    const sumI = source[c + 12] + source[c + 4], differenceI = source[c + 12] - source[c + 4];
    const sumR = source[c + 3] + source[c + 11], differenceR = source[c + 3] - source[c + 11];
    out[h + 3] = sumR + sumR;
    out[h + 19] = differenceI + differenceI;
    out[h + 11] = ROOT * (differenceR - sumI);
    out[h + 27] = -ROOT * (differenceR + sumI);
    turned(source, c, out, h);
  }
  return out;
}

/** Last step: eight times 4 -> 32 numbers. */
function byFourLast(source) {
  const out = new Float64Array(32);
  for (let k = 0; k < 8; k++) butterfly(source, [4 * k, 4 * k + 3, 4 * k + 1, 4 * k + 2], out, k);
  return out;
}

function butterfly(source, [a, b, c, d], out, at) {
  const plus = source[a] + source[b], minus = source[a] - source[b];
  const third = 2 * source[c], fourth = 2 * source[d];
  out[at] = plus + third;
  out[at + 16] = plus - third;
  out[at + 24] = minus + fourth;
  out[at + 8] = minus - fourth;
}

/** The complex numbers in the middle of each four. */
function turned(source, c, out, h) {
  const r1 = source[c + 1] - source[c + 13], r2 = source[c + 1] + source[c + 13];
  const i1 = source[c + 2] + source[c + 14], i2 = source[c + 2] - source[c + 14];
  const r4 = source[c + 10] + source[c + 6], i3 = source[c + 10] - source[c + 6];
  const r3 = source[c + 9] + source[c + 5], i4 = source[c + 9] - source[c + 5];
  out[h + 1] = r2 + r3;
  out[h + 2] = i2 + i3;
  timesRoot(2, r1 - r4, i1 + i4, out, h + 9);
  timesRoot(4, r2 - r3, i2 - i3, out, h + 17);
  timesRoot(6, r1 + r4, i1 - i4, out, h + 25);
}

function timesRoot(power, real, imaginary, out, at) {
  const cosine = REAL[power], sine = IMAGINARY[power];
  out[at + 1] = cosine * imaginary + sine * real;
  out[at] = cosine * real - sine * imaginary;
}
