// The rows or columns of a part of a picture, seen from one of its four sides: where borders are looked for.

/**
 * @typedef {object} Lines the first is the outermost
 * @property {number} at where the first begins
 * @property {number} step from one line to the next; may be negative
 * @property {number} along from one pixel of a line to the next
 * @property {number} count of lines
 * @property {number} length of a line, in pixels
 */

/** @typedef {{left: number, top: number, right: number, bottom: number}} Box right and bottom lie outside */

/** @returns {Box} that leaves everything */
export function wholeBox(width, height) {
  return {left: 0, top: 0, right: width, bottom: height};
}

/**
 * @param {Box} box
 * @param {number} width of the picture, in pixels
 * @returns {{above: Lines, below: Lines, before: Lines, after: Lines}} counted in pixels
 */
export function sides({left, top, right, bottom}, width) {
  const rows = {along: 1, count: bottom - top, length: right - left};
  const columns = {along: width, count: right - left, length: bottom - top};
  const first = top * width + left;
  return {
    above: {...rows, at: first, step: width},
    below: {...rows, at: first + (rows.count - 1) * width, step: -width},
    before: {...columns, at: first, step: 1},
    after: {...columns, at: first + columns.count - 1, step: -1},
  };
}
