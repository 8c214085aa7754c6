// What shows where the first frame of a GIF leaves its canvas free: nothing in a browser; on the server the first
// colour of the frame's palette, unless one colour is clear.

/**
 * @param {Uint8Array} bytes a GIF (GIF89a specification, 18 to 23)
 * @returns {string} a CSS colour, empty where nothing is left free or it is clear
 */
export function colourBehind(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let clear = false;
  for (let at = 13 + tableLength(view.getUint8(10)); at + 10 < bytes.length; ) {
    const mark = view.getUint8(at);
    if (mark === 0x2c) return clear || covers(view, at) ? "" : firstColour(view, at);
    if (mark !== 0x21) return "";
    if (view.getUint8(at + 1) === 0xf9) clear = Boolean(view.getUint8(at + 3) & 1);
    at += 2;
    while (at < bytes.length && view.getUint8(at)) at += 1 + view.getUint8(at); // blocks of an extension
    at += 1;
  }
  return "";
}

function covers(view, frame) {
  const [left, top, width, height] = [1, 3, 5, 7].map((offset) => view.getUint16(frame + offset, true));
  return !left && !top && width >= view.getUint16(6, true) && height >= view.getUint16(8, true);
}

/** Of the frame's own palette, or of that for all. */
function firstColour(view, frame) {
  const own = tableLength(view.getUint8(frame + 9)), common = tableLength(view.getUint8(10));
  if (!own && !common) return "";
  const at = own ? frame + 10 : 13;
  return `rgb(${view.getUint8(at)} ${view.getUint8(at + 1)} ${view.getUint8(at + 2)})`;
}

/** Length in bytes of the palette that some flags announce. */
function tableLength(flags) {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
}
