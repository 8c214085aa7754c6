// imagehash's pHash of canonical pixels, to the bit: section 3 of docs/fingerprints.md, as in takedown/phash.py.

import {transform} from "./phash_transform.js";

const SIDE = 32;
const BITS = 22; // of the fraction of a weight
const HALF = 1 << BITS - 1;
const KEPT = 8; // lowest frequencies of each axis

/**
 * @param {Picture} picture
 * @returns {string} 16 hex digits
 */
export function phash(picture) {
  return hashSquare(square(picture));
}

/** Grey, and 32 x 32 of it: the width first, unless the height loses more than twice as many pixels. */
function square({width, height, rgb}) {
  const all = {values: grey(rgb), width, height};
  const downFirst = height > SIDE && height - SIDE > 2 * (width - SIDE);
  return (downFirst ? across(down(all)) : down(across(all))).values;
}

function grey(rgb) {
  return Int32Array.from({length: rgb.length / 3}, (_, n) => {
    return 19595 * rgb[3 * n] + 38470 * rgb[3 * n + 1] + 7471 * rgb[3 * n + 2] + 32768 >> 16;
  });
}

function across({values, width, height}) {
  const lines = lanczos(width);
  const out = new Int32Array(SIDE * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < SIDE; x++) {
      const {start, weights} = lines[x];
      let sum = HALF;
      for (let tap = 0; tap < weights.length; tap++) sum += weights[tap] * values[y * width + start + tap];
      out[y * SIDE + x] = clipped(sum);
    }
  }
  return {values: out, width: SIDE, height};
}

function down({values, width, height}) {
  const lines = lanczos(height);
  const out = new Int32Array(width * SIDE);
  for (let y = 0; y < SIDE; y++) {
    const {start, weights} = lines[y];
    for (let x = 0; x < width; x++) {
      let sum = HALF;
      for (let tap = 0; tap < weights.length; tap++) sum += weights[tap] * values[(start + tap) * width + x];
      out[y * width + x] = clipped(sum);
    }
  }
  return {values: out, width, height: SIDE};
}

/** A sum of at most 255 * 2^22 and a bit: it fits into 32 bits. */
function clipped(sum) {
  return Math.min(Math.max(sum >> BITS, 0), 255);
}

/**
 * Pillow's Lanczos filter from some length to 32 pixels.
 * @param {number} length of the axis, in pixels
 * @returns {{start: number, weights: number[]}[]} the first pixel of each sum; weights in units of 2^-22
 */
export function lanczos(length) {
  if (length === SIDE) return Array.from({length: SIDE}, (_, n) => ({start: n, weights: [1 << BITS]}));
  const scale = length / SIDE;
  const stretch = Math.max(scale, 1); // a filter that enlarges is as wide as one that keeps the size
  return Array.from({length: SIDE}, (_, n) => {
    const center = (n + 0.5) * scale;
    const start = Math.max(Math.trunc(center - 3 * stretch + 0.5), 0);
    const end = Math.min(Math.trunc(center + 3 * stretch + 0.5), length);
    const shares = Array.from({length: end - start}, (_, tap) => {
      const x = (start + tap - center + 0.5) * (1 / stretch);
      return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
    });
    const sum = shares.reduce((total, share) => total + share, 0);
    return {start, weights: shares.map((share) => rounded(share / sum * 2 ** BITS))};
  });
}

function rounded(share) {
  return Math.trunc(share + (share < 0 ? -0.5 : 0.5));
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** Cosine transform of the columns, then of the rows; a bit for each of the lowest above their median. */
function hashSquare(small) {
  const columns = Array.from({length: SIDE}, (_, x) => {
    return transform(Float64Array.from({length: SIDE}, (_, y) => small[y * SIDE + x]));
  });
  const spectrum = [];
  for (let y = 0; y < KEPT; y++) {
    spectrum.push(...transform(Float64Array.from(columns, (column) => column[y])).subarray(0, KEPT));
  }
  const ordered = Float64Array.from(spectrum).sort();
  const median = (ordered[31] + ordered[32]) / 2;
  const bits = spectrum.map((value) => value > median ? 1 : 0).join("");
  return bits.match(/.{4}/g).map((four) => parseInt(four, 2).toString(16)).join("");
}
