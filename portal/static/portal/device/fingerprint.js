// Bytes and canonical pixels of a picture -> the fingerprint that takedown.fingerprint.Fingerprint.from_json reads.

import {md5, sha256} from "./digests.js";
import {base} from "./pdq.js";
import {phash} from "./phash.js";

/** Version of everything between the bytes and the hashes: takedown.fingerprint.PIPELINE. */
const PIPELINE = 2;
/** Version of the set of variants: takedown.variants.VARIANTS_VERSION. */
const VARIANTS = 1;

/**
 * What is known after one code: enough to look for the picture, and made in a moment.
 * @param {Uint8Array} bytes what the digests are of: the file as it came; of a part of a picture, its canonical pixels
 * @param {Picture & {source: {width: number, height: number}}} picture canonical pixels;
 *   `source` is its size in pixels before it was shrunk, after the EXIF turn
 * @param {string} format JPEG, PNG, GIF, WEBP, AVIF or HEIC
 * @returns {Promise<object>} to be written as JSON
 */
export async function baseFingerprint(bytes, picture, format) {
  const {code, quality} = base(picture);
  return {
    codes: code,
    format,
    height: picture.source.height,
    md5: md5(bytes),
    more: "",
    pdq_quality: quality,
    phash: phash(picture),
    pipeline: PIPELINE,
    sha256: await sha256(bytes),
    variants: VARIANTS,
    width: picture.source.width,
  };
}

/**
 * The same, with the codes of all variants unless told otherwise.
 * @param {Uint8Array} bytes
 * @param {object} picture
 * @param {string} format
 * @param {{varied?: boolean, progress?: (done: number, all: number) => void}} [options]
 * @returns {Promise<object>}
 */
export async function fingerprint(bytes, picture, format, {varied = true, progress} = {}) {
  const found = await baseFingerprint(bytes, picture, format);
  return varied ? withVariants(found, picture, progress) : found;
}

/**
 * @param {object} found a base fingerprint
 * @param {object} picture the picture it was made from
 * @param {(done: number, all: number) => void} [progress] called now and then
 * @returns {Promise<object>} a new fingerprint with all codes
 */
export async function withVariants(found, picture, progress = () => {}) {
  const {variants} = await import("./variants.js"); // most of the code, and not needed for the first answer
  const {codes, quality} = variants(picture, progress);
  return {...found, codes, pdq_quality: quality};
}
