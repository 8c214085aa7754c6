// Paints over writing: strokes that are much lighter or darker than what is around them.
// takedown/variant_retouch.py in JavaScript:
//
// 1. an opening of the picture (the darkest in a small window, then the lightest of these) has no light strokes
//    narrower than the window. Where the picture is far above it, and nearly white, is writing. A closing finds
//    dark writing in the same way;
// 2. the marks are widened a little: letters are soft at their edges;
// 3. a marked pixel becomes the mean of the unmarked ones in a window around it, a larger window where there
//    are too few.

import {BLACK, WHITE} from "./pdq.js";
import {plain} from "./variant_planes.js";

// In 1/1000 of the picture's geometric mean side: how far marks are widened, and the window for the mean.
const WIDENED = 16;
const AROUND = 60;
// A window needs at least 1 unmarked pixel in so many; else the next, twice as large, ROUNDS times.
const UNMARKED = 12;
const ROUNDS = 3;

/**
 * @typedef {object} Brush what is taken for writing
 * @property {number} size width of the window in 1/1000 of the picture's geometric mean side
 * @property {number} above luma by which a stroke differs from what is around it, at least
 * @property {number} within luma by which it differs from white or from black, at most
 * @property {boolean} light paint over light strokes
 * @property {boolean} dark paint over dark strokes
 */

/**
 * @param {import("./variant_planes.js").Plane} plane a plain picture, small
 * @param {import("./variant_planes.js").Size} size
 * @param {Brush} brush
 * @returns {import("./variant_planes.js").Plane} without the writing; the same one where there is none
 */
export function retouched(plane, size, brush) {
  const marks = marked(plane, reach(plane, size, brush.size), brush);
  if (!marks.includes(1)) return plane;
  const wide = spread(marks, plane, reach(plane, size, WIDENED), false);
  return plain(painted(plane, wide, reach(plane, size, AROUND)), plane.rows, plane.columns);
}

/** 1 where there is writing. */
function marked(plane, window, brush) {
  const {luma} = plane;
  const marks = new Int32Array(luma.length);
  if (brush.light) {
    const opened = spread(spread(luma, plane, window, true), plane, window, false);
    for (let at = 0; at < marks.length; at++) {
      if (luma[at] - opened[at] > brush.above && luma[at] >= WHITE - brush.within) marks[at] = 1;
    }
  }
  if (brush.dark) {
    const closed = spread(spread(luma, plane, window, false), plane, window, true);
    for (let at = 0; at < marks.length; at++) {
      if (closed[at] - luma[at] > brush.above && luma[at] <= BLACK + brush.within) marks[at] = 1;
    }
  }
  return marks;
}

/** Half a window in pixels: at least 1. */
function reach(plane, {width, height}, share) {
  const side = wholeRoot(width * height) * share;
  return {
    down: Math.max(1, Math.floor((side * plane.height + 1000 * height) / (2000 * height))),
    across: Math.max(1, Math.floor((side * plane.width + 1000 * width) / (2000 * width))),
  };
}

/** The square root, rounded down; exact, for IEEE demands the nearest double and squares are below 2^53. */
function wholeRoot(square) {
  return Math.floor(Math.sqrt(square));
}

/** Least or greatest value in a window around each pixel; windows end at the picture's edges. */
function spread(values, {rows, columns}, {down, across}, least) {
  const tall = new Int32Array(values.length);
  for (let y = 0; y < rows; y++) {
    const to = y * columns;
    const last = Math.min(rows - 1, y + down);
    let line = Math.max(0, y - down);
    for (let x = 0; x < columns; x++) tall[to + x] = values[line * columns + x];
    for (line++; line <= last; line++) take(values, line * columns, tall, to, columns, least);
  }
  const out = tall.slice();
  for (let at = 0; at < out.length; at += columns) {
    for (let far = 1; far <= Math.min(across, columns - 1); far++) {
      take(tall, at + far, out, at, columns - far, least);
      take(tall, at, out, at + far, columns - far, least);
    }
  }
  return out;
}

/** The lesser or greater of each pair, for `length` of them. */
function take(values, from, out, to, length, least) {
  for (const end = to + length; to < end; to++, from++) {
    const value = values[from];
    if (least ? value < out[to] : value > out[to]) out[to] = value;
  }
}

/** What is marked becomes what is around it. */
function painted(plane, marks, window) {
  const {luma, rows, columns} = plane;
  const free = marks.map((mark) => 1 - mark);
  const counts = integral(free, rows, columns);
  const sums = integral(luma.map((value, at) => value * free[at]), rows, columns);
  const out = luma.slice();
  let todo = marks.map((mark, at) => (mark ? at : -1)).filter((at) => at >= 0);
  for (let round = 0, {down, across} = window; round < ROUNDS; round++) {
    todo = todo.filter((at) => {
      const box = around(at, rows, columns, down, across);
      const count = sumOf(counts, columns, box);
      if (count * UNMARKED <= (box.bottom - box.top) * (box.right - box.left)) return true;
      out[at] = mean(sumOf(sums, columns, box), count);
      return false;
    });
    [down, across] = [2 * down + 1, 2 * across + 1];
  }
  const all = {top: 0, bottom: rows, left: 0, right: columns};
  const value = mean(sumOf(sums, columns, all), Math.max(1, sumOf(counts, columns, all)));
  for (const at of todo) out[at] = value;
  return out;
}

function mean(sum, count) {
  return Math.floor((2 * sum + count) / (2 * count));
}

/** Sums of all values above and to the left; a row and a column of zeros come first. */
function integral(values, rows, columns) {
  const sums = new Float64Array((rows + 1) * (columns + 1));
  const step = columns + 1;
  for (let y = 0; y < rows; y++) {
    let line = 0;
    for (let x = 0; x < columns; x++) {
      line += values[y * columns + x];
      sums[(y + 1) * step + x + 1] = sums[y * step + x + 1] + line;
    }
  }
  return sums;
}

/** The window around a pixel, as far as it lies in the picture. */
function around(at, rows, columns, down, across) {
  const y = Math.floor(at / columns);
  const x = at % columns;
  return {
    top: Math.max(0, y - down),
    bottom: Math.min(rows, y + down + 1),
    left: Math.max(0, x - across),
    right: Math.min(columns, x + across + 1),
  };
}

function sumOf(sums, columns, {top, bottom, left, right}) {
  const above = top * (columns + 1);
  const below = bottom * (columns + 1);
  return sums[below + right] - sums[above + right] - sums[below + left] + sums[above + left];
}
