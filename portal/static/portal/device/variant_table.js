// The table of all variants of a picture: takedown/variant_table.py in JavaScript. Names and order are the
// same, and tests compare them; docs/variants.md says what each is for.

import {BLACK, WHITE} from "./pdq.js";
import * as windows from "./variant_windows.js";

/** Raised when a variant is added, removed, renamed or made in another way. */
export const VARIANTS_VERSION = 1;

/** Fill of a variant whose outermost pixels go on where its plane ends. */
export const NONE = 0;

/** EXIF orientations by name. The first eight variants are these, of the picture as it is. */
export const ORIENTATIONS = [
  ["original", 1],
  ["rotate-90", 8],
  ["rotate-180", 3],
  ["rotate-270", 6],
  ["flip-x", 4],
  ["flip-y", 2],
  ["flip-plus-1", 5],
  ["flip-minus-1", 7],
];

// What is cut off both sides of a picture to get its middle, in 1/10000.
const MIDDLE = 1400;

const CENTRE = ["centre", 500, 500];
const CORNERS = [
  ["top-left", 0, 0],
  ["top-right", 0, 1000],
  ["bottom-left", 1000, 0],
  ["bottom-right", 1000, 1000],
];
const PLACES = [CENTRE, ...CORNERS];
const ENDS = [["start", 0], ["middle", 500], ["end", 1000]];
const AXES = ["height", "width"];
const COLOURS = [["white", WHITE], ["black", BLACK]];
const SHAPES = [[1, 1], [4, 3], [3, 4], [3, 2], [2, 3], [16, 9], [9, 16], [5, 4], [4, 5]];

/**
 * @typedef {object} Look at how many pixels a picture is seen: `times / over` of what it has, or its shorter or
 *   longer side `shorter` or `longer` pixels, or both sides `square`; 0 for none of these
 * @property {number} times
 * @property {number} over
 * @property {number} shorter
 * @property {number} longer
 * @property {number} square
 */

/**
 * @typedef {object} Variant one way of looking at a picture
 * @property {string} name
 * @property {import("./variant_windows.js").Shape} shape which part of the plane
 * @property {string} plane name of the plane it is seen on, as variants.js knows them
 * @property {Look} look at how many pixels
 * @property {number} orientation EXIF's, 1 to 8
 * @property {number} fill luma around the picture, or NONE
 * @property {number} box number of a box of variant_boxes.js, taken instead of the shape; -1 for none
 */

/** @returns {Variant[]} all variants, the original first, then its other orientations */
export function table() {
  return [
    ...orientations(), ...sizes(), ...cuts(), ...uncuts(), ...borders(), ...turns(), ...writing(),
    ...boxes(), ...bands(),
  ];
}

/** @returns {Variant} */
function variant(name, shape, plane = "plain", more = {}) {
  return {name, shape, plane, look: look(), orientation: 1, fill: NONE, box: -1, ...more};
}

/** @returns {Look} */
function look(special = {}) {
  return {times: 1, over: 1, shorter: 0, longer: 0, square: 0, ...special};
}

/** A variant in the seven other orientations. */
function* turned(name, shape, plane = "plain", more = {}) {
  for (const [suffix, orientation] of ORIENTATIONS.slice(1)) {
    yield variant(`${name}-${suffix}`, shape, plane, {...more, orientation});
  }
}

function* orientations() {
  for (const [name, orientation] of ORIENTATIONS) {
    yield variant(name, windows.everything(), "plain", {orientation});
  }
}

/** As datasets may keep it, or as it was before it was made smaller. */
function* sizes() {
  const seen = (name, special) => variant(name, windows.everything(), "plain", {look: look(special)});
  for (const [times, over] of [[1, 4], [1, 3], [1, 2], [2, 3], [3, 4], [3, 2], [2, 1], [3, 1], [4, 1]]) {
    yield seen(`size-${times}-${over}`, {times, over});
  }
  for (const shorter of [128, 224, 256, 320, 384, 512]) yield seen(`size-shorter-${shorter}`, {shorter});
  for (const longer of [256, 512]) yield seen(`size-longer-${longer}`, {longer});
  yield seen("size-square-256", {square: 256});
  yield* turned("size-1-2", windows.everything(), "plain", {look: look({times: 1, over: 2})});
  yield* turned("size-256", windows.everything(), "plain", {look: look({shorter: 256})});
}

/** [percent, name, down, across] of cuts that are neither in the middle nor in a corner. */
function* grid(percents, step) {
  for (const percent of percents) {
    const steps = Math.floor(percent / step);
    for (let i = 0; i <= steps; i++) {
      for (let j = 0; j <= steps; j++) {
        const down = Math.floor((1000 * i) / steps);
        const across = Math.floor((1000 * j) / steps);
        if (!PLACES.some((place) => place[1] === down && place[2] === across)) {
          yield [percent, `${percent}-${i}-${j}`, down, across];
        }
      }
    }
  }
}

/** Parts of the picture. */
function* cuts() {
  for (const percent of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18, 20]) {
    for (const [name, down, across] of PLACES) {
      yield variant(`crop-${percent}-${name}`, windows.cut(100 * percent, down, across));
    }
  }
  for (const percent of [2, 4, 6, 8, 10]) {
    yield* turned(`crop-${percent}-centre`, windows.cut(100 * percent, 500, 500));
  }
  for (const [percents, step] of [[[4, 6, 8, 10], 2], [[12, 15, 18], 3]]) {
    for (const [percent, name, down, across] of grid(percents, step)) {
      yield variant(`crop-${name}`, windows.cut(100 * percent, down, across));
    }
  }
  yield* strips([2, 4, 6, 8, 10, 12, 15, 18, 20, 25], "crop", windows.strip, "plain");
  for (const [wide, high] of SHAPES) {
    for (const at of wide === high ? [0, 250, 500, 750, 1000] : [0, 500, 1000]) {
      yield variant(`shape-${wide}-${high}-${at}`, windows.shaped(wide, high, at));
    }
  }
}

