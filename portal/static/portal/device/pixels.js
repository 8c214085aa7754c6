// A decoded picture -> canonical pixels: steps 2 and 3 of section 1 of docs/fingerprints.md.
//
// As in takedown/pixels_kernels.py: exact integer sums over the area of each canonical pixel, down the columns
// of one output row first, then across. Sums are at most 255 * 50e6, exact in doubles.
//
// Red and blue of a pixel share a number, 16 bits each, while whole rows are added: at most 39 rows of 255.

/** Longest side of the canonical picture; also the number of units a source pixel is cut into. */
export const SIDE = 512;

/**
 * Canonical pixels: rows top down, 3 bytes a pixel, no side longer than SIDE.
 * @typedef {{width: number, height: number, rgb: Uint8Array}} Picture
 */

/**
 * @param {Uint8ClampedArray|Uint8Array} rgba rows top down, 4 bytes a pixel, colours not multiplied with alpha
 * @param {number} width in pixels
 * @param {number} height in pixels
 * @returns {Picture}
 */
export function canonical(rgba, width, height) {
  return inStrips(width, height, height, () => rgba);
}

/**
 * The same of a picture that is read piece by piece, so that a large one is not held twice.
 * @param {number} width in pixels
 * @param {number} height in pixels
 * @param {number} most rows of a strip
 * @param {(top: number, rows: number) => Uint8ClampedArray|Uint8Array} read gives rows top..top+rows-1
 * @returns {Picture}
 */
export function inStrips(width, height, most, read) {
  const maker = new Canonical(width, height);
  for (let top = 0; top < height; top += most) {
    maker.add(read(top, Math.min(most, height - top)));
  }
  return {width: maker.columns.length, height: maker.rows.length, rgb: maker.out};
}

/**
 * Lay some pixels on white: (c * a + 255 * (255 - a) + 127) // 255.
 * @param {Uint32Array} line bytes R, G, B, A; changed
 */
export function onWhite(line) {
  for (let x = 0; x < line.length; x++) {
    const pixel = line[x];
    const alpha = pixel >>> 24;
    if (alpha === 255) continue;
    const white = 255 * (255 - alpha) + 127;
    const red = ((pixel & 255) * alpha + white) / 255 | 0;
    const green = ((pixel >>> 8 & 255) * alpha + white) / 255 | 0;
    const blue = ((pixel >>> 16 & 255) * alpha + white) / 255 | 0;
    line[x] = red | green << 8 | blue << 16;
  }
}

/**
 * Of each output pixel of an axis: its first and last source pixel and what they weigh. One between them
 * weighs SIDE. On an axis that is not shrunk each is one source pixel.
 * @param {number} length of the axis, in pixels
 * @returns {{first: number, last: number, before: number, after: number}[]}
 */
function spans(length) {
  if (length <= SIDE) {
    return Array.from({length}, (_, n) => ({first: n, last: n, before: 1, after: 0}));
  }
  return Array.from({length: SIDE}, (_, n) => {
    const begin = n * length;
    const end = begin + length;
    const last = Math.floor((end - 1) / SIDE);
    return {first: Math.floor(begin / SIDE), last, before: SIDE - begin % SIDE, after: end - last * SIDE};
  });
}

class Canonical {
  constructor(width, height) {
    this.width = width;
    this.columns = spans(width);
    this.rows = spans(height);
    // Both axes are rounded together, once.
    this.total = (width > SIDE ? width : 1) * (height > SIDE ? height : 1);
    this.out = new Uint8Array(3 * this.columns.length * this.rows.length);
    this.redBlue = new Uint32Array(width);
    this.green = new Uint32Array(width);
    this.sums = new Float64Array(3 * width);
    this.row = 0; // next of the output
    this.at = 0; // next of the source
  }

  /** Add the rows that follow. */
  add(rgba) {
    const {width} = this;
    const bytes = rgba.byteOffset % 4 ? rgba.slice() : rgba;
    const pixels = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    for (let from = 0; from < pixels.length; from += width) {
      this.#take(opaque(pixels.subarray(from, from + width)));
      this.at++;
    }
  }

  /** One source row: the last of an output row may be the first of the next one, too. */
  #take(line) {
    const {first, last, before, after} = this.rows[this.row];
    if (this.at === first) weigh(line, before, this.sums, 0);
    else if (this.at < last) addWhole(line, this.redBlue, this.green);
    else weigh(line, after, this.sums, 1);
    if (this.at < last) return;
    this.#finish();
    this.row++;
    if (this.row < this.rows.length && this.rows[this.row].first === this.at) this.#take(line);
  }

  /** Write one output row; leave the sums of whole rows empty. */
  #finish() {
    const {redBlue, green, sums} = this;
    for (let x = 0; x < redBlue.length; x++) {
      sums[3 * x] += SIDE * (redBlue[x] & 0xffff);
      sums[3 * x + 1] += SIDE * green[x];
      sums[3 * x + 2] += SIDE * (redBlue[x] >>> 16);
    }
    redBlue.fill(0);
    green.fill(0);
    across(sums, this.columns, this.total, this.out, 3 * this.columns.length * this.row);
  }
}

/** The row itself where nothing shines through, or a copy that lies on white. */
function opaque(line) {
  let all = -1;
  for (let x = 0; x < line.length; x++) all &= line[x];
  if (all >>> 24 === 255) return line;
  const copy = line.slice();
  onWhite(copy);
  return copy;
}

function addWhole(line, redBlue, green) {
  for (let x = 0; x < line.length; x++) {
    redBlue[x] += line[x] & 0xff00ff;
    green[x] += line[x] >>> 8 & 255;
  }
}

/** sums = keep * sums + weight * line */
function weigh(line, weight, sums, keep) {
  for (let x = 0; x < line.length; x++) {
    const pixel = line[x];
    sums[3 * x] = keep * sums[3 * x] + weight * (pixel & 255);
    sums[3 * x + 1] = keep * sums[3 * x + 1] + weight * (pixel >>> 8 & 255);
    sums[3 * x + 2] = keep * sums[3 * x + 2] + weight * (pixel >>> 16 & 255);
  }
}

/** Sums over the source columns of every output column, rounded: (sum + total // 2) // total. */
function across(sums, columns, total, out, at) {
  const half = Math.floor(total / 2);
  for (const {first, last, before, after} of columns) {
    let red = 0, green = 0, blue = 0;
    for (let x = 3 * first + 3; x < 3 * last; x += 3) {
      red += sums[x];
      green += sums[x + 1];
      blue += sums[x + 2];
    }
    const left = 3 * first, right = 3 * last;
    // Quotients of whole numbers below 2^53, a whole number apart from the next, are never rounded up to it.
    out[at++] = (SIDE * red + before * sums[left] + after * sums[right] + half) / total;
    out[at++] = (SIDE * green + before * sums[left + 1] + after * sums[right + 1] + half) / total;
    out[at++] = (SIDE * blue + before * sums[left + 2] + after * sums[right + 2] + half) / total;
  }
}
