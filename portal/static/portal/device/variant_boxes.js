// Guesses at where a picture lies in a screenshot, a frame or between bars, from its luma.
// takedown/variant_boxes.py in JavaScript.
//
// On each of the four sides there are three guesses: nothing is cut; cut what is mostly of one colour (a bar may
// have a clock and buttons in it); cut at the sharpest straight edge in the outer third. All combinations above
// and below are tried with both sides cut in the same way.

import {sides, wholeBox} from "./variant_lines.js";

// Levels of grey that a pixel of a bar is away from the bar's colour, at most.
const NEAR = 24;
// A line belongs to a bar when at least half of its pixels do. Lines that do not, clocks and buttons, may come
// between: 1 in GAP of the side, at least LEAST_GAP.
const GAP = 25;
const LEAST_GAP = 3;
// An edge counts at most so many levels a pixel, so that it is long rather than strong.
const STRONG = 48;

/**
 * @param {Int32Array} luma of each pixel, rows top down
 * @param {number} height
 * @param {number} width
 * @returns {import("./variant_lines.js").Box[]} 27 of them; the first is all, and the same may come twice
 */
export function boxes(luma, height, width) {
  const levels = luma.map((value) => Math.floor((value + 127500) / 1000));
  const seen = sides(wholeBox(width, height), width);
  const cuts = (lines) => [bar(levels, lines), edge(levels, lines)];
  const [above, below] = [cuts(seen.above), cuts(seen.below)];
  const [before, after] = [cuts(seen.before), cuts(seen.after)];
  const found = [];
  for (const [left, right] of [[0, 0], [before[0], after[0]], [before[1], after[1]]]) {
    for (const top of [0, ...above]) {
      for (const bottom of [0, ...below]) {
        found.push({left, top, right: width - right, bottom: height - bottom});
      }
    }
  }
  return found;
}

/** Lines at the start that are mostly of the colour of the first two; less than half of all. */
function bar(levels, lines) {
  const colour = outerColour(levels, lines);
  const gap = Math.max(LEAST_GAP, Math.floor(lines.count / GAP));
  let last = -1;
  for (let line = 0; line < lines.count >> 1 && line - last <= gap + 1; line++) {
    if (2 * nearTo(levels, lines, line, colour) >= lines.length) last = line;
  }
  return last + 1;
}

/** The upper median of the first two lines. */
function outerColour(levels, lines) {
  const found = new Int32Array(2 * lines.length);
  for (let k = 0; k < found.length; k++) {
    found[k] = levels[lines.at + (k % 2) * lines.step + (k >> 1) * lines.along];
  }
  return found.sort()[lines.length];
}

/** How many pixels of a line are near the colour. */
function nearTo(levels, lines, line, colour) {
  let count = 0;
  for (let k = 0, at = lines.at + line * lines.step; k < lines.length; k++, at += lines.along) {
    if (Math.abs(levels[at] - colour) <= NEAR) count++;
  }
  return count;
}

/** Lines before the sharpest edge in the first third: steps from line to line, less those beside it. */
function edge(levels, lines) {
  const third = Math.max(2, Math.floor(lines.count / 3));
  const steps = [];
  for (let line = 0; line < Math.min(third + 2, lines.count) - 1; line++) {
    steps.push(stepAfter(levels, lines, line));
  }
  let sharpest = -Infinity;
  let found = 0;
  for (let k = 0; k < Math.min(third, steps.length); k++) {
    const beside = Math.max(steps[Math.max(k - 1, 0)], steps[Math.min(k + 1, steps.length - 1)]);
    if (2 * steps[k] - beside > sharpest) {
      sharpest = 2 * steps[k] - beside;
      found = k;
    }
  }
  return found + 1;
}

/** From a line to the next. */
function stepAfter(levels, lines, line) {
  let sum = 0;
  for (let k = 0, at = lines.at + line * lines.step; k < lines.length; k++, at += lines.along) {
    sum += Math.min(Math.abs(levels[at + lines.step] - levels[at]), STRONG);
  }
  return sum;
}
