// Pictures made from a picture: made small, continued beyond its edges, turned a little, with a paler band.
// takedown/variant_planes.py in JavaScript; numbers are whole, half is rounded up.

import {COSINES, SINES} from "./variant_windows.js";

/** Room on each side of a picture that is continued or turned, in 1/1000 of that side. */
export const ROOM = 130;
/** Longest side of the planes that need no detail. */
export const SMALL = 256;

// Luma that bands are mixed with: a middle grey.
const GREY = 500;
// A pixel in the steps in which a turned picture is looked up.
const STEP = 65536;

/**
 * @typedef {object} Plane luma of a picture and what is around it
 * @property {Int32Array} luma of each pixel, rows top down
 * @property {number} rows of the plane
 * @property {number} columns of the plane
 * @property {number} top where the picture begins
 * @property {number} left where the picture begins
 * @property {number} height of the picture there
 * @property {number} width of the picture there
 */

/** @typedef {{width: number, height: number}} Size of the picture as it came, for pixels that are not square */

/** @returns {Plane} the picture as it is */
export function plain(luma, height, width) {
  return {luma, rows: height, columns: width, top: 0, left: 0, height, width};
}

/** @returns {Plane} a plain picture, axes longer than SMALL shrunk to that by exact area */
export function small({luma, rows, columns}) {
  const rowsThen = Math.min(rows, SMALL);
  const across = transposed(shrunk(luma, rows, columns), rowsThen, columns);
  const columnsThen = Math.min(columns, SMALL);
  return plain(transposed(shrunk(across, columns, rowsThen), columnsThen, rowsThen), rowsThen, columnsThen);
}

/** Mean of the lines between neighbouring edges i * count / SMALL. */
function shrunk(luma, count, length) {
  if (count <= SMALL) return luma;
  const out = new Int32Array(SMALL * length);
  const sums = new Float64Array(length);
  for (let i = 0; i < SMALL; i++) {
    const begin = i * count;
    const end = begin + count;
    sums.fill(0);
    for (let line = Math.floor(begin / SMALL); line * SMALL < end; line++) {
      const weight = Math.min(end, (line + 1) * SMALL) - Math.max(begin, line * SMALL);
      for (let x = 0; x < length; x++) sums[x] += weight * luma[line * length + x];
    }
    for (let x = 0; x < length; x++) out[i * length + x] = Math.floor((2 * sums[x] + count) / (2 * count));
  }
  return out;
}

/** Rows become columns. */
function transposed(luma, rows, columns) {
  const out = new Int32Array(luma.length);
  for (let y = 0, at = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) out[x * rows + y] = luma[at++];
  }
  return out;
}

/**
 * Continue a picture beyond its edges: a guess at what was cut off.
 *
 * What one sees at the edge goes on, the less sharp the farther out: `d` pixels out, it is the mean of the edge
 * line over `spread * d` halves to each side. Rows above and below first, then columns.
 *
 * @param {Plane} plane a plain picture
 * @param {Size} size
 * @param {number} spread in halves of the distance
 * @param {number} fading how soon the picture's mean takes over: after 1/fading of its side by half; 0 never
 * @param {number} mirror quarters of the mirror image that are mixed into the edge line, 0 to 4
 * @returns {Plane}
 */
export function continued(plane, size, spread, fading, mirror) {
  const {luma, height, width} = plane;
  const across = size.width * height; // pixel height : width is down : across
  const down = size.height * width;
  const how = {spread, fading, mirror, mean: Math.floor(luma.reduce((a, b) => a + b, 0) / luma.length)};
  const tall = continueRows(luma, height, width, down, across, how);
  const rows = tall.length / width;
  const wide = continueRows(transposed(tall, rows, width), width, rows, across, down, how);
  const columns = wide.length / rows;
  const [top, left] = [(rows - height) / 2, (columns - width) / 2];
  return {luma: transposed(wide, columns, rows), rows, columns, top, left, height, width};
}

/** Rows above and below; a pixel is `tall / wide` as high as it is wide. */
function continueRows(luma, height, width, tall, wide, how) {
  const room = Math.ceil((height * ROOM) / 1000);
  const out = new Int32Array((height + 2 * room) * width);
  out.set(luma, room * width);
  const last = height - 1;
  for (let distance = 1; distance <= room; distance++) {
    const half = Math.min(Math.floor((how.spread * distance * tall) / (2 * wide)), width);
    const inside = Math.min(distance, height) - 1;
    const whole = height + how.fading * distance;
    for (const [edge, inner, to] of [
      [0, inside, room - distance],
      [last, last - inside, room + last + distance],
    ]) {
      const line = mixed(luma, edge * width, inner * width, width, how.mirror);
      blur(line, half, height, whole, how.mean, out, to * width);
    }
  }
  return out;
}

