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

// One index that steps down the lines is faster than one for each of them: they stay in registers.
function addEight(lines, at, step, weights, first, out, to, length) {
  const a = weights[first], b = weights[first + 1], c = weights[first + 2], d = weights[first + 3];
  const e = weights[first + 4], f = weights[first + 5], g = weights[first + 6], h = weights[first + 7];
  for (const end = to + length; to < end; to++, at++) {
    let k = at;
    let even = a * lines[k];
    let odd = b * lines[k += step];
    even += c * lines[k += step];
    odd += d * lines[k += step];
    even += e * lines[k += step];
    odd += f * lines[k += step];
    even += g * lines[k += step];
    odd += h * lines[k += step];
    out[to] += even + odd;
  }
}

function addFour(lines, at, step, weights, first, out, to, length) {
  const a = weights[first], b = weights[first + 1], c = weights[first + 2], d = weights[first + 3];
  for (const end = to + length; to < end; to++, at++) {
    let k = at;
    let even = a * lines[k];
    let odd = b * lines[k += step];
    even += c * lines[k += step];
    odd += d * lines[k += step];
    out[to] += even + odd;
  }
}

function addOne(lines, at, weight, out, to, length) {
  for (const end = to + length; to < end; to++, at++) {
    out[to] += weight * lines[at];
  }
}
