// What a file is by its first bytes, how large its picture is, and whether it ends too early: read from the
// header, before anything is decoded. The name of a file and its MIME type say nothing.
//
// The same limits and names as takedown/images.py and takedown/formats.py.

/** Largest file in bytes. */
const MAX_BYTES = 20_000_000;
/** Most pixels of one picture, width x height. */
const MAX_PIXELS = 50_000_000;
/** Longest side in pixels. */
const MAX_SIDE = 20_000;

const HEIC = ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"];
const AVIF = ["avif", "avis"];
const SIGNATURES = {JPEG: ["\xff\xd8\xff"], PNG: ["\x89PNG\r\n\x1a\n"], GIF: ["GIF87a", "GIF89a"]};
// TIFF, Photoshop, EPS, JPEG 2000, JPEG XL, BMP, icons: pictures, but not for us.
const OTHERS = [
  "II*\0", "MM\0*", "II+\0", "MM\0+", "8BPS", "%!PS", "\xc5\xd0\xd3\xc6", "\0\0\0\x0cjP  \r\n\x87\n",
  "\xff\x4f\xff\x51", "\0\0\0\x0cJXL \r\n\x87\n", "\xff\x0a", "BM", "\0\0\x01\0",
];

/** A picture that is not taken; `reason` names a sentence of the page. */
export class Refused extends Error {
  /** @param {string} reason empty, too-big, too-many-pixels, truncated, unsupported, not-a-picture, ... */
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

/**
 * Check the size of a file; before it is read.
 * @param {number} size in bytes
 */
export function checkBytes(size) {
  if (!size) throw new Refused("empty");
  if (size > MAX_BYTES) throw new Refused("too-big");
}

/**
 * Check the size of a picture.
 * @param {number} width in pixels
 * @param {number} height in pixels
 */
export function checkPixels(width, height) {
  if (width * height > MAX_PIXELS || Math.max(width, height) > MAX_SIDE) throw new Refused("too-many-pixels");
}

/**
 * The format of a file whose header and end are as they should be.
 * @param {Uint8Array} bytes
 * @returns {string} JPEG, PNG, GIF, WEBP, AVIF or HEIC
 */
export function checked(bytes) {
  const format = sniff(bytes);
  const found = HEADERS[format](new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
  if (found.width) checkPixels(found.width, found.height);
  if (found.cut) throw new Refused("truncated");
  return format;
}

/**
 * @param {Uint8Array} bytes
 * @returns {string} JPEG, PNG, GIF, WEBP, AVIF or HEIC
 */
export function sniff(bytes) {
  const head = text(bytes, 0, 2048);
  for (const [name, signatures] of Object.entries(SIGNATURES)) {
    if (signatures.some((signature) => head.startsWith(signature))) return name;
  }
  if (head.startsWith("RIFF") && head.startsWith("WEBP", 8)) return "WEBP";
  const brands = head.startsWith("ftyp", 4) ? brandsOf(bytes, head) : [];
  if (brands.some((brand) => AVIF.includes(brand))) return "AVIF";
  if (brands.some((brand) => HEIC.includes(brand))) return "HEIC";
  throw new Refused(isKnown(head.toLowerCase(), head) ? "unsupported" : "not-a-picture");
}

function isKnown(small, head) {
  if (OTHERS.some((signature) => head.startsWith(signature)) || head.startsWith("ftyp", 4)) return true;
  return small.slice(0, 1024).includes("%pdf-") || (small.includes("<svg") && !small.includes("<html"));
}

/** AVIF and HEIC share a container; its brands tell them apart (ISO/IEC 14496-12, 4.3). */
function brandsOf(bytes, head) {
  const length = Math.min(new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0), 256);
  const brands = [head.slice(8, 12)];
  for (let at = 16; at < length; at += 4) brands.push(head.slice(at, at + 4));
  return brands;
}

function text(bytes, from, to) {
  return String.fromCharCode(...bytes.subarray(from, to));
}

/** Of each format: width and height where the header tells them, and whether the end is missing. */
const HEADERS = {JPEG: jpeg, PNG: png, GIF: gif, WEBP: webp, AVIF: boxes, HEIC: boxes};

/** Segments up to the first scan; the mark that ends the picture is never found within a scan's data. */
function jpeg(view) {
  let at = 2, size = {};
  while (at + 9 < view.byteLength && view.getUint8(at) === 0xff) {
    const mark = view.getUint8(at + 1);
    if (mark === 0xff) {
      at += 1; // padding
      continue;
    }
    const isFrame = mark >= 0xc0 && mark <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(mark);
    if (isFrame) size = {height: view.getUint16(at + 5), width: view.getUint16(at + 7)};
    if (mark === 0xda) break;
    at += mark === 0x01 || (mark >= 0xd0 && mark <= 0xd8) ? 2 : 2 + view.getUint16(at + 2);
  }
  while (at + 1 < view.byteLength && view.getUint16(at) !== 0xffd9) at++;
  return {...size, cut: at + 1 >= view.byteLength};
}

function png(view) {
  if (view.byteLength < 33) return {cut: true};
  let at = 8;
  while (at + 12 <= view.byteLength && view.getUint32(at + 4) !== 0x49454e44) at += 12 + view.getUint32(at);
  return {width: view.getUint32(16), height: view.getUint32(20), cut: at + 12 > view.byteLength};
}

function gif(view) {
  if (view.byteLength < 14) return {cut: true};
  let cut = true;
  for (let at = Math.max(13, view.byteLength - 4096); at < view.byteLength; at++) {
    if (view.getUint8(at) === 0x3b) cut = false;
  }
  return {width: view.getUint16(6, true), height: view.getUint16(8, true), cut};
}

/** Canvas of a WebP file: RFC 9649, 2.5 to 2.7. */
function webp(view) {
  const cut = view.byteLength < 30 || view.getUint32(4, true) + 8 > view.byteLength;
  if (view.byteLength < 30) return {cut};
  const kind = view.getUint8(15);
  if (kind === 0x58) { // VP8X
    const three = (at) => view.getUint16(at, true) + 65536 * view.getUint8(at + 2) + 1;
    return {width: three(24), height: three(27), cut};
  }
  if (kind === 0x4c) { // VP8L
    const bits = view.getUint32(21, true);
    return {width: (bits & 0x3fff) + 1, height: (bits >>> 14 & 0x3fff) + 1, cut};
  }
  return {width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff, cut};
}

/** Boxes of AVIF and HEIC: each is as long as it says. The largest size that is told may be the picture's. */
function boxes(view) {
  let at = 0;
  while (at + 8 <= view.byteLength) {
    const length = view.getUint32(at);
    if (length < 8) break; // 0: to the end of the file; 1: a 64-bit length, which no picture of 20 MB needs
    at += length;
  }
  return {...largest(view), cut: at > view.byteLength};
}

function largest(view) {
  let best = {};
  const end = Math.min(view.byteLength - 16, 65536);
  for (let at = 0; at < end; at++) {
    if (view.getUint32(at) !== 0x69737065) continue; // "ispe": 4 bytes of version, width, height
    const width = view.getUint32(at + 8), height = view.getUint32(at + 12);
    if (width * height > (best.width * best.height || 0)) best = {width, height};
  }
  return best;
}
