// Finds a frame of one colour around a picture: `frame` of takedown/borders.py in JavaScript.
//
// A line of pixels (a row or a column) is compared with one colour. A pixel is near the colour when none of its
// three channels is more than NEAR away.
//
// - flat: at most 1 in FLAT pixels of the line is not near. JPEG makes a few such pixels beside a sharp edge.
// - busy: at least 1 in BUSY pixels is not near.
//
// A frame is a run of flat lines at the edge of the picture and goes up to a busy line at most BLUR lines behind
// the last flat one. The busy line tells a frame from a plain background.

import {sides, wholeBox} from "./variant_lines.js";

// Most levels (of 255) that a channel of a near pixel is away from the colour.
const NEAR = 24;
const FLAT = 32;
const BUSY = 2;
// Most lines from the last flat to the first busy one: an edge may lie between two pixels, and JPEG blurs it.
const BLUR = 3;
// What is left has at least 1 in so many pixels of each side, and so many pixels. Else nothing is cut.
const KEPT = 8;
const SHORTEST = 16;
// Times that is looked again at what is left: a frame in a frame of another colour.
const ROUNDS = 3;

/**
 * Upper and lower side first, then left and right of what is left, and again while something is found.
 *
 * @param {import("./pixels.js").Picture} picture
 * @returns {import("./variant_lines.js").Box} the picture inside the frames; all of it where there is none
 */
export function frame({width, height, rgb}) {
  let box = wholeBox(width, height);
  for (let round = 0; round < ROUNDS; round++) {
    const {above, below} = sides(box, width);
    const [top, bottom] = ends(rgb, above, below);
    box = {...box, top: box.top + top, bottom: box.bottom - bottom};
    const {before, after} = sides(box, width);
    const [left, right] = ends(rgb, before, after);
    box = {...box, left: box.left + left, right: box.right - right};
    if (top + bottom + left + right === 0) break;
  }
  const enough = worth(box.right - box.left, width) && worth(box.bottom - box.top, height);
  return enough ? box : wholeBox(width, height);
}

/** How many lines at the start and at the end are a frame, if anything lies between. */
function ends(rgb, fromStart, fromEnd) {
  const first = frameOf(rgb, fromStart);
  const last = frameOf(rgb, fromEnd);
  return first + last < fromStart.count ? [first, last] : [0, 0];
}

/** How many lines at the start are a frame in the mean colour of the first. */
function frameOf(rgb, lines) {
  const colour = meanOf(rgb, lines);
  let flat = 0;
  while (flat < lines.count && farFrom(rgb, lines, flat, colour) * FLAT <= lines.length) flat++;
  if (flat === 0) return 0; // most pictures end here
  for (let line = flat; line < Math.min(flat + BLUR, lines.count); line++) {
    if (farFrom(rgb, lines, line, colour) * BUSY >= lines.length) return line;
  }
  return 0;
}

/** The mean colour of the first line. */
function meanOf(rgb, {at, along, length}) {
  return [0, 1, 2].map((channel) => {
    let sum = 0;
    for (let k = 0; k < length; k++) sum += rgb[3 * (at + k * along) + channel];
    return Math.floor((sum + (length >> 1)) / length);
  });
}

/** How many pixels of a line are not near the colour. */
function farFrom(rgb, lines, line, [red, green, blue]) {
  const step = 3 * lines.along;
  let count = 0;
  for (let k = 0, at = 3 * (lines.at + line * lines.step); k < lines.length; k++, at += step) {
    if (
      Math.abs(rgb[at] - red) > NEAR ||
      Math.abs(rgb[at + 1] - green) > NEAR ||
      Math.abs(rgb[at + 2] - blue) > NEAR
    ) count++;
  }
  return count;
}

function worth(kept, side) {
  return kept >= SHORTEST && kept * KEPT >= side;
}
