// A file -> canonical pixels, within limits that are checked before anything is decoded.
//
// 1. the size in bytes; 2. the format by its first bytes; 3. width and height from the header;
// 4. decode by the browser: the first frame, turned as EXIF says, colours as they are stored;
// 5. cut out the part that was chosen; 6. canonical pixels (pixels.js).

import {Refused, checkBytes, checkPixels, checked} from "./formats.js";
import {colourBehind} from "./gif.js";
import {leftToTurn} from "./orientation.js";
import {inStrips} from "./pixels.js";
import {reader, surface} from "./surface.js";

const MIME = {
  JPEG: "image/jpeg", PNG: "image/png", GIF: "image/gif", WEBP: "image/webp", AVIF: "image/avif",
  HEIC: "image/heic",
};
/** Formats that some browsers cannot read. */
const RARE = ["AVIF", "HEIC"];
// No profile is applied and nothing multiplied with alpha: the server does neither.
const OPTIONS = {imageOrientation: "from-image", colorSpaceConversion: "none", premultiplyAlpha: "none"};

/**
 * A part of a picture as shares of its sides, 0 to 1.
 * @typedef {{left: number, top: number, width: number, height: number}} Crop
 */

/**
 * @param {Blob} file
 * @returns {Promise<{bytes: Uint8Array, format: string, picture: Decoded}>} close the picture's bitmap after use
 */
export async function decode(file) {
  checkBytes(file.size);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const format = checked(bytes);
  const bitmap = await decoded(new Blob([bytes], {type: MIME[format]}), format);
  checkPixels(bitmap.width, bitmap.height);
  const behind = format === "GIF" ? colourBehind(bytes) : "";
  return {bytes, format, picture: surface(bitmap, await leftToTurn(bytes, format), behind)};
}

/**
 * @param {Decoded} picture
 * @param {Crop} [crop] all of it when there is none
 * @returns {object} canonical pixels, and `source`, the size in pixels of what they were made from
 */
export function pixelsOf(picture, crop) {
  const part = partOf(picture, crop ?? {left: 0, top: 0, width: 1, height: 1});
  const {most, read} = reader(picture, part);
  const canonical = inStrips(part.width, part.height, most, read);
  return {...canonical, source: {width: part.width, height: part.height}};
}

/** The part in whole pixels, at least one. */
function partOf({width, height}, crop) {
  const left = Math.min(Math.round(crop.left * width), width - 1);
  const top = Math.min(Math.round(crop.top * height), height - 1);
  const right = Math.min(Math.max(Math.round((crop.left + crop.width) * width), left + 1), width);
  const bottom = Math.min(Math.max(Math.round((crop.top + crop.height) * height), top + 1), height);
  return {left, top, width: right - left, height: bottom - top};
}

async function decoded(blob, format) {
  try {
    return await createImageBitmap(blob, OPTIONS);
  } catch (error) {
    if (!(error instanceof TypeError)) throw unreadable(format);
  }
  try {
    return await createImageBitmap(blob); // a browser that does not know the options
  } catch {
    throw unreadable(format);
  }
}

function unreadable(format) {
  return new Refused(RARE.includes(format) ? "browser" : "damaged");
}
