// The codes of all variants of a picture: takedown/variants.py in JavaScript, bit for bit.
//
// 1. luma of the canonical picture (pdq.js), and the planes made from it (variant_views.js);
// 2. each variant of the table is a window on a plane, seen at so many pixels, in one of eight orientations: a
//    part of each axis (variant_parts.js);
// 3. PDQ of all of them. A variant without enough detail gets the code of the original.

import {MIN_SIDE} from "./pdq.js";
import {CODE, Coder, hex} from "./pdq_code.js";
import {operator} from "./pdq_operators.js";
import {Sums} from "./pdq_sums.js";
import {seen} from "./variant_parts.js";
import {ORIENTATIONS, table} from "./variant_table.js";
import {Views} from "./variant_views.js";

// A variant of a lower PDQ quality says too little.
const MIN_QUALITY = 50;
// Codes from one report of progress to the next.
const REPORTED = 25;

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
  const views = new Views(picture);
  const hasher = new Hasher(codes, wanted.length, progress);
  for (const [name, numbers] of byPlane(wanted)) {
    const plane = views.plane(name);
    hasher.hash(plane, numbers.map((number) => ({number, ...seen(wanted[number], plane, views)})));
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
   * @param {(import("./variant_parts.js").Seen & {number: number})[]} variants
   */
  hash(plane, variants) {
    const sums = new Sums(new Float64Array(plane.luma), plane.columns);
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
