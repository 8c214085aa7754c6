// Windows on a picture: which part of it, or how much around it, a variant shows. takedown/variant_windows.py
// in JavaScript, function by function.
//
// A window is [top, bottom, left, right] in 1/WHOLE of the picture's height and width; below 0 and above WHOLE
// lies what is around it. Each function takes what it needs and gives a function of the picture's width and
// height. Shares are in 1/WHOLE, places in 1/1000. Sides are at most 20,000 pixels long, so that all products
// are below 2^53, but for those of turned canvases, which are BigInts.

/** The whole of a side. */
export const WHOLE = 10000;

/** Cosine and sine of 0 to 3 degrees in 1/2^16. */
export const COSINES = [65536, 65526, 65496, 65446];
export const SINES = [0, 1144, 2287, 3430];

const TURN = 65536;

/** @typedef {function(number, number): number[]} Shape */

/** a / b, rounded to the nearest, half up; for b > 0 and numbers whose double is below 2^53. */
export function quotient(a, b) {
  return Math.floor((2 * a + b) / (2 * b));
}

/** @returns {Shape} all of the picture */
export function everything() {
  return () => [0, WHOLE, 0, WHOLE];
}

/** What is left when `share` of both sides is cut off; `down` and `across` say at which ends. */
export function cut(share, down, across) {
  const top = quotient(share * down, 1000);
  const left = quotient(share * across, 1000);
  return () => [top, WHOLE - share + top, left, WHOLE - share + left];
}

/** The picture of which this one is left after that cut. */
export function uncut(share, down, across) {
  const window = [...before(share, down), ...before(share, across)];
  return () => window;
}

/** What is left when one side is cut. */
export function strip(share, place, ofHeight) {
  const first = quotient(share * place, 1000);
  return () => onOneAxis(first, WHOLE - share + first, ofHeight);
}

/** The picture of which this one is left after that cut. */
export function unstrip(share, place, ofHeight) {
  return () => onOneAxis(...before(share, place), ofHeight);
}

/** The largest part that is `wide : high`. */
export function shaped(wide, high, place) {
  return (width, height) => {
    const ofHeight = width * high <= wide * height;
    const share = sideOf(wide, high, width, height, ofHeight);
    const first = quotient((WHOLE - share) * place, 1000);
    return onOneAxis(first, first + share, ofHeight);
  };
}

/** The middle of a window of which `share` of both sides is cut off. */
export function inner(shape, share) {
  return (width, height) => {
    const [top, bottom, left, right] = shape(width, height);
    const down = quotient((bottom - top) * share, 2 * WHOLE);
    const across = quotient((right - left) * share, 2 * WHOLE);
    return [top + down, bottom - down, left + across, right - across];
  };
}

/** The smallest canvas that is `wide : high`, the picture in its middle. */
export function unshaped(wide, high) {
  return (width, height) => {
    const ofHeight = width * high > wide * height;
    const first = -quotient(sideOf(wide, high, width, height, ofHeight) - WHOLE, 2);
    return onOneAxis(first, WHOLE - first, ofHeight);
  };
}

/** A border all around, as wide as `share` of the shorter side. */
export function framed(share) {
  return (width, height) => {
    const shorter = Math.min(width, height);
    const down = quotient(share * shorter, height);
    const across = quotient(share * shorter, width);
    return [-down, WHOLE + down, -across, WHOLE + across];
  };
}

/** Shares of height and width added above, below and on both sides. */
export function around(top, bottom, sides) {
  return () => [-top, WHOLE + bottom, -sides, WHOLE + sides];
}

/** The canvas that holds all of the picture when it is turned. */
export function turnedCanvas(degrees) {
  const cosine = COSINES[Math.abs(degrees)];
  const sine = SINES[Math.abs(degrees)];
  return (width, height) => middle(
    largeQuotient(WHOLE, cosine * height + sine * width, TURN * height),
    largeQuotient(WHOLE, cosine * width + sine * height, TURN * width),
  );
}

/** The picture that lies in this canvas, once that is turned back. */
export function unturnedCanvas(degrees) {
  const cosine = COSINES[Math.abs(degrees)];
  const sine = SINES[Math.abs(degrees)];
  const area = cosine * cosine - sine * sine;
  return (width, height) => {
    const down = largeQuotient(WHOLE * TURN, cosine * height - sine * width, area * height);
    const across = largeQuotient(WHOLE * TURN, cosine * width - sine * height, area * width);
    return middle(Math.max(down, 1000), Math.max(across, 1000));
  };
}

/** The largest part of the same shape that has no corner of the turned picture in it. */
export function turnedInside(degrees) {
  return (width, height) => {
    const share = inside(degrees, width, height);
    return middle(share, share);
  };
}

/** The picture of which such a part is what we see. */
export function unturnedInside(degrees) {
  return (width, height) => {
    const share = quotient(WHOLE * WHOLE, inside(degrees, width, height));
    return middle(share, share);
  };
}

/** `factor * a / b` as `quotient` has it. Below 0 it is rounded the other way, which no caller sees. */
function largeQuotient(factor, a, b) {
  const divisor = 2n * BigInt(b);
  return Number((2n * BigInt(factor) * BigInt(a) + BigInt(b)) / divisor);
}

/** Ends of an axis of which `share` was cut off, in 1/WHOLE of what is left. */
function before(share, place) {
  const left = WHOLE - share;
  return [-quotient(10 * share * place, left), WHOLE + quotient(10 * share * (1000 - place), left)];
}

function onOneAxis(first, last, ofHeight) {
  return ofHeight ? [first, last, 0, WHOLE] : [0, WHOLE, first, last];
}

/** How long the one side is in 1/WHOLE of what it was, when the shape is `wide : high` at last. */
function sideOf(wide, high, width, height, ofHeight) {
  return ofHeight
    ? quotient(WHOLE * width * high, wide * height)
    : quotient(WHOLE * height * wide, high * width);
}

function middle(down, across) {
  const top = quotient(WHOLE - down, 2);
  const left = quotient(WHOLE - across, 2);
  return [top, WHOLE - top, left, WHOLE - left];
}

function inside(degrees, width, height) {
  const cosine = COSINES[Math.abs(degrees)];
  const sine = SINES[Math.abs(degrees)];
  return Math.min(
    quotient(WHOLE * TURN * width, cosine * width + sine * height),
    quotient(WHOLE * TURN * height, sine * width + cosine * height),
  );
}
