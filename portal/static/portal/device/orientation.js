// Which way up a picture is, where browsers differ: all turn JPEG as its EXIF block says, some PNG and WebP.
//
// A browser is asked by a tiny picture of its own format, 2 x 1 pixels, that EXIF turns: does it come out upright?

const PROBES = {
  PNG:
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAAGmVYSWZNTQAqAAAACAABARIAAwAAAAEABgAAAAAAANZnS2kAAAAPSURBVHic" +
    "Y2xoaGBgYAAAB44BguWmdUQAAAAASUVORK5CYII=",
  WEBP:
    "UklGRlIAAABXRUJQVlA4WAoAAAAIAAAAAQAAAAAAVlA4TBEAAAAvAQAAAAdQwAIWsP+BiOh/AABFWElGGgAAAE1NACoAAAAIAAEBEgADAAAA" +
    "AQAGAAAAAAAA",
};

/**
 * @param {Uint8Array} bytes the file
 * @param {string} format
 * @returns {Promise<number>} EXIF orientation 1 to 8 of what the browser has decoded: 1 if nothing is left to do
 */
export async function leftToTurn(bytes, format) {
  if (!(format in PROBES)) return 1;
  const block = format === "PNG" ? pngBlock(bytes) : webpBlock(bytes);
  const orientation = block ? orientationOf(block) : 1;
  return orientation === 1 || await turns(format) ? 1 : orientation;
}

/** Whether this browser turns pictures of a format by itself. */
async function turns(format) {
  const probe = Uint8Array.from(atob(PROBES[format]), (letter) => letter.charCodeAt(0));
  const type = `image/${format.toLowerCase()}`;
  const bitmap = await createImageBitmap(new Blob([probe], {type}), {imageOrientation: "from-image"});
  const answer = bitmap.height > bitmap.width;
  bitmap.close();
  return answer;
}

/** The eXIf chunk of a PNG. */
function pngBlock(bytes) {
  const view = viewOf(bytes);
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    if (view.getUint32(at + 4) === 0x65584966) return bytes.subarray(at + 8, at + 8 + view.getUint32(at));
  }
  return null;
}

/** The EXIF chunk of a WebP; some writers begin it as JPEG does. */
function webpBlock(bytes) {
  const view = viewOf(bytes);
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    if (view.getUint32(at) === 0x45584946) {
      const begin = at + 8 + (view.getUint32(at + 8) === 0x45786966 ? 6 : 0); // "Exif\0\0"
      return bytes.subarray(begin, at + 8 + length);
    }
    at += 8 + length + length % 2;
  }
  return null;
}

/** Tag 0x0112 of the first directory; 1 where the block makes no sense (EXIF 2.32, 4.6.2). */
function orientationOf(block) {
  const view = viewOf(block);
  try {
    const little = view.getUint16(0) === 0x4949;
    const directory = view.getUint32(4, little);
    const entries = view.getUint16(directory, little);
    for (let at = directory + 2; at < directory + 2 + 12 * entries; at += 12) {
      if (view.getUint16(at, little) !== 0x0112) continue;
      const value = view.getUint16(at + 8, little);
      return value >= 1 && value <= 8 ? value : 1;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // the block ends too early
  }
  return 1;
}

function viewOf(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