/** Four times the edge line, or that much of it and of a line further inside. */
function mixed(luma, edge, inner, width, mirror) {
  const line = new Int32Array(width);
  for (let x = 0; x < width; x++) line[x] = luma[edge + x] * (4 - mirror) + luma[inner + x] * mirror;
  return line;
}

/** Mean of `half` pixels to each side, the outermost going on; `height / whole` of what is not the mean. */
function blur(line, half, height, whole, mean, out, to) {
  const last = line.length - 1;
  const count = 4 * (2 * half + 1);
  let sum = 0;
  for (let k = -half; k <= half; k++) sum += line[Math.min(Math.max(k, 0), last)];
  for (let x = 0; x <= last; x++) {
    const value = Math.floor((2 * sum + count) / (2 * count));
    out[to + x] = mean + Math.floor(((value - mean) * height) / whole);
    sum += line[Math.min(x + 1 + half, last)] - line[Math.max(x - half, 0)];
  }
}

/**
 * Turn a picture about its middle, counter-clockwise; pixels are mixed linearly from four.
 *
 * @param {Plane} plane a plain picture
 * @param {Size} size
 * @param {number} degrees -3 to 3
 * @returns {{plane: Plane, outside: Uint8Array}} its edge pixels go on; and 1 where it does not reach
 */
export function turned({luma, height, width}, size, degrees) {
  const roomY = Math.ceil((height * ROOM) / 1000);
  const roomX = Math.ceil((width * ROOM) / 1000);
  const [rows, columns] = [height + 2 * roomY, width + 2 * roomX];
  const cosine = COSINES[Math.abs(degrees)];
  const sine = SINES[Math.abs(degrees)] * Math.sign(degrees);
  // Canonical pixels need not be square: a step down is so many steps across, and the other way round.
  const across = Math.floor((sine * size.height * width) / (size.width * height));
  const down = Math.floor((sine * size.width * height) / (size.height * width));
  const out = new Int32Array(rows * columns);
  const outside = new Uint8Array(rows * columns);
  const [endX, endY] = [(width - 1) * STEP, (height - 1) * STEP];
  for (let i = 0, at = 0; i < rows; i++) {
    const y = 2 * i + 1 - rows; // from the middle, in half pixels
    for (let j = 0; j < columns; j++, at++) {
      const x = 2 * j + 1 - columns;
      const fromX = Math.floor((x * cosine - y * across + endX) / 2); // from the first pixel's middle
      const fromY = Math.floor((x * down + y * cosine + endY) / 2);
      outside[at] = beyond(fromX, endX) || beyond(fromY, endY) ? 1 : 0;
      out[at] = between(luma, width, within(fromX, endX), within(fromY, endY), endX, endY);
    }
  }
  return {plane: {luma: out, rows, columns, top: roomY, left: roomX, height, width}, outside};
}

function beyond(from, end) {
  return from < -STEP / 2 || from > end + STEP / 2;
}

function within(from, end) {
  return Math.min(Math.max(from, 0), end);
}

/** The mean of four pixels by how near they are, in 1/256 of a pixel. */
function between(luma, width, fromX, fromY, endX, endY) {
  const above = (fromY >> 16) * width;
  const below = fromY < endY ? above + width : above;
  const left = fromX >> 16;
  const right = fromX < endX ? left + 1 : left;
  const partX = (fromX & 65535) >> 8;
  const partY = (fromY & 65535) >> 8;
  const upper = luma[above + left] * (256 - partX) + luma[above + right] * partX;
  const lower = luma[below + left] * (256 - partX) + luma[below + right] * partX;
  return Math.floor((upper * (256 - partY) + lower * partY + 32768) / STEP);
}

/** @returns {Plane} of a picture that was turned: a colour where it does not reach */
export function behind({plane, outside}, colour) {
  const luma = plane.luma.slice();
  for (let at = 0; at < luma.length; at++) {
    if (outside[at]) luma[at] = colour;
  }
  return {...plane, luma};
}

/**
 * A band, 6/10 as wide as the picture, mixed with grey.
 *
 * @param {Plane} plane a plain picture
 * @param {number} middle in percent of the height, as is `high`
 * @param {number} high
 * @param {number} strength in percent
 * @returns {Plane}
 */
export function banded(plane, middle, high, strength) {
  const {rows, columns} = plane;
  const luma = plane.luma.slice();
  const first = Math.max(0, Math.floor(((2 * middle - high) * rows) / 200));
  const last = Math.min(rows, Math.floor(((2 * middle + high) * rows) / 200));
  const end = Math.floor((8 * columns) / 10);
  for (let y = first; y < last; y++) {
    for (let x = Math.floor((2 * columns) / 10); x < end; x++) {
      const at = y * columns + x;
      luma[at] = Math.floor((luma[at] * (100 - strength) + strength * GREY) / 100);
    }
  }
  return {...plane, luma};
}
