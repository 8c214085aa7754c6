// PDQ's code and quality of 64 x 64 values: docs/fingerprints.md, section 2, steps 4 to 7.
//
// The cosines of a frequency are those of its mirror image, or their opposites. So a line is folded at its
// middle before it is multiplied, and the sums of that again: 342 products for 16 frequencies instead of 1024.
// The same whole numbers come out; the largest is below 2^53 (tests/library/test_pdq.py).

import {addLines} from "./pdq_lines.js";
import {SAMPLES} from "./pdq_operators.js";

/** Bytes of a code. */
export const CODE = 32;

const FREQUENCIES = 16;
const BITS = FREQUENCIES * FREQUENCIES;
// One percent of the grey levels.
const PERCENT = 206550;
const MOST = 100;
// Folds of a line of 64; lines of differences are 32, 16, 8, 4 and 2 long.
const FOLDS = 5;

const COSINES = cosines();

/** Makes codes one after the other, in memory of its own. */
export class Coder {
  constructor() {
    this.turned = new Float64Array(SAMPLES * SAMPLES);
    this.folded = new Float64Array(SAMPLES * SAMPLES);
    this.sums = new Float64Array((SAMPLES / 2) * SAMPLES);
    this.first = new Float64Array(FREQUENCIES * SAMPLES);
    this.second = new Float64Array(SAMPLES * FREQUENCIES);
    this.spectrum = new Float64Array(BITS);
    this.sorted = new Float64Array(BITS);
  }

  /**
   * @param {Float64Array} values V, column by column
   * @param {boolean} transposed take V with its axes swapped
   * @param {Uint8Array} codes the code is written into it
   * @param {number} at where
   * @returns {number} the quality, 0 to 100
   */
  hash(values, transposed, codes, at) {
    const {turned, first, second, spectrum} = this;
    if (!transposed) turn(values, SAMPLES, SAMPLES, turned);
    this.#transform(transposed ? values : turned, SAMPLES, first);
    for (let k = 0; k < first.length; k++) {
      first[k] = Math.floor((first[k] + 2097152) * (1 / 4194304));
    }
    turn(first, FREQUENCIES, SAMPLES, second);
    this.#transform(second, FREQUENCIES, spectrum);
    writeBits(spectrum, this.#middle(), codes, at);
    return quality(values);
  }

  /** 16 frequencies of 64 lines, each `length` long. */
  #transform(lines, length, out) {
    this.#fold(lines, length);
    out.fill(0);
    for (let m = 0; m < FREQUENCIES; m++) {
      const fold = 31 - Math.clz32((m + 1) & -(m + 1)); // how often 2 goes into m + 1
      const count = SAMPLES >> (fold + 1);
      const at = (SAMPLES - 2 * count) * length;
      addLines(this.folded, at, length, COSINES, m * SAMPLES, count, out, m * length, length);
    }
  }

  /** Differences of a line and its mirror image, then of their sums, and so on, one after the other. */
  #fold(lines, length) {
    const {folded, sums} = this;
    let source = lines;
    let to = 0;
    for (let fold = 0, count = SAMPLES / 2; fold < FOLDS; fold++, count /= 2) {
      for (let j = 0; j < count; j++) {
        const here = j * length;
        const there = (2 * count - 1 - j) * length;
        for (let x = 0; x < length; x++) {
          const one = source[here + x];
          const other = source[there + x];
          folded[to++] = one - other;
          sums[here + x] = one + other;
        }
      }
      source = sums;
    }
  }

  /** The 128th smallest of the spectrum, by Hoare's selection. */
  #middle() {
    const {sorted, spectrum} = this;
    sorted.set(spectrum);
    const wanted = BITS / 2 - 1;
    let left = 0;
    let right = BITS - 1;
    while (left < right) {
      const pivot = sorted[(left + right) >> 1];
      let low = left;
      let high = right;
      while (low <= high) {
        while (sorted[low] < pivot) low++;
        while (sorted[high] > pivot) high--;
        if (low <= high) {
          const kept = sorted[low];
          sorted[low++] = sorted[high];
          sorted[high--] = kept;
        }
      }
      if (high >= wanted) right = high;
      else if (low <= wanted) left = low;
      else break;
    }
    return sorted[wanted];
  }
}

/** @param {Uint8Array} bytes */
export function hex(bytes) {
  let digits = "";
  for (const byte of bytes) {
    digits += (256 + byte).toString(16).slice(1);
  }
  return digits;
}

/** C of step 4. None of them is so near to a half that the last digits of Math.cos would matter. */
function cosines() {
  const found = new Float64Array(FREQUENCIES * SAMPLES);
  for (let m = 0; m < FREQUENCIES; m++) {
    for (let j = 0; j < SAMPLES; j++) {
      found[m * SAMPLES + j] = Math.round(1048576 * Math.cos(((m + 1) * (2 * j + 1) * Math.PI) / 128));
    }
  }
  return found;
}

/** Rows become columns. */
function turn(lines, count, length, out) {
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < length; j++) {
      out[j * count + i] = lines[i * length + j];
    }
  }
}

/** Bit 16 m + n is 1 where B[m][n], here at 16 n + m, is above the median; bit 255 comes first. */
function writeBits(spectrum, median, codes, at) {
  for (let byte = 0; byte < CODE; byte++) {
    let bits = 0;
    for (let bit = 255 - 8 * byte; bit > 247 - 8 * byte; bit--) {
      const place = (bit % FREQUENCIES) * FREQUENCIES + (bit >> 4);
      bits = 2 * bits + (spectrum[place] > median ? 1 : 0);
    }
    codes[at + byte] = bits;
  }
}

/** How much V changes from one value to the next, in whole percents. The axes may be swapped. */
function quality(values) {
  const most = 90 * MOST;
  let total = 0;
  for (let i = 0; i < SAMPLES && total < most; i++) {
    for (let at = i * SAMPLES, last = at + SAMPLES - 1; at < last; at++) {
      total += Math.floor(Math.abs(values[at + 1] - values[at]) / PERCENT);
    }
    if (i === SAMPLES - 1) break;
    for (let at = i * SAMPLES, end = at + SAMPLES; at < end; at++) {
      total += Math.floor(Math.abs(values[at + SAMPLES] - values[at]) / PERCENT);
    }
  }
  return Math.min(Math.floor(total / 90), MOST);
}
