// The one way by which pixels of a decoded picture are read back: from a canvas that is never shown, in strips.

/** Most pixels of a strip: 4 MB. */
const STRIP = 1 << 20;

/**
 * A decoded picture.
 * @typedef {object} Decoded
 * @property {ImageBitmap} bitmap
 * @property {number} turn EXIF orientation 1 to 8 that is still to be obeyed
 * @property {string} behind CSS colour behind the picture; empty if it may be clear
 * @property {number} width in pixels, after the turn
 * @property {number} height in pixels, after the turn
 */

/**
 * @param {ImageBitmap} bitmap
 * @param {number} [turn]
 * @param {string} [behind]
 * @returns {Decoded}
 */
export function surface(bitmap, turn = 1, behind = "") {
  const [width, height] = turn < 5 ? [bitmap.width, bitmap.height] : [bitmap.height, bitmap.width];
  return {bitmap, turn, behind, width, height};
}

/**
 * Read a part of a picture.
 * @param {Decoded} picture
 * @param {{left: number, top: number, width: number, height: number}} part in pixels
 * @returns {{most: number, read: (top: number, rows: number) => Uint8ClampedArray}} `read` gives RGBA of rows
 *   of the part, at most `most` at a time
 */
export function reader(picture, part) {
  const most = Math.max(1, Math.min(part.height, Math.floor(STRIP / part.width)));
  const canvas = new OffscreenCanvas(part.width, most);
  // Pixels stay in memory instead of going to the graphics card, which may round them otherwise.
  const context = canvas.getContext("2d", {willReadFrequently: true, colorSpace: "srgb"});
  context.imageSmoothingEnabled = false;
  const read = (top, rows) => {
    paint(context, picture, -part.left, -part.top - top);
    return context.getImageData(0, 0, part.width, rows).data;
  };
  return {most, read};
}

/** A copy of the whole picture whose longer side has at most so many pixels. */
export function small(picture, side) {
  const scale = Math.min(1, side / Math.max(picture.width, picture.height));
  const [width, height] = [picture.width, picture.height].map((n) => Math.max(1, Math.round(n * scale)));
  const canvas = new OffscreenCanvas(width, height);
  paint(canvas.getContext("2d"), picture, 0, 0, scale);
  return canvas.transferToImageBitmap();
}

/** Draw the picture upright and nothing else, its left upper corner at x, y. */
function paint(context, {bitmap, turn, behind}, x, y, scale = 1) {
  const {canvas} = context;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalCompositeOperation = "copy";
  if (behind) {
    context.fillStyle = behind;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.globalCompositeOperation = "source-over";
  }
  const [a, b, c, d, right, down] = matrix(turn, bitmap.width, bitmap.height);
  context.setTransform(scale * a, scale * b, scale * c, scale * d, x + scale * right, y + scale * down);
  context.drawImage(bitmap, 0, 0);
}

/** Where EXIF orientation 1 to 8 brings the pixels of a picture (EXIF 2.32, tag 0x0112). */
function matrix(turn, width, height) {
  return [
    [1, 0, 0, 1, 0, 0],
    [-1, 0, 0, 1, width, 0],
    [-1, 0, 0, -1, width, height],
    [1, 0, 0, -1, 0, height],
    [0, 1, 1, 0, 0, 0],
    [0, 1, -1, 0, height, 0],
    [0, -1, -1, 0, height, width],
    [0, -1, 1, 0, 0, width],
  ][turn - 1];
}
