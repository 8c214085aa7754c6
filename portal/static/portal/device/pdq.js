// PDQ of a picture in canonical pixels: docs/fingerprints.md, section 2. Whole numbers below 2^53 throughout.
//
// 1. luma (here);
// 2. weights of an axis (pdq_operators.js);
// 3. 64 x 64 values (pdq_sums.js);
// 4. to 7. cosines, frequencies, bits and quality (pdq_code.js).

import {CODE, Coder, hex} from "./pdq_code.js";
import {SIDE, UNITS, operator} from "./pdq_operators.js";
import {Sums} from "./pdq_sums.js";

/** Smallest side that PDQ hashes; below, code and quality are 0. */
export const MIN_SIDE = 5;
/** Luma of white and of black. */
export const WHITE = 127500;
export const BLACK = -127500;

/**
 * @param {import("./pixels.js").Picture} picture
 * @returns {{code: string, quality: number}} 64 hex digits; 0 to 100
 */
export function base(picture) {
  const code = new Uint8Array(CODE);
  if (Math.min(picture.width, picture.height) < MIN_SIDE) {
    return {code: hex(code), quality: 0};
  }
  const sums = new Sums(new Float64Array(luma(picture)), picture.width);
  sums.applyRows(whole(picture.height));
  const quality = new Coder().hash(sums.values(whole(picture.width), WHITE), false, code, 0);
  return {code: hex(code), quality};
}

/**
 * @param {import("./pixels.js").Picture} picture
 * @returns {Int32Array} of each pixel; 1000 units are one grey level
 */
export function luma({width, height, rgb}) {
  const found = new Int32Array(width * height);
  for (let pixel = 0, at = 0; pixel < found.length; pixel++, at += 3) {
    found[pixel] = 299 * rgb[at] + 587 * rgb[at + 1] + 114 * rgb[at + 2] - WHITE;
  }
  return found;
}

/** The operator of an axis of `length` pixels as it is. */
function whole(length) {
  const end = length * UNITS;
  return operator(length, {start: 0, stop: end, out: Math.min(length, SIDE), mirrored: false, edged: false});
}
