// A variant of a picture -> the part of each axis of its plane that it shows.

import {MIN_SIDE} from "./pdq.js";
import {SIDE, UNITS} from "./pdq_operators.js";
import {NONE} from "./variant_table.js";
import {WHOLE, quotient} from "./variant_windows.js";

// By EXIF orientation: rows seen backwards, columns seen backwards, and whether the axes are swapped then.
const MIRRORS = {
  1: [false, false, false],
  8: [false, true, true],
  3: [true, true, false],
  6: [true, false, true],
  4: [true, false, false],
  2: [false, true, false],
  5: [false, false, true],
  7: [true, true, true],
};

/**
 * @typedef {object} Seen a variant of a picture of known size, on its plane
 * @property {import("./pdq_operators.js").Part} rows
 * @property {import("./pdq_operators.js").Part} columns
 * @property {boolean} transposed
 * @property {number} fill
 */

/**
 * @param {import("./variant_table.js").Variant} variant
 * @param {import("./variant_planes.js").Plane} plane that it is seen on
 * @param {import("./variant_views.js").Views} views of the picture
 * @returns {Seen}
 */
export function seen(variant, plane, {size, boxes: found}) {
  const [top, bottom, left, right] = variant.box >= 0
    ? boxWindow(found[variant.box], plane)
    : window(variant.shape(size.width, size.height), plane);
  const high = pixels(variant.look, (bottom - top) * size.height, plane.height, size);
  const wide = pixels(variant.look, (right - left) * size.width, plane.width, size);
  const [up, back, transposed] = MIRRORS[variant.orientation];
  const edged = variant.fill === NONE;
  return {
    rows: {start: top, stop: bottom, out: high, mirrored: up, edged},
    columns: {start: left, stop: right, out: wide, mirrored: back, edged},
    transposed,
    fill: variant.fill,
  };
}

/** A window in units of the plane. */
function window([top, bottom, left, right], plane) {
  return [
    units(top, plane.top, plane.height),
    units(bottom, plane.top, plane.height),
    units(left, plane.left, plane.width),
    units(right, plane.left, plane.width),
  ];
}

function units(end, first, length) {
  return first * UNITS + quotient(end * length * UNITS, WHOLE);
}

/** A box in units of the plane; all of the plane when the box leaves next to nothing. */
function boxWindow({top, bottom, left, right}, {height, width}) {
  const kept = 8 * (bottom - top) >= height && 8 * (right - left) >= width;
  return (kept ? [top, bottom, left, right] : [0, height, 0, width]).map((end) => end * UNITS);
}

/**
 * At how many pixels a part of an axis is seen.
 *
 * @param {import("./variant_table.js").Look} look
 * @param {number} length of the part, in 1/(UNITS * pixelsThere) of a pixel of the picture as it came
 * @param {number} pixelsThere of the whole axis on its plane
 * @param {import("./variant_planes.js").Size} size
 */
function pixels(look, length, pixelsThere, {width, height}) {
  if (look.square) return look.square;
  let {times, over} = look;
  if (look.shorter) [times, over] = [look.shorter, Math.min(width, height)];
  if (look.longer) [times, over] = [look.longer, Math.max(width, height)];
  return Math.max(MIN_SIDE, Math.min(quotient(length * times, UNITS * pixelsThere * over), SIDE));
}