/** Cuts of one side, at its ends and in its middle. */
function* strips(percents, name, shape, plane) {
  for (const percent of percents) {
    for (const [end, at] of ENDS) {
      for (const axis of AXES) {
        yield variant(`${name}-${axis}-${percent}-${end}`, shape(100 * percent, at, axis === "height"), plane);
      }
    }
  }
}

/** What the picture may have been a part of, continued in four ways (planes of variants.js). */
function* uncuts() {
  for (const plane of ["faded", "mixed", "sharp", "both"]) {
    for (let percent = 1; percent <= 12; percent++) {
      for (const [name, down, across] of PLACES) {
        const shape = windows.uncut(100 * percent, down, across);
        yield variant(`uncrop-${plane}-${percent}-${name}`, shape, plane);
      }
    }
  }
  for (const percent of [2, 4, 6, 8, 10]) {
    yield* turned(`uncrop-${percent}-centre`, windows.uncut(100 * percent, 500, 500), "faded");
  }
  for (const [percent, name, down, across] of grid([4, 6, 8, 10], 2)) {
    yield variant(`uncrop-${name}`, windows.uncut(100 * percent, down, across), "faded");
  }
  yield* strips([2, 4, 6, 8, 10, 12], "uncrop", windows.unstrip, "faded");
  yield* middles();
  for (const [wide, high] of SHAPES.slice(1, 7)) {
    yield variant(`unshape-${wide}-${high}`, windows.unshaped(wide, high), "faded");
  }
}

/** The middle of what the picture may have been a part of, which an index may hold a code of. */
function* middles() {
  for (const percent of [4, 6, 8, 10, 12]) {
    for (const [name, down, across] of CORNERS) {
      const shape = windows.inner(windows.uncut(100 * percent, down, across), MIDDLE);
      yield variant(`middle-${percent}-${name}`, shape, "faded");
    }
  }
  for (const percent of [4, 8, 12, 16, 20]) {
    for (const [end, at] of [ENDS[0], ENDS[2]]) {
      for (const axis of AXES) {
        const shape = windows.inner(windows.unstrip(100 * percent, at, axis === "height"), MIDDLE);
        yield variant(`middle-${axis}-${percent}-${end}`, shape, "faded");
      }
    }
  }
}

/** Borders, bars and the frames of telephones, in white and in black. */
function* borders() {
  for (const [colour, fill] of COLOURS) {
    const drawn = (name, shape) => variant(`${name}-${colour}`, shape, "plain", {fill});
    for (const percent of [1, 2, 3, 4, 5, 6, 8, 10]) {
      const share = 100 * percent;
      yield drawn(`border-${percent}`, windows.framed(share));
      yield drawn(`frame-${percent}`, windows.around(share, share, share));
    }
    for (const [wide, high] of [...SHAPES.slice(0, 7), [2, 1]]) {
      yield drawn(`bars-${wide}-${high}`, windows.unshaped(wide, high));
    }
    for (const top of [4, 6, 8, 10, 12]) {
      for (const bottom of [0, 4, 8, 12, 16, 20]) {
        for (const sides of [0, 3]) {
          const shape = windows.around(100 * top, 100 * bottom, 100 * sides);
          yield drawn(`screen-${top}-${bottom}-${sides}`, shape);
        }
      }
    }
  }
}

/** Turned a little: in its own canvas, in one that holds all of it, and without the corners. */
function* turns() {
  for (const degrees of [-3, -2, -1, 1, 2, 3]) {
    const name = `turn-${degrees > 0 ? "left" : "right"}-${Math.abs(degrees)}`;
    const plane = `turned${degrees}`;
    yield variant(name, windows.everything(), plane);
    yield variant(`${name}-uncanvas`, windows.unturnedCanvas(degrees), plane);
    yield variant(`${name}-inside`, windows.turnedInside(degrees), plane);
    yield variant(`${name}-uninside`, windows.unturnedInside(degrees), plane);
    for (const [colour, fill] of COLOURS) {
      yield variant(`${name}-${colour}`, windows.everything(), `${plane}-${colour}`, {fill});
      yield variant(`${name}-canvas-${colour}`, windows.turnedCanvas(degrees), `${plane}-${colour}`, {fill});
    }
  }
}

/** Without what looks like writing. */
function* writing() {
  const planes = ["clean-thin", "clean-thin-dark", "clean-thin-light", "clean-pale", "clean-bold-light"];
  for (const plane of planes) yield variant(plane, windows.everything(), plane);
  for (const plane of planes.slice(0, 2)) {
    yield variant(`${plane}-256`, windows.everything(), plane, {look: look({shorter: 256})});
  }
}

/** Inside of what may be frames or bars (variant_boxes.js); box 0 is all of the picture. */
function* boxes() {
  for (let box = 1; box < 28; box++) yield variant(`box-${box}`, windows.everything(), "plain", {box});
}

/** With a paler band across, as writing may leave it. */
function* bands() {
  for (const middle of [8, 20, 35, 50, 65, 80, 92]) {
    for (const high of [8, 16, 30]) {
      for (const strength of [25, 50]) {
        const name = `band-${middle}-${high}-${strength}`;
        yield variant(name, windows.everything(), name);
      }
    }
  }
}
