// Operators of parts of an axis: PDQ's two box filters and its sampling as 64 weighted sums, of a part that may
// be cut between pixels, shrunk, enlarged or mirrored. takedown/variant_operators.py in JavaScript:
//
// 1. an end of a part is a whole number of units, UNITS to a pixel;
// 2. seen at `out` pixels, pixel q of a part that is shrunk is the mean of its span, and of a part that is
//    enlarged the mean of one pixel's width around its middle;
// 3. PDQ's boxes and sampling then weigh these pixels, in 1/144;
// 4. the weight of all source pixels before the y-th is rounded to units of 1/ONE for every y.
//
// The largest number is 4 * 144 * ONE * span, about 5.3e6 times a part's length in units: exact in doubles.

/** Sum of the weights of a line that lies inside of the picture. */
export const ONE = 144 * 64;
/** Units that a pixel is cut into. */
export const UNITS = 64;
/** Most pixels of an axis that PDQ sees. */
export const SIDE = 512;
/** Weighted sums of an axis. */
export const SAMPLES = 64;

// Most pixels under PDQ's two boxes: two windows of four, one pixel shared.
const MOST_SHARES = 7;

/**
 * @typedef {object} Part of an axis as one wants it seen
 * @property {number} start where it begins, in 1/UNITS pixel; may lie outside of the axis, as may the end
 * @property {number} stop where it ends
 * @property {number} out pixels it is seen at, 1 to SIDE
 * @property {boolean} mirrored seen backwards
 * @property {boolean} edged what lies outside looks like the outermost pixel; else the sums lack it
 */

/**
 * @typedef {object} Operator sum i is over counts[i] pixels from starts[i] on
 * @property {Int32Array} starts
 * @property {Int32Array} counts
 * @property {Float64Array} weights whole numbers in 1/ONE; those of sum i begin at i * taps
 * @property {number} taps most weights of one sum
 * @property {Float64Array} totals of the weights of each sum
 */

/**
 * @param {number} length of the axis, in pixels
 * @param {Part} part
 * @returns {Operator}
 */
export function operator(length, part) {
  const whole = length * UNITS;
  const {out, edged, mirrored} = part;
  const start = mirrored ? whole - part.stop : part.start;
  const size = part.stop - part.start;
  const span = Math.max(size, UNITS * out);
  const taps = Math.floor(((2 * Math.ceil(out / 128) - 1) * span) / (UNITS * out)) + 2;
  const made = {
    starts: new Int32Array(SAMPLES),
    counts: new Int32Array(SAMPLES),
    weights: new Float64Array(SAMPLES * taps),
    taps,
    totals: new Float64Array(SAMPLES),
  };
  for (let sample = 0; sample < SAMPLES; sample++) {
    fillLine(made, sample, length, start, size, span, out, edged);
    if (mirrored && made.counts[sample] > 0) {
      made.starts[sample] = length - made.starts[sample] - made.counts[sample];
      made.weights.subarray(sample * taps, sample * taps + made.counts[sample]).reverse();
    }
  }
  return made;
}

const shares = new Float64Array(MOST_SHARES);

/** The weights of one sum, not mirrored. */
function fillLine(made, sample, length, start, size, span, out, edged) {
  const {first, count} = fillShares(out, sample);
  const unit = 2 * UNITS * out; // of one source pixel
  const begin = 2 * start * out - span + (2 * first + 1) * size; // of the first share
  const end = begin + 2 * (count - 1) * size + 2 * span;
  const total = 288 * span;
  let before = 0;
  let used = false;
  for (let pixel = Math.floor(begin / unit); pixel * unit < end; pixel++) {
    let covered = 0;
    for (let tap = 0; tap < count; tap++) {
      const inside = (pixel + 1) * unit - begin - 2 * tap * size;
      covered += shares[tap] * Math.min(Math.max(inside, 0), 2 * span);
    }
    const rounded = Math.floor((2 * covered * ONE + total) / (2 * total));
    const weight = rounded - before;
    before = rounded;
    const at = edged ? Math.min(Math.max(pixel, 0), length - 1) : pixel;
    if (weight > 0 && at >= 0 && at < length) {
      if (!used) made.starts[sample] = at;
      used = true;
      made.counts[sample] = at - made.starts[sample] + 1;
      made.weights[sample * made.taps + at - made.starts[sample]] += weight;
      made.totals[sample] += weight;
    }
  }
}

/** PDQ's boxes at one of its samples of `size` pixels: first pixel and number; shares get 1/144 of each. */
function fillShares(size, sample) {
  const window = Math.ceil(size / 128);
  const before = window - ((window + 2) >> 1);
  const middle = ((2 * sample + 1) * size) >> 7;
  const low = Math.max(0, middle - before);
  const high = Math.min(size, middle - before + window);
  const first = Math.max(0, low - before);
  const last = Math.min(size, high - 1 - before + window);
  shares.fill(0);
  for (let outer = low; outer < high; outer++) {
    const begin = Math.max(0, outer - before);
    const end = Math.min(size, outer - before + window);
    for (let inner = begin; inner < end; inner++) {
      shares[inner - first] += 144 / ((high - low) * (end - begin)); // boxes of 1 to 4 pixels: whole
    }
  }
  return {first, count: last - first};
}
