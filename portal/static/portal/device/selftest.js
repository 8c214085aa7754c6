// Whether this browser tells the truth about pixels. Some change them a little each time, or give none at all,
// so that a page cannot recognise a person by how things are drawn; then no fingerprint can be made here.
//
// A known pattern goes the way that pictures go: ImageBitmap, canvas, strips. It must come back the very same.

import {reader, surface} from "./surface.js";

const SIDE = 128;

/**
 * @returns {Promise<string>} fine; randomised: some pixels were changed; blocked: all were withheld;
 *   missing: the browser lacks what is needed
 */
export async function selftest() {
  const needed = ["Worker", "OffscreenCanvas", "createImageBitmap"];
  // A worker has no need of further workers, and some browsers offer none there.
  const inWorker = typeof WorkerGlobalScope !== "undefined";
  if (!needed.every((name) => name in globalThis || (inWorker && name === "Worker"))) return "missing";
  try {
    const drawn = pattern();
    return judge(drawn, await shown(drawn));
  } catch {
    return "blocked";
  }
}

/** Noise of all 256 values, opaque, the same each time (xorshift; Marsaglia, 2003). */
function pattern() {
  const data = new Uint8ClampedArray(4 * SIDE * SIDE);
  let state = 2463534242;
  for (let at = 0; at < data.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    data[at] = at % 4 === 3 ? 255 : state & 255;
  }
  return data;
}

async function shown(drawn) {
  const options = {colorSpaceConversion: "none", premultiplyAlpha: "none"};
  const bitmap = await createImageBitmap(new ImageData(drawn.slice(), SIDE, SIDE), options);
  const {read} = reader(surface(bitmap), {left: 0, top: 0, width: SIDE, height: SIDE});
  const found = read(0, SIDE);
  bitmap.close();
  return found;
}

function judge(drawn, found) {
  if (drawn.length === found.length && drawn.every((value, at) => value === found[at])) return "fine";
  const same = drawn.filter((value, at) => value === found[at]).length;
  // Chance alone gives alpha, a quarter of all, and few others.
  return same > drawn.length / 2 ? "randomised" : "blocked";
}
