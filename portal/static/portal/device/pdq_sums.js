// PDQ's 64 x 64 values of a picture, seen through an operator for each axis: docs/fingerprints.md, section 2,
// step 3. All sums stay below 127500 * ONE^2, about 1.1e13: exact in doubles in whatever order they are added.

import {addLines} from "./pdq_lines.js";
import {ONE, SAMPLES} from "./pdq_operators.js";

// Sums over rows made before they are turned, so that a turned line fills what memory reads at once.
const BLOCK = 8;

/** One picture; what an operator leaves of its rows is kept for all operators of its columns. */
export class Sums {
  /**
   * @param {Float64Array} luma of each pixel, rows top down
   * @param {number} width in pixels
   */
  constructor(luma, width) {
    this.luma = luma;
    this.width = width;
    this.block = new Float64Array(BLOCK * width);
    this.half = new Float64Array(SAMPLES * width); // column by column
    this.out = new Float64Array(SAMPLES * SAMPLES);
    this.rows = null;
  }

  /** @param {import("./pdq_operators.js").Operator} rows */
  applyRows(rows) {
    this.rows = rows;
    for (let first = 0; first < SAMPLES; first += BLOCK) {
      this.block.fill(0);
      for (let line = 0; line < BLOCK; line++) {
        const i = first + line;
        const at = rows.starts[i] * this.width;
        addLines(this.luma, at, this.width, rows.weights, i * rows.taps, rows.counts[i],
          this.block, line * this.width, this.width);
      }
      this.#turn(first);
    }
  }

  /**
   * @param {import("./pdq_operators.js").Operator} columns
   * @param {number} fill luma of what lies outside of the picture
   * @returns {Float64Array} V, column by column; overwritten by the next call
   */
  values(columns, fill) {
    const {half, out} = this;
    this.#surround(columns, fill);
    for (let j = 0; j < SAMPLES; j++) {
      addLines(half, columns.starts[j] * SAMPLES, SAMPLES, columns.weights, j * columns.taps,
        columns.counts[j], out, j * SAMPLES, SAMPLES);
    }
    for (let k = 0; k < out.length; k++) {
      out[k] = Math.floor(out[k] * (1 / 1048576));
    }
    return out;
  }

  /** What the border adds to each sum, and half a unit, for rounding. */
  #surround(columns, fill) {
    for (let j = 0; j < SAMPLES; j++) {
      for (let i = 0; i < SAMPLES; i++) {
        const outside = ONE * ONE - this.rows.totals[i] * columns.totals[j];
        this.out[j * SAMPLES + i] = fill * outside + 524288;
      }
    }
  }

  #turn(first) {
    const {block, half, width} = this;
    for (let x = 0; x < width; x++) {
      for (let line = 0; line < BLOCK; line++) {
        half[x * SAMPLES + first + line] = block[line * width + x];
      }
    }
  }
}
