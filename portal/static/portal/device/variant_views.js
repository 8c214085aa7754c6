// The planes of a picture by name: what its variants are windows on.

import {frame} from "./borders.js";
import {BLACK, WHITE, luma} from "./pdq.js";
import {boxes} from "./variant_boxes.js";
import {banded, behind, continued, plain, small, turned} from "./variant_planes.js";
import {retouched} from "./variant_retouch.js";

// Ways to continue a picture: spread, fading and mirror.
const CONTINUED = {faded: [4, 3, 0], mixed: [2, 3, 2], sharp: [2, 0, 0], both: [4, 3, 2]};

const BRUSHES = {
  "clean-thin": {size: 20, above: 60000, within: 25000, light: true, dark: true},
  "clean-thin-dark": {size: 20, above: 60000, within: 25000, light: false, dark: true},
  "clean-thin-light": {size: 20, above: 60000, within: 25000, light: true, dark: false},
  "clean-pale": {size: 35, above: 40000, within: 65000, light: true, dark: false},
  "clean-bold-light": {size: 60, above: 60000, within: 25000, light: true, dark: false},
};
const COLOURS = {white: WHITE, black: BLACK};

/** One picture and what is made from it, each plane when it is asked for. */
export class Views {
  /**
   * @param {import("./pixels.js").Picture & {source: import("./variant_planes.js").Size}} picture canonical
   *   pixels, and the size of the picture as it came, after the EXIF turn
   */
  constructor(picture) {
    const lumas = luma(picture);
    this.size = picture.source;
    this.plain = plain(lumas, picture.height, picture.width);
    this.small = small(this.plain);
    this.boxes = [...boxes(lumas, picture.height, picture.width), frame(picture)];
    this.turned = {degrees: 0, made: null}; // the last one: three planes in a row are made from it
  }

  /**
   * @param {string} name as in variant_table.js
   * @returns {import("./variant_planes.js").Plane}
   */
  plane(name) {
    if (name === "plain") return this.plain;
    if (name in CONTINUED) return continued(this.plain, this.size, ...CONTINUED[name]);
    if (name in BRUSHES) return retouched(this.small, this.size, BRUSHES[name]);
    if (name.startsWith("band-")) return banded(this.small, ...name.split("-").slice(1).map(Number));
    const [, degrees, colour] = /^turned(-?\d)-?(.*)$/.exec(name);
    return this.#turn(Number(degrees), colour);
  }

  #turn(degrees, colour) {
    if (this.turned.degrees !== degrees) {
      this.turned = {degrees, made: turned(this.small, this.size, degrees)};
    }
    const {made} = this.turned;
    return colour ? behind(made, COLOURS[colour]) : made.plane;
  }
}
