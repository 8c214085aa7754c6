// The codes of all variants of a picture: takedown/variants.py in JavaScript, bit for bit.
//
// 1. luma of the canonical picture (pdq.js), and the planes made from it (variant_planes.js, variant_retouch.js,
//    variant_boxes.js);
// 2. each variant of the table is a window on a plane, seen at so many pixels, in one of eight orientations: a
//    part of each axis;
// 3. PDQ of all of them. A variant without enough detail gets the code of the original.

import {frame} from "./borders.js";
import {BLACK, MIN_SIDE, WHITE, luma} from "./pdq.js";
import {CODE, Coder, hex} from "./pdq_code.js";
import {SIDE, UNITS, operator} from "./pdq_operators.js";
import {Sums} from "./pdq_sums.js";
import {boxes} from "./variant_boxes.js";
import {banded, behind, continued, plain, small, turned} from "./variant_planes.js";
import {retouched} from "./variant_retouch.js";
import {NONE, ORIENTATIONS, table} from "./variant_table.js";
import {WHOLE, quotient} from "./variant_windows.js";

// A variant of a lower PDQ quality says too little.
const MIN_QUALITY = 50;
// Codes from one report of progress to the next.
const REPORTED = 25;

// Ways to continue a picture: spread, fading and mirror.
const CONTINUED = {faded: [4, 3, 0], mixed: [2, 3, 2], sharp: [2, 0, 0], both: [4, 3, 2]};

const BRUSHES = {
  "clean-thin": {size: 20, above: 60000, within: 25000, light: true, dark: true},
  "clean-thin-dark": {size: 20, above: 60000, within: 25000, light: false, dark: true},
  "clean-thin-light": {size: 20, above: 60000, within: 25000, light: true, dark: false},
  "clean-pale": {size: 35, above: 40000, within: 65000, light: true, dark: false},
  "clean-bold-light": {size: 60, above: 60000, within: 25000, light: true, dark: false},
};
const COLOURS = {white: WHITE, black: BLACK};

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
 * @property {number} number of the variant in the table
 * @property {import("./pdq_operators.js").Part} rows
 * @property {import("./pdq_operators.js").Part} columns
 * @property {boolean} transposed
 * @property {number} fill
 */

/**
 * @param {import("./pixels.js").Picture & {source: {width: number, height: number}}} picture canonical pixels,
 *   and the size of the picture as it came, after the EXIF turn
 * @param {function(number, number): void} [progress] told now and then how many codes are done, and of how many
 * @returns {{codes: string, quality: number}} 64 hex digits a variant, in the order of the table; all 0 for a
 *   picture smaller than MIN_SIDE. Quality of the original, 0 to 100
 */
export function variants(picture, progress = () => {}) {
  const wanted = table();
  const codes = new Uint8Array(CODE * wanted.length);
  if (Math.min(picture.width, picture.height) < MIN_SIDE) {
    return {codes: hex(codes), quality: 0};
  }
  const planes = new Planes(picture);
  const hasher = new Hasher(codes, wanted.length, progress);
  for (const [name, numbers] of byPlane(wanted)) {
    const plane = planes.named(name);
    hasher.hash(plane, numbers.map((number) => seen(number, wanted[number], plane, planes)));
  }
  copyOriginal(codes, hasher.qualities);
  return {codes: hex(codes), quality: hasher.qualities[0]};
}

/** @returns {string[]} of all variants, in the order of their codes */
export function names() {
  return table().map((variant) => variant.name);
}

/** Numbers of the variants that are seen on each plane. */
function byPlane(wanted) {
  const found = new Map();
  wanted.forEach(({plane}, number) => {
    if (!found.has(plane)) found.set(plane, []);
    found.get(plane).push(number);
  });
  return found;
}

/** Where there is too little detail, but not in the orientations of the picture as it is. */
function copyOriginal(codes, qualities) {
  for (let number = ORIENTATIONS.length; number < qualities.length; number++) {
    if (qualities[number] < MIN_QUALITY) codes.copyWithin(number * CODE, 0, CODE);
  }
}

/** The planes of one picture, each made when it is asked for. */
class Planes {
  constructor(picture) {
    const lumas = luma(picture);
    this.size = picture.source;
    this.plain = plain(lumas, picture.height, picture.width);
    this.small = small(this.plain);
    this.boxes = [...boxes(lumas, picture.height, picture.width), frame(picture)];
    this.turned = {degrees: 0, made: null}; // the last one: three planes in a row are made from it
  }

  /** @returns {import("./variant_planes.js").Plane} */
  named(name) {
    if (name === "plain") return this.plain;
    if (name in CONTINUED) return continued(this.plain, this.size, ...CONTINUED[name]);
    if (name in BRUSHES) return retouched(this.small, this.size, BRUSHES[name]);
    if (name.startsWith("band-")) return banded(this.small, ...name.split("-").slice(1).map(Number));
    const [, degrees, colour] = /^turned(-?\d)-?(.*)$/.exec(name);
    return this.#turn(Number(degrees), colour);
  }

  #turn(degrees, colour) {
    if (this.turned.degrees !== degrees) {
      this.turned = {degrees, made: turned(this.small, this.size, degrees)};
    }
    const {made} = this.turned;
    return colour ? behind(made, COLOURS[colour]) : made.plane;
  }
}

/** Makes codes of variants, plane by plane. */
class Hasher {
  constructor(codes, count, progress) {
    this.codes = codes;
    this.qualities = new Uint8Array(count);
    this.coder = new Coder();
    this.operators = new Map();
    this.progress = progress;
    this.done = 0;
  }

  /**
   * Those with the same rows one after the other: these are summed once for all of them.
   *
   * @param {import("./variant_planes.js").Plane} plane
   * @param {Seen[]} variants
   */
  hash(plane, variants) {
    const sums = new Sums(Float64Array.from(plane.luma), plane.columns);
    const groups = new Map();
    for (const variant of variants) {
      const rows = this.#operator(plane.rows, variant.rows);
      if (!groups.has(rows)) groups.set(rows, []);
      groups.get(rows).push(variant);
    }
    for (const [rows, group] of groups) {
      sums.applyRows(rows);
      for (const {number, columns, transposed, fill} of group) {
        const values = sums.values(this.#operator(plane.columns, columns), fill);
        this.qualities[number] = this.coder.hash(values, transposed, this.codes, number * CODE);
        this.done++;
        if (this.done % REPORTED === 0) this.progress(this.done, this.qualities.length);
      }
    }
  }

  /** Each is made once. */
  #operator(length, part) {
    const key = [length, part.start, part.stop, part.out, part.mirrored, part.edged].join();
    if (!this.operators.has(key)) this.operators.set(key, operator(length, part));
    return this.operators.get(key);
  }
}

/** @returns {Seen} */
function seen(number, variant, plane, {size, boxes: found}) {
  const [top, bottom, left, right] = variant.box >= 0
    ? boxWindow(found[variant.box], plane)
    : window(variant.shape(size.width, size.height), plane);
  const high = pixels(variant.look, (bottom - top) * size.height, plane.height, size);
  const wide = pixels(variant.look, (right - left) * size.width, plane.width, size);
  const [up, back, transposed] = MIRRORS[variant.orientation];
  const edged = variant.fill === NONE;
  return {
    number,
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
