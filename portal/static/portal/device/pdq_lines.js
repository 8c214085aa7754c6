// The inner loop of everything here: lines of numbers, weighted and added up to one line.

/**
 * out[to + x] += sum over t of weights[first + t] * lines[at + t * step + x]
 *
 * Eight lines at a time, for each pass reads and writes the whole of `out`.
 *
 * @param {Float64Array} lines
 * @param {number} at where the first line begins
 * @param {number} step from one line to the next
 * @param {Float64Array} weights
 * @param {number} first of the weights
 * @param {number} count of lines
 * @param {Float64Array} out
 * @param {number} to where the line to be added to begins
 * @param {number} length of a line
 */
export function addLines(lines, at, step, weights, first, count, out, to, length) {
  let tap = 0;
  for (; tap + 8 <= count; tap += 8) {
    addEight(lines, at + tap * step, step, weights, first + tap, out, to, length);
  }
  if (tap + 4 <= count) {
    addFour(lines, at + tap * step, step, weights, first + tap, out, to, length);
    tap += 4;
  }
  for (; tap < count; tap++) {
    addOne(lines, at + tap * step, weights[first + tap], out, to, length);
  }
}

function addEight(lines, at, step, weights, first, out, to, length) {
  const a = weights[first], b = weights[first + 1], c = weights[first + 2], d = weights[first + 3];
  const e = weights[first + 4], f = weights[first + 5], g = weights[first + 6], h = weights[first + 7];
  let p = at, q = at + step, r = at + 2 * step, s = at + 3 * step;
  let t = at + 4 * step, u = at + 5 * step, v = at + 6 * step, w = at + 7 * step;
  for (const end = to + length; to < end; to++) {
    out[to] += (a * lines[p++] + b * lines[q++] + (c * lines[r++] + d * lines[s++])) +
      (e * lines[t++] + f * lines[u++] + (g * lines[v++] + h * lines[w++]));
  }
}

function addFour(lines, at, step, weights, first, out, to, length) {
  const a = weights[first], b = weights[first + 1], c = weights[first + 2], d = weights[first + 3];
  let p = at, q = at + step, r = at + 2 * step, s = at + 3 * step;
  for (const end = to + length; to < end; to++) {
    out[to] += a * lines[p++] + b * lines[q++] + (c * lines[r++] + d * lines[s++]);
  }
}

function addOne(lines, at, weight, out, to, length) {
  for (const end = to + length; to < end; to++) {
    out[to] += weight * lines[at++];
  }
}
